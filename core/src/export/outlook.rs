//! What an export would come to, before anything is sealed: `export` seals it, and a plan shows it.
//!
//! Promise: only manifests, metadata and what attestations say is fetched, never a layer.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::volume::{SetId, ShapeError, VolumeShape};
use sealift_archive_format::{Digest, EntryName, EntryOffsets, Inventory, SealSignature, UnverifiedSeal};
use sealift_proof::in_toto::Inspections;

use super::{
    DocumentContents, ExportSettings, Plan, PrepareError, check_attestations, check_documents, check_thick_bundles,
    gather, inspected_files, inventory, question,
};
use crate::report::ItemReport;
use crate::trust::{self, Carrier, Finding, Item, Judgement, JudgementError, Terms};
use crate::trust_store::{RepositoryName, Trust, policy};
use crate::verify::{check_tuf_length, report_items};
use crate::volume_set::Cut;

/// What has been judged, and only needs a seal and its content.
pub struct Foreseen {
    /// What the seal will say.
    pub inventory: Inventory,
    /// The content of every entry that is not a blob.
    pub(super) files: BTreeMap<EntryName, Vec<u8>>,
    /// What was proven.
    pub judgement: Judgement,
    /// The instant after which the policy of this side would refuse the archive.
    pub red_line: Option<Timestamp>,
    /// How long the archive will be, in bytes.
    pub length: u64,
    /// What the far side will report of the items, if it trusts what this side does.
    pub items: Vec<ItemReport>,
}

/// What is foreseen for one item.
#[derive(Debug)]
pub struct ForeseenItem {
    /// The item.
    pub item: Arc<Item>,
    /// What was found, or why the far side would refuse it.
    pub outcome: Result<Finding, JudgementError>,
}

/// Gathers what proves a plan, and judges it: live, and again from only what was gathered, as the far side will.
///
/// # Errors
/// [`PrepareError`], for the first thing that the far side would refuse.
pub fn foresee(
    plan: &Plan,
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'_>>,
    settings: &ExportSettings<'_>,
) -> Result<Foreseen, PrepareError> {
    if let Some(name) = live.keys().find(|name| !trust.repositories.contains_key(*name)) {
        return Err(PrepareError::NotPinned { name: name.clone(), meant: trust.meant(name) });
    }
    let mut contents = documents(plan);
    if let Inspections::Run(_) = settings.inspections {
        contents.extend(inspected_files(plan)?);
    }
    let mut carried = gather(plan, &contents, trust, live, settings)?;
    let carried_names = carried.repositories.keys();
    let terms =
        Terms::of_export(trust, settings.now, settings.exported_at, carried_names).map_err(JudgementError::from)?;
    let question = question(plan, &contents, &terms, settings.inspections);
    let judgement = trust::judge_carried(&question, trust, &mut carried)?;
    let (inventory, files) = inventory(plan, &carried, settings)?;
    check_tuf_length(&inventory)?;
    let closed = check_documents(&inventory, plan)?;
    let judgement = judgement.await_attestations(&closed.named_graphs(&inventory), &closed.documents())?;
    let judgement = check_attestations(judgement, plan)?;
    check_thick_bundles(&closed, &inventory, plan)?;
    let red_line = terms.freshness().red_line(terms.clock(), judgement.findings().expiries());
    let items = report_items(judgement.findings(), &closed, &inventory, terms.clock());
    let length = length(&inventory)?;
    Ok(Foreseen { inventory, files, judgement, red_line, length, items })
}

/// How long the archive of an inventory is: a seal has room for every signature, whoever signs it.
fn length(inventory: &Inventory) -> Result<u64, PrepareError> {
    let anyone = SealSignature { key: Digest::sha256(b""), bytes: [0; 64] };
    let seal = UnverifiedSeal::new(&inventory.to_statement()?, vec![anyone])?;
    Ok(EntryOffsets::of(seal.length(), inventory).length)
}

impl Foreseen {
    /// How the archive will be cut into volumes, as [`super::Prepared::volumes`] does it. The set has no id yet.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn volumes(&self, cut: Cut) -> Result<VolumeShape, ShapeError> {
        let (data, parity) = cut.counts(self.length)?;
        VolumeShape::new(SetId::from_bytes([0; 32]), data, parity, self.length)
    }
}

/// What live repositories prove about each item of a plan, where [`foresee`] ends at the first that is refused.
///
/// # Errors
/// [`JudgementError`], for what is about no item in particular.
pub fn foresee_each(
    plan: &Plan,
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'_>>,
    settings: &ExportSettings<'_>,
) -> Result<Vec<ForeseenItem>, JudgementError> {
    let (contents, terms) = (documents(plan), Terms::live(trust, settings.now));
    let question = question(plan, &contents, &terms, Inspections::NotRun);
    let mut lenient = trust.clone();
    lenient.policy.inspections = policy::InspectionPolicy::Optional;
    let mut ahead = trust::fetch_ahead(&question, &lenient, live, settings.extent, &settings.workers);
    let live = ahead.iter_mut().map(|(name, repository)| (name.clone(), repository.carrier())).collect();
    let outcomes = trust::judge_each(&question, &lenient, live)?.into_iter();
    Ok(question.items.iter().cloned().zip(outcomes).map(|(item, outcome)| ForeseenItem { item, outcome }).collect())
}

/// The bytes of each `bundle.json`, manifest and index of a plan.
fn documents(plan: &Plan) -> DocumentContents {
    plan.closed.documents().iter().map(|(digest, bytes)| ((*digest).clone(), Arc::from(*bytes))).collect()
}
