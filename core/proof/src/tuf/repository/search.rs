//! The search for targets through delegated roles (TUF 1.0.34 §5.6.7), and the way to all of them.
//!
//! Promise: roles are asked for, judged and remembered one at a time, in the order of the specification. Where many come next and their
//! files are at hand, other threads verify them meanwhile; what they found counts for the very bytes that are asked for then, and a refusal
//! is never theirs.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use super::TrustedRepository;
use crate::tuf::ahead::{MAXIMUM_LENGTH, Promised, WorkAhead};
use crate::tuf::delegation::{DelegationScope, SoughtTarget};
use crate::tuf::envelope::{Authority, VerifiedMetadata};
use crate::tuf::error::TufError;
use crate::tuf::hashes::length;
use crate::tuf::metadata::Targets;
use crate::tuf::provider::{AnnouncedFile, MetadataProvider};
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
    /// What is found of it ahead, once that was begun or turned out to be of no use.
    found: OnceCell<Option<Promised<Option<FoundRole>>>>,
}

/// A file that would be accepted.
struct FoundRole {
    bytes: Arc<[u8]>,
    /// Whether it was read at hand, and not remembered.
    is_at_hand: bool,
    metadata: VerifiedMetadata<Targets>,
}

/// The roles that a search has still to visit, the next one first.
struct Frontier {
    pending: VecDeque<Pending>,
    ahead: WorkAhead,
    /// Those that were verified ahead, or whose turn has come.
    begun: HashSet<RoleName>,
    /// How many this search had to load.
    loaded: usize,
}

/// As long as a search has loaded fewer roles, it verifies none ahead, and starts no thread: most searches end soon.
const MANY_ROLES: usize = 8;

impl Pending {
    fn new(from: Option<Arc<SearchStep>>, role: RoleName, scope: DelegationScope) -> Self {
        Self { from, role, scope, found: OnceCell::new() }
    }
}

impl Frontier {
    fn top_level() -> Self {
        let top_level = Pending::new(None, RoleName::targets(), DelegationScope::EVERYTHING);
        Self { pending: VecDeque::from([top_level]), ahead: WorkAhead::default(), begun: HashSet::new(), loaded: 0 }
    }

