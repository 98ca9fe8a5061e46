//! `sealift trust list` and `show`: what this side trusts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_core::trust_store::{Policy, ReceiverKey, RepositoryName, Requirement, Trust};
use sealift_proof::tuf::Gun;
use sealift_proof::tuf::map::{Mapping, RepositoryMap};
use serde::Serialize;

use super::{AttesterReport, ExporterReport, ReceiverReport};
use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::terminal::remedy::map_of;
use crate::terminal::shell::sealift;
use crate::terminal::text::Text;

/// The trust store, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrustReport {
    folder: PathBuf,
    policy: Policy,
    map: bool,
    mappings: Vec<MappingReport>,
    repositories: Vec<PinnedRepositoryReport>,
    exporters: Vec<ExporterReport>,
    attesters: Vec<AttesterReport>,
    receivers: Vec<ReceiverReport>,
}

/// Who speaks for which names, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MappingReport {
    patterns: Vec<String>,
    repositories: Vec<RepositoryName>,
    threshold: usize,
    terminating: bool,
}

impl MappingReport {
    fn of(mapping: &Mapping) -> Self {
        Self {
            patterns: mapping.patterns().to_vec(),
            repositories: mapping.repositories().to_vec(),
            threshold: mapping.threshold().get(),
            terminating: mapping.is_terminating(),
        }
    }

    /// As a person reads it.
    fn text(&self) -> String {
        let Self { patterns, repositories, threshold, terminating } = self;
        let names = repositories.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let needed = if repositories.len() > 1 { format!(" ({threshold} must agree)") } else { String::new() };
        let others = if *terminating { "" } else { ", or those below" };
        format!("{}: {names}{needed}{others}", patterns.join(", "))
    }
}

/// A repository, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PinnedRepositoryReport {
    name: RepositoryName,
    pinned_root: Digest,
    /// The repository's name in Notary.
    #[serde(skip_serializing_if = "Option::is_none")]
    notary: Option<String>,
    last_export: Option<Timestamp>,
    accepted_versions: BTreeMap<String, u64>,
    /// The patterns of the names that it speaks for; only where one repository is shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    speaks_for: Vec<String>,
}

/// Lists everything.
pub(super) fn list(context: &Context) -> Result<(), Failure> {
    let attempt = || "cannot list what is trusted".to_owned();
    let store = context.trust_store()?;
    let trust: Trust = store.load().attempt(attempt)?;
    let mut repositories = Vec::new();
    for (name, repository) in trust.repositories {
        repositories.push(PinnedRepositoryReport {
            accepted_versions: store.versions(&name).attempt(attempt)?,
            name,
            pinned_root: repository.root.digest,
            notary: repository.root.dialect.gun().map(Gun::to_string),
            last_export: repository.state.last_export,
            speaks_for: Vec::new(),
        });
    }
    let mut exporters = Vec::new();
    for (name, key) in trust.exporters {
        exporters.push(ExporterReport { name, fingerprint: key.fingerprint().attempt(attempt)? });
    }
    let mut receivers = Vec::new();
    for (name, ReceiverKey(key)) in store.receivers().attempt(attempt)? {
        receivers.push(ReceiverReport { name, fingerprint: key.fingerprint().attempt(attempt)? });
    }
    let attesters = trust.attesters.into_iter().map(|(name, key)| AttesterReport { name, key: key.describe() });
    let report = TrustReport {
        folder: store.folder().to_owned(),
        policy: trust.policy,
        map: trust.map.is_some(),
        mappings: trust.map.iter().flat_map(RepositoryMap::mappings).map(MappingReport::of).collect(),
        repositories,
        exporters,
        attesters: attesters.collect(),
        receivers,
    };
    context.result(&report, || list_text(&report))
}

