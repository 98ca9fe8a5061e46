//! `sealift trust`: what this side trusts, as decided by a person.

mod collections;
mod listing;
mod map;
mod root;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use sealift_archive_format::Digest;
use sealift_core::trust_store::{
    AttesterName, Deliveries, ExporterName, FloorAtReset, Forgotten, NamePattern, ReceiverName, RepositoryName,
};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, FilePurpose};
use crate::files::input::read_file;
use crate::files::key::read_public_key;
use crate::terminal::shell::sealift;
pub(crate) use collections::{PinCollectionsArguments, folder_of};
pub(crate) use root::PinRootArguments;

/// The longest root or map that is read, in bytes.
const MAXIMUM_LENGTH: u64 = 4 << 20;

/// How many forgotten tags are named to a person; `--json` has all.
const MAXIMUM_FORGOTTEN: usize = 20;

/// What to do with the trust store.
#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Pin the root of a TUF repository: where trust in a publisher begins
    #[command(
        after_long_help = "Examples:\n  sealift trust pin-root shop root.json\n  sealift trust pin-root shop root.json --sha256 5891b5b5…\n  sealift trust pin-root acme root.json --notary example.com/acme/web \\\n      --certificate 914dcdb1…\n\nGet the root from the publisher out of band, never from an archive, and compare its digest."
    )]
    PinRoot(PinRootArguments),
    /// Pin the roots of several collections of Docker Content Trust at once, and let each speak for the names of its GUN
    #[command(
        after_long_help = "Examples:\n  sealift trust pin-collections roots example.com/acme/web --ca ca.pem\n  sealift trust pin-collections ~/.docker/trust/tuf \\\n      example.com/acme/web=914dcdb1… example.com/acme/db=376e514e…\n\nEach is pinned under its GUN with - in place of / and :, for example example.com-acme-web. Nothing is pinned unless every root is vouched for by the certificate or the authority."
    )]
    PinCollections(PinCollectionsArguments),
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
    /// Add the key of a site that imports, whose receipts should count
    #[command(
        after_long_help = "Example:\n  sealift trust add-receiver plant-7 plant-7.pem.pub\n\nThe name is the one that the site gives itself in its receipts (--site)."
    )]
    AddReceiver {
        /// The name of the site
        name: ReceiverName,
        /// The public key: SPKI PEM, as `sealift key generate` writes it
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
    /// Remove a pinned root, an exporter, an attester, a receiver or the map
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
    /// A receiver
    #[command(after_long_help = "Example:\n  sealift trust remove receiver plant-7")]
    Receiver {
        /// The receiver
        name: ReceiverName,
    },
    /// The map
    #[command(after_long_help = "Example:\n  sealift trust remove map")]
    Map,
}

/// Runs `sealift trust …`.
pub(crate) fn run(command: TrustCommand, context: &Context) -> Result<(), Failure> {
    let store = context.trust_store()?;
    let attempt = || "cannot change the trust store".to_owned();
    match command {
        TrustCommand::PinRoot(arguments) => root::pin(&arguments, context),
        TrustCommand::PinCollections(arguments) => collections::pin(&arguments, context),
        TrustCommand::AddExporter { name, key } => add_exporter(name, &key, context),
        TrustCommand::AddReceiver { name, key } => add_receiver(name, &key, context),
        TrustCommand::AddAttester { name, key } => add_attester(name, &key, context),
        TrustCommand::List => listing::list(context),
        TrustCommand::Show { name } => listing::show(&name, context),
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
            map::add(&pattern, &repositories, context)
        }
        TrustCommand::Map { file, command: None } => map::replace(&file.unwrap_or_default(), context),
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
        TrustCommand::Remove(RemoveCommand::Receiver { name }) => {
            store.update().and_then(|update| update.remove_receiver(&name)).attempt(attempt)?;
            context.done("remove-receiver", vec![format!("Receipts by {name} no longer count.")])
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

fn add_exporter(name: ExporterName, key: &Path, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot add the exporter {name}");
    let key = read_public_key(key)?;
    context.trust_store()?.begin().and_then(|update| update.add_exporter(&name, &key)).attempt(attempt)?;
    let fingerprint = key.fingerprint().attempt(attempt)?;
    let report = ExporterReport { name, fingerprint };
    context.result(&report, || format!("Seals by {} count from now on: {}", report.name, report.fingerprint))
}

fn add_receiver(name: ReceiverName, key: &Path, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot add the receiver {name}");
    let key = read_public_key(key)?;
    context.trust_store()?.begin().and_then(|update| update.add_receiver(&name, &key)).attempt(attempt)?;
    let fingerprint = key.fingerprint().attempt(attempt)?;
    let report = ReceiverReport { name, fingerprint };
    context.result(&report, || format!("Receipts by {} count from now on: {}", report.name, report.fingerprint))
}

fn add_attester(name: AttesterName, key: &Path, context: &Context) -> Result<(), Failure> {
    let attempt = || format!("cannot add the attester {name}");
    let key = read_file(key, FilePurpose::Trust, MAXIMUM_LENGTH).attempt(attempt)?;
    let key = context.trust_store()?.begin().and_then(|update| update.add_attester(&name, &key)).attempt(attempt)?;
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

/// An exporter, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExporterReport {
    name: ExporterName,
    fingerprint: Digest,
}

/// A site whose receipts count, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiverReport {
    name: ReceiverName,
    fingerprint: Digest,
}

/// Someone who signs attestations, as `--json` shows them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttesterReport {
    name: AttesterName,
    key: String,
}
