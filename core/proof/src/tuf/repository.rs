//! A repository that passed the workflow, and the search for targets in it (TUF 1.0.34 §5.6.7).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::chain::TrustedSnapshot;
use super::delegation::{DelegationScope, SoughtTarget};
use super::dialect::Dialect;
use super::envelope::{Authority, RoleEvidence, VerifiedMetadata};
use super::error::TufError;
use super::every_role::RolePassedOver;
use super::hashes::length;
use super::limits::Limits;
use super::matching::MatchingSteps;
use super::metadata::Targets;
use super::provider::{AnnouncedFile, MetadataProvider, ProviderError};
use super::role_name::RoleName;
use super::state::TrustedState;
use super::target::VerifiedTarget;
use super::update::{Fetch, recall, remembered_or_requested};

/// A repository whose top-level roles are trusted. Delegated roles are loaded as searches reach them.
#[derive(Debug, Clone)]
pub struct TrustedRepository {
    snapshot: TrustedSnapshot,
    targets: Arc<VerifiedMetadata<Targets>>,
    /// By delegator and role: one delegator may let a role sign what another does not.
    delegated: BTreeMap<(RoleName, RoleName), Arc<VerifiedMetadata<Targets>>>,
    roles: Vec<Arc<RoleEvidence>>,
    passed_over: Vec<RolePassedOver>,
    state: TrustedState,
    limits: Limits,
    /// Those that its searches may still take.
    steps: MatchingSteps,
}

/// A role in a search, and how the search reached it.
#[derive(Debug)]
struct SearchStep {
    role: RoleName,
    metadata: Arc<VerifiedMetadata<Targets>>,
    from: Option<Arc<SearchStep>>,
    depth: usize,
    /// What it may delegate.
    scope: DelegationScope,
}

/// A role that a search has still to visit: the one that delegates to it, and what it may delegate itself.
struct Pending {
    from: Option<Arc<SearchStep>>,
    role: RoleName,
    scope: DelegationScope,
}

impl Pending {
    fn top_level() -> Self {
        Self { from: None, role: RoleName::targets(), scope: DelegationScope::EVERYTHING }
    }
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
        let (targets, delegated) = (Arc::new(targets), BTreeMap::new());
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

    /// Looks for a target, in order of priority, through every role that may speak for its name: depth first (§5.6.7), or breadth first
    /// where the dialect has it so. `Ok(None)` when no role that was asked describes it.
    ///
    /// # Errors
    /// [`TufError`] when a role on the way is missing or refused, or when there are too many, they nest too deep or take too much work:
    /// then it is not known whether the repository has the target.
    pub fn resolve(
        &mut self,
        provider: &mut dyn MetadataProvider,
        target: &str,
    ) -> Result<Option<VerifiedTarget>, TufError> {
        let sought = SoughtTarget::new(target);
        let mut visited = BTreeSet::new();
        // The roles still to be visited, the next one first.
        let mut pending = VecDeque::from([Pending::top_level()]);
        while let Some(next) = pending.pop_front() {
            if !visited.insert(next.role.clone()) {
                continue;
            }
            if visited.len() > self.limits.visited_roles {
                return Err(TufError::TooManyRoles { limit: self.limits.visited_roles });
            }
            let Some(step) = self.step(provider, next)?.map(Arc::new) else { continue };
            let metadata = step.metadata.value();
            if let Some(described) = metadata.targets.get(target) {
                return VerifiedTarget::new(target, described, step.chain()).map(Some);
            }
            let Some(delegations) = &metadata.delegations else { continue };
            let speakers = delegations.speakers(&sought, step.scope, &mut self.steps)?;
            if speakers.terminating {
                pending.clear();
            }
            let next = speakers.roles.into_iter();
            let next = next.map(|(role, scope)| Pending { from: Some(Arc::clone(&step)), role, scope });
            if self.dialect().searches_breadth_first() {
                pending.extend(next);
            } else {
                next.rev().for_each(|next| pending.push_front(next));
            }
        }
        Ok(None)
    }

