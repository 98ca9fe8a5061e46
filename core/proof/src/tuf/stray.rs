//! Carried metadata of a repository that has no reason to be there.
//!
//! Promise: a file passes under one name only, and only as a root of the chain that the accepted root is part of, as
//! the timestamp, as the snapshot that it describes, or as what the verified snapshot lists.

use std::collections::BTreeSet;

use super::chain::{RootChain, roots_before};
use super::dialect::TrustAnchor;
use super::envelope::UnverifiedMetadata;
use super::error::TufError;
use super::limits::Limits;
use super::provider::CarriedMetadata;
use super::repository::TrustedRepository;
use super::role_name::RoleName;
use super::update::recall;

/// The name of a carried metadata file that nothing accounts for, if there is one. `repository` is the verified
/// repository, `pinned_root` the root that this side pinned.
///
/// Roles that judgement did not need may be carried, to be published in a mirror: their signatures are checked there.
///
/// # Errors
/// [`TufError::TrustedRoot`] when `pinned_root` is not a root.
pub fn stray_metadata<'c>(
    carried: &'c CarriedMetadata,
    repository: &TrustedRepository,
    pinned_root: &[u8],
) -> Result<Option<&'c str>, TufError> {
    let accepted = recall(repository.state(), &RoleName::root()).unwrap_or(pinned_root);
    let around = |root| {
        let trusted = TrustAnchor { root, dialect: repository.dialect() };
        roots_around(carried, trusted, repository.limits())
    };
    let mut roots = around(accepted)?;
    if accepted != pinned_root {
        roots.append(&mut around(pinned_root)?);
    }
    let snapshot = repository.snapshot();
    let has_reason = |name: &str, bytes: &[u8]| {
        roots.contains(name)
            || name == RoleName::timestamp().file_name(None)
            || snapshot.is_file_of_snapshot(name, bytes)
            || snapshot.lists_file(name, bytes)
    };
    Ok(carried
        .files()
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes))
        .find_map(|(name, bytes)| (!has_reason(name, bytes)).then_some(name)))
}

/// The names of the carried roots that belong to one chain with `trusted`: those from which it leads there, that root
/// itself, and those to which it leads from there.
fn roots_around(
    carried: &CarriedMetadata,
    trusted: TrustAnchor<'_>,
    limits: &Limits,
) -> Result<BTreeSet<String>, TufError> {
    let named = |version| RoleName::root().file_name(Some(version));
    let file = |version| carried.files().get(&named(version));
    // A policy that walks fewer roots in one update does not forbid carrying more.
    let root_versions = limits.root_versions.max(Limits::default().root_versions);
    let limits = Limits { root_versions, ..*limits };
    let older = roots_before(trusted, &limits, |version| Ok::<_, TufError>(file(version).cloned()))?;
    let mut roots: BTreeSet<String> = older.into_keys().map(named).collect();
    let mut chain = RootChain::begin(trusted)?;
    if file(chain.version()).is_some_and(|root| is_the_same_root(root, trusted)) {
        roots.insert(named(chain.version()));
    }
    for _ in 0..root_versions {
        let Some(version) = chain.next_version() else { break };
        let Some(root) = file(version) else { break };
        if chain.accept(root).is_err() {
            break;
        }
        roots.insert(named(version));
    }
    Ok(roots)
}

/// Whether two files sign the same root: a publisher may add a signature later.
fn is_the_same_root(root: &[u8], trusted: TrustAnchor<'_>) -> bool {
    let parse = |bytes| UnverifiedMetadata::parse(trusted.dialect, &RoleName::root(), bytes);
    let same = || Ok::<_, TufError>(parse(root)?.signs_the_same_as(&parse(trusted.root)?));
    let is_a_root = || RootChain::begin(TrustAnchor { root, ..trusted }).is_ok();
    root == trusted.root || (is_a_root() && same().unwrap_or(false))
}
