//! The lock: one process changes the store at a time.
//!
//! It is the operating system's lock on the file `lock`, so it ends with the process that holds it, however that
//! process ends; nobody has to remove a stale file. For people, the file says which process holds it. Only its owner
//! may open it, because anyone who can open it can hold it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::TrustStoreError;
use super::disk::failed;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    pub(super) fn take(folder: &Path) -> Result<Self, TrustStoreError> {
        let path = folder.join("lock");
        loop {
            let lock = Self::take_file(folder, &path)?;
            // If it was removed in the meantime, the next process would create another one and hold that.
            if lock.is_at(&path).map_err(failed("read", &path))? {
                return Ok(lock);
            }
        }
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let held = self.file.metadata()?;
        match std::fs::metadata(path) {
            Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Checks that this is still the lock that other processes would take.
    ///
    /// # Errors
    /// [`TrustStoreError::LockRemoved`].
    pub(super) fn require_held(&self, folder: &Path) -> Result<(), TrustStoreError> {
        let path = folder.join("lock");
        match self.is_at(&path).map_err(failed("read", &path))? {
            true => Ok(()),
            false => Err(TrustStoreError::LockRemoved { path }),
        }
    }

    #[cfg(test)]
    pub(super) fn copy_of_file(&self) -> File {
        self.file.try_clone().unwrap()
    }

    fn take_file(folder: &Path, path: &Path) -> Result<Self, TrustStoreError> {
        let mut options = OpenOptions::new();
        let open = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = open.map_err(failed("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder's id is only there to help: if it cannot be read, the error is reported without it.
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                return Err(TrustStoreError::Locked { folder: folder.to_owned(), process: holder.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed("write", path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Closing the file would be enough, unless a process that is just being started briefly holds a copy of it.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}
