//! The lock: one process changes the store at a time.
//!
//! It is the operating system's lock on the file `lock`, so it ends with the process that holds it, however that ends.
//! The file says which process that is, for people.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::TrustStoreError;
use super::disk::failed;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    pub(super) fn take(folder: &Path) -> Result<Self, TrustStoreError> {
        let path = folder.join("lock");
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is only said to help: if it cannot be read, the refusal stands without it.
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                return Err(TrustStoreError::Locked { folder: folder.to_owned(), process: holder.trim().parse().ok() });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed("write", &path))?;
        Ok(Self { _file: file })
    }
}
