//! `sealift trust`: what this side trusts, as decided by a person.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use sealift_archive_format::{Digest, DigestAlgorithm, DigestError};
use sealift_core::trust_store::{
    AttesterName, Deliveries, ExporterName, FloorAtReset, Forgotten, FormerSpeaker, NamePattern, Policy,
    RepositoryName, Requirement, Trust, TrustStore, TrustStoreError,
};
use sealift_proof::tuf::dialect::{
    DialectName, PinnedBy, RootCertificate, RootFingerprint, check_pin, root_certificates,
};
use sealift_proof::tuf::map::{Mapping, RepositoryMap};
use sealift_proof::tuf::{Dialect, Gun, TrustAnchor};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::files::input::read_file;
use crate::files::key::read_public_key;
use crate::terminal::shell::sealift;
use crate::terminal::text::Text;

/// The longest root or map that is read, in bytes.
const MAXIMUM_LENGTH: u64 = 4 << 20;

/// How many forgotten tags are named to a person; `--json` has all.
const MAXIMUM_FORGOTTEN: usize = 20;

/// What to do with the trust store.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Pin the root of a TUF repository: where trust in a publisher begins
    #[command(
        after_long_help = "Examples:\n  sealift trust pin-root shop root.json\n  sealift trust pin-root shop root.json --sha256 5891b5b5…\n  sealift trust pin-root acme root.json --notary example.com/acme/web --certificate 914dcdb1…\n\nGet the root from the publisher out of band, never from an archive, and compare its digest."
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
    /// Set the map (TAP 4) that says which repositories speak for which names, or add to it
    #[command(
        args_conflicts_with_subcommands = true,
        subcommand_negates_reqs = true,
        after_long_help = "Examples:\n  sealift trust map map.json\n  sealift trust map add 'quay.io/acme/*' acme\n\nPatterns are matched against full names: docker.io/library/nginx:1.27 for nginx:1.27."
    )]
    Map {
        /// The map file
        #[arg(required = true)]
        file: Option<PathBuf>,

        #[command(subcommand)]
        command: Option<MapCommand>,
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

/// What to do with the map.
#[derive(Debug, Subcommand)]
pub(crate) enum MapCommand {
    /// Say that a repository speaks for the names that a pattern matches; several must all agree
    #[command(
        after_long_help = "Examples:\n  sealift trust map add 'quay.io/acme/*' acme\n  sealift trust map add docker.io/library/nginx acme\n\nA name or a pattern without a tag stands for every tag. The mapping comes before the first that matches all of these names, and no later one is asked about them. An earlier one that matches some of them still decides about those.\n\nWithout a map, one begins. If a single root is pinned, its repository keeps all other names, unless the mapping is about that repository alone."
    )]
    Add {
        /// The names: a name, or a pattern of full names
        #[arg(value_name = "PATTERN", value_parser = NamePattern::new)]
        pattern: NamePattern,
        /// The repositories that speak for them
        #[arg(value_name = "REPOSITORY", required = true)]
        repositories: Vec<RepositoryName>,
    },
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

    /// The root is of Docker Content Trust (Notary v1), for this repository: example.com/acme/web
    #[arg(long, value_name = "GUN")]
    notary: Option<Gun>,

    /// The SHA-256 of a root certificate, as `openssl x509 -fingerprint -sha256` shows it, or the key id that notary shows
    #[arg(long, value_name = "HEX", requires = "notary")]
    certificate: Option<RootFingerprint>,

    /// The certificate of the authority that made the root certificates: PEM
    #[arg(long, value_name = "CA.PEM", requires = "notary", conflicts_with = "certificate")]
    ca: Option<PathBuf>,

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
        TrustCommand::PinRoot(arguments) => pin_root(&arguments, context),
        TrustCommand::AddExporter { name, key } => add_exporter(name, &key, context),
        TrustCommand::AddAttester { name, key } => add_attester(name, &key, context),
        TrustCommand::List => list(context),
        TrustCommand::Show { name } => show(&name, context),
        TrustCommand::SetThreshold { threshold } => {
            store.begin().and_then(|update| update.set_exporter_threshold(threshold)).attempt(attempt)?;
            let mut done = vec![format!("An archive must be sealed by {threshold} of the pinned exporters.")];
            let known = store.exporters().attempt(attempt)?.len();
            if usize::try_from(threshold.get()).is_ok_and(|threshold| threshold > known) {
                done.push(format!(
                    "Pinned exporters: {known}. Until more are added, nothing is accepted: {}",
                    sealift("trust add-exporter NAME KEY.pub")
                ));
            }
            context.done("set-threshold", done)
        }
        TrustCommand::Map { command: Some(MapCommand::Add { pattern, repositories }), .. } => {
            let former =
                store.begin().and_then(|update| update.add_mapping(&pattern, &repositories)).attempt(attempt)?;
            let names = repositories.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            let verb = if repositories.len() == 1 { "speaks" } else { "speak" };
            let mut done = vec![format!("{names} {verb} for {} from now on.", pattern.as_str())];
            done.extend(former.map(|former| match former {
                FormerSpeaker::KeepsTheRest(name) => {
                    format!("{name} spoke for every name, and still speaks for all that no other mapping matches.")
                }
                FormerSpeaker::Narrowed(name) => format!("{name} spoke for every name, and now speaks for no others."),
            }));
            done.extend(unpinned_in_map(&store).attempt(attempt)?);
            done.extend(silent(&store).attempt(attempt)?.iter().map(silent_text));
            context.done("map-add", done)
        }
        TrustCommand::Map { file, command: None } => {
            let file = file.unwrap_or_default();
            let map = read_file(&file, MAXIMUM_LENGTH).attempt(attempt)?;
            store.begin().and_then(|update| update.set_map(&map)).attempt(attempt)?;
            let mut done = vec![format!("The map was replaced with {}.", file.display())];
            done.extend(unpinned_in_map(&store).attempt(attempt)?);
            done.extend(silent(&store).attempt(attempt)?.iter().map(silent_text));
            context.done("map", done)
        }
        TrustCommand::Remove(RemoveCommand::Root { name }) => {
            store.update().and_then(|update| update.remove_root(&name)).attempt(attempt)?;
            context.done("remove-root", vec![format!("Repository {name} is no longer trusted.")])
        }
        TrustCommand::Remove(RemoveCommand::Exporter { name }) => {
            store.update().and_then(|update| update.remove_exporter(&name)).attempt(attempt)?;
            context.done("remove-exporter", vec![format!("Seals by {name} no longer count.")])
        }
        TrustCommand::Remove(RemoveCommand::Attester { name }) => {
            store.update().and_then(|update| update.remove_attester(&name)).attempt(attempt)?;
            context.done("remove-attester", vec![format!("Attestations by {name} no longer count.")])
        }
        TrustCommand::Remove(RemoveCommand::Map) => {
            store.update().and_then(|update| update.remove_map()).attempt(attempt)?;
            context.done("remove-map", vec!["The map was removed.".to_owned()])
        }
        TrustCommand::ResetState { name, export_time } => {
            let export_time = if export_time { FloorAtReset::Forgotten } else { FloorAtReset::Kept };
            let forgotten =
                store.update().and_then(|update| update.reset_state(&name, export_time)).attempt(attempt)?;
            let done = format!("{} Its pinned root stays.", forgotten_text(&name, forgotten.as_ref()));
            let value = forgotten.map(|Forgotten { versions, last_export }| {
                serde_json::json!({ "versions": versions, "lastExport": last_export })
            });
            context.done_forgetting("reset-state", vec![done], value)
        }
        TrustCommand::ResetDeliveries { place } => {
            let reset = store.update().and_then(|update| update.reset_deliveries(place.as_deref()));
            let forgotten = reset.attempt(attempt)?;
            let mut done = match &forgotten {
                Some(tags) => vec![format!("Tags forgotten: {}.", tags.len())],
                None => vec!["Forgot all tags that were set here.".to_owned()],
            };
            let tags = forgotten.iter().flat_map(Deliveries::iter);
            let mut lines =
                tags.map(|(tag, held)| format!("  {tag}, which held {} at level {}", held.name, held.level));
            done.extend(lines.by_ref().take(MAXIMUM_FORGOTTEN));
            done.extend(Some(lines.count()).filter(|more| *more > 0).map(|more| format!("  and {more} more")));
            let value = forgotten.map(|tags| serde_json::json!({ "tags": tags }));
            context.done_forgetting("reset-deliveries", done, value)
        }
        TrustCommand::ResetPolicy => {
            store.reset_policy().attempt(attempt)?;
            let done = "The policy is now the strict default: read policy.toml, and require more where you did before.";
            context.done("reset-policy", vec![done.to_owned()])
        }
    }
}

