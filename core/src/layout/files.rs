//! What reading a layout takes, wherever its files are.

use std::io::Read;
use std::path::Path;

use sealift_archive_format::Digest;

use super::error::LayoutError;

/// The content of a file, and its length in bytes.
pub(super) type OpenedBlob<'f> = (Box<dyn Read + Send + 'f>, u64);

/// The files of one layout. Threads may share them.
pub(super) trait LayoutFiles: Send + Sync {
    /// What holds them, for messages.
    fn path(&self) -> &Path;

    /// How a person names what holds them ([`Place::find`](crate::place::Place::find)); `None` for a part of a file.
    fn notation(&self) -> Option<String>;

    /// The content of a file at the top, of at most `limit` bytes; `None` when it is not there.
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, LayoutError>;

    /// Opens a blob; `None` when it is not there.
    fn blob(&self, digest: &Digest) -> Result<Option<OpenedBlob<'_>>, LayoutError>;
}
