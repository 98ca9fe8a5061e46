//! `sealift trust`: what this side trusts, as decided by a person.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use sealift_archive_format::{Digest, DigestAlgorithm, DigestError};
use sealift_core::trust_store::{
    AttesterName, ExporterName, FloorAtReset, Forgotten, Policy, RepositoryName, Requirement, Trust,
};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::files::input::read_file;
use crate::files::key::read_public_key;
use crate::terminal::text::Text;

/// The longest root or map that is read, in bytes.
const MAXIMUM_LENGTH: u64 = 4 << 20;

/// What to do with the trust store.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Pin the root of a TUF repository: where trust in a publisher begins
    #[command(
        after_long_help = "Example:\n  sealift trust pin-root shop root.json --sha256 5891b5b5…\n\nGet the root from the publisher out of band, never from an archive, and compare its digest."
    )]
    PinRoot(PinRootArguments),
    /// Add the key of an exporter whose seals should count
    #[command(after_long_help = "Example:\n  sealift trust add-exporter anna anna.pem.pub")]
    AddExporter {
        /// A name for the exporter
        name: ExporterName,
        /// The public key: SPKI PEM, as `sealift key generate` writes it
        #[arg(value_name = "FILE")]
        key: PathBuf,
    },
    /// Add the key of an attester: from then on, an attester's key must have signed each attestation
    #[command(after_long_help = "Example:\n  sealift trust add-attester builder builder.pub")]
    AddAttester {
        /// A name for the attester
        name: AttesterName,
        /// The public key: PEM, in-toto JSON, a hexadecimal ed25519 key, or what `gpg --export` writes
        #[arg(value_name = "FILE")]
        key: PathBuf,
    },
    /// Set how many different pinned exporters must have sealed an archive
    #[command(after_long_help = "Example:\n  sealift trust set-threshold 2")]
    SetThreshold {
        /// The number of exporters
        #[arg(value_name = "N")]
        threshold: NonZeroU32,
    },
    /// Set the map (TAP 4) that says which repositories speak for which names
    #[command(
        after_long_help = "Example:\n  sealift trust map map.json\n\nPatterns are matched against full names: docker.io/library/nginx:1.27 for nginx:1.27."
    )]
    Map {
        /// The map file
        file: PathBuf,
    },
    /// List what is trusted
    #[command(after_long_help = "Example:\n  sealift trust list")]
    List,
    /// Show one repository: its pinned root, and what was last accepted from it
    #[command(after_long_help = "Example:\n  sealift trust show shop")]
    Show {
        /// The repository
        name: RepositoryName,
    },
    /// Remove a pinned root, an exporter, an attester or the map
    #[command(subcommand)]
    Remove(RemoveCommand),
    /// Forget what was accepted from a repository, if that record is lost or damaged
    #[command(
        after_long_help = "Example:\n  sealift trust reset-state shop\n\nUntil the next import, older metadata of this repository could be accepted. The pinned root is kept, and so is the time of the last accepted export, if it can be read."
    )]
    ResetState {
        /// The repository
        name: RepositoryName,
        /// Forget the time of the last accepted export too, if a clock was wrong: an older archive could then be
        /// accepted
        #[arg(long)]
        export_time: bool,
    },
    /// Forget which tags were set here, if that record is lost or damaged, or if a registry or layout no longer exists
    #[command(
        after_long_help = "Examples:\n  sealift trust reset-deliveries\n  sealift trust reset-deliveries registry.internal:5000\n  sealift trust reset-deliveries oci:/srv/images\n\nUntil they are set again, the forgotten tags could move to another name or to a lower level."
    )]
    ResetDeliveries {
        /// The registry or layout, or a part of one, as written in deliveries.json; everything by default
        place: Option<String>,
    },
    /// Replace a lost policy with the strict default
    #[command(after_long_help = "Example:\n  sealift trust reset-policy")]
    ResetPolicy,
}

