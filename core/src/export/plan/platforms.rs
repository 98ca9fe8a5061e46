//! Asking images for their platforms, where no index states these.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;

use sealift_archive_format::Digest;

use super::super::request::SourceReference;
use super::{PlanError, Planner};
use crate::oci::stated_platform::{self, ChosenImages};
use crate::oci::{Choice, Graph};
use crate::report::Warning;

impl Planner<'_> {
    /// What of an image is for the chosen platforms, where no index says so.
    pub(super) fn of_chosen_platforms(
        &mut self,
        name: &str,
        place: &SourceReference,
        image: Arc<Graph>,
    ) -> Result<Arc<Graph>, PlanError> {
        let mut read: HashMap<Digest, Vec<u8>> = HashMap::new();
        for unstated in stated_platform::unstated(&image, self.platforms) {
            let config = unstated.configuration;
            if read.contains_key(&config.digest) {
                continue;
            }
            let unfound = |source| PlanError::Source { reference: name.to_owned(), part_of: None, source };
            let mut bytes = Vec::new();
            let mut blob = self.asked(place)?.blob(place.reference.repository(), config).map_err(unfound)?;
            blob.read_to_end(&mut bytes).map_err(|source| PlanError::Config { reference: name.to_owned(), source })?;
            read.insert(config.digest.clone(), bytes);
        }
        let content = |digest: &Digest| read.get(digest).map(Vec::as_slice);
        let ChosenImages { without, absent } = stated_platform::choose(&image, self.platforms, content)
            .map_err(|offered| PlanError::NoPlatform { reference: name.to_owned(), offered })?;
        if !absent.is_empty() {
            self.plan.absent.push(Warning::PlatformsNotThere { item: name.to_owned(), platforms: absent });
        }
        if without.is_empty() {
            return Ok(image);
        }
        let choice = Choice { without, ..Choice::of(self.platforms, self.foreign_layers) };
        self.walk_for(&choice, name, place, image.root().descriptor())
    }
}
