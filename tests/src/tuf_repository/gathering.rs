//! What the exporting side takes of a repository.

use std::collections::BTreeMap;

use sealift_archive_format::Digest;
use sealift_core::trust::{Carrier, Extent, RepositoryError, gather};
use sealift_core::trust_store::{PinnedRepository, PinnedRoot, Policy, RepositoryName, Trust};
use sealift_proof::tuf::provider::CarriedMetadata;
use sealift_proof::tuf::{Dialect, Limits, MetadataProvider, TargetProvider, TrustedState, update};

use super::{TufRepository, now};

impl TufRepository {
    /// What a side takes along that has seen all of it before: of the repository whose `root` is pinned, the metadata
    /// that proves these targets, or all there is.
    ///
    /// # Errors
    /// [`RepositoryError`].
    pub fn gather(&self, root: &[u8], targets: &[&str], extent: Extent) -> Result<CarriedMetadata, RepositoryError> {
        let mut seen = self.clone();
        let mut trusted = seen.first_update().unwrap();
        for target in targets {
            trusted.resolve(&mut seen, target).unwrap();
        }
        let (mut metadata, mut files) = self.carried();
        gather_from(&mut metadata, &mut files, root, trusted.into_state(None), targets, extent)
    }
}

/// As [`TufRepository::gather`], from wherever the repository is.
///
/// # Errors
/// [`RepositoryError`].
pub fn gather_from(
    metadata: &mut dyn MetadataProvider,
    files: &mut dyn TargetProvider,
    root: &[u8],
    state: TrustedState,
    targets: &[&str],
    extent: Extent,
) -> Result<CarriedMetadata, RepositoryError> {
    let name: RepositoryName = "repository".parse().unwrap();
    let pinned = PinnedRoot { bytes: root.to_vec(), digest: Digest::sha256(root), dialect: Dialect::Tuf };
    let trust = Trust {
        policy: Policy::default(),
        map: None,
        repositories: BTreeMap::from([(name.clone(), PinnedRepository { root: pinned, state })]),
        exporters: BTreeMap::new(),
        attesters: BTreeMap::new(),
    };
    let mut live = BTreeMap::from([(name.clone(), Carrier { metadata, targets: files })]);
    let mut carried = gather(&trust, &mut live, extent, now(), |trust, mut carriers| {
        let (carrier, state) = (carriers.get_mut(&name).unwrap(), &trust.repositories[&name].state);
        let refused = |source| RepositoryError::Tuf { name: name.clone(), source };
        let mut found = update(root, state, carrier.metadata, now(), &Limits::default()).map_err(refused)?;
        for target in targets {
            assert!(found.resolve(carrier.metadata, target).map_err(refused)?.is_some(), "{target}");
        }
        Ok(())
    })?;
    Ok(carried.repositories.remove(&name).unwrap().metadata)
}