/// Which root to pin.
#[derive(Debug, Args)]
pub(crate) struct PinRootArguments {
    /// A name for the repository
    name: RepositoryName,

    /// The root metadata
    #[arg(value_name = "ROOT.JSON")]
    file: PathBuf,

    /// The SHA-256 that the file must have, in hexadecimal
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<Digest>,

    /// Replace another root with that name, and forget what was accepted under it, unless this is the newest root that
    /// was accepted
    #[arg(long)]
    replace: bool,
}

/// What to remove.
#[derive(Debug, Subcommand)]
pub(crate) enum RemoveCommand {
    /// A pinned root, and what was accepted under it
    #[command(after_long_help = "Example:\n  sealift trust remove root shop")]
    Root {
        /// The repository
        name: RepositoryName,
    },
    /// An exporter
    #[command(after_long_help = "Example:\n  sealift trust remove exporter anna")]
    Exporter {
        /// The exporter
        name: ExporterName,
    },
    /// An attester
    #[command(after_long_help = "Example:\n  sealift trust remove attester builder")]
    Attester {
        /// The attester
        name: AttesterName,
    },
    /// The map
    #[command(after_long_help = "Example:\n  sealift trust remove map")]
    Map,
}

/// Some systems print digests in capitals.
fn sha256(text: &str) -> Result<Digest, DigestError> {
    let text = text.to_ascii_lowercase();
    Digest::from_hex(DigestAlgorithm::Sha256, text.strip_prefix("sha256:").unwrap_or(&text))
}

/// Runs `sealift trust …`.
pub(crate) fn run(command: TrustCommand, context: &Context) -> Result<(), Failure> {
    let store = context.trust_store();
    let attempt = || "cannot change the trust store".to_owned();
    match command {
        TrustCommand::PinRoot(arguments) => return pin_root(&arguments, context),
        TrustCommand::AddExporter { name, key } => return add_exporter(name, &key, context),
        TrustCommand::AddAttester { name, key } => return add_attester(name, &key, context),
        TrustCommand::List => return list(context),
        TrustCommand::Show { name } => return show(&name, context),
        TrustCommand::SetThreshold { threshold } => {
            store.update().and_then(|update| update.set_exporter_threshold(threshold)).attempt(attempt)?;
            context.remark(format_args!("An archive must be sealed by {threshold} of the pinned exporters."));
            let known = store.exporters().attempt(attempt)?.len();
            if usize::try_from(threshold.get()).is_ok_and(|threshold| threshold > known) {
                context.remark(format_args!(
                    "Pinned exporters: {known}. Until more are added with `sealift trust add-exporter`, nothing is accepted."
                ));
            }
        }
        TrustCommand::Map { file } => {
            let map = read_file(&file, MAXIMUM_LENGTH).attempt(attempt)?;
            store.begin().and_then(|update| update.set_map(&map)).attempt(attempt)?;
            context.remark(format_args!("The map was replaced with {}.", file.display()));
            let pinned: BTreeSet<_> = store.repositories().attempt(attempt)?.into_iter().collect();
            let map = store.map().attempt(attempt)?;
            for name in map.iter().flat_map(|map| map.repositories().keys()).filter(|name| !pinned.contains(*name)) {
                context.remark(format_args!(
                    "The map names {name}, for which no root is pinned: `sealift trust pin-root {name} root.json`."
                ));
            }
        }
        TrustCommand::Remove(RemoveCommand::Root { name }) => {
            store.update().and_then(|update| update.remove_root(&name)).attempt(attempt)?;
            context.remark(format_args!("Repository {name} is no longer trusted."));
        }
        TrustCommand::Remove(RemoveCommand::Exporter { name }) => {
            store.update().and_then(|update| update.remove_exporter(&name)).attempt(attempt)?;
            context.remark(format_args!("Seals by {name} no longer count."));
        }
        TrustCommand::Remove(RemoveCommand::Attester { name }) => {
            store.update().and_then(|update| update.remove_attester(&name)).attempt(attempt)?;
            context.remark(format_args!("Attestations by {name} no longer count."));
        }
        TrustCommand::Remove(RemoveCommand::Map) => {
            store.update().and_then(|update| update.remove_map()).attempt(attempt)?;
            context.remark("The map was removed.");
        }
        TrustCommand::ResetState { name, export_time } => {
            let export_time = if export_time { FloorAtReset::Forgotten } else { FloorAtReset::Kept };
            let forgotten =
                store.update().and_then(|update| update.reset_state(&name, export_time)).attempt(attempt)?;
            context.remark(format_args!("{} Its pinned root stays.", forgotten_text(&name, forgotten.as_ref())));
        }
        TrustCommand::ResetDeliveries { place } => {
            let reset = store.update().and_then(|update| update.reset_deliveries(place.as_deref()));
            context.remark(&match reset.attempt(attempt)? {
                Some(count) => format!("Tags forgotten: {count}."),
                None => "Forgot all tags that were set here.".to_owned(),
            });
        }
        TrustCommand::ResetPolicy => {
            store.reset_policy().attempt(attempt)?;
            context.remark(
                "The policy is now the strict default: read policy.toml, and require more where you did before.",
            );
        }
    }
    Ok(())
}

