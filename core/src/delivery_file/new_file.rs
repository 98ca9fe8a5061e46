//! A file that is made, and never replaces another one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::DeliveryFileError;
use crate::free_room;
use crate::transfer::SinkError;
use crate::whole_file;

/// A file that does not have its name yet.
pub(super) struct NewFile {
    path: PathBuf,
    file: whole_file::PendingFile,
}

impl NewFile {
    /// Begins the file. What an interrupted attempt left in its folder, if it left anything, is removed.
    pub(super) fn begin(path: &Path) -> Result<Self, DeliveryFileError> {
        let failed = |source| DeliveryFileError::Access { path: path.to_owned(), source };
        require_new(path)?;
        let folder = whole_file::folder_of(path);
        whole_file::remove_abandoned(folder).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file: whole_file::PendingFile::begin(folder).map_err(failed)? })
    }

    pub(super) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, unless something has that name by now.
    pub(super) fn place(self) -> Result<(), DeliveryFileError> {
        let Self { path, file } = self;
        file.place(&path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => DeliveryFileError::Exists { path },
            _ => DeliveryFileError::Access { path, source },
        })
    }
}

/// Requires that nothing has this name, and that it can be the name of a file.
pub(super) fn require_new(path: &Path) -> Result<(), DeliveryFileError> {
    let there = |found: &Path| match found.symlink_metadata().map(|metadata| metadata.file_type()) {
        Ok(kind) if kind.is_file() || kind.is_dir() || kind.is_symlink() => {
            Err(DeliveryFileError::Exists { path: path.to_owned() })
        }
        Ok(_) => Err(DeliveryFileError::NotAPlaceForFiles { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(DeliveryFileError::Access { path: path.to_owned(), source }),
    };
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.file_name().is_none() {
        return Err(DeliveryFileError::Access { path: path.to_owned(), source: io::ErrorKind::IsADirectory.into() });
    }
    // /dev/stdout is a link to a link.
    let end = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    there(&end).and_then(|()| there(path))
}

/// Refuses a file of this length, in bytes, for which there is no room.
pub(super) fn require_room(path: &Path, length: u64) -> Result<(), SinkError> {
    let shortage = free_room::shortage(whole_file::folder_of(path), [length]);
    let failed = |source| DeliveryFileError::Access { path: path.to_owned(), source };
    shortage.map_err(failed)?.map_or(Ok(()), |no_room| Err(no_room.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_the_name_of_a_new_file_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("/dev/null", path("to-device")).unwrap();
        std::os::unix::fs::symlink("nowhere", path("dangling")).unwrap();
        require_new(&path("new")).unwrap();
        for name in ["file", "dangling", "."] {
            assert!(matches!(require_new(&path(name)), Err(DeliveryFileError::Exists { .. })), "{name}");
        }
        for there in [path("to-device"), "/dev/null".into(), "/dev/full".into()] {
            let refused = require_new(&there);
            assert!(matches!(refused, Err(DeliveryFileError::NotAPlaceForFiles { .. })), "{there:?}");
        }
        for name in ["new/", "new/..", "file/new", &"n".repeat(300)] {
            assert!(matches!(require_new(&path(name)), Err(DeliveryFileError::Access { .. })), "{name}");
        }
    }
}
