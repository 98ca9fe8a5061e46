//! Delegated roles of a repository whose snapshots state no versions: all that can be reached, whether a search asks them or not.
//!
//! Promise: of each that the snapshot lists and its delegator signed for, the newest accepted file is remembered. So none goes back
//! behind it, and none that was there falls silent, however many deliveries lie between and whatever was looked for in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::chain::TrustedSnapshot;
use super::delegation::Delegations;
use super::envelope::{Authority, VerifiedMetadata};
use super::error::TufError;
use super::metadata::Targets;
use super::role_name::RoleName;
use super::state::TrustedState;
use super::update::{Fetch, recall, remembered_or_requested};

/// A role that was not looked at any further, because of what only its delegator or its own signers can set right. What is remembered of it
/// stays, and a search that comes to it ends there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePassedOver {
    /// The role.
    pub role: RoleName,
    /// What is wrong with it.
    pub reason: String,
}

/// A verified role, as far as others need it that it delegates to.
struct Delegator {
    role: RoleName,
    version: u64,
    delegations: Delegations,
    depth: usize,
}

impl Delegator {
    fn of(role: RoleName, metadata: &VerifiedMetadata<Targets>, depth: usize) -> Option<Arc<Self>> {
        let delegations = metadata.value().delegations.clone()?;
        Some(Arc::new(Self { role, version: metadata.version(), delegations, depth }))
    }
}

/// Looks at every delegated role that can be reached, where the snapshot does not state the versions of what it lists: each must be the
/// file that is listed, not older than the one that was accepted before, and listed if one was accepted before.
///
/// What the snapshot's key cannot do is not asked here: a role that has expired, that too few keys signed or that cannot be read is
/// passed over, and named in the result.
///
/// # Errors
/// [`TufError::Removed`], [`TufError::Rollback`], [`TufError::Mismatch`], [`TufError::Missing`], [`TufError::TooManyRoles`], and those
/// of the provider.
pub(super) fn advance_delegated(
    snapshot: &TrustedSnapshot,
    targets: &VerifiedMetadata<Targets>,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
) -> Result<Vec<RolePassedOver>, TufError> {
    if snapshot.dialect().lists_versions() {
        return Ok(Vec::new());
    }
    let (limit, deepest) = (fetch.limits.visited_roles, fetch.limits.delegation_depth);
    let mut known = BTreeSet::from([RoleName::targets()]);
    let mut expanded = BTreeSet::new();
    let mut delegators = Vec::from_iter(Delegator::of(RoleName::targets(), targets, 0));
    // The top-level role is one.
    let mut visited = 1;
    let (mut saw_everything, mut passed_over) = (true, Vec::new());
    while let Some(delegator) = delegators.pop() {
        let roles = delegator.delegations.role_names(snapshot.snapshot().value(), &mut expanded);
        if delegator.depth < deepest {
            let unknown = roles.iter().filter(|role| !known.contains(*role) && recall(state, role).is_none());
            let announced = unknown.filter_map(|role| snapshot.announced(role, fetch.limits));
            fetch.provider.announce(&announced.take(limit.saturating_sub(visited)).collect::<Vec<_>>());
        }
        for role in roles {
            if !known.insert(role.clone()) || snapshot.is_silent(&role, recall(state, &role).is_some())? {
                continue;
            }
            // No search goes there.
            if delegator.depth >= deepest {
                saw_everything = false;
                continue;
            }
            visited += 1;
            if visited > limit {
                return Err(TufError::TooManyRoles { limit });
            }
            match advance_one(snapshot, &delegator, &role, state, fetch) {
                Ok(metadata) => delegators.extend(Delegator::of(role, &metadata, delegator.depth + 1)),
                Err(error @ (TufError::Signatures { .. } | TufError::Malformed { .. })) => {
                    passed_over.push(RolePassedOver { role, reason: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
    }
    if saw_everything && passed_over.is_empty() {
        // What nobody delegates to any more begins anew if somebody does again.
        let is_reached = |name: &String| RoleName::delegated(name).map_or(true, |role| known.contains(&role));
        state.metadata.retain(|name, _| is_reached(name));
    }
    Ok(passed_over)
}

fn advance_one(
    snapshot: &TrustedSnapshot,
    delegator: &Delegator,
    role: &RoleName,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
) -> Result<VerifiedMetadata<Targets>, TufError> {
    let Delegator { role: delegated_by, version, delegations, .. } = delegator;
    let missing = || TufError::NotInSnapshot { role: role.clone() };
    let authority = Authority {
        delegator: delegated_by,
        delegator_version: *version,
        keys: &delegations.keys,
        role_keys: delegations.keys_of(role).ok_or_else(missing)?,
    };
    let file = snapshot.targets_file(role)?;
    remembered_or_requested(role, file, state, fetch, |bytes, remembered| {
        snapshot.targets_of_any_date(role, authority, bytes, remembered)
    })
}