/// The repositories that the map names and for which no root is pinned.
fn unpinned_in_map(store: &TrustStore) -> Result<Vec<String>, TrustStoreError> {
    let pinned: BTreeSet<_> = store.repositories()?.into_iter().collect();
    let map = store.map()?;
    let unpinned = map.iter().flat_map(|map| map.repositories().keys()).filter(|name| !pinned.contains(*name));
    let say = |name: &RepositoryName| {
        let pin = sealift(format_args!("trust pin-root {name} root.json"));
        format!("The map names {name}, for which no root is pinned: {pin}")
    };
    Ok(unpinned.map(say).collect())
}

/// The repositories for which a root is pinned, and that no mapping of the map names.
fn silent(store: &TrustStore) -> Result<Vec<RepositoryName>, TrustStoreError> {
    let Some(map) = store.map()? else { return Ok(Vec::new()) };
    let speaks = |name: &RepositoryName| map.mappings().iter().any(|mapping| mapping.repositories().contains(name));
    Ok(store.repositories()?.into_iter().filter(|name| !speaks(name)).collect())
}

fn silent_text(name: &RepositoryName) -> String {
    format!(
        "No mapping names {name}, so it speaks for nothing. For its names: {}",
        sealift(format_args!("trust map add 'REGISTRY/PATH/*' {name}"))
    )
}

