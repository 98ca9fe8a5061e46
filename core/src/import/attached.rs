//! The tags of what hangs off images and bundles: cosign's.
//!
//! Nobody signs them, and everyone who signs an image moves them, on this side too. So they are not remembered as names are. Promise:
//! such a tag never takes the place of a tag that this side has set for a name, nor, unless a person names it, of anything else that is
//! there; what it stands for is delivered under its digest all the same.

use std::sync::{Mutex, PoisonError};

use sealift_archive_format::Digest;
use serde::Serialize;

use super::DeliveryError;
use super::shipment::Shipment;
use super::tags::is_named;
use crate::oci::{ManifestBytes, Reference, Repository, TaggedGraph};
use crate::transfer::{Sink, Workers};
use crate::verify::SelectedName;

/// What has a tag because of what it is about.
pub(super) struct TaggedDelivery {
    /// The tag, as it is delivered.
    pub(super) place: Reference,
    root: ManifestBytes,
}

/// The tag of something that hangs off an image or a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedTag {
    /// The tag, as it is delivered.
    pub reference: String,
    /// What was delivered with it.
    pub digest: Digest,
    /// What became of the tag.
    pub outcome: AttachedOutcome,
}

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum AttachedOutcome {
    /// It was not there, and was set.
    New,
    /// It stood for something else, and was moved, because a person named it.
    Moved {
        /// What it stood for.
        before: Digest,
    },
    /// It was there, and right.
    AsItWas,
    /// It stands for something else, which was left there.
    Kept {
        /// What it stands for.
        held: Digest,
    },
}

impl TaggedDelivery {
    pub(super) fn new(repository: &Repository, TaggedGraph { tag, graph }: &TaggedGraph) -> Self {
        Self { place: Reference::new(repository.clone(), Some(tag.tag()), None), root: graph.root().clone() }
    }

    fn set(&self, replace: &[SelectedName], sink: &dyn Sink) -> Result<AttachedTag, DeliveryError> {
        let failed = |source| DeliveryError::Tag { tag: self.place.to_string(), source };
        let digest = &self.root.descriptor().digest;
        let outcome = match sink.held(&self.place).map_err(failed)? {
            Some(held) if held == *digest => AttachedOutcome::AsItWas,
            Some(held) if !is_named(replace, &self.place) => AttachedOutcome::Kept { held },
            before => {
                sink.tag(&self.place, &self.root).map_err(failed)?;
                before.map_or(AttachedOutcome::New, |before| AttachedOutcome::Moved { before })
            }
        };
        Ok(AttachedTag { reference: self.place.to_string(), digest: digest.clone(), outcome })
    }
}

/// Sets the tags, side by side, each once. What they resolve to is stored.
pub(super) fn set(
    shipments: &[Shipment],
    replace: &[SelectedName],
    sink: &dyn Sink,
    workers: &Workers,
) -> Result<Vec<AttachedTag>, DeliveryError> {
    let mut attached: Vec<&TaggedDelivery> = shipments.iter().flat_map(|shipment| &shipment.attached).collect();
    let key = |attached: &TaggedDelivery| (attached.place.to_string(), attached.root.descriptor().digest.clone());
    attached.sort_by_cached_key(|attached| key(attached));
    attached.dedup_by_key(|attached| key(attached));
    let mut kept = Vec::new();
    // Two names that come to one repository may bring two contents for the same tag. The first gets it, and the other is told.
    attached.dedup_by(|other, first| {
        let is_same = other.place == first.place;
        if is_same {
            let held = first.root.descriptor().digest.clone();
            let (reference, digest) = (other.place.to_string(), other.root.descriptor().digest.clone());
            kept.push(AttachedTag { reference, digest, outcome: AttachedOutcome::Kept { held } });
        }
        is_same
    });
    let tags = Mutex::new(kept);
    workers.for_each(
        &attached,
        |_| 0,
        |attached, _| {
            let set = attached.set(replace, sink)?;
            tags.lock().unwrap_or_else(PoisonError::into_inner).push(set);
            Ok(())
        },
    )?;
    let mut tags = tags.into_inner().unwrap_or_else(PoisonError::into_inner);
    tags.sort_by(|one, other| (&one.reference, &one.digest).cmp(&(&other.reference, &other.digest)));
    Ok(tags)
}
