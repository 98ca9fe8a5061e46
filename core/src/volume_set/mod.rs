//! Archives that are cut into volumes with parity: which files are the volumes of one, new ones, those that are written again, and those that come from a drive one after another.
//!
//! The bytes are those of `sealift_archive_format::volume`, which proves nothing. Promise: a volume appears under its name complete, or not at all; one that
//! is damaged is replaced only when the whole new one is there; and everything that was damaged becomes a warning.

mod cut;
mod drive;
mod find;
mod kept;
mod repair;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use sealift_archive_format::volume::{ShapeError, VolumeError};

pub use cut::{Cut, NewVolumes, shape_of};
pub use drive::{CopiesPlace, DriveFinding, DriveVolumes, WantedVolumes};
pub use find::{FoundVolumes, damage_warnings};
pub use kept::{ForeignCopy, KeptVolumes};
pub use repair::RepairedVolumes;

use crate::free_room::NoRoom;
use crate::remedy::{Remediable, Remedy};

/// What the name of a volume ends with.
pub const EXTENSION: &str = "sealift-volume";

/// Why volumes cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum VolumeSetError {
    /// A file or folder cannot be read or written.
    #[error("{}", .path.display())]
    Access {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has the name of a new volume already.
    #[error("{} already exists", .0.display())]
    Exists(PathBuf),
    /// The drive has too few of the volumes, and nobody exchanges them.
    #[error("{} has no more of the volumes, and {wanted} {} still wanted", .drive.display(), if wanted.needed == 1 { "is" } else { "are" })]
    StillWanted {
        /// The folder of the drive.
        drive: PathBuf,
        /// Which are wanted.
        wanted: WantedVolumes,
    },
    /// Another command uses the copies of the same volumes.
    #[error("another command keeps volumes of this set in {}", .0.display())]
    InUse(PathBuf),
    /// Something is where copies of volumes would be, and was not made for that.
    #[error("{} is not used: {why}", .path.display())]
    Foreign {
        /// The file or folder.
        path: PathBuf,
        /// Why it is not used.
        why: ForeignCopy,
    },
    /// There is too little room for the volumes.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The archive cannot be cut in this way.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The volumes do not give back the archive.
    #[error(transparent)]
    Volumes(#[from] VolumeError),
}

impl VolumeSetError {
    fn access(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Access { path: path.to_owned(), source }
    }
}

impl Remediable for VolumeSetError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Access { path, source } => Remedy::of_file(path, source),
            Self::Exists(path) => Remedy::ChooseAnotherName { path: path.clone() },
            Self::StillWanted { .. } => Remedy::ExchangeDiscs,
            Self::InUse(_) => Remedy::AwaitReading,
            Self::Foreign { path, .. } => Remedy::KeepElsewhere { path: path.clone() },
            Self::NoRoom(error) => error.remedy(),
            Self::Shape(error) => error.remedy(),
            Self::Volumes(error) => error.remedy(),
        }
    }
}

/// The path of a volume: `PREFIX.NNN.sealift-volume`.
pub fn path_of(prefix: &Path, number: u8) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(format!(".{number:03}.{EXTENSION}"));
    path.into()
}

/// What comes before the number in the name of a volume, or before the ending where there is no number.
fn prefix_of(path: &Path) -> PathBuf {
    if path.extension().is_none_or(|it| it != EXTENSION) {
        return path.to_owned();
    }
    let stem = path.with_extension("");
    let is_number = |it: &OsStr| it.len() == 3 && it.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    if stem.extension().is_some_and(is_number) { stem.with_extension("") } else { stem }
}

#[cfg(test)]
mod tests;
