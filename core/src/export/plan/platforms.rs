//! Asking images for their platforms, where no index states these.

use std::io::Read as _;

use super::super::request::SourceReference;
use super::{PlanError, Planner};
use crate::oci::{Graph, stated_platform};

impl Planner<'_> {
    /// Refuses an image for other platforms than the chosen ones, where no index says so.
    pub(super) fn require_platform(
        &mut self,
        name: &str,
        place: &SourceReference,
        image: &Graph,
    ) -> Result<(), PlanError> {
        let mut stated = Vec::new();
        for config in stated_platform::configurations(image, self.platforms) {
            let unfound = |source| PlanError::Source { reference: name.to_owned(), source };
            let mut bytes = Vec::new();
            let mut blob = self.asked(place)?.blob(place.reference.repository(), config).map_err(unfound)?;
            blob.read_to_end(&mut bytes).map_err(|source| PlanError::Config { reference: name.to_owned(), source })?;
            stated.extend(stated_platform::stated(&bytes));
        }
        stated_platform::require_chosen(image, self.platforms, &stated)
            .map_err(|offered| PlanError::NoPlatform { reference: name.to_owned(), offered })
    }
}
