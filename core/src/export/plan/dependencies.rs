//! The bundles that bundles need (CNAB Dependencies 1.0, §500), and those that these need.
//!
//! Promise: every bundle that a bundle of the plan needs is in the plan, or there is no plan. Which version it is, is chosen once,
//! here: on the far side there is nothing to choose.

use std::sync::Arc;

use super::super::request::{Dependencies, ImagesFrom, ItemOrigin, ItemRequest, SourceReference};
use super::{PlanError, Planner};
use crate::cnab::{CarriedBundle, Dependency};
use crate::oci::Reference;
use crate::verify::documents::ClosedItem;

/// The most bundles that are added to a plan because others need them.
pub(super) const MAXIMUM_ADDED: usize = 1_000;

impl Planner<'_> {
    /// Adds the bundles that are needed, and not asked for by name.
    pub(super) fn dependencies(&mut self, from: &Dependencies) -> Result<(), PlanError> {
        let (mut looked_at, mut added) = (0, 0);
        let mut carried = CarriedBundle::among(&self.plan.items);
        while let Some(item) = self.plan.closed.items.get(looked_at) {
            let needed = match item {
                ClosedItem::Bundle(bundle) => bundle.bundle.dependencies.clone(),
                ClosedItem::Image(_) | ClosedItem::File(_) => Ok(Vec::new()),
            };
            let name = self.plan.items.get(looked_at).map(|item| item.reference().to_owned()).unwrap_or_default();
            let unread = |source| PlanError::Dependencies { bundle: name.clone(), source };
            for dependency in needed.map_err(unread)? {
                if carried.iter().any(|bundle| dependency.is_met_by(bundle)) {
                    continue;
                }
                added += 1;
                if added > MAXIMUM_ADDED {
                    return Err(PlanError::TooManyDependencies);
                }
                let reference = self.choose(&name, &dependency, from)?;
                let place = SourceReference { source: Arc::clone(&from.0), reference: reference.clone() };
                let images = Some(ImagesFrom::TheirReferences(Arc::clone(&from.0)));
                let origin = ItemOrigin::Bundle { place, images };
                self.item(&ItemRequest { name: reference.to_string(), origin })?;
                carried.extend(CarriedBundle::among(self.plan.items.last()));
            }
            looked_at += 1;
        }
        Ok(())
    }

    /// The bundle that will be carried for a dependency: the newest version that will do. Where nothing is said about versions, and no tag
    /// is one, it is what the name alone means.
    fn choose(&mut self, bundle: &str, needed: &Dependency, from: &Dependencies) -> Result<Reference, PlanError> {
        let reference: Reference = needed.bundle.parse().map_err(|source| PlanError::DependencyReference {
            bundle: bundle.to_owned(),
            needed: needed.bundle.clone(),
            source,
        })?;
        if reference.tag().is_some() || reference.digest().is_some() {
            return Ok(reference);
        }
        self.budget.request()?;
        let unlisted = |source| PlanError::Source { reference: needed.bundle.clone(), part_of: None, source };
        let tags = from.0.tags(reference.repository()).map_err(unlisted)?;
        let newest = needed.newest(&tags).cloned();
        if newest.is_none() && needed.ranges.is_empty() {
            return Ok(reference);
        }
        let tag = newest.ok_or_else(|| PlanError::NoVersion {
            bundle: bundle.to_owned(),
            needed: needed.to_string(),
            count: tags.len(),
        })?;
        Ok(Reference::new(reference.repository().clone(), Some(tag), None))
    }
}