fn pin_root(arguments: &PinRootArguments, context: &Context) -> Result<(), Failure> {
    let PinRootArguments { name, file, sha256, replace } = arguments;
    let attempt = || format!("cannot pin {} as the root of {name}", file.display());
    let root = read_file(file, MAXIMUM_LENGTH).attempt(attempt)?;
    let update = context.trust_store().begin().attempt(attempt)?;
    let pinned = if *replace {
        update.replace_root(name, &root, sha256.as_ref())
    } else {
        update.pin_root(name, &root, sha256.as_ref()).map(|digest| (digest, None))
    };
    let (pinned_root, forgotten) = pinned.attempt(attempt)?;
    let report = PinReport { name, pinned_root };
    context.result(&report, || format!("Pinned the root of {name}: {}", report.pinned_root))?;
    if let Some(forgotten) = &forgotten {
        context.remark(forgotten_text(name, Some(forgotten)));
    }
    if sha256.is_none() {
        context.remark("Compare this digest with the publisher out of band.");
    }
    Ok(())
}

fn add_exporter(name: ExporterName, key: &Path, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot add the exporter {name}");
    let key = read_public_key(key)?;
    context.trust_store().begin().and_then(|update| update.add_exporter(&name, &key)).attempt(attempt)?;
    let fingerprint = key.fingerprint().attempt(attempt)?;
    let report = ExporterReport { name, fingerprint };
    context.result(&report, || format!("Seals by {} count from now on: {}", report.name, report.fingerprint))
}

fn add_attester(name: AttesterName, key: &Path, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot add the attester {name}");
    let key = read_file(key, MAXIMUM_LENGTH).attempt(attempt)?;
    let key = context.trust_store().begin().and_then(|update| update.add_attester(&name, &key)).attempt(attempt)?;
    let report = AttesterReport { key: key.describe(), name };
    context.result(&report, || format!("Attestations by {} count from now on: {}", report.name, report.key))?;
    context.remark("From now on, an attestation that no attester signed is refused.");
    Ok(())
}

/// What was remembered for a repository, so that a person sees what was given up.
fn forgotten_text(name: &RepositoryName, forgotten: Option<&Forgotten>) -> String {
    let Some(Forgotten { versions, last_export }) = forgotten else {
        return format!("Nothing was remembered for {name}.");
    };
    let versions = versions.iter().map(|(role, version)| format!("{role} {version}"));
    let export = last_export.map(|time| format!("export of {time}"));
    let all: Vec<_> = versions.chain(export).collect();
    format!("Forgotten for {name}: {}.", all.join(", "))
}

