//! What was exported, as a person reads it and as `--json` shows it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::BaseRecord;
use sealift_core::export::Prepared;
use sealift_core::oci::ReferrerKind;
use sealift_core::report::{ItemReport, LeftOutReport, ReferrerReport, Warning, WarningReport};
use sealift_core::trust::{Unlisted, Vouched};
use serde::Serialize;

use crate::options::referrers::Referrers;
use crate::options::wanted::WantedArguments;
use crate::terminal::ground::Ground;
use crate::terminal::report::{left_out_lines, warnings as warning_lines};
use crate::terminal::text::{Text, counted};

/// What was exported, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExportReport {
    archive: PathBuf,
    bytes: u64,
    entries: usize,
    exported_at: jiff::Timestamp,
    /// The instant after which a policy like this side's refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    red_line: Option<jiff::Timestamp>,
    statement: Digest,
    /// The fingerprints of the keys that sealed it.
    sealed_by_keys: Vec<Digest>,
    /// The digest of the archive as a file, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
    /// The files of its volumes, if it was cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<PathBuf>,
    /// What was left out because it is where the archive goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<AbsentLayers>,
    items: Vec<ExportedItem>,
    /// The referrers of the images that were not carried, because their kind was not asked for.
    left_out: Vec<UncarriedReferrer>,
    /// Whether any referrers were looked for.
    looked_for_referrers: bool,
    /// The kinds of referrers that were chosen.
    #[serde(skip)]
    kinds: BTreeSet<ReferrerKind>,
    /// What a person should know about the bundles.
    warnings: Vec<WarningReport>,
    /// The images whose manifests were made here, because they come from a docker-archive.
    made_here: Vec<MadeHere>,
    /// What images list that was not carried, because it was not asked for.
    incomplete: Vec<IncompleteImage>,
}

/// Layers that were left out.
#[derive(Serialize)]
struct AbsentLayers {
    blobs: usize,
    bytes: u64,
    base: BaseRecord,
}

/// An image whose digest no registry has.
#[derive(Serialize)]
struct MadeHere {
    image: String,
    digest: Digest,
}

/// An image of which something was left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IncompleteImage {
    image: String,
    digest: Digest,
    #[serde(flatten)]
    left_out: LeftOutReport,
}

/// A referrer that was not carried.
#[derive(Serialize)]
struct UncarriedReferrer {
    image: String,
    digest: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    kind: ReferrerKind,
}

/// A bundle or an image that was exported, or a part of one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedItem {
    name: String,
    digest: Digest,
    level: sealift_proof::level::Level,
    vouched: Vouched,
    /// The repositories that vouch for it: for its name, or else for the bundle that states its digest.
    vouched_for_by: Vec<String>,
    /// The repositories that speak for its name, and do not list it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unlisted: Vec<Unlisted>,
    /// What refers to it and is carried with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    referrers: Vec<ReferrerReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Self>,
}

impl From<&ItemReport> for ExportedItem {
    fn from(item: &ItemReport) -> Self {
        Self {
            name: item.name.clone(),
            digest: item.digest.clone(),
            level: item.level,
            vouched: item.vouched,
            vouched_for_by: item.vouched_for_by.iter().map(ToString::to_string).collect(),
            unlisted: item.unlisted.clone(),
            referrers: item.referrers.clone(),
            parts: item.parts.iter().map(Self::from).collect(),
        }
    }
}

/// What was exported.
pub(super) fn of(
    prepared: &Prepared,
    (archive, wanted): (&Path, &WantedArguments),
    (sha256, volumes): (Option<Digest>, Vec<PathBuf>),
    about_sources: Vec<String>,
) -> ExportReport {
    let inventory = prepared.inventory();
    let about_sources = about_sources.into_iter().map(|text| Warning::Source { text });
    let kinds = wanted.referrers.as_ref().map_or_else(ReferrerKind::usual, |referrers| referrers.0.clone());
    let partial = inventory.all_images().filter(|image| !image.left_out.is_empty());
    ExportReport {
        archive: archive.to_owned(),
        bytes: prepared.length(),
        entries: inventory.carried().count(),
        exported_at: inventory.exported_at,
        red_line: prepared.red_line(),
        statement: prepared.statement_digest(),
        sealed_by_keys: prepared.sealed_by(),
        sha256,
        volumes,
        absent: inventory.base.clone().map(|base| AbsentLayers {
            blobs: inventory.absent().count(),
            bytes: inventory.absent().map(|entry| entry.size).sum(),
            base,
        }),
        items: prepared.items().iter().map(ExportedItem::from).collect(),
        looked_for_referrers: !kinds.is_empty(),
        kinds,
        left_out: prepared
            .left_out()
            .iter()
            .map(|it| UncarriedReferrer {
                image: it.image.clone(),
                digest: it.digest.clone(),
                tag: it.tag.as_ref().map(ToString::to_string),
                kind: it.kind,
            })
            .collect(),
        warnings: prepared.warnings().into_iter().chain(about_sources).map(WarningReport::from).collect(),
        made_here: made_here(prepared),
        incomplete: partial
            .map(|it| IncompleteImage {
                image: it.reference.clone(),
                digest: it.descriptor.digest.clone(),
                left_out: (&it.left_out).into(),
            })
            .collect(),
    }
}

