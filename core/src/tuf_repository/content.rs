//! The content of target files that are items of their own, as streams: they are as long as their metadata says.

use std::io::Read;

use sealift_archive_format::Digest;
use sealift_proof::tuf::ProviderError;

/// Hands out the content of target files. Threads may share it. What it hands out is checked by whoever reads it.
pub trait TargetFiles: Send + Sync {
    /// Opens the file of a target that is to have `length` bytes: at most one more can be read. Where snapshots are consistent, its name
    /// carries `digest_prefix` (TUF 1.0.34 §6.2). `Ok(None)` when there is no such file.
    ///
    /// # Errors
    /// [`ProviderError`] when the file cannot be opened.
    fn open(
        &self,
        path: &str,
        digest_prefix: Option<&Digest>,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>, ProviderError>;
}
