//! Where raw metadata comes from. The engine itself reads bytes and nothing else.
//!
//! Promise: a provider decides nothing about trust. Everything that it hands out is verified afterwards, so the worst
//! that it can do is withhold files.

pub mod accepted;
pub mod carried;
pub mod recording;

use super::role_name::RoleName;
use sealift_archive_format::Digest;

pub use accepted::AcceptedTimestamp;
pub use carried::{CarriedMetadata, CarriedTargets};
pub use recording::{RecordingMetadata, RecordingTargets, Room};

/// Why a file could not be fetched, although it may exist.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It is longer than allowed.
    #[error("{file_name} is longer than {limit} bytes")]
    TooLong {
        /// The file, as it stands in a URL.
        file_name: String,
        /// The most that was allowed, in bytes.
        limit: u64,
    },
    /// The files together are larger than the limit.
    #[error("the TUF files of all repositories have more than {limit} bytes in total")]
    TooMuch {
        /// The most that is kept in total, in bytes.
        limit: u64,
    },
    /// It could not be read or fetched.
    #[error("{file_name} could not be read")]
    Unavailable {
        /// The file, as it stands in a URL.
        file_name: String,
        /// What the provider says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A metadata file that will be requested, with what it will be requested by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedFile {
    /// The role.
    pub role: RoleName,
    /// The version in the name of the file, if there is one.
    pub version: Option<u64>,
    /// How long it may be, in bytes.
    pub limit: u64,
}

/// Hands out metadata files.
///
/// An adapter for repositories with other conventions implements this trait: Notary's server calls the files of its roles by other names.
pub trait MetadataProvider: Send {
    /// The file of a role: [`RoleName::file_name`] gives its name. Root is always requested with its version, timestamp
    /// never, the others if snapshots are consistent, as Notary's never are. `Ok(None)` when there is no such file.
    ///
    /// # Errors
    /// [`ProviderError`] when the file is longer than `limit` bytes, or cannot be fetched.
    fn metadata(&mut self, role: &RoleName, version: Option<u64>, limit: u64)
    -> Result<Option<Vec<u8>>, ProviderError>;

    /// Says which files will be requested next, so that a provider may get them side by side. Nothing depends on whether it does.
    fn announce(&mut self, _: &[AnnouncedFile]) {}

    /// Another provider of the same files, for another thread; `None` where there is only this one.
    fn twin(&self) -> Option<Box<dyn MetadataProvider>> {
        None
    }

    /// Another provider of the same files, for another thread, if reading a file costs no request: in a folder, in memory. It is asked only
    /// for roots and delegated roles, also for some that turn out not to be needed.
    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        None
    }

    /// Whether these bytes, which were read at hand a moment ago, may stand for the file, because nothing else is known to be handed out under
    /// its name. If so, they count as handed out.
    ///
    /// # Errors
    /// [`ProviderError`] when there is no room to keep them.
    fn hand_out(&mut self, _: &RoleName, _: Option<u64>, _: &[u8]) -> Result<bool, ProviderError> {
        Ok(false)
    }
}

/// Hands out target files.
pub trait TargetProvider: Send {
    /// The file of a target; where snapshots are consistent its name carries `digest_prefix` (TUF 1.0.34 §6.2).
    /// `Ok(None)` when there is no such file.
    ///
    /// # Errors
    /// [`ProviderError`] when the file is longer than `limit` bytes, or cannot be fetched.
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError>;

    /// Another provider of the same files, for another thread; `None` where there is only this one.
    fn twin(&self) -> Option<Box<dyn TargetProvider>> {
        None
    }
}

/// The path of a target file below the repository's targets folder: with the hash in front of its last part where
/// snapshots are consistent (TUF 1.0.34 §6.2).
pub fn target_file_path(path: &str, digest_prefix: Option<&Digest>) -> String {
    match (digest_prefix, path.rsplit_once('/')) {
        (None, _) => path.to_owned(),
        (Some(digest), Some((folder, name))) => format!("{folder}/{}.{name}", digest.hex()),
        (Some(digest), None) => format!("{}.{path}", digest.hex()),
    }
}
