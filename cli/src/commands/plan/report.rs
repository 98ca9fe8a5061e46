//! What an export would carry, as a person reads it and as `--json` shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bytesize::ByteSize;
use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::ItemRecord;
use sealift_archive_format::volume::VolumeShape;
use sealift_core::export::{Base, Expiring, FirstExpiry, ItemWeight, MovedName, Plan, ShipmentLock};
use sealift_core::trust::{Finding, Item};
use sealift_core::volume_set::Cut;
use sealift_proof::level::Level;
use serde::Serialize;

use super::Foreseens;
use crate::options::lock::LockedShipment;
use crate::terminal::text::{Text, counted};

/// What was foreseen.
pub(super) struct Outlook<'f> {
    pub(super) findings: Foreseens<'f>,
    pub(super) red_line: Option<Timestamp>,
    /// What expires first of everything that proves an item.
    pub(super) expiries: Vec<FirstExpiry>,
    /// How long the archive would be, in bytes.
    pub(super) archive_bytes: Option<u64>,
    /// How the archive would be cut, if at all.
    pub(super) volumes: Option<(Cut, VolumeShape)>,
}

/// What an export would carry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanReport {
    /// The content of all items, each blob once, in bytes.
    bytes: u64,
    /// What would be left out because it is where the archive goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    already_there: Option<AlreadyThere>,
    items: Vec<PlannedItem>,
    /// How many items would be refused.
    refused: usize,
    /// The instant after which a policy like this side's would refuse the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    red_line: Option<Timestamp>,
    /// What expires first of everything that proves an item, the first of all first.
    expiries: Vec<PlannedExpiry>,
    /// The archive, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_bytes: Option<u64>,
    #[serde(flatten)]
    volumes: Option<PlannedCut>,
    /// The lock of the shipment, where there is a shipment.
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<LockReport>,
}

/// What expires first of something that proves an item.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedExpiry {
    #[serde(flatten)]
    first: FirstExpiry,
    /// Whether that is too soon; absent if nothing was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    too_soon: Option<bool>,
}

/// What the archive would be cut into.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum PlannedCut {
    Volumes(PlannedVolumes),
    OneFile(PlannedFile),
}

/// The one file that would have parity for itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedFile {
    parity_percent: u8,
    /// With its parity, in bytes.
    bytes: u64,
}

/// The volumes that the archive would be cut into.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedVolumes {
    count: u8,
    /// How many of them make up for lost ones.
    parity: u8,
    /// How large each may be, in bytes.
    size: u64,
    /// How long each is, in bytes.
    bytes_each: u64,
}

impl PlannedCut {
    fn of(cut: Cut, shape: &VolumeShape) -> Self {
        let (count, parity, bytes_each) = (shape.volumes(), shape.parity(), shape.volume_length());
        match cut {
            Cut::Volumes { size, .. } => Self::Volumes(PlannedVolumes { count, parity, size, bytes_each }),
            Cut::OneFile { percent } => {
                Self::OneFile(PlannedFile { parity_percent: percent, bytes: bytes_each.saturating_mul(count.into()) })
            }
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Volumes(volumes) => volumes.line(),
            Self::OneFile(PlannedFile { parity_percent, bytes }) => {
                format!("One file with {parity_percent} % of parity: {}", indicatif::HumanBytes(*bytes))
            }
        }
    }
}

impl PlannedVolumes {
    fn line(&self) -> String {
        let Self { count, parity, size, bytes_each } = self;
        let of_parity = if *parity == 0 { String::new() } else { format!(", {parity} of them for parity") };
        let percent = u128::from(*bytes_each) * 100 / u128::from((*size).max(1));
        let (each, size) = (indicatif::HumanBytes(*bytes_each), ByteSize::b(*size).display().si());
        format!("Volumes of {size}: {count}{of_parity}; each {each} long ({percent} % full)")
    }
}

/// Layers that would be left out.
#[derive(Serialize)]
struct AlreadyThere {
    layers: usize,
    bytes: u64,
}

