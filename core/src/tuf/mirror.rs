//! Publishes what was carried as a folder that any TUF client can use, served over http or read as files.
//!
//! Promise: whoever reads the folder while it is written sees the repository as it was or as it becomes: targets come
//! first, then metadata, the timestamp last, and every file appears whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::hashes::MismatchError;
use super::provider::folder::inside;
use super::provider::{CarriedMetadata, RepositoryFolder, target_file_path};
use super::target::VerifiedTarget;

/// The file that makes new metadata visible, and so comes last.
const TIMESTAMP: &str = "timestamp.json";

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
            write(&place.ok_or_else(|| MirrorError::Name(target.path().to_owned()))?, bytes)?;
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
        for (name, bytes) in others.into_iter().chain(timestamp) {
            let decoded = percent_decode_str(name).decode_utf8().ok();
            let place = decoded.and_then(|decoded| inside(&self.metadata, &decoded));
            let place = place.or_else(|| inside(&self.metadata, name));
            write(&place.ok_or_else(|| MirrorError::Name(name.clone()))?, bytes)?;
        }
        Ok(())
    }
}

/// Puts a whole file in its place, replacing what was there.
fn write(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    let folder = path.parent().unwrap_or(path);
    let written = || {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        readable_by_all(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    written().map_err(|source| MirrorError::Write { path: path.to_owned(), source })
}

/// A mirror is there to be served; temporary files are made for their owner alone.
fn readable_by_all(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}
