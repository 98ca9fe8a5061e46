//! Room on a disk. What is known not to fit is refused before its first byte.

use std::io;
use std::path::{Path, PathBuf};

use crate::remedy::{Remediable, Remedy};

/// There is not enough room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{needed} more bytes are needed in {}, where {free} are free", .folder.display())]
pub struct NoRoom {
    /// The folder.
    pub folder: PathBuf,
    /// How many bytes are still to be written.
    pub needed: u64,
    /// How many bytes are free.
    pub free: u64,
}

impl Remediable for NoRoom {
    fn remedy(&self) -> Remedy {
        let Self { folder, needed, free } = self;
        Remedy::FreeRoom { bytes: needed.saturating_sub(*free), folder: folder.clone() }
    }
}

/// The largest unit in which disks give out room, as far as files are rounded up to it, in bytes.
const LARGEST_BLOCK: u64 = 4096;

/// What a folder lacks to hold further files of these lengths, in bytes; `None` where they fit, or where its file system does not say how
/// large it is.
///
/// # Errors
/// The operating system's error.
pub(crate) fn shortage(folder: &Path, lengths: impl IntoIterator<Item = u64>) -> io::Result<Option<NoRoom>> {
    let space = rustix::fs::statvfs(folder)?;
    // File systems of a network give the size of their transfers.
    let block = space.f_frsize.clamp(1, LARGEST_BLOCK);
    let in_blocks = |length: u64| length.checked_next_multiple_of(block).unwrap_or(u64::MAX);
    let needed = lengths.into_iter().map(in_blocks).fold(0, u64::saturating_add);
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    Ok((needed > free && space.f_blocks > 0).then(|| NoRoom { folder: folder.to_owned(), needed, free }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_take_whole_blocks() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(shortage(folder.path(), [1, 1]).unwrap(), None);
        let block = rustix::fs::statvfs(folder.path()).unwrap().f_frsize;
        let lacking = |lengths: &[u64]| shortage(folder.path(), lengths.iter().copied()).unwrap().unwrap();
        assert_eq!(lacking(&[(1 << 60) - 1, 1]).needed, (1 << 60) + block);
        assert_eq!(lacking(&[u64::MAX, 1]).needed, u64::MAX);
    }
}