    /// The role whose turn has come.
    fn next(&mut self) -> Option<Pending> {
        let next = self.pending.pop_front()?;
        self.begun.insert(next.role.clone());
        Some(next)
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
        let mut visited = HashSet::new();
        let mut frontier = Frontier::top_level();
        while let Some(next) = frontier.next() {
            if !visited.insert(next.role.clone()) {
                continue;
            }
            if visited.len() > self.limits.visited_roles {
                return Err(TufError::TooManyRoles { limit: self.limits.visited_roles });
            }
            self.look_ahead(provider, &next, &mut frontier, self.limits.visited_roles - visited.len());
            let Some(step) = self.step(provider, next, &frontier.ahead)?.map(Arc::new) else { continue };
            let metadata = step.metadata.value();
            if let Some(described) = metadata.targets.get(target) {
                return VerifiedTarget::new(target, described, step.chain()).map(Some);
            }
            let Some(delegations) = &metadata.delegations else { continue };
            let speakers = delegations.speakers(&sought, step.scope, &mut self.steps)?;
            if speakers.terminating {
                frontier.pending.clear();
            }
            let next = speakers.roles.into_iter();
            let next = next.map(|(role, scope)| Pending::new(Some(Arc::clone(&step)), role, scope));
            if self.dialect().searches_breadth_first() {
                frontier.pending.extend(next);
            } else {
                next.rev().for_each(|next| frontier.pending.push_front(next));
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
        let mut known = HashSet::from([RoleName::targets()]);
        // Every bin may repeat the succinct roles that it belongs to.
        let mut expanded = BTreeSet::new();
        let mut frontier = Frontier::top_level();
        while let Some(next) = frontier.next() {
            self.look_ahead(provider, &next, &mut frontier, usize::MAX);
            let Some(step) = self.step(provider, next, &frontier.ahead)?.map(Arc::new) else { continue };
            let delegations = step.metadata.value().delegations.iter();
            let snapshot = self.snapshot.snapshot().value();
            let names = delegations.flat_map(|delegations| delegations.role_names(snapshot, &mut expanded));
            let unknown = names.filter(|role| known.insert(role.clone()));
            let from = |role| Pending::new(Some(Arc::clone(&step)), role, DelegationScope::EVERYTHING);
            frontier.pending.extend(unknown.map(from));
        }
        Ok(())
    }

    /// If `next` has to be loaded, has some of the roles after it verified ahead: as many as the search has loaded so far, and no more than
    /// `most`, which it may still visit. So what turns out not to be needed takes no longer than what was.
    fn look_ahead(&self, provider: &dyn MetadataProvider, next: &Pending, frontier: &mut Frontier, most: usize) {
        let Frontier { pending, ahead, begun, loaded } = frontier;
        if next.from.as_ref().is_none_or(|from| self.is_loaded(from, &next.role)) {
            return;
        }
        *loaded += 1;
        if *loaded < MANY_ROLES {
            return;
        }
        for later in pending.iter().take(ahead.reach(most.min(*loaded))) {
            later.found.get_or_init(|| {
                let from = later.from.as_ref().filter(|_| begun.insert(later.role.clone()))?;
                self.verify_ahead(provider, from, &later.role, ahead)
            });
        }
    }

    fn is_loaded(&self, delegator: &SearchStep, role: &RoleName) -> bool {
        self.delegated.contains_key(&(delegator.role.clone(), role.clone()))
    }

    /// Has the file verified that is remembered of a role, or else the one that is at hand.
    fn verify_ahead(
        &self,
        provider: &dyn MetadataProvider,
        delegator: &Arc<SearchStep>,
        role: &RoleName,
        ahead: &mut WorkAhead,
    ) -> Option<Promised<Option<FoundRole>>> {
        if self.is_loaded(delegator, role) {
            return None;
        }
        let AnnouncedFile { role, version, limit } = self.snapshot.announced(role, &self.limits)?;
        let limit = limit.min(MAXIMUM_LENGTH);
        let remembered = recall(&self.state, &role).filter(|bytes| length(bytes) <= limit).map(<[u8]>::to_vec);
        let at_hand = provider.at_hand();
        if remembered.is_none() && at_hand.is_none() {
            return None;
        }
        let (snapshot, delegator) = (Arc::clone(&self.snapshot), Arc::clone(delegator));
        Some(ahead.begin(move || {
            let find = |bytes: Vec<u8>, is_at_hand| {
                let authority = delegator.authority_over(&role).ok()?;
                let metadata = snapshot.targets(&role, authority, &bytes, None).ok()?;
                Some(FoundRole { bytes: bytes.into(), is_at_hand, metadata })
            };
            let found = remembered.and_then(|bytes| find(bytes, false));
            found.or_else(|| find(at_hand?.metadata(&role, version, limit).ok()??, true))
        }))
    }

    /// `None` for a role that has published nothing yet, where the dialect allows that.
    fn step(
        &mut self,
        provider: &mut dyn MetadataProvider,
        next: Pending,
        ahead: &WorkAhead,
    ) -> Result<Option<SearchStep>, TufError> {
        let Pending { from, role, scope, found } = next;
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
        let found = found.into_inner().flatten().and_then(|promised| ahead.take(promised)?);
        let metadata = self.delegated(provider, delegator, &role, found)?;
        Ok(Some(SearchStep { role, metadata, from, depth, scope }))
    }

    /// A delegated role, as its delegator allows it to sign: already loaded, remembered, or requested. What was `found` ahead counts if it
    /// was read from the same bytes.
    fn delegated(
        &mut self,
        provider: &mut dyn MetadataProvider,
        delegator: &SearchStep,
        role: &RoleName,
        mut found: Option<FoundRole>,
    ) -> Result<Arc<VerifiedMetadata<Targets>>, TufError> {
        let place = (delegator.role.clone(), role.clone());
        if let Some(loaded) = self.delegated.get(&place) {
            return Ok(Arc::clone(loaded));
        }
        let file = self.snapshot.targets_file(role)?;
        let authority = delegator.authority_over(role)?;
        let at_hand = found.as_ref().filter(|found| found.is_at_hand).map(|found| Arc::clone(&found.bytes));
        let mut fetch = Fetch { provider, limits: &self.limits, at_hand: at_hand.as_deref() };
        // Where versions are listed, nothing depends on what is remembered beside them.
        let lists_versions = self.snapshot.dialect().lists_versions();
        let verify = |bytes: &[u8], remembered: Option<&[u8]>| {
            let counts = |found: &mut FoundRole| *found.bytes == *bytes && (lists_versions || remembered.is_none());
            let metadata = found.take_if(counts).map(|found| found.metadata);
            metadata.map_or_else(|| self.snapshot.targets(role, authority, bytes, remembered), Ok)
        };
        let loaded = remembered_or_requested(role, file, &mut self.state, &mut fetch, verify)?;
        self.roles.push(Arc::clone(loaded.evidence()));
        let loaded = Arc::new(loaded);
        self.delegated.insert(place, Arc::clone(&loaded));
        Ok(loaded)
    }
}

impl SearchStep {
    /// Who may sign for a role that this one delegates to.
    fn authority_over(&self, role: &RoleName) -> Result<Authority<'_>, TufError> {
        let delegations = self.metadata.value().delegations.as_ref();
        let Some((delegations, role_keys)) = delegations.and_then(|found| Some((found, found.keys_of(role)?))) else {
            return Err(TufError::NotInSnapshot { role: role.clone() });
        };
        let (delegator, delegator_version) = (&self.role, self.metadata.version());
        Ok(Authority { delegator, delegator_version, keys: &delegations.keys, role_keys })
    }

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
