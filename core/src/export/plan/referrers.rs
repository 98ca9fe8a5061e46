//! What hangs off an image, or off the index of a bundle: signatures, SBOMs, attestations. Referrers say so in their `subject` (OCI Image
//! Specification 1.1), and cosign says so with a tag.
//!
//! Promise: each referrer of a manifest of the image, or of one of its referrers, and what has a tag of cosign's for one of these, is
//! carried with everything below it if its kind is asked for, or there is no plan; those left out are named; and subjects come before
//! their referrers, in an order that the source does not decide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{MAXIMUM_LEFT_OUT_REFERRERS, ReferrerChoice};

use super::super::request::SourceReference;
use super::{PlanError, Planner, address};
use crate::oci::referrer::{MAXIMUM_DEPTH, MAXIMUM_REFERRERS, kind_of};
use crate::oci::{Choice, Companions, CosignTag, Descriptor, Graph, GraphError, ReferrerKind, TaggedGraph};

/// The most referrers that are listed in one plan, carried or not.
pub(super) const MAXIMUM_LISTED: usize = 100_000;

/// What counts of an entry of a list: what else it says decides nothing.
pub(super) fn plain(listed: &Descriptor) -> Descriptor {
    Descriptor::new(&listed.media_type, listed.digest.clone(), listed.size)
}

/// A referrer that is not carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutReferrer {
    /// The reference of the image or the bundle.
    pub image: String,
    /// The referrer.
    pub digest: Digest,
    /// The tag that says what it refers to, if it is not its `subject`.
    pub tag: Option<CosignTag>,
    /// Its kind, which was not asked for.
    pub kind: ReferrerKind,
}

