//! What refers to an image: signatures, SBOMs, attestations (OCI Image Specification 1.1, `subject`).
//!
//! Promise: what refers to a manifest of the image, or to one of its referrers, is carried with everything below it, or
//! there is no plan; and subjects come before what refers to them, in an order that the source does not decide.

use std::collections::BTreeSet;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory;

use super::super::request::Place;
use super::{PlanError, Planner, described};
use crate::oci::{Descriptor, ForeignLayers, Graph, Platforms};

/// The most referrers of one image.
pub const MAXIMUM_REFERRERS: usize = 1_000;
/// The levels of referrers: those of the image, and those of these.
pub const MAXIMUM_DEPTH: usize = 2;

impl Planner<'_, '_> {
    /// Takes in what refers to the manifests of an image, level by level.
    pub(super) fn referrers(
        &mut self,
        name: &str,
        place: &Place,
        image: &Graph,
    ) -> Result<Vec<inventory::Descriptor>, PlanError> {
        let digest = |manifest: &crate::oci::ManifestBytes| manifest.descriptor().digest.clone();
        let mut subjects: Vec<Digest> = image.manifests().iter().map(digest).collect();
        let mut seen: BTreeSet<Digest> = subjects.iter().cloned().collect();
        let mut records = Vec::new();
        // One level more than are carried is listed: what would be left behind must not go unnoticed.
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
                    if records.len() >= MAXIMUM_REFERRERS {
                        return Err(PlanError::TooManyReferrers { reference: name.to_owned() });
                    }
                    records.push(described(&referrer));
                    let graph = self.walk_referrer(name, place, &referrer, &subject)?;
                    self.referrers.push((place.source, place.reference.repository().clone(), graph));
                    found.push(referrer.digest);
                }
            }
            subjects = found;
        }
        Ok(records)
    }

    /// What refers to a manifest, as far as the source knows, by digest.
    fn list_referrers(&mut self, name: &str, place: &Place, subject: &Digest) -> Result<Vec<Descriptor>, PlanError> {
        let unlisted = |source| PlanError::Referrers { reference: name.to_owned(), source };
        let repository = place.reference.repository();
        let mut listed = self.source(place.source)?.referrers(repository, subject).map_err(unlisted)?;
        listed.sort_by(|one, other| one.digest.cmp(&other.digest));
        Ok(listed)
    }

    fn walk_referrer(
        &mut self,
        name: &str,
        place: &Place,
        referrer: &Descriptor,
        subject: &Digest,
    ) -> Result<Graph, PlanError> {
        let source = self.source(place.source)?;
        let repository = place.reference.repository();
        // What a list says beside these three decides nothing.
        let referrer = Descriptor::new(&referrer.media_type, referrer.digest.clone(), referrer.size);
        let unfound = |source| PlanError::Source { reference: name.to_owned(), source };
        let root = source.manifest(repository, &referrer).map_err(unfound)?;
        let unusable = |source| PlanError::Manifest { reference: referrer.digest.to_string(), source };
        if root.document().map_err(unusable)?.subject().is_none_or(|found| found.digest != *subject) {
            return Err(PlanError::NotAReferrer { referrer: referrer.digest, subject: subject.clone() });
        }
        let fetch = |descriptor: &Descriptor| source.manifest(repository, descriptor);
        Graph::walk(root, &Platforms::All, ForeignLayers::Carry, fetch)
            .map_err(|source| PlanError::Graph { reference: referrer.digest.to_string(), source: Box::new(source) })
    }
}
