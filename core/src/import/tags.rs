//! Which tags an import sets, judged against what this side put under them before.

use std::collections::HashMap;

use jiff::Timestamp;
use sealift_archive_format::{Digest, FileName};

use super::Destination;
use super::shipment::Shipment;
use crate::oci::Reference;
use crate::trust::Vouched;
use crate::trust_store::{DeliveredTag, Deliveries, Replacement, TagError};
use crate::verify::SelectedName;

/// The tags that this side set before, and those that it may replace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tags<'a> {
    /// Which tags were set here, and what was put under them.
    pub(super) deliveries: &'a Deliveries,
    /// The tags, as they are delivered, that may move to another name or a lower level: each was named by a person.
    pub(super) replace: &'a [SelectedName],
    /// The files of this side's own that are there already, by the keys of their places.
    pub(super) own_files: &'a HashMap<String, Digest>,
}

/// A tag that was moved to another name or a lower level, because it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplacedTag {
    /// The tag, as it is delivered.
    pub tag: String,
    /// What it held.
    pub held: DeliveredTag,
}

/// What is remembered before the tags are set.
pub(super) struct NextTags {
    pub(super) deliveries: Deliveries,
    pub(super) replaced: Vec<ReplacedTag>,
}

impl Tags<'_> {
    /// Judges the tags of all shipments, one after the other: an archive must not move its own tags either.
    pub(super) fn after(
        &self,
        shipments: &[Shipment],
        destination: &Destination,
        (time, exported_at): (Timestamp, Timestamp),
    ) -> Result<NextTags, TagError> {
        let mut next = NextTags { deliveries: self.deliveries.clone(), replaced: Vec::new() };
        for shipment in shipments {
            let Some((key, tag)) = destination.key_of(shipment) else { continue };
            let before = self.own_files.get(&key).cloned();
            let mut offered = DeliveredTag {
                name: shipment.vouched_for.name.clone(),
                digest: match destination {
                    Destination::Files { .. } => shipment.carried().clone(),
                    _ => shipment.root.descriptor().digest.clone(),
                },
                level: shipment.vouched_for.level,
                time,
                exported_at: Some(exported_at),
                before,
            };
            offered.before = offered.before.take().filter(|before| *before != offered.digest);
            let replacement = self.replacement(shipment);
            // Whoever speaks for the name has decided already, by the newest metadata. A bundle decides for no time but its own.
            let has_order = shipment.vouched_for.vouched == Vouched::ByName;
            let newer = next.deliveries.tag(&key).filter(|held| !has_order && offered.is_older_than(held)).cloned();
            if let (Some(held), Replacement::Refused) = (&newer, replacement) {
                return Err(TagError::Older { tag, held: Box::new(held.clone()), offered: Box::new(offered) });
            }
            let replaced = next.deliveries.set(key, &tag, offered, replacement)?;
            next.replaced.extend(replaced.or(newer).map(|held| ReplacedTag { tag, held }));
        }
        // Tags that nobody vouches for take no name's place, whichever comes first.
        for attached in shipments.iter().flat_map(|shipment| &shipment.attached) {
            let Some((key, tag)) = destination.tag_key(&attached.place) else { continue };
            if let Some(held) = next.deliveries.tag(&key) {
                return Err(TagError::NotAName { tag, held: Box::new(held.clone()) });
            }
        }
        next.deliveries.require_room()?;
        Ok(next)
    }

    fn replacement(&self, shipment: &Shipment) -> Replacement {
        if is_named(self.replace, &shipment.place) || is_named_file(self.replace, shipment) {
            Replacement::Asked
        } else {
            Replacement::Refused
        }
    }
}

/// Whether a person named this tag.
pub(super) fn is_named(replace: &[SelectedName], place: &Reference) -> bool {
    let same =
        |named: &Reference| named.repository() == place.repository() && named.tag_or_latest() == place.tag_or_latest();
    replace.iter().any(|named| matches!(named, SelectedName::Reference(named) if same(named)))
}

/// Whether a person named the file that a shipment is.
pub(super) fn is_named_file(replace: &[SelectedName], shipment: &Shipment) -> bool {
    let is_it = |named: &FileName| shipment.file.as_ref().is_some_and(|file| file.name == *named);
    replace.iter().any(|named| matches!(named, SelectedName::File(named) if is_it(named)))
}
