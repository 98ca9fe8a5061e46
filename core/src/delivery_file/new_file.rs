//! A file that is made, and never in the place of another one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::DeliveryFileError;
use crate::free_room;
use crate::transfer::SinkError;
use crate::whole_file;

/// A file that does not have its name yet.
pub(super) struct NewFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl NewFile {
    /// Begins the file. What an interrupted attempt left in its folder is removed.
    pub(super) fn begin(path: &Path) -> Result<Self, DeliveryFileError> {
        let failed = |source| DeliveryFileError::Access { path: path.to_owned(), source };
        if path.symlink_metadata().is_ok() {
            return Err(DeliveryFileError::Exists { path: path.to_owned() });
        }
        let folder = whole_file::folder_of(path);
        whole_file::remove_abandoned(folder).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file: whole_file::begin(folder).map_err(failed)? })
    }

    pub(super) fn as_file(&self) -> &File {
        self.file.as_file()
    }

    /// Gives the file its name, unless something has that name by now.
    pub(super) fn place(self) -> Result<(), DeliveryFileError> {
        let Self { path, file } = self;
        whole_file::place_new(file, &path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => DeliveryFileError::Exists { path },
            _ => DeliveryFileError::Access { path, source },
        })
    }
}

/// Refuses a file of this length, in bytes, that has no room.
pub(super) fn require_room(path: &Path, length: u64) -> Result<(), SinkError> {
    let shortage = free_room::shortage(whole_file::folder_of(path), [length]);
    let failed = |source| DeliveryFileError::Access { path: path.to_owned(), source };
    shortage.map_err(failed)?.map_or(Ok(()), |no_room| Err(no_room.into()))
}
