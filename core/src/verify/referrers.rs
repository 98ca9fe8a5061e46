//! What refers to images: which kinds are let in, and which of them someone vouches for.
//!
//! Promise: a referrer is of a kind that the policy lets in. Where attesters are pinned, every referrer is proven by one of
//! them, whatever its type and however deep it hangs: it consists of attestations, each of which is checked as it passes, or
//! one that does is attached to it.

use std::collections::{BTreeSet, HashSet};

use sealift_archive_format::{Digest, Inventory};

use super::Attestations;
use super::documents::{Closed, ClosedImage};
use crate::in_toto::SignatureCheck;
use crate::oci::{Document, Graph, ReferrerKind};
use crate::trust_store::Trust;

/// The content of a configuration that says nothing.
const EMPTY: &[u8] = b"{}";

/// Why a referrer is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferrerRefusal {
    /// The policy does not let its kind in.
    #[error("{referrer}, which refers to {image}, is of kind {kind}, and the policy does not let this kind in")]
    Kind {
        /// The reference of the image.
        image: String,
        /// The referrer.
        referrer: Digest,
        /// Its kind.
        kind: ReferrerKind,
    },
    /// Attesters are pinned, and it is not proven by any of them.
    #[error(
        "{referrer}, which refers to {image}, is of kind {kind}, and none of the {pinned} pinned attesters vouches for it"
    )]
    Unproven {
        /// The reference of the image.
        image: String,
        /// The referrer.
        referrer: Digest,
        /// Its kind.
        kind: ReferrerKind,
        /// How many attesters are pinned.
        pinned: usize,
    },
}

/// Checks the referrers of an archive, as far as that does not need the attestations themselves.
///
/// # Errors
/// [`ReferrerRefusal`].
pub(crate) fn check(closed: &Closed, inventory: &Inventory, trust: &Trust) -> Result<(), ReferrerRefusal> {
    for (record, image) in inventory.all_images().zip(closed.all_images()) {
        let provable = if trust.attesters.is_empty() { None } else { Some(provable(image)) };
        for referrer in &image.referrers {
            let (image, kind) = (record.reference.clone(), ReferrerKind::of(referrer));
            let digest = &referrer.root().descriptor().digest;
            if !trust.policy.referrers.contains(&kind) {
                return Err(ReferrerRefusal::Kind { image, referrer: digest.clone(), kind });
            }
            if provable.as_ref().is_some_and(|provable| !provable.contains(digest)) {
                let pinned = trust.attesters.len();
                return Err(ReferrerRefusal::Unproven { image, referrer: digest.clone(), kind, pinned });
            }
        }
    }
    Ok(())
}

/// The referrers of an image that a pinned attester will have signed when all attestations have passed.
fn provable(image: &ClosedImage) -> HashSet<&Digest> {
    let mut provable = HashSet::new();
    // What refers to a referrer comes after it.
    let mut about: HashSet<&Digest> = HashSet::new();
    for referrer in image.referrers.iter().rev() {
        let digest = &referrer.root().descriptor().digest;
        let attests = is_attestation_only(referrer);
        if attests || about.contains(digest) {
            provable.insert(digest);
        }
        if attests {
            about.extend(referrer.root().document().subject().map(|subject| &subject.digest));
        }
    }
    provable
}

/// Whether everything in a referrer is an attestation, but for configurations that say nothing.
fn is_attestation_only(referrer: &Graph) -> bool {
    let config_says_nothing = referrer.manifests().iter().all(|manifest| match manifest.document() {
        Document::Image(image) => image.config.matches(EMPTY),
        Document::Index(_) => true,
    });
    config_says_nothing && ReferrerKind::of(referrer) == ReferrerKind::Attestation
}

/// The pinned attesters that vouch for each referrer of an image, in the order of the referrers.
pub(crate) fn attested_by(image: &ClosedImage, attestations: &Attestations) -> Vec<BTreeSet<String>> {
    let signers = |referrer: &Graph| {
        let found = referrer.attestations().iter().filter_map(|attached| attestations.found(attached));
        let names = found.filter_map(|attestation| match &attestation.signature {
            SignatureCheck::SignedBy(name) => Some(name.clone()),
            SignatureCheck::NotChecked | SignatureCheck::Unsigned => None,
        });
        names.collect::<BTreeSet<String>>()
    };
    let about = |referrer: &Graph| referrer.root().document().subject().map(|subject| subject.digest.clone());
    let of_referrer = |referrer: &std::sync::Arc<Graph>| {
        let digest = &referrer.root().descriptor().digest;
        let others = image.referrers.iter().filter(|other| about(other).as_ref() == Some(digest));
        others.fold(signers(referrer), |names, other| names.into_iter().chain(signers(other)).collect())
    };
    image.referrers.iter().map(of_referrer).collect()
}
