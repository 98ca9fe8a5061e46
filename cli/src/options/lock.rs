//! The lock beside a shipment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sealift_core::export::{LockError, Plan, ShipmentLock, lock};
use sealift_core::tag_rule::ChosenTags;
use sealift_core::whole_file;

use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::input::read_file;
use crate::options::tags::RuledItem;
use crate::options::wanted::NamedShipment;

/// A shipment with the lock beside it.
pub(crate) struct LockedShipment {
    shipment: NamedShipment,
    /// The file of the lock.
    pub(crate) file: PathBuf,
    /// What it says; `None` if there is no such file.
    pub(crate) lock: Option<ShipmentLock>,
    /// What the rules of the shipment chose.
    chosen: ChosenTags,
}

impl LockedShipment {
    /// Reads the lock, if there is one.
    pub(crate) fn of(shipment: NamedShipment) -> Result<Self, Failure> {
        let file = ShipmentLock::path_of(&shipment.path);
        let mut locked = Self { shipment, file, lock: None, chosen: ChosenTags::default() };
        if locked.file.symlink_metadata().is_ok() {
            let bytes = read_file(&locked.file, FilePurpose::Shipment, lock::MAXIMUM_LENGTH);
            let bytes = bytes.attempt(|| locked.attempt())?;
            locked.lock = Some(ShipmentLock::parse(&bytes).map_err(|error| locked.refused(error))?);
        }
        Ok(locked)
    }

    /// The file of the shipment.
    pub(crate) fn path(&self) -> &Path {
        &self.shipment.path
    }

    fn attempt(&self) -> String {
        format!("cannot use the lock of {}", self.shipment.path.display())
    }

    fn refused(&self, source: LockError) -> Failure {
        let (file, shipment) = (self.file.clone(), self.shipment.path.clone());
        Failure::new(self.attempt(), Reason::Lock { file, shipment, source })
    }

    /// Requires that the lock, where there is one, has the names and the rules of the shipment and no others.
    pub(crate) fn require_names(&self, rules: &[RuledItem]) -> Result<(), Failure> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let rules = rules.iter().map(|ruled| (&*ruled.named.name, &ruled.rule));
        let fits = lock.require_rules(rules).and_then(|()| lock.require_names(&self.names_with(lock.tags())));
        fits.map_err(|error| self.refused(error))
    }

    /// Notes what the rules of the shipment chose.
    pub(crate) fn note(&mut self, chosen: ChosenTags) {
        self.chosen = chosen;
    }

    /// The rules that chose each name.
    pub(crate) fn rules(&self) -> BTreeMap<String, Vec<&str>> {
        self.chosen.names()
    }

    /// What a plan resolved the shipment to.
    pub(crate) fn planned(&self, plan: &Plan) -> ShipmentLock {
        ShipmentLock::of(plan, &self.names_with(&self.chosen), self.chosen.clone())
    }

    /// Requires that what was planned is what is locked.
    pub(crate) fn require_plan(&self, plan: &Plan) -> Result<(), Failure> {
        let fits = self.lock.as_ref().map(|lock| lock.require_plan(plan));
        fits.unwrap_or(Ok(())).map_err(|error| self.refused(error))
    }

    /// Writes another lock in its place.
    pub(crate) fn write(&self, lock: &ShipmentLock) -> Result<(), Reason> {
        let written = whole_file::replace(&self.file, lock.to_text().as_bytes());
        written.map_err(|source| Reason::File { path: self.file.clone(), source })
    }

    fn names_with(&self, chosen: &ChosenTags) -> BTreeSet<String> {
        self.shipment.names.iter().cloned().chain(chosen.names().into_keys()).collect()
    }
}
