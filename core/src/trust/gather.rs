//! What must be carried so that the far side can come to the same judgement.
//!
//! Promise: of each repository, only these are gathered: every root from which a chain leads to the newest, timestamp,
//! snapshot, targets, the delegated roles that the searches visited, and the in-toto files that were needed. Of a repository whose
//! snapshots state no versions (Notary's), all delegated roles that can be reached.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_proof::tuf::chain::{RootChain, roots_before};
use sealift_proof::tuf::provider::{RecordingMetadata, RecordingTargets, Room};
use sealift_proof::tuf::{Limits, ProviderError, RoleName, TrustAnchor, TrustedState, TufError};

use super::repositories::{Carried, CarriedRepository, Carrier, MAXIMUM_TUF, RepositoryError};
use crate::trust_store::{RepositoryName, Trust};

/// How much of a repository's metadata is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Only what proves the chosen names.
    WhatIsNeeded,
    /// The metadata of every role, so that the far side can publish a mirror of it.
    EveryRole,
}

/// Runs a judgement over live repositories and returns what it read: the metadata and target files that an archive must
/// carry so that the same judgement succeeds from them alone.
///
/// # Errors
/// The judgement's own error, and [`RepositoryError`] when the roots cannot be fetched.
pub fn gather<E: From<RepositoryError>>(
    trust: &Trust,
    live: &mut BTreeMap<RepositoryName, Carrier<'_>>,
    extent: Extent,
    now: Timestamp,
    judge: impl FnOnce(&Trust, BTreeMap<RepositoryName, Carrier<'_>>) -> Result<(), E>,
) -> Result<Carried, E> {
    // With no remembered state, nothing is skipped as already known.
    let mut forgetful = trust.clone();
    for repository in forgetful.repositories.values_mut() {
        repository.state = TrustedState::default();
    }
    let room = Room::new(MAXIMUM_TUF);
    let mut recorders: BTreeMap<RepositoryName, (RecordingMetadata<'_>, RecordingTargets<'_>)> = live
        .iter_mut()
        .map(|(name, carrier)| {
            let targets = RecordingTargets::new(&mut *carrier.targets, &room);
            (name.clone(), (RecordingMetadata::new(&mut *carrier.metadata, &room), targets))
        })
        .collect();
    let carriers =
        recorders.iter_mut().map(|(name, (metadata, targets))| (name.clone(), Carrier { metadata, targets }));
    judge(&forgetful, carriers.collect())?;
    let mut carried = Carried::default();
    for (name, (mut metadata, targets)) in recorders {
        let pinned = trust
            .repositories
            .get(&name)
            .ok_or_else(|| RepositoryError::NotPinned { name: name.clone(), meant: trust.meant(&name) })?;
        record_roots(pinned.root.anchor(), &mut metadata, &trust.policy.limits.tuf())
            .map_err(|source| RepositoryError::Tuf { name: name.clone(), source })?;
        if extent == Extent::EveryRole {
            record_every_role(&name, trust, &mut metadata, now)?;
        }
        let carried_repository =
            CarriedRepository { metadata: metadata.into_carried(), targets: targets.into_carried() };
        carried.repositories.insert(name, carried_repository);
    }
    Ok(carried)
}

/// Records the pinned root and, for far sides that pinned an earlier one, the roots that lead to it.
fn record_roots(
    pinned: TrustAnchor<'_>,
    recorder: &mut RecordingMetadata<'_>,
    limits: &Limits,
) -> Result<(), TufError> {
    // Far sides that pinned this root do not need those before it.
    let older = |version| match recorder.look_at(&RoleName::root(), Some(version), limits.root_length) {
        Err(ProviderError::TooLong { .. }) => Ok(None),
        found => Ok::<_, TufError>(found?),
    };
    let mut roots = roots_before(pinned, limits, older)?;
    roots.insert(RootChain::begin(pinned)?.version(), pinned.root.to_vec());
    for (version, root) in roots {
        recorder.record(&RoleName::root(), Some(version), root)?;
    }
    Ok(())
}

/// Also gathers the metadata of every role.
fn record_every_role(
    name: &RepositoryName,
    trust: &Trust,
    recorder: &mut RecordingMetadata<'_>,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    let tuf = |source| RepositoryError::Tuf { name: name.clone(), source };
    let Some(pinned) = trust.repositories.get(name) else { return Ok(()) };
    let (nothing, limits) = (TrustedState::default(), trust.policy.limits.tuf());
    let mut repository =
        sealift_proof::tuf::update(pinned.root.anchor(), &nothing, recorder, now, &limits).map_err(tuf)?;
    repository.load_every_role(recorder).map_err(tuf)
}