impl Planner<'_> {
    /// What hangs off these manifests, as far as its kind was asked for, and what is stated of that choice.
    pub(super) fn companions(
        &mut self,
        name: &str,
        place: &SourceReference,
        manifests: &[Digest],
    ) -> Result<(Companions, ReferrerChoice), PlanError> {
        let before = self.plan.left_out.len();
        let companions = self.chosen_companions(name, place, manifests)?;
        let left_out = self.plan.left_out.get(before..).unwrap_or_default();
        if left_out.len() > MAXIMUM_LEFT_OUT_REFERRERS {
            return Err(PlanError::TooManyReferrers { reference: name.to_owned() });
        }
        let choice = self.choice(left_out);
        Ok((companions, choice))
    }

    /// What is stated of the choice, where these were left out by it. One that has several tags counts once.
    pub(super) fn choice(&self, left_out: &[LeftOutReferrer]) -> ReferrerChoice {
        let mut of_kind = BTreeMap::<ReferrerKind, BTreeSet<Digest>>::new();
        for LeftOutReferrer { kind, digest, .. } in left_out {
            of_kind.entry(*kind).or_default().insert(digest.clone());
        }
        ReferrerChoice { kinds: self.kinds.clone(), left_out: of_kind }
    }

    fn chosen_companions(
        &mut self,
        name: &str,
        place: &SourceReference,
        manifests: &[Digest],
    ) -> Result<Companions, PlanError> {
        let mut companions = Companions::default();
        if self.kinds.is_empty() {
            return Ok(companions);
        }
        companions.referrers = self.referrers(name, place, manifests)?;
        let referrers = companions.referrers.iter().map(|it| it.root().descriptor().digest.clone());
        let mut subjects: Vec<Digest> = manifests.iter().cloned().chain(referrers).collect();
        let mut seen = BTreeSet::new();
        // What is tagged for something tagged is carried too, and nothing beyond.
        for _ in 0..2 {
            let mut found = Vec::new();
            for subject in subjects {
                if !seen.insert(subject.clone()) {
                    continue;
                }
                for tagged in self.tagged(name, place, &subject)? {
                    found.push(tagged.graph.root().descriptor().digest.clone());
                    companions.tagged.push(tagged);
                }
                if companions.count() > MAXIMUM_REFERRERS {
                    return Err(PlanError::TooManyReferrers { reference: name.to_owned() });
                }
            }
            subjects = found;
        }
        Ok(companions)
    }

    /// What has a tag of cosign's for a manifest, in the order of the tags, as far as its kind was asked for.
    fn tagged(&mut self, name: &str, place: &SourceReference, subject: &Digest) -> Result<Vec<TaggedGraph>, PlanError> {
        let mut found = Vec::new();
        for tag in CosignTag::all_of(subject) {
            let Some(root) = self.find(name, place, &tag)? else { continue };
            let graph = self.walk_for(&Choice::everything(), name, place, &root)?;
            let elsewhere = graph.root().document().subject().filter(|about| about.digest != *subject);
            if elsewhere.is_some() {
                return Err(PlanError::NotAReferrer { referrer: root.digest, subject: subject.clone() });
            }
            let kind = kind_of(&graph);
            if self.kinds.contains(&kind) {
                found.push(TaggedGraph { tag, graph });
            } else {
                let (image, digest) = (name.to_owned(), root.digest);
                self.plan.left_out.push(LeftOutReferrer { image, digest, tag: Some(tag), kind });
            }
        }
        Ok(found)
    }

    /// The manifest under a tag, as far as the source has it.
    fn find(&mut self, name: &str, place: &SourceReference, tag: &CosignTag) -> Result<Option<Descriptor>, PlanError> {
        let repository = place.reference.repository();
        let found = match self.ahead.found(place, tag) {
            Some(found) => found,
            None => self.asked(place)?.find(repository, &tag.tag()),
        };
        let unlisted = |source| PlanError::Referrers { reference: name.to_owned(), source };
        let Some(manifest) = found.map_err(unlisted)? else { return Ok(None) };
        let descriptor = plain(manifest.descriptor());
        self.hold(name, manifest)?;
        Ok(Some(descriptor))
    }

    /// The referrers of manifests, level by level.
    fn referrers(
        &mut self,
        name: &str,
        place: &SourceReference,
        manifests: &[Digest],
    ) -> Result<Vec<Arc<Graph>>, PlanError> {
        let mut referrers: Vec<Arc<Graph>> = Vec::new();
        let mut subjects: Vec<Digest> = manifests.to_vec();
        let mut seen: BTreeSet<Digest> = subjects.iter().cloned().collect();
        // One level more than is carried is listed, so that nothing is left behind unnoticed.
        for level in 0..=MAXIMUM_DEPTH {
            let mut found = Vec::new();
            for subject in subjects {
                for referrer in self.list_referrers(name, place, &subject)? {
                    if !seen.insert(referrer.digest.clone()) {
                        continue;
                    }
                    if level == MAXIMUM_DEPTH {
                        let (reference, referrer) = (name.to_owned(), referrer.digest);
                        return Err(PlanError::ReferrerTooDeep { reference, referrer });
                    }
                    if seen.len() > MAXIMUM_REFERRERS.saturating_add(manifests.len()) {
                        return Err(PlanError::TooManyReferrers { reference: name.to_owned() });
                    }
                    let graph = self.walk_referrer(name, place, &referrer, &subject)?;
                    let kind = kind_of(&graph);
                    if self.kinds.contains(&kind) {
                        found.push(referrer.digest);
                        referrers.push(graph);
                    } else {
                        let (image, digest) = (name.to_owned(), referrer.digest);
                        self.plan.left_out.push(LeftOutReferrer { image, digest, tag: None, kind });
                    }
                }
            }
            subjects = found;
        }
        Ok(referrers)
    }

    /// The referrers of a manifest, as far as the source knows, by digest.
    fn list_referrers(
        &mut self,
        name: &str,
        place: &SourceReference,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, PlanError> {
        let repository = place.reference.repository().clone();
        let key = (address(&place.source), repository.clone(), subject.clone());
        if let Some(listed) = self.listed.get(&key) {
            return Ok(listed.clone());
        }
        let unlisted = |source| PlanError::Referrers { reference: name.to_owned(), source };
        let listed = match self.ahead.listed(place, subject) {
            Some(listed) => listed,
            None => self.asked(place)?.referrers(&repository, subject),
        };
        let mut listed = listed.map_err(unlisted)?;
        if listed.len() > MAXIMUM_REFERRERS {
            return Err(PlanError::TooManyReferrers { reference: name.to_owned() });
        }
        self.listed_count = self.listed_count.saturating_add(listed.len());
        if self.listed_count > MAXIMUM_LISTED {
            return Err(PlanError::TooManyReferrers { reference: name.to_owned() });
        }
        listed = listed.iter().map(plain).collect();
        listed.sort_by(|one, other| one.digest.cmp(&other.digest));
        self.listed.insert(key, listed.clone());
        Ok(listed)
    }

    fn walk_referrer(
        &mut self,
        name: &str,
        place: &SourceReference,
        referrer: &Descriptor,
        subject: &Digest,
    ) -> Result<Arc<Graph>, PlanError> {
        let graph = self.walk_for(&Choice::everything(), name, place, referrer);
        let graph = graph.map_err(|source| match source {
            // A limit is one of the plan, and not of this referrer.
            PlanError::Graph { source: ref reason, .. }
                if matches!(**reason, GraphError::Fetch { .. } | GraphError::Manifest { .. }) =>
            {
                let (referrer, subject) = (referrer.digest.clone(), subject.clone());
                PlanError::ReferrerMissing { referrer, subject, source: Box::new(source) }
            }
            other => other,
        })?;
        if graph.root().document().subject().is_none_or(|found| found.digest != *subject) {
            let referrer = referrer.digest.clone();
            return Err(PlanError::NotAReferrer { referrer, subject: subject.clone() });
        }
        Ok(graph)
    }
}