fn list_text(report: &TrustReport) -> Text {
    let TrustReport { folder, policy, map, mappings, repositories, exporters, attesters, receivers } = report;
    let mut text = Text::from(format_args!("Trust store: {}", folder.display()));
    let map = match (*map, repositories.as_slice()) {
        (true, _) => "set.".to_owned(),
        (false, [only]) => format!("none; {} speaks for every name.", only.name),
        (false, []) => "none.".to_owned(),
        (false, _) => {
            let pinned: Vec<_> = repositories.iter().map(|repository| repository.name.clone()).collect();
            // The command ends the line, so that it can be pasted.
            let add = map_of("REGISTRY/PATH/*", &pinned);
            format!("none, although one is needed: {add}")
        }
    };
    text.line(format_args!("Minimum level: {}. Map: {map}", policy.minimum_level));
    for Requirement { names, level, vouched_by, attested_by, layout, .. } in &policy.require {
        let list = |items: Vec<String>| items.join(", ");
        let vouched_by = match list(vouched_by.iter().map(ToString::to_string).collect()) {
            names if names.is_empty() => String::new(),
            names => format!(", vouched for by {names}"),
        };
        let attested_by = match attested_by.as_deref() {
            None => String::new(),
            Some([]) => ", referrers vouched for by nobody".to_owned(),
            Some(names) => {
                format!(", referrers vouched for by {}", list(names.iter().map(ToString::to_string).collect()))
            }
        };
        let names = list(names.iter().map(ToString::to_string).collect());
        let layout = layout.as_ref().map(|layout| format!(", made as {} says", layout.as_str())).unwrap_or_default();
        text.line(format_args!("Required of {names}: level {level}{vouched_by}{attested_by}{layout}."));
    }
    mappings.iter().for_each(|mapping| text.line(format_args!("Speaks for {}", mapping.text())));
    text.line("");
    text.line(format_args!("Repositories ({}):", repositories.len()));
    for PinnedRepositoryReport { name, pinned_root, notary, last_export, .. } in repositories {
        let notary = notary.as_ref().map(|gun| format!("  Notary v1 ({gun})")).unwrap_or_default();
        text.line(format_args!("  {name}  root {pinned_root}{notary}  {}", accepted(*last_export)));
    }
    let (known, needed) = (exporters.len(), policy.exporter_threshold);
    text.line("");
    text.line(format_args!("Exporters ({known}; {needed} of them must have sealed an archive):"));
    for ExporterReport { name, fingerprint } in exporters {
        text.line(format_args!("  {name}  {fingerprint}"));
    }
    text.line("");
    text.line(format_args!("Attesters ({}):", attesters.len()));
    for AttesterReport { name, key } in attesters {
        text.line(format_args!("  {name}  {key}"));
    }
    if !receivers.is_empty() {
        text.line("");
        text.line(format_args!("Receivers ({}):", receivers.len()));
    }
    for ReceiverReport { name, fingerprint } in receivers {
        text.line(format_args!("  {name}  {fingerprint}"));
    }
    text
}

fn accepted(last_export: Option<Timestamp>) -> String {
    last_export
        .map_or_else(|| "nothing accepted yet".to_owned(), |time| format!("last accepted export {time}, the floor"))
}

/// Shows one repository.
pub(super) fn show(name: &RepositoryName, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot show {name}");
    let store = context.trust_store()?;
    let root = store.root(name).attempt(attempt)?;
    let state = store.state(name).attempt(attempt)?;
    let map = store.map().attempt(attempt)?;
    let speaks = |mapping: &&Mapping| mapping.repositories().contains(name);
    let speaks_for = map.iter().flat_map(RepositoryMap::mappings).filter(speaks).flat_map(Mapping::patterns).cloned();
    let report = PinnedRepositoryReport {
        name: name.clone(),
        pinned_root: root.digest,
        notary: root.dialect.gun().map(Gun::to_string),
        last_export: state.last_export,
        accepted_versions: store.versions(name).attempt(attempt)?,
        speaks_for: match &map {
            Some(_) => speaks_for.collect(),
            None if store.repositories().attempt(attempt)?.len() == 1 => vec!["*".to_owned()],
            None => Vec::new(),
        },
    };
    context.result(&report, || {
        let mut text = Text::from(format_args!("Repository: {name}"));
        if let Some(gun) = &report.notary {
            text.line(format_args!("Written as: Notary v1 ({gun})"));
        }
        text.line(format_args!("Pinned root: {}", report.pinned_root));
        text.line(format_args!("State: {}", accepted(report.last_export)));
        for (role, version) in &report.accepted_versions {
            text.line(format_args!("  {role}: version {version}"));
        }
        match report.speaks_for.as_slice() {
            [] => {
                let add = sealift(format_args!("trust map add 'REGISTRY/PATH/*' {name}"));
                text.line(format_args!("Speaks for: nothing; {add}"));
            }
            patterns => text.line(format_args!("Speaks for: {}", patterns.join(", "))),
        }
        text
    })
}