/// A root that was pinned, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PinReport<'a> {
    name: &'a RepositoryName,
    pinned_root: Digest,
}

/// The trust store, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TrustReport {
    folder: PathBuf,
    policy: Policy,
    map: bool,
    repositories: Vec<PinnedRepositoryReport>,
    exporters: Vec<ExporterReport>,
    attesters: Vec<AttesterReport>,
}

/// A repository, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PinnedRepositoryReport {
    name: RepositoryName,
    pinned_root: Digest,
    last_export: Option<Timestamp>,
    accepted_versions: BTreeMap<String, u64>,
}

/// An exporter, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExporterReport {
    name: ExporterName,
    fingerprint: Digest,
}

/// Someone who signs attestations, as `--json` shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttesterReport {
    name: AttesterName,
    key: String,
}

fn list(context: &Context) -> Result<(), Failure> {
    let attempt = || "cannot list what is trusted".to_owned();
    let store = context.trust_store();
    let trust: Trust = store.load().attempt(attempt)?;
    let mut repositories = Vec::new();
    for (name, repository) in trust.repositories {
        repositories.push(PinnedRepositoryReport {
            accepted_versions: store.versions(&name).attempt(attempt)?,
            name,
            pinned_root: repository.root.digest,
            last_export: repository.state.last_export,
        });
    }
    let mut exporters = Vec::new();
    for (name, key) in trust.exporters {
        exporters.push(ExporterReport { name, fingerprint: key.fingerprint().attempt(attempt)? });
    }
    let attesters = trust.attesters.into_iter().map(|(name, key)| AttesterReport { name, key: key.describe() });
    let report = TrustReport {
        folder: store.folder().to_owned(),
        policy: trust.policy,
        map: trust.map.is_some(),
        repositories,
        exporters,
        attesters: attesters.collect(),
    };
    context.result(&report, || list_text(&report))
}

fn list_text(report: &TrustReport) -> Text {
    let TrustReport { folder, policy, map, repositories, exporters, attesters } = report;
    let mut text = Text::from(format_args!("Trust store: {}", folder.display()));
    let map = if *map { "set" } else { "none" };
    text.line(format_args!("Minimum level: {}. Map: {map}.", policy.minimum_level));
    for Requirement { names, level, vouched_by, .. } in &policy.require {
        let list = |items: Vec<String>| items.join(", ");
        let vouched_by = match list(vouched_by.iter().map(ToString::to_string).collect()) {
            names if names.is_empty() => String::new(),
            names => format!(", vouched for by {names}"),
        };
        let names = list(names.iter().map(ToString::to_string).collect());
        text.line(format_args!("Required of {names}: level {level}{vouched_by}."));
    }
    text.line("");
    text.line(format_args!("Repositories ({}):", repositories.len()));
    for PinnedRepositoryReport { name, pinned_root, last_export, .. } in repositories {
        text.line(format_args!("  {name}  root {pinned_root}  {}", accepted(*last_export)));
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
    text
}

fn accepted(last_export: Option<Timestamp>) -> String {
    last_export.map_or_else(|| "nothing accepted yet".to_owned(), |time| format!("last accepted export {time}"))
}

fn show(name: &RepositoryName, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot show {name}");
    let store = context.trust_store();
    let root = store.root(name).attempt(attempt)?;
    let state = store.state(name).attempt(attempt)?;
    let report = PinnedRepositoryReport {
        name: name.clone(),
        pinned_root: root.digest,
        last_export: state.last_export,
        accepted_versions: store.versions(name).attempt(attempt)?,
    };
    context.result(&report, || {
        let mut text = Text::from(format_args!("Repository: {name}"));
        text.line(format_args!("Pinned root: {}", report.pinned_root));
        text.line(format_args!("State: {}", accepted(report.last_export)));
        for (role, version) in &report.accepted_versions {
            text.line(format_args!("  {role}: version {version}"));
        }
        text
    })
}