fn pin_root(arguments: &PinRootArguments, context: &Context) -> Result<(), Failure> {
    let PinRootArguments { name, file, sha256, notary, replace, .. } = arguments;
    let attempt = || format!("cannot pin {} as the root of {name}", file.display());
    let root = read_file(file, MAXIMUM_LENGTH).attempt(attempt)?;
    let dialect = notary.clone().map_or(Dialect::Tuf, Dialect::Notary);
    let anchor = TrustAnchor { root: &root, dialect: &dialect };
    // Also said by the store, but there it would not be known that a pin of Notary was asked for and not met.
    let vouched_for = match notary {
        Some(gun) if DialectName::stated_by(&root) != Some(DialectName::Tuf) => {
            require_vouched_for(arguments, gun, &root, context)?
        }
        _ => false,
    };
    let update = context.trust_store().begin().attempt(attempt)?;
    let pinned = if *replace {
        update.replace_root(name, anchor, sha256.as_ref())
    } else {
        update.pin_root(name, anchor, sha256.as_ref()).map(|digest| (digest, None))
    };
    let (pinned_root, forgotten) = pinned.attempt(attempt)?;
    let store = context.trust_store();
    let count = store.repositories().attempt(attempt)?.len();
    let map_needed = count > 1 && store.map().attempt(attempt)?.is_none();
    let root_certificates = match notary {
        Some(gun) => root_certificates(gun, &root)
            .map_err(|source| TrustStoreError::NotARoot { source: Box::new(source) })
            .attempt(attempt)?,
        None => Vec::new(),
    };
    let root_certificates = root_certificates.into_iter().map(RootCertificateReport::of).collect();
    let report =
        PinReport { name, pinned_root, notary: notary.as_ref().map(Gun::as_str), root_certificates, map_needed };
    context.result(&report, || {
        let of = notary.as_ref().map(|gun| format!(", {}", Dialect::Notary(gun.clone()))).unwrap_or_default();
        let mut text = Text::from(format_args!("Pinned the root of {name}{of}: {}", report.pinned_root));
        for RootCertificateReport { common_name, fingerprint, expires, .. } in &report.root_certificates {
            text.line(format_args!("Root certificate of {common_name}, valid until {expires}: {fingerprint}"));
        }
        text
    })?;
    if let Some(forgotten) = &forgotten {
        context.remark(forgotten_text(name, Some(forgotten)));
    }
    if sha256.is_none() && !vouched_for {
        context.remark("Compare this digest with the publisher out of band.");
    }
    if silent(&store).attempt(attempt)?.contains(name) {
        context.remark(silent_text(name));
    }
    if map_needed {
        context.remark(format_args!(
            "Roots pinned: {count}. From now on a map must say which repository speaks for which names; without it nothing is accepted. For each: {}",
            sealift(format_args!("trust map add 'REGISTRY/PATH/*' {name}"))
        ));
    }
    Ok(())
}

