//! The search for targets through delegated roles (TUF 1.0.34 §5.6.7), and the way to all of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::TrustedRepository;
use crate::tuf::delegation::{DelegationScope, SoughtTarget};
use crate::tuf::envelope::{Authority, VerifiedMetadata};
use crate::tuf::error::TufError;
use crate::tuf::metadata::Targets;
use crate::tuf::provider::MetadataProvider;
use crate::tuf::role_name::RoleName;
use crate::tuf::target::VerifiedTarget;
use crate::tuf::update::{Fetch, recall, remembered_or_requested};

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

impl TrustedRepository {
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
