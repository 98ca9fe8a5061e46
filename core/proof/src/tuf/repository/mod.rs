//! A repository that passed the workflow (TUF 1.0.34 §5), and what is to be remembered of it.

mod search;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::chain::TrustedSnapshot;
use super::dialect::Dialect;
use super::envelope::{RoleEvidence, VerifiedMetadata};
use super::every_role::RolePassedOver;
use super::hashes::length;
use super::limits::Limits;
use super::matching::MatchingSteps;
use super::metadata::Targets;
use super::provider::{AnnouncedFile, MetadataProvider, ProviderError};
use super::role_name::RoleName;
use super::state::TrustedState;

/// A repository whose top-level roles are trusted. Delegated roles are loaded as searches reach them.
#[derive(Debug, Clone)]
pub struct TrustedRepository {
    snapshot: Arc<TrustedSnapshot>,
    targets: Arc<VerifiedMetadata<Targets>>,
    /// By delegator and role: one delegator may let a role sign what another does not.
    delegated: HashMap<(RoleName, RoleName), Arc<VerifiedMetadata<Targets>>>,
    roles: Vec<Arc<RoleEvidence>>,
    passed_over: Vec<RolePassedOver>,
    state: TrustedState,
    limits: Limits,
    /// Those that its searches may still take.
    steps: MatchingSteps,
}

/// How much is remembered of delegated roles that were not needed for what was accepted last, in bytes: 64 MiB.
pub const MAXIMUM_KEPT_ROLES: u64 = 64 << 20;

/// How many names are looked at to find those beside another one.
const MAXIMUM_NAMES: usize = 20;

/// A provider that has nothing beyond what was loaded.
struct NothingMore;

impl MetadataProvider for NothingMore {
    fn metadata(&mut self, _: &RoleName, _: Option<u64>, _: u64) -> Result<Option<Vec<u8>>, ProviderError> {
        Ok(None)
    }
}

impl TrustedRepository {
    pub(crate) fn new(
        snapshot: TrustedSnapshot,
        targets: VerifiedMetadata<Targets>,
        passed_over: Vec<RolePassedOver>,
        state: TrustedState,
        limits: Limits,
    ) -> Self {
        let roles = vec![
            Arc::clone(snapshot.root().evidence()),
            Arc::clone(snapshot.timestamp().evidence()),
            Arc::clone(snapshot.snapshot().evidence()),
            Arc::clone(targets.evidence()),
        ];
        let steps = MatchingSteps::new(limits.matching_steps);
        let (snapshot, targets, delegated) = (Arc::new(snapshot), Arc::new(targets), HashMap::new());
        Self { snapshot, targets, delegated, roles, passed_over, state, limits, steps }
    }

    /// The delegated roles that were passed over when all of them were looked at, which is done where the snapshot states no versions.
    pub fn roles_passed_over(&self) -> &[RolePassedOver] {
        &self.passed_over
    }

    /// The proof of every role that was loaded: root, timestamp, snapshot, targets, then delegated roles in the order
    /// in which searches reached them.
    pub fn roles(&self) -> &[Arc<RoleEvidence>] {
        &self.roles
    }

    /// The instant at which expiry was judged.
    pub fn reference_time(&self) -> Instant {
        self.snapshot.reference_time()
    }

    /// The dialect of its files.
    pub fn dialect(&self) -> &Dialect {
        self.snapshot.dialect()
    }

    /// The name in a certificate of the newest root that is made out to other repositories as well. Their roots may be taken for this
    /// one's.
    pub fn shared_certificate(&self) -> Option<&str> {
        self.snapshot.root().value().shared_name.as_deref()
    }

    /// Whether file names carry versions and hashes (§5.3.12).
    pub fn has_consistent_snapshots(&self) -> bool {
        self.snapshot.root().value().consistent_snapshot
    }

    /// The snapshot, with the proof of the roles above it.
    pub(crate) fn snapshot(&self) -> &TrustedSnapshot {
        &self.snapshot
    }

    /// The limits that it was read with.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What has been accepted so far.
    pub fn state(&self) -> &TrustedState {
        &self.state
    }

    /// What to remember: the accepted metadata, and the export time it came with, which never moves back. A delegated role that was not
    /// loaded now is remembered as long as the snapshot lists it in the version that is known, and there is room
    /// ([`MAXIMUM_KEPT_ROLES`]).
    pub fn into_state(self, export_time: Option<Instant>) -> TrustedState {
        let superseded = self.superseded();
        let mut state = self.state;
        state.metadata.retain(|role, _| !superseded.contains(role));
        state.last_export = state.last_export.max(export_time);
        state
    }

    /// The roles that need not be remembered. Where snapshots state no versions, a role that is remembered guards against rollback, and
    /// is always kept.
    fn superseded(&self) -> BTreeSet<String> {
        if !self.dialect().lists_versions() {
            return BTreeSet::new();
        }
        let loaded: BTreeSet<&str> = self.roles.iter().map(|evidence| evidence.role.as_str()).collect();
        let mut room = MAXIMUM_KEPT_ROLES;
        let mut is_kept = |(role, bytes): (&String, &Vec<u8>)| {
            let listed = || {
                let file = self.snapshot.announced(&RoleName::delegated(role).ok()?, &self.limits)?;
                self.snapshot.lists_file(&file.role.file_name(file.version), bytes).then_some(())
            };
            let left = room.checked_sub(length(bytes)).filter(|_| listed().is_some());
            room = left.unwrap_or(room);
            left.is_some()
        };
        let others = self.state.metadata.iter().filter(|(role, _)| !loaded.contains(role.as_str()));
        others.filter(|other| !is_kept(*other)).map(|(role, _)| role.clone()).collect()
    }

    /// The names of all targets that the top-level targets role itself describes.
    pub fn top_level_targets(&self) -> impl Iterator<Item = &str> {
        self.targets.value().targets.names()
    }

    /// The names of targets that begin with `prefix`, in order, as far as the roles that were loaded so far decide it: for a person
    /// who looked for another one. `limit` of them at most.
    pub fn names_beside(&self, prefix: &str, limit: usize) -> Vec<String> {
        let loaded = std::iter::once(&self.targets).chain(self.delegated.values());
        let names: BTreeSet<&str> =
            loaded.flat_map(|role| role.value().targets.names_beginning(prefix).take(MAXIMUM_NAMES)).collect();
        // A role may list what it may not sign.
        let mut loaded = self.clone();
        let is_found = |name: &&str| loaded.resolve(&mut NothingMore, name).is_ok_and(|found| found.is_some());
        names.into_iter().take(MAXIMUM_NAMES).filter(is_found).take(limit).map(str::to_owned).collect()
    }

    /// The delegated roles that the snapshot lists: the version in the name of each one's file, where snapshots are consistent, and how long
    /// the file may be, in bytes.
    pub fn listed_roles(&self) -> impl Iterator<Item = AnnouncedFile> {
        let paths = self.snapshot.snapshot().value().meta.names();
        let names = paths.filter_map(|path| RoleName::delegated(path.strip_suffix(".json")?).ok());
        names.filter_map(|role| self.snapshot.announced(&role, &self.limits))
    }
}
