//! The referrers of images: which kinds are accepted, and which of them someone vouches for.
//!
//! Promise: a referrer is of a kind that the policy lets in. Where someone has to vouch for it (any pinned attester, or
//! those whom the policy names for the image), every referrer is proven by one of them, whatever its type and depth: it
//! consists of attestations, each of which is checked as it passes, or one that does is attached to it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_proof::in_toto::SignatureCheck;

use super::attestations::CheckedAttestation;
use super::evidence::Finding;
use super::requirement::OpenRequirements;
use crate::oci::referrer::{consists_of_attestations, kind_of};
use crate::oci::{Companions, Document, Graph, ReferrerKind};
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
    /// What hangs off it.
    pub(crate) companions: &'c Companions,
    /// Whether it is a part of a bundle that states its digest.
    pub(crate) is_stated_by_bundle: bool,
}

impl<'c> NamedGraphs<'c> {
    /// What the name means, and then what hangs off it.
    pub(crate) fn graphs(&self) -> impl Iterator<Item = &'c Arc<Graph>> {
        self.graph.into_iter().chain(self.companions.graphs())
    }
}

/// Holds the referrers that come with each name to what is open for it, as far as that does not need the attestations
/// themselves.
///
/// # Errors
/// [`ReferrerRefusal`].
pub(super) fn check(named: &[NamedGraphs<'_>], open: &OpenRequirements) -> Result<(), ReferrerRefusal> {
    let mut looked_at = HashMap::new();
    for NamedGraphs { reference, companions, .. } in named {
        let referrers: Vec<&Arc<Graph>> = companions.graphs().collect();
        let mut look = |referrer| *looked_at.entry(Arc::as_ptr(referrer)).or_insert_with(|| Look::at(referrer));
        let looks: Vec<Look> = referrers.iter().map(|referrer| look(referrer)).collect();
        let open = open.of(reference);
        let provable = open.attesters.as_ref().map(|asked| (asked, provable(&referrers, &looks)));
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
    /// Whether everything in it is an attestation about its `subject`, except for empty configurations. What has only a tag is
    /// not: its attestations are not checked.
    is_attestation_only: bool,
}

impl Look {
    fn at(referrer: &Arc<Graph>) -> Self {
        // What a manifest calls itself does not count here.
        let says_nothing_else = referrer.manifests().iter().all(|manifest| match manifest.document() {
            Document::Image(image) => image.config.matches(EMPTY) && consists_of_attestations(image),
            Document::Index(index) => index.layers().next().is_none(),
        });
        let has_subject = referrer.root().document().subject().is_some();
        let has_attestations = !referrer.attestations().is_empty();
        let is_attestation_only = has_subject && has_attestations && says_nothing_else;
        Self { kind: kind_of(referrer), is_attestation_only }
    }
}

/// The companions of an image that an attester will have proven once all attestations have passed.
fn provable<'a>(referrers: &[&'a Arc<Graph>], looks: &[Look]) -> HashSet<&'a Digest> {
    let attests = || referrers.iter().zip(looks).filter(|(_, look)| look.is_attestation_only);
    let itself = attests().map(|(referrer, _)| &referrer.root().descriptor().digest);
    let about = attests().filter_map(|(referrer, _)| referrer.root().document().subject());
    itself.chain(about.map(|subject| &subject.digest)).collect()
}

/// What the evidence about an image or a bundle says about one of its companions.
pub(crate) struct ExaminedReferrer {
    /// The pinned attesters that vouch for it.
    pub(crate) attested_by: BTreeSet<String>,
    /// What is known about the signatures of the attestations in it, the least of all of them; `None` if none was read.
    pub(crate) signature: Option<SignatureCheck>,
}

/// What the evidence about an image or a bundle says about each of its companions, in their order.
pub(crate) fn examined(companions: &Companions, finding: &Finding) -> Vec<ExaminedReferrer> {
    let checked: HashMap<(&Digest, &Digest), &CheckedAttestation> =
        finding.attestations().map(|it| ((it.digest(), it.attached_to()), it)).collect();
    let read = |referrer: &Graph| -> Vec<&CheckedAttestation> {
        let attached = referrer.attestations().iter();
        attached.filter_map(|it| checked.get(&(&it.layer.digest, &it.subject)).copied()).collect()
    };
    let signers = |referrer: &Graph| {
        let read = read(referrer).into_iter();
        read.flat_map(CheckedAttestation::signers).cloned().collect::<BTreeSet<String>>()
    };
    let least = |referrer: &Graph| {
        let rank = |check: &&SignatureCheck| match check {
            SignatureCheck::Unsigned => 0,
            SignatureCheck::NotChecked => 1,
            SignatureCheck::SignedBy(_) => 2,
        };
        read(referrer).into_iter().map(|it| &it.attestation().signature).min_by_key(rank).cloned()
    };
    let mut by_subject: HashMap<&Digest, BTreeSet<String>> = HashMap::new();
    for referrer in companions.graphs() {
        if let Some(subject) = referrer.root().document().subject() {
            by_subject.entry(&subject.digest).or_default().extend(signers(referrer));
        }
    }
    let of_referrer = |referrer: &Arc<Graph>| {
        let others = by_subject.get(&referrer.root().descriptor().digest).cloned().unwrap_or_default();
        let attested_by = signers(referrer).into_iter().chain(others).collect();
        ExaminedReferrer { attested_by, signature: least(referrer) }
    };
    companions.graphs().map(of_referrer).collect()
}
