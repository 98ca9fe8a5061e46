//! What a judgement rests on, so that it can be asked later whether it would still be the same.

use std::collections::BTreeMap;

use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use sealift_proof::in_toto::InTotoKey;
use sealift_proof::signature::PublicKey;
use sealift_proof::tuf::map::RepositoryMap;
use sealift_proof::tuf::{Dialect, TrustedState};

use super::{AttesterName, ExporterName, PinnedRepository, Policy, RepositoryName, Trust};

/// What a trust store held when something was judged by it: everything that a person decides, and the digests of what was
/// remembered.
#[derive(Debug, Clone)]
pub(crate) struct TrustBasis {
    policy: Policy,
    map: Option<RepositoryMap>,
    exporters: BTreeMap<ExporterName, PublicKey>,
    attesters: BTreeMap<AttesterName, InTotoKey>,
    repositories: BTreeMap<RepositoryName, PinnedBasis>,
}

/// A pinned root and what was remembered under it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PinnedBasis {
    root: Digest,
    dialect: Dialect,
    state: Digest,
}

impl TrustBasis {
    /// What is judged by `trust` rests on this.
    pub(crate) fn of(trust: &Trust) -> Self {
        let pinned = |(name, pinned): (&RepositoryName, &PinnedRepository)| {
            let (root, dialect) = (pinned.root.digest.clone(), pinned.root.dialect.clone());
            let basis = PinnedBasis { root, dialect, state: digest(&pinned.state) };
            (name.clone(), basis)
        };
        Self {
            policy: trust.policy.clone(),
            map: trust.map.clone(),
            exporters: trust.exporters.clone(),
            attesters: trust.attesters.clone(),
            repositories: trust.repositories.iter().map(pinned).collect(),
        }
    }

    /// Whether `trust` judges as this did, where these states of repositories follow from the judgement: everything that a person
    /// decides is the same, and what is remembered of those repositories is the same, or already what follows. What is remembered
    /// of others says nothing about it.
    pub(crate) fn holds(&self, trust: &Trust, next: &BTreeMap<RepositoryName, TrustedState>) -> bool {
        let now = Self::of(trust);
        let is_kept = |(name, pinned): (&RepositoryName, &PinnedBasis)| {
            self.repositories.get(name).is_some_and(|before| {
                let is_known =
                    next.get(name).is_none_or(|next| [&before.state, &digest(next)].contains(&&pinned.state));
                (&pinned.root, &pinned.dialect) == (&before.root, &before.dialect) && is_known
            })
        };
        (&self.policy, &self.map, &self.exporters, &self.attesters)
            == (&now.policy, &now.map, &now.exporters, &now.attesters)
            && self.repositories.len() == now.repositories.len()
            && now.repositories.iter().all(is_kept)
    }
}

/// The digest of what is remembered about a repository.
fn digest(state: &TrustedState) -> Digest {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    for (role, bytes) in &state.metadata {
        // With their lengths, so that no two states are written alike.
        for part in [role.as_bytes(), bytes] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    let last_export = state.last_export.map(|export| export.as_nanosecond());
    hasher.update(format!("{last_export:?}").as_bytes());
    hasher.finish()
}