    /// Loads every role that can be reached by delegations, for a mirror of the whole metadata set.
    ///
    /// # Errors
    /// [`TufError`] as for [`TrustedRepository::resolve`]; the number of roles is bounded by what the snapshot lists.
    pub fn load_every_role(&mut self, provider: &mut dyn MetadataProvider) -> Result<(), TufError> {
        // Breadth first, so that each role is reached by the shortest path.
        let mut known = BTreeSet::from([RoleName::targets()]);
        // Every bin may repeat the succinct roles that it belongs to.
        let mut expanded = BTreeSet::new();
        let mut pending = VecDeque::from([Pending::top_level()]);
        while let Some(next) = pending.pop_front() {
            let Some(step) = self.step(provider, next)?.map(Arc::new) else { continue };
            let delegations = step.metadata.value().delegations.iter();
            let snapshot = self.snapshot.snapshot().value();
            let names = delegations.flat_map(|delegations| delegations.role_names(snapshot, &mut expanded));
            let unknown = names.filter(|role| known.insert(role.clone()));
            let from = |role| Pending { from: Some(Arc::clone(&step)), role, scope: DelegationScope::EVERYTHING };
            pending.extend(unknown.map(from));
        }
        Ok(())
    }

    /// `None` for a role that has published nothing yet, where the dialect allows that.
    fn step(&mut self, provider: &mut dyn MetadataProvider, next: Pending) -> Result<Option<SearchStep>, TufError> {
        let Pending { from, role, scope } = next;
        let Some(delegator) = &from else {
            return Ok(Some(SearchStep { role, metadata: Arc::clone(&self.targets), from: None, depth: 0, scope }));
        };
        let depth = delegator.depth + 1;
        if depth > self.limits.delegation_depth {
            return Err(TufError::TooDeep { role, limit: self.limits.delegation_depth });
        }
        if self.snapshot.is_silent(&role, recall(&self.state, &role).is_some())? {
            return Ok(None);
        }
        let metadata = self.delegated(provider, delegator, &role)?;
        Ok(Some(SearchStep { role, metadata, from, depth, scope }))
    }

    /// A delegated role, as its delegator allows it to sign: already loaded, remembered, or requested.
    fn delegated(
        &mut self,
        provider: &mut dyn MetadataProvider,
        delegator: &SearchStep,
        role: &RoleName,
    ) -> Result<Arc<VerifiedMetadata<Targets>>, TufError> {
        let place = (delegator.role.clone(), role.clone());
        if let Some(loaded) = self.delegated.get(&place) {
            return Ok(Arc::clone(loaded));
        }
        let file = self.snapshot.targets_file(role)?;
        let delegations = delegator.metadata.value().delegations.as_ref();
        let Some((delegations, role_keys)) = delegations.and_then(|found| Some((found, found.keys_of(role)?))) else {
            return Err(TufError::NotInSnapshot { role: role.clone() });
        };
        let authority = Authority {
            delegator: &delegator.role,
            delegator_version: delegator.metadata.version(),
            keys: &delegations.keys,
            role_keys,
        };
        let mut fetch = Fetch { provider, limits: &self.limits };
        let loaded = remembered_or_requested(role, file, &mut self.state, &mut fetch, |bytes, remembered| {
            self.snapshot.targets(role, authority, bytes, remembered)
        })?;
        self.roles.push(Arc::clone(loaded.evidence()));
        let loaded = Arc::new(loaded);
        self.delegated.insert(place, Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl SearchStep {
    /// The roles from the top-level targets role to this one.
    fn chain(&self) -> Vec<RoleName> {
        let mut roles = vec![self.role.clone()];
        let mut from = self.from.as_deref();
        while let Some(step) = from {
            roles.push(step.role.clone());
            from = step.from.as_deref();
        }
        roles.reverse();
        roles
    }
}