/// Requires that what a person knows of a root of Notary vouches for it, and says whether they know anything.
fn require_vouched_for(
    arguments: &PinRootArguments,
    gun: &Gun,
    root: &[u8],
    context: &Context,
) -> Result<bool, Failure> {
    let PinRootArguments { name, file, certificate, ca, .. } = arguments;
    let attempt = || format!("cannot pin {} as the root of {name}", file.display());
    let pinned_by = match (certificate, ca) {
        (Some(fingerprint), _) => PinnedBy::Certificate(fingerprint.clone()),
        (None, Some(ca)) => PinnedBy::Authority(read_file(ca, MAXIMUM_LENGTH).attempt(attempt)?),
        (None, None) => return Ok(false),
    };
    check_pin(gun, root, &pinned_by, context.now())
        .map_err(|source| TrustStoreError::NotVouchedFor { source })
        .attempt(attempt)?;
    Ok(true)
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
    /// The repository's name in Notary.
    #[serde(skip_serializing_if = "Option::is_none")]
    notary: Option<&'a str>,
    /// The certificates that the root consists of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    root_certificates: Vec<RootCertificateReport>,
    /// Whether a map is needed and missing, because several roots are pinned.
    map_needed: bool,
}

/// A certificate of a root, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RootCertificateReport {
    key_id: String,
    fingerprint: Digest,
    common_name: String,
    expires: Timestamp,
}

impl RootCertificateReport {
    fn of(certificate: RootCertificate) -> Self {
        let RootCertificate { key_id, fingerprint, common_name, not_after: expires } = certificate;
        Self { key_id, fingerprint, common_name, expires }
    }
}

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
            notary: repository.root.dialect.gun().map(Gun::to_string),
            last_export: repository.state.last_export,
            speaks_for: Vec::new(),
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
        mappings: trust.map.iter().flat_map(RepositoryMap::mappings).map(MappingReport::of).collect(),
        repositories,
        exporters,
        attesters: attesters.collect(),
    };
    context.result(&report, || list_text(&report))
}

fn list_text(report: &TrustReport) -> Text {
    let TrustReport { folder, policy, map, mappings, repositories, exporters, attesters } = report;
    let mut text = Text::from(format_args!("Trust store: {}", folder.display()));
    let map = match (*map, repositories.as_slice()) {
        (true, _) => "set".to_owned(),
        (false, [only]) => format!("none; {} speaks for every name", only.name),
        (false, []) => "none".to_owned(),
        (false, _) => {
            format!("none, and it is needed: {}", sealift("trust map add 'REGISTRY/PATH/*' REPOSITORY"))
        }
    };
    text.line(format_args!("Minimum level: {}. Map: {map}.", policy.minimum_level));
    for Requirement { names, level, vouched_by, attested_by, .. } in &policy.require {
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
        text.line(format_args!("Required of {names}: level {level}{vouched_by}{attested_by}."));
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
    text
}

fn accepted(last_export: Option<Timestamp>) -> String {
    last_export
        .map_or_else(|| "nothing accepted yet".to_owned(), |time| format!("last accepted export {time}, the floor"))
}

fn show(name: &RepositoryName, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot show {name}");
    let store = context.trust_store();
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
