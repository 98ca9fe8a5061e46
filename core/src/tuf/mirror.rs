//! Publishes what was carried as a folder that any TUF client can use, served over http or read as files.
//!
//! Promise: whoever reads the folder while it is written sees the repository as it was or as it becomes: targets come
//! first, then metadata, the timestamp last, and every file appears whole or not at all. (Where snapshots are not
//! consistent, files have one name in all versions, and a reader may meet the new ones among the old: TUF §6.2 is what
//! prevents that.)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp as Instant;
use percent_encoding::percent_decode_str;

use super::chain::RootChain;
use super::envelope::RoleEvidence;
use super::hashes::MismatchError;
use super::limits::Limits;
use super::provider::folder::inside;
use super::provider::{CarriedMetadata, RecordingMetadata, RepositoryFolder, target_file_path};
use super::role_name::RoleName;
use super::state::TrustedState;
use super::target::VerifiedTarget;
use super::update::{recall, update};
use crate::whole_file;

/// The file that makes new metadata visible, and so comes last.
const TIMESTAMP: &str = "timestamp.json";

/// Of the metadata that was carried here, what was verified: the accepted `roles`, whose bytes `state` holds, and the roots
/// that lead to the accepted one; every role, if all of them came along. Who carries something else along does not get it
/// published.
pub fn verified_metadata(
    carried: &CarriedMetadata,
    roles: &[RoleEvidence],
    state: &TrustedState,
    consistent_snapshots: bool,
    judged_at: Instant,
) -> CarriedMetadata {
    let mut metadata = carried.clone();
    let Some(accepted) = recall(state, &RoleName::root()) else { return CarriedMetadata::default() };
    let mut every_role = RecordingMetadata::new(&mut metadata);
    let walked = update(accepted, &TrustedState::default(), &mut every_role, judged_at, &Limits::default())
        .and_then(|mut repository| repository.load_every_role(&mut every_role));
    let mut files = match walked {
        Ok(_) => every_role.into_carried().into_files(),
        // Only what the searches needed came along.
        Err(_) => accepted_roles(roles, state, consistent_snapshots),
    };
    files.extend(roots_before(accepted, carried));
    CarriedMetadata::new(files)
}

fn accepted_roles(
    roles: &[RoleEvidence],
    state: &TrustedState,
    consistent_snapshots: bool,
) -> BTreeMap<String, Vec<u8>> {
    let below_root = roles.iter().filter(|role| role.role != RoleName::root());
    let named = below_root.filter_map(|RoleEvidence { role, version, .. }| {
        let versioned = consistent_snapshots && *role != RoleName::timestamp();
        Some((role.file_name(versioned.then_some(*version)), recall(state, role)?.to_vec()))
    });
    named.collect()
}

/// The accepted root, and those before it from which an unbroken chain leads to it.
fn roots_before(accepted: &[u8], carried: &CarriedMetadata) -> BTreeMap<String, Vec<u8>> {
    let Ok(newest) = RootChain::begin(accepted).map(|chain| chain.version()) else { return BTreeMap::new() };
    let file = |version: u64| match version == newest {
        true => Some(accepted),
        false => carried.files().get(&RoleName::root().file_name(Some(version))).map(Vec::as_slice),
    };
    let mut first = newest;
    while let Some(before) = first.checked_sub(1)
        && let Some(older) = file(before)
        && let Some(newer) = file(first)
        && RootChain::begin(older).is_ok_and(|mut chain| chain.version() == before && chain.accept(newer).is_ok())
    {
        first = before;
    }
    let named = |version| Some((RoleName::root().file_name(Some(version)), file(version)?.to_vec()));
    (first..=newest).filter_map(named).collect()
}

/// A folder with `metadata/` and `targets/` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    metadata: PathBuf,
    targets: PathBuf,
}

/// Why a mirror cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A name is not that of a file below a folder.
    #[error("{0:?} cannot be a file below the mirror's folder")]
    Name(String),
    /// The bytes are not those of the target.
    #[error("the bytes for target {path:?} are not those that the metadata describes")]
    Mismatch {
        /// The target's name.
        path: String,
        /// What differs.
        source: MismatchError,
    },
}

impl Mirror {
    /// A mirror in `folder`. Nothing is written yet.
    pub fn new(folder: &Path) -> Self {
        Self { metadata: folder.join("metadata"), targets: folder.join("targets") }
    }

    /// The mirror as a repository.
    pub fn as_repository(&self) -> RepositoryFolder {
        RepositoryFolder::new(&self.metadata, &self.targets)
    }

    /// Writes a target: one file, or one for each listed hash where snapshots are consistent (TUF 1.0.34 §6.2.1).
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn write_target(
        &self,
        target: &VerifiedTarget,
        bytes: &[u8],
        consistent_snapshots: bool,
    ) -> Result<(), MirrorError> {
        let path = target.path().to_owned();
        target.check(bytes).map_err(|source| MirrorError::Mismatch { path, source })?;
        let prefixes: Vec<_> = match consistent_snapshots {
            true => target.hashes().iter().map(Some).collect(),
            false => vec![None],
        };
        for prefix in prefixes {
            let place = inside(&self.targets, &target_file_path(target.path(), prefix));
            let place = place.ok_or_else(|| MirrorError::Name(target.path().to_owned()))?;
            write(&place, bytes)?;
            sync(place.parent().unwrap_or(&self.targets))?;
        }
        Ok(())
    }

    /// Writes all metadata, the timestamp last. Targets must have been written before.
    ///
    /// A web server decodes the names that it is asked for, so files get the decoded ones, except where such a name
    /// would lead out of the folder.
    ///
    /// # Errors
    /// [`MirrorError::Write`], [`MirrorError::Name`].
    pub fn write_metadata(&self, carried: &CarriedMetadata) -> Result<(), MirrorError> {
        let (timestamp, others): (Vec<_>, Vec<_>) = carried.files().iter().partition(|(name, _)| *name == TIMESTAMP);
        for files in [others, timestamp] {
            for (name, bytes) in files {
                let decoded = percent_decode_str(name).decode_utf8().ok();
                let place = decoded.and_then(|decoded| inside(&self.metadata, &decoded));
                let place = place.or_else(|| inside(&self.metadata, name));
                write(&place.ok_or_else(|| MirrorError::Name(name.clone()))?, bytes)?;
            }
            sync(&self.metadata)?;
        }
        Ok(())
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    whole_file::write(path, bytes).map_err(|source| MirrorError::Write { path: path.to_owned(), source })
}

fn sync(folder: &Path) -> Result<(), MirrorError> {
    whole_file::sync_folder(folder).map_err(|source| MirrorError::Write { path: folder.to_owned(), source })
}