fn made_here(prepared: &Prepared) -> Vec<MadeHere> {
    let made = prepared.inventory().all_images().filter(|image| image.made_from.is_some());
    made.map(|image| MadeHere { image: image.reference.clone(), digest: image.descriptor.digest.clone() }).collect()
}

/// The level of an item and what is carried with it, and of each of its parts.
fn write_item(text: &mut Text, item: &ExportedItem, indent: &str) {
    let ExportedItem { name, digest, level, unlisted, referrers, parts, .. } = item;
    let unlisted: String = unlisted.iter().map(|it| format!("; {it}")).collect();
    // One that has several tags is one that is carried.
    let mut of_kind = BTreeMap::<ReferrerKind, BTreeSet<&Digest>>::new();
    for ReferrerReport { kind, digest, .. } in referrers {
        of_kind.entry(*kind).or_default().insert(digest);
    }
    let carried: Vec<String> =
        of_kind.iter().map(|(kind, digests)| format!("{} of kind {kind}", digests.len())).collect();
    let carried = if carried.is_empty() { String::new() } else { format!("; with {}", carried.join(", ")) };
    text.line(format_args!("{indent}{name}  {digest}  level {level}{unlisted}{carried}"));
    for part in parts {
        write_item(text, part, &format!("{indent}  "));
    }
}

/// As a person reads it.
/// `next` is what to do on the far side, if anything can be done with what was written.
pub(super) fn text(report: &ExportReport, ground: &Ground, next: Option<&str>) -> Text {
    let ExportReport {
        archive,
        bytes,
        entries,
        exported_at,
        red_line,
        statement,
        sealed_by_keys: _,
        sha256,
        absent,
        items,
        left_out,
        looked_for_referrers,
        kinds,
        warnings,
        made_here,
        incomplete,
        volumes,
    } = report;
    let path = match volumes.as_slice() {
        [first, .., last] => format!("{} to {}", first.display(), last.display()),
        [only] => only.display().to_string(),
        [] => archive.display().to_string(),
    };
    let bytes = indicatif::HumanBytes(*bytes);
    let mut text = Text::from(format_args!("Exported to {path} ({bytes}, {entries} entries, at {exported_at}):"));
    for item in items {
        write_item(&mut text, item, "  ");
    }
    if let Some(AbsentLayers { blobs, bytes, .. }) = absent {
        let (layers, bytes) = (counted(*blobs, "layer"), indicatif::HumanBytes(*bytes));
        text.line(format_args!("  left out: {layers} ({bytes}), already where the archive goes"));
    }
    for IncompleteImage { image, left_out, .. } in incomplete {
        for left_out in left_out_lines(left_out) {
            text.line(format_args!("  left out: {left_out} of {image}"));
        }
    }
    if !looked_for_referrers {
        text.line("  left out: whatever refers to these, and their signatures: --referrers none did not look for it");
    }
    // One that has several tags is one that is left out.
    let mut said = HashSet::new();
    for UncarriedReferrer { image, digest, kind, tag: _ } in left_out {
        if !said.insert((image, digest)) {
            continue;
        }
        let enough = Referrers(kinds.iter().copied().chain([*kind]).collect());
        text.line(format_args!("  left out: {kind} {digest}, a referrer of {image} (--referrers {enough} carries it)"));
    }
    for MadeHere { image, digest } in made_here {
        text.line(format_args!(
            "  made here: the manifest {digest} of {image}, because a docker-archive keeps none; no registry has this digest"
        ));
    }
    text.join(warning_lines(warnings));
    if let Some(line) = red_line {
        text.line(format_args!("A policy like this side's refuses it after {line}"));
    }
    text.line(ground.line());
    text.line(format_args!("Sealed statement: {statement}"));
    if let Some(digest) = sha256 {
        text.line(format_args!("SHA-256 of the file: {}, also in {path}.sha256", digest.hex()));
    }
    if let Some(next) = next {
        text.line(format_args!("Next, on the far side: {next}"));
    }
    text
}
