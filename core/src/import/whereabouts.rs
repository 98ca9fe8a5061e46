//! Where everything went: the relocation mappings (CNAB Core 1.2 §103), and what a cluster is told.

use std::collections::{HashMap, HashSet};

use sealift_archive_format::Digest;

use super::shipment::Shipment;
use super::sparse::SetTag;
use crate::cnab::RelocationMapping;
use crate::mirror_config::{Relocated, StandIn};
use crate::oci::StandIns;
use crate::verify::Head;

/// Where everything went: all of it, by bundle, and by repository.
pub(super) fn whereabouts(
    shipments: &[Shipment],
    stand_ins: &[StandIns],
    tags: &[SetTag],
    head: &Head,
) -> (RelocationMapping, Vec<(String, RelocationMapping)>, Vec<Relocated>) {
    let (mut all, mut relocated) = (RelocationMapping::default(), Vec::new());
    // A part of a bundle is where the bundle is; the same image may also be elsewhere, by its own name or in another bundle.
    let mut in_shipment: HashMap<(&str, &str), String> = HashMap::new();
    // The tags are those of the shipments, in their order.
    for ((shipment, stand_ins), tag) in shipments.iter().zip(stand_ins).zip(tags) {
        let target = shipment.place.repository();
        let delivered = |digest: &Digest| {
            let is_named = *digest == tag.carried;
            if is_named { tag.digest.clone() } else { stand_ins.digest(digest).clone() }
        };
        let images = shipment.images.iter().map(|(original, digest)| (original, digest));
        for (at, (name, digest)) in std::iter::once((&shipment.reference, &tag.carried)).chain(images).enumerate() {
            let is_tagged = at == 0 && shipment.place.tag_or_latest().is_some();
            if at > 0 && *name == shipment.reference {
                continue;
            }
            if let Ok(original) = name.parse() {
                let stand_in = Some((digest.clone(), delivered(digest))).filter(|(signed, instead)| signed != instead);
                let stand_in = stand_in.map(|(signed, delivered)| StandIn { signed, delivered });
                relocated.push(Relocated { original, target: target.clone(), is_tagged, stand_in });
            }
        }
        for (original, digest) in &shipment.images {
            let place = format!("{target}@{}", delivered(digest));
            all.insert(original, &place);
            in_shipment.insert((&shipment.reference, original), place);
        }
    }
    let mut bundles = Vec::new();
    for bundle in head.inventory.bundles() {
        let mut mapping = RelocationMapping::default();
        for image in &bundle.images {
            let (name, own) = (image.reference.as_str(), bundle.reference.as_str());
            if let Some(place) = in_shipment.get(&(own, name)).or_else(|| in_shipment.get(&(name, name))) {
                mapping.insert(name, place);
            }
        }
        // Only a bundle of which everything was delivered can be used.
        if !mapping.is_empty()
            && mapping.iter().count() == bundle.images.iter().map(|it| &it.reference).collect::<HashSet<_>>().len()
        {
            bundles.push((bundle.reference.clone(), mapping));
        }
    }
    (all, bundles, relocated)
}
