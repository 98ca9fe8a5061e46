//! Copies of volumes that outlive the command that read them: in a folder of the set, which one command uses at a time.
//!
//! Promise: what is there and was not made here is neither followed, nor changed, nor removed. A copy has its name only after its volume was read as far as
//! it can be; whoever takes it up compares each chunk with its digest again.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use sealift_archive_format::PositionedInput as _;
use sealift_archive_format::volume::{SetId, VolumeHeader, VolumeShape};

use super::{EXTENSION, VolumeSetError};

/// What the name of the folder begins with; the set id follows.
const FOLDER: &str = "sealift-volumes-";
/// The file that is locked as long as a command uses the folder.
const LOCK: &str = "lock";
/// What the name of a copy ends with until its volume was read.
const UNFINISHED: &str = "partial";
/// The permissions of others.
const OF_OTHERS: u32 = 0o077;

/// The folder of copies of the volumes of one set, which is locked.
#[derive(Debug)]
pub struct KeptVolumes {
    path: PathBuf,
    folder: OwnedFd,
    shape: VolumeShape,
    /// Held as long as this value is there.
    _lock: File,
}

/// Why something in the place of copies is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignCopy {
    /// It is not what it has to be: a symbolic link, for example.
    #[error("it is a symbolic link, or something else than it has to be")]
    Kind,
    /// It belongs to another user, or others can read or change it.
    #[error("it belongs to another user, or other users can reach it")]
    Access,
    /// It is not a copy of the volume that its name says.
    #[error("it is not a copy of the volume that its name says")]
    Content,
}

impl KeptVolumes {
    /// The folder of a set in the folder `kept_in`.
    pub fn path_in(kept_in: &Path, set: SetId) -> PathBuf {
        kept_in.join(format!("{FOLDER}{set}"))
    }

    /// Makes the folder of a set in the folder `kept_in`, or takes up the one that is there, and locks it.
    pub(super) fn open(kept_in: &Path, shape: VolumeShape) -> Result<Self, VolumeSetError> {
        let path = Self::path_in(kept_in, shape.set());
        let failed = || VolumeSetError::access(&path);
        match rustix::fs::mkdir(&path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed()(errno.into())),
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::RDONLY;
        let folder = rustix::fs::open(&path, flags, Mode::empty()).map_err(|errno| refused(&path, errno))?;
        let found = fstat(&folder).map_err(|errno| failed()(errno.into()))?;
        if found.st_uid != rustix::process::geteuid().as_raw() || found.st_mode & OF_OTHERS != 0 {
            return Err(foreign(&path, ForeignCopy::Access));
        }
        let lock = open_own(&folder, &path, LOCK, OFlags::CREATE | OFlags::RDWR)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(VolumeSetError::InUse(path)),
            Err(errno) => return Err(failed()(errno.into())),
        }
        // Whoever had it before may just have removed it.
        if lock.metadata().map_err(failed())?.nlink() == 0 {
            return Err(VolumeSetError::InUse(path));
        }
        Ok(Self { path, folder, shape, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a copy of a volume.
    pub fn has_volumes(&self) -> bool {
        (1..=self.shape.volumes()).any(|number| is_own_file(&self.folder, &finished(number)))
    }

    /// The copy of a volume that was read before.
    pub(super) fn volume(&self, header: VolumeHeader) -> Result<Option<File>, VolumeSetError> {
        let name = finished(header.number);
        let path = self.path.join(&name);
        match statat(&self.folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(VolumeSetError::access(&path)(errno.into())),
            Ok(_) => {}
        }
        let file = open_own(&self.folder, &self.path, &name, OFlags::RDWR)?;
        let is_it = VolumeHeader::read(&file).is_ok_and(|found| found == header);
        if !is_it || !file.length().is_ok_and(|length| length == header.shape.volume_length()) {
            return Err(foreign(&path, ForeignCopy::Content));
        }
        Ok(Some(file))
    }

    /// An empty file for the copy of a volume. What is left of an earlier one that was not read is written over.
    pub(super) fn begin(&self, number: u8) -> Result<File, VolumeSetError> {
        let name = unfinished(number);
        let file = open_own(&self.folder, &self.path, &name, OFlags::CREATE | OFlags::RDWR)?;
        file.set_len(0).map_err(VolumeSetError::access(&self.path.join(name)))?;
        Ok(file)
    }

    /// Gives a copy its name, after what was read is durable.
    pub(super) fn finish(&self, number: u8, copy: &File) -> Result<(), VolumeSetError> {
        let (before, after) = (unfinished(number), finished(number));
        let failed = || VolumeSetError::access(&self.path);
        copy.sync_all().map_err(failed())?;
        match renameat(&self.folder, &before, &self.folder, &after) {
            // It had its name before.
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed()(errno.into())),
        }
        rustix::fs::fsync(&self.folder).map_err(|errno| failed()(errno.into()))
    }

    /// Removes the copies and the folder, for which nobody has a use any more. Returns whether the folder is gone: it stays where something else is in it.
    ///
    /// # Errors
    /// The operating system's error.
    pub fn remove(&self) -> io::Result<bool> {
        let names = (1..=self.shape.volumes()).flat_map(|number| [finished(number), unfinished(number)]);
        for name in names {
            if is_own_file(&self.folder, &name) {
                unlinkat(&self.folder, &name, AtFlags::empty())?;
            }
        }
        unlinkat(&self.folder, LOCK, AtFlags::empty())?;
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn finished(number: u8) -> String {
    format!("{number:03}.{EXTENSION}")
}

fn unfinished(number: u8) -> String {
    format!("{number:03}.{UNFINISHED}")
}

fn foreign(path: &Path, why: ForeignCopy) -> VolumeSetError {
    VolumeSetError::Foreign { path: path.to_owned(), why }
}

/// Why something was not opened: links are not followed.
fn refused(path: &Path, errno: Errno) -> VolumeSetError {
    match errno {
        Errno::LOOP | Errno::NOTDIR | Errno::ISDIR | Errno::NXIO => foreign(path, ForeignCopy::Kind),
        errno => VolumeSetError::access(path)(errno.into()),
    }
}

/// Opens a regular file of this user in the folder, which has no other name.
fn open_own(folder: &OwnedFd, path: &Path, name: &str, flags: OFlags) -> Result<File, VolumeSetError> {
    let path = path.join(name);
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = openat(folder, name, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| refused(&path, errno))?;
    let file = File::from(opened);
    let found = file.metadata().map_err(VolumeSetError::access(&path))?;
    if !found.is_file() {
        return Err(foreign(&path, ForeignCopy::Kind));
    }
    if found.uid() != rustix::process::geteuid().as_raw() || found.nlink() > 1 {
        return Err(foreign(&path, ForeignCopy::Access));
    }
    Ok(file)
}

/// Whether a file in the folder can have been made here.
fn is_own_file(folder: &OwnedFd, name: &str) -> bool {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| {
        FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
            && found.st_uid == rustix::process::geteuid().as_raw()
    })
}
