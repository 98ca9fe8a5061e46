//! Opening files below a folder without following a symbolic link on the way.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sealift_archive_format::Digest;

use super::error::LayoutError;
use super::files::{LayoutFiles, OpenedBlob};

/// A folder that is open.
pub(super) struct Folder {
    path: PathBuf,
    handle: OwnedFd,
}

impl Folder {
    /// Opens a folder. The path itself comes from the user and may be a symbolic link.
    pub(super) fn open(path: &Path) -> Result<Self, LayoutError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| access(path, errno))?;
        Ok(Self { path: path.to_owned(), handle })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Opens the folder `name` inside; `None` if it does not exist.
    fn inside(&self, name: &str) -> Result<Option<Self>, LayoutError> {
        let path = self.path.join(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { path, handle })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
                let is_link = rustix::fs::readlinkat(&self.handle, name, Vec::new()).is_ok();
                Err(LayoutError::NotAFolder { path, is_link })
            }
            Err(errno) => Err(access(&path, errno)),
        }
    }

    /// Opens the file `name` inside, with its length in bytes; `None` when it is not there.
    pub(super) fn file(&self, name: &str) -> Result<Option<(File, u64)>, LayoutError> {
        let path = self.path.join(name);
        // Without NONBLOCK, opening a pipe would wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => File::from(handle),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::MLINK) => return Err(LayoutError::NotRegular { path, is_link: true }),
            Err(Errno::NXIO) => return Err(LayoutError::NotRegular { path, is_link: false }),
            Err(errno) => return Err(access(&path, errno)),
        };
        let metadata = file.metadata().map_err(|source| LayoutError::Access { path: path.clone(), source })?;
        if !metadata.is_file() {
            return Err(LayoutError::NotRegular { path, is_link: false });
        }
        Ok(Some((file, metadata.len())))
    }

    /// The content of the file `name` inside, of at most `limit` bytes; `None` when it is not there.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, LayoutError> {
        let Some((file, length)) = self.file(name)? else { return Ok(None) };
        let path = self.path.join(name);
        let mut content = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut content);
        match read {
            Ok(_) if length > limit || content.len() as u64 > limit => Err(LayoutError::TooLarge { path, limit }),
            Ok(_) => Ok(Some(content)),
            Err(source) => Err(LayoutError::Access { path, source }),
        }
    }

    /// Opens a blob, with its length in bytes; `None` when it is not there.
    pub(super) fn blob(&self, digest: &Digest) -> Result<Option<(File, u64)>, LayoutError> {
        let Some(blobs) = self.inside("blobs")? else { return Ok(None) };
        match blobs.inside(digest.algorithm().name())? {
            Some(folder) => folder.file(digest.hex()),
            None => Ok(None),
        }
    }
}

impl LayoutFiles for Folder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn notation(&self) -> Option<String> {
        Some(format!("oci:{}", self.path.display()))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, LayoutError> {
        self.read(name, limit)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<OpenedBlob<'_>>, LayoutError> {
        let opened = self.blob(digest)?;
        Ok(opened.map(|(file, length)| -> OpenedBlob<'_> { (Box::new(file), length) }))
    }
}

/// An error number, and the path that it concerns.
pub(super) fn access(path: &Path, errno: Errno) -> LayoutError {
    LayoutError::Access { path: path.to_owned(), source: io::Error::from(errno) }
}