/// An item that would be carried, or refused.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlannedItem {
    name: String,
    /// What is vouched for: of a bundle, its `bundle.json`.
    digest: Digest,
    /// The index that the name of a bundle stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<Digest>,
    /// What kind of artifact it is, if it is not a container image.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    bytes: u64,
    shared_bytes: u64,
    platforms: BTreeSet<String>,
    /// The rules that chose its tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    vouched_for_by: Vec<String>,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Vec<String>>,
}

/// A lock, and how the plan differs from it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LockReport {
    file: PathBuf,
    /// Whether there was one before.
    existed: bool,
    /// Whether it was written now.
    written: bool,
    moved: Vec<MovedItem>,
}

/// A name that stands for something else than what is locked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MovedItem {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Digest>,
    vouched_for_by: Vec<String>,
}

impl PlannedItem {
    fn of(
        record: &ItemRecord,
        (named, artifact_type): (Option<&Digest>, Option<&str>),
        weight: ItemWeight,
        outcome: Option<&Result<&Finding, Vec<String>>>,
    ) -> Self {
        let Item { digest, .. } = record.into();
        let finding = outcome.and_then(|outcome| outcome.as_ref().ok());
        Self {
            name: record.reference().to_owned(),
            index: named.filter(|named| **named != digest).cloned(),
            digest,
            artifact_type: artifact_type.map(str::to_owned),
            bytes: weight.bytes,
            shared_bytes: weight.shared,
            platforms: record.images().iter().flat_map(|image| image.platforms.iter().cloned()).collect(),
            rules: Vec::new(),
            level: finding.map(|finding| finding.level()),
            vouched_for_by: finding.map(|it| it.makers().iter().map(ToString::to_string).collect()).unwrap_or_default(),
            refused: outcome.and_then(|outcome| outcome.as_ref().err().cloned()),
        }
    }

    fn line(&self) -> String {
        let Self {
            name,
            digest,
            index,
            artifact_type,
            bytes,
            shared_bytes,
            platforms,
            rules,
            level,
            vouched_for_by,
            refused,
        } = self;
        let mut facts = Vec::new();
        facts.extend(refused.as_ref().map(|causes| format!("would be refused: {}", causes.join("; "))));
        facts.extend(level.map(|level| format!("level {level}")));
        facts.extend(match (level, vouched_for_by.as_slice()) {
            (None, _) => None,
            (Some(_), []) => Some("nobody vouches".to_owned()),
            (Some(_), makers) => Some(format!("vouched for by {}", makers.join(", "))),
        });
        let size = indicatif::HumanBytes(*bytes);
        facts.push(match shared_bytes {
            0 => size.to_string(),
            shared => format!("{size}, {} of it shared", indicatif::HumanBytes(*shared)),
        });
        facts.extend((!platforms.is_empty()).then(|| platforms.iter().cloned().collect::<Vec<_>>().join(", ")));
        facts.extend(rules.iter().map(|rule| format!("chosen by {rule}")));
        facts.extend(index.as_ref().map(|index| format!("index {index}")));
        facts.extend(artifact_type.as_ref().map(|artifact_type| format!("artifact of type {artifact_type}")));
        format!("  {name}  {digest}  {}", facts.join("; "))
    }
}

impl PlanReport {
    /// What a plan comes to. `chosen` has the rules that chose each name.
    pub(super) fn of(
        plan: &Plan,
        outlook: Outlook<'_>,
        base: Option<&Base>,
        chosen: &BTreeMap<String, Vec<&str>>,
    ) -> Self {
        let already_there = base.map(|base| plan.left_out_by(base));
        let already_there = already_there.map(|(layers, bytes)| AlreadyThere { layers, bytes });
        let foreseen = plan.weights().into_iter().zip(&outlook.findings);
        let meant = plan.named_digests().zip(plan.artifact_types());
        let items = plan.items.iter().zip(meant).zip(foreseen);
        let items =
            items.map(|((record, meant), (weight, outcome))| PlannedItem::of(record, meant, weight, outcome.as_ref()));
        let mut items: Vec<_> = items.collect();
        for item in &mut items {
            let rules = chosen.get(&item.name).into_iter().flatten();
            item.rules = rules.map(|rule| (*rule).to_owned()).collect();
        }
        let Outlook { findings: _, red_line, expiries, archive_bytes, volumes } = outlook;
        let volumes = volumes.map(|(cut, shape)| PlannedCut::of(cut, &shape));
        let expiries = expiries.into_iter().map(|first| PlannedExpiry { first, too_soon: None }).collect();
        let refused = items.iter().filter(|item| item.refused.is_some()).count();
        Self {
            bytes: plan.content_bytes(),
            already_there,
            items,
            refused,
            red_line,
            expiries,
            archive_bytes,
            volumes,
            lock: None,
        }
    }

