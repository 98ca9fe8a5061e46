//! Writing files so that a reader, and a power cut, find either the old file or the new one, complete.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::TrustStoreError;
use crate::whole_file;

/// The changes that the store makes to the file system, one step each, so that a test can make any of them fail.
pub(super) trait Disk: Send {
    /// Makes a folder and its missing parents, durably.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Writes a file and waits until its content is on the disk.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Gives a file another name in its folder.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Waits until the names in a folder are on the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and everything in it, durably.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
}

/// The disk of this machine.
pub(super) struct LocalDisk;

impl Disk for LocalDisk {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        whole_file::create_folder(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        whole_file::sync_folder(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)?;
        path.parent().map_or(Ok(()), |parent| self.sync_folder(parent))
    }
}

/// Names the path in an error.
pub(super) fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> TrustStoreError + 'a {
    move |source| TrustStoreError::Io { action, path: path.to_owned(), source }
}

/// Puts `bytes` under `path`: into a new file beside it, synchronised, then renamed, then the folder synchronised.
///
/// Only the holder of the store's lock writes, so the new file has one fixed name, and what an interrupted attempt
/// left is overwritten by the next.
pub(super) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<(), TrustStoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let new: PathBuf = folder.join(name);
    disk.create_folder(folder).map_err(failed("make", folder))?;
    disk.write(&new, bytes).map_err(failed("write", path))?;
    disk.rename(&new, path).map_err(failed("write", path))?;
    disk.sync_folder(folder).map_err(failed("write", folder))
}

/// Reads a file of at most `limit` bytes; `None` if it does not exist.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, TrustStoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(Some(bytes))
    } else {
        Err(TrustStoreError::TooLong { path: path.to_owned(), limit })
    }
}
