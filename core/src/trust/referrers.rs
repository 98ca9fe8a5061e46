//! The referrers of images: which kinds are accepted, and which of them someone vouches for.
//!
//! Promise: a referrer is of a kind that the policy lets in. Where someone has to vouch for it (any pinned attester, or
//! those whom the policy names for the image), every referrer is proven by one of them, whatever its type and depth: it
//! consists of attestations, each of which is checked as it passes, or one that does is attached to it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sealift_archive_format::Digest;

use super::attestations::CheckedAttestation;
use super::evidence::Finding;
use super::requirement::OpenRequirements;
use crate::oci::{Document, Graph, ReferrerKind};
use crate::remedy::{Remediable, Remedy};

/// The content of an empty configuration.
const EMPTY: &[u8] = b"{}";

/// Why a referrer is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferrerRefusal {
    /// The policy does not accept its kind.
    #[error("{referrer}, a referrer of {image}, is of kind {kind}, which the policy does not accept")]
    Kind {
        /// The reference of the image.
        image: String,
        /// The referrer.
        referrer: Digest,
        /// Its kind.
        kind: ReferrerKind,
    },
    /// Someone has to vouch for it, but none of those who may does.
    #[error("{referrer}, a referrer of {image} of kind {kind}, is not vouched for by anyone who may: {}", .asked.join(", "))]
    Unproven {
        /// The reference of the image.
        image: String,
        /// The referrer.
        referrer: Digest,
        /// Its kind.
        kind: ReferrerKind,
        /// The attesters who may.
        asked: Vec<String>,
    },
}

impl Remediable for ReferrerRefusal {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Kind { kind, .. } => Remedy::AllowReferrers { referrers: kind.name() },
            Self::Unproven { kind, .. } => {
                let others =
                    ReferrerKind::ALL.into_iter().filter(|other| other != kind && *other != ReferrerKind::Image);
                Remedy::AttestReferrer { others: others.map(ReferrerKind::name).collect() }
            }
        }
    }
}

/// What is carried under one name: everything in it is held to what the policy asks of this name.
pub(crate) struct NamedGraphs<'c> {
    /// The reference of an item or a part.
    pub(crate) reference: &'c str,
    /// What the name means: the index of a bundle, where there is one, or an image.
    pub(crate) graph: Option<&'c Arc<Graph>>,
    /// The referrers of an image, each after its subject.
    pub(crate) referrers: &'c [Arc<Graph>],
}

impl<'c> NamedGraphs<'c> {
    /// What the name means, and then its referrers.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &'c Arc<Graph>> {
        self.graph.into_iter().chain(self.referrers)
    }
}

/// Holds the referrers that come with each name to what is open for it, as far as that does not need the attestations
/// themselves.
///
/// # Errors
/// [`ReferrerRefusal`].
pub(super) fn check(named: &[NamedGraphs<'_>], open: &OpenRequirements) -> Result<(), ReferrerRefusal> {
    let mut looked_at = HashMap::new();
    for NamedGraphs { reference, referrers, .. } in named {
        let mut look = |referrer| *looked_at.entry(Arc::as_ptr(referrer)).or_insert_with(|| Look::at(referrer));
        let looks: Vec<Look> = referrers.iter().map(&mut look).collect();
        let open = open.of(reference);
        let provable = open.attesters.as_ref().map(|asked| (asked, provable(referrers, &looks)));
        for (referrer, Look { kind, .. }) in referrers.iter().zip(looks) {
            let image = (*reference).to_owned();
            let digest = &referrer.root().descriptor().digest;
            if !open.kinds.contains(&kind) {
                return Err(ReferrerRefusal::Kind { image, referrer: digest.clone(), kind });
            }
            match &provable {
                Some((asked, provable)) if !provable.contains(digest) => {
                    let asked = asked.iter().cloned().collect();
                    return Err(ReferrerRefusal::Unproven { image, referrer: digest.clone(), kind, asked });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// What examining a referrer shows.
#[derive(Debug, Clone, Copy)]
struct Look {
    kind: ReferrerKind,
    /// Whether everything in it is an attestation, except for empty configurations.
    is_attestation_only: bool,
}

impl Look {
    fn at(referrer: &Arc<Graph>) -> Self {
        let config_says_nothing = referrer.manifests().iter().all(|manifest| match manifest.document() {
            Document::Image(image) => image.config.matches(EMPTY),
            Document::Index(_) => true,
        });
        let kind = ReferrerKind::of(referrer);
        Self { kind, is_attestation_only: config_says_nothing && kind == ReferrerKind::Attestation }
    }
}

/// The referrers of an image that an attester will have proven once all attestations have passed.
fn provable<'a>(referrers: &'a [Arc<Graph>], looks: &[Look]) -> HashSet<&'a Digest> {
    let mut provable = HashSet::new();
    // Referrers of a referrer come after it.
    let mut about: HashSet<&Digest> = HashSet::new();
    for (referrer, look) in referrers.iter().zip(looks).rev() {
        let digest = &referrer.root().descriptor().digest;
        let attests = look.is_attestation_only;
        if attests || about.contains(digest) {
            provable.insert(digest);
        }
        if attests {
            about.extend(referrer.root().document().subject().map(|subject| &subject.digest));
        }
    }
    provable
}

/// The pinned attesters that vouch for each referrer of an image, in the order of the referrers, by the evidence about
/// the image.
pub(crate) fn attested_by(referrers: &[Arc<Graph>], finding: &Finding) -> Vec<BTreeSet<String>> {
    let checked: HashMap<(&Digest, &Digest), &CheckedAttestation> =
        finding.attestations().map(|it| ((it.digest(), it.attached_to()), it)).collect();
    let signers = |referrer: &Graph| {
        let attached = referrer.attestations().iter();
        let found = attached.filter_map(|it| checked.get(&(&it.layer.digest, &it.subject)));
        found.flat_map(|attestation| attestation.signers()).cloned().collect::<BTreeSet<String>>()
    };
    let mut by_subject: HashMap<&Digest, BTreeSet<String>> = HashMap::new();
    for referrer in referrers {
        if let Some(subject) = referrer.root().document().subject() {
            by_subject.entry(&subject.digest).or_default().extend(signers(referrer));
        }
    }
    let of_referrer = |referrer: &Arc<Graph>| {
        let others = by_subject.get(&referrer.root().descriptor().digest).cloned().unwrap_or_default();
        signers(referrer).into_iter().chain(others).collect()
    };
    referrers.iter().map(of_referrer).collect()
}