    /// Says of everything that expires whether that is too soon.
    pub(super) fn judge_expiries(&mut self, until: Option<Timestamp>) {
        for expiry in &mut self.expiries {
            expiry.too_soon = until.map(|until| expiry.first.expires <= until);
        }
    }

    /// Adds how the plan differs from what is locked.
    pub(super) fn compare(&mut self, locked: &LockedShipment, planned: &ShipmentLock) {
        let moved = locked.lock.as_ref().map(|lock| lock.moved(planned)).unwrap_or_default();
        let makers = |name: &str| {
            let item = self.items.iter().find(|item| item.name == name);
            item.map(|item| item.vouched_for_by.clone()).unwrap_or_default()
        };
        let moved = moved.into_iter().map(|MovedName { name, before, after }| {
            let vouched_for_by = makers(&name);
            MovedItem { name, before, after, vouched_for_by }
        });
        let (file, existed, moved) = (locked.file.clone(), locked.lock.is_some(), moved.collect());
        self.lock = Some(LockReport { file, existed, written: false, moved });
    }

    /// The lock has been written.
    pub(super) fn is_locked(&mut self) {
        if let Some(lock) = &mut self.lock {
            lock.written = true;
        }
    }

    /// As a person reads it.
    pub(super) fn text(&self) -> Text {
        let mut text = Text::from(format_args!(
            "Would carry {} of content in {}:",
            indicatif::HumanBytes(self.bytes),
            counted(self.items.len(), "item")
        ));
        self.items.iter().for_each(|item| text.line(item.line()));
        if let Some(AlreadyThere { layers, bytes }) = self.already_there {
            text.line(format_args!(
                "Already there: {} ({}); new: {}",
                counted(layers, "layer"),
                indicatif::HumanBytes(bytes),
                indicatif::HumanBytes(self.bytes.saturating_sub(bytes))
            ));
        }
        if let Some(line) = self.red_line {
            text.line(format_args!("A policy like this side's refuses it after {line}"));
        }
        for (place, PlannedExpiry { first: FirstExpiry { expires, of }, too_soon }) in self.expiries.iter().enumerate()
        {
            match (too_soon, place) {
                (Some(true), _) => text.line(format_args!("Expires too soon: {of}, at {expires}")),
                (Some(false), _) if matches!(of, Expiring::Repository { .. }) => {
                    text.line(format_args!("Valid for long enough: {of}, until {expires}"));
                }
                (None, 0) => text.line(format_args!("Expires first: {of}, at {expires}")),
                (Some(false) | None, _) => {}
            }
        }
        self.volumes.iter().for_each(|volumes| text.line(volumes.line()));
        if let Some(lock) = &self.lock {
            lock.add_to(&mut text);
        }
        text
    }
}

impl LockReport {
    fn add_to(&self, text: &mut Text) {
        let file = self.file.display();
        match (self.existed, self.moved.is_empty()) {
            (false, _) if !self.written => {
                text.line(format_args!("Not locked: there is no {file} yet; --lock makes one"))
            }
            (false, _) => {}
            (true, true) => text.line(format_args!("{file} has the same digests")),
            (true, false) => text.line(format_args!("Other than in {file}:")),
        }
        for MovedItem { name, before, after, vouched_for_by } in &self.moved {
            let makers = match vouched_for_by.as_slice() {
                [] => String::new(),
                makers => format!("; vouched for by {}", makers.join(", ")),
            };
            text.line(match (before, after) {
                (Some(before), Some(after)) => format!("  {name}: was {before}, is {after}{makers}"),
                (None, Some(after)) => format!("  {name}: is new, {after}{makers}"),
                (_, None) => format!("  {name}: is gone"),
            });
        }
        if self.written {
            text.line(format_args!("Locked: {file}"));
        }
    }
}
