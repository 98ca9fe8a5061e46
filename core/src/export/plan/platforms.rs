//! Platforms that no index states.
//!
//! Promise: where platforms are chosen, an image whose manifests are listed without a platform, or not listed at all, is carried only
//! if the configuration of one of them states a chosen platform, or none of them states any.

use std::io::Read as _;

use super::super::request::SourceReference;
use super::{PlanError, Planner};
use crate::oci::media_type::{DOCKER_CONFIG, OCI_CONFIG, essence};
use crate::oci::{Descriptor, Document, Graph, Platform, Platforms};

/// The longest configuration that is read to find its platform, in bytes.
const MAXIMUM_CONFIG: u64 = 4 << 20;

impl Planner<'_> {
    /// Refuses an image for other platforms than the chosen ones, where no index says so.
    pub(super) fn require_platform(
        &mut self,
        name: &str,
        place: &SourceReference,
        image: &Graph,
    ) -> Result<(), PlanError> {
        let Platforms::Only(wishes) = self.platforms else { return Ok(()) };
        if image.platforms().next().is_some() {
            return Ok(());
        }
        let mut stated = Vec::new();
        for manifest in image.manifests() {
            let Document::Image(manifest) = manifest.document() else { continue };
            stated.extend(self.stated_platform(name, place, &manifest.config)?);
        }
        if stated.is_empty() || stated.iter().any(|found| wishes.iter().any(|wish| wish.selects(found))) {
            return Ok(());
        }
        let mut offered: Vec<String> = stated.iter().map(ToString::to_string).collect();
        offered.extend(image.left_out_platforms());
        offered.sort();
        offered.dedup();
        Err(PlanError::NoPlatform { reference: name.to_owned(), offered })
    }

    fn stated_platform(
        &mut self,
        name: &str,
        place: &SourceReference,
        config: &Descriptor,
    ) -> Result<Option<Platform>, PlanError> {
        let is_of_image = [OCI_CONFIG, DOCKER_CONFIG].contains(&essence(&config.media_type).as_str());
        if !is_of_image || config.size > MAXIMUM_CONFIG {
            return Ok(None);
        }
        let unfound = |source| PlanError::Source { reference: name.to_owned(), source };
        let mut bytes = Vec::new();
        let mut blob = self.asked(place)?.blob(place.reference.repository(), config).map_err(unfound)?;
        blob.read_to_end(&mut bytes).map_err(|source| PlanError::Config { reference: name.to_owned(), source })?;
        // A configuration has the members of a platform among others (OCI Image 1.1, "Image Configuration"); what is not one states none.
        let stated: Option<Platform> = serde_json::from_slice(&bytes).ok();
        Ok(stated.filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty()))
    }
}
