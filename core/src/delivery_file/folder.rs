//! A folder of plain files, each below it under the path of its TUF target.
//!
//! Promise: a file appears complete or not at all, and only once everything was verified; no name leads out of the folder, not even
//! through a symbolic link, whenever it was put there; and a file with other content is replaced only if it is what was found there when
//! the delivery began.

use std::collections::{HashMap, HashSet};
use std::fs::{File, Metadata};
use std::io::{self, Read, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use sealift_archive_format::inventory::FileRecord;
use sealift_archive_format::{Digest, DigestAlgorithm, FileName, Hasher};

use super::DeliveryFileError;
use crate::free_room;
use crate::oci::{Descriptor, ManifestBytes, Reference, ReferenceError, Repository};
use crate::transfer::{BlobContent, Offer, Sink, SinkError, Upload};
use crate::whole_file::{self, Existing, NewFolders, UnfinishedFolder};

const BUFFER_LENGTH: usize = 128 << 10;

/// Writes files below a folder.
pub(crate) struct FileFolder {
    folder: PathBuf,
    /// The same, open: whatever its path leads to by now.
    root: OwnedFd,
    /// By the places that stand for them.
    files: HashMap<String, FileRecord>,
    /// What was there under each name when the delivery began.
    before: HashMap<FileName, Option<PlacedFile>>,
    unfinished: UnfinishedFolder,
    state: Mutex<FolderState>,
    /// Dropped last: what is unfinished is in it.
    _new: NewFolders,
}

/// A file that was found.
struct PlacedFile {
    digest: Digest,
    stamp: Stamp,
}

/// What a file has as long as nobody changes it: device, inode, length, and when content and inode last changed, in seconds and nanoseconds.
/// It takes the place of hashing a file again while the trust store is locked.
#[derive(PartialEq)]
struct Stamp([u64; 3], [i64; 4]);

impl Stamp {
    fn of(file: &Metadata) -> Self {
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        Self([file.dev(), file.ino(), file.len()], times)
    }
}

#[derive(Default)]
struct FolderState {
    /// What has been written, and for how many names.
    pending: HashMap<Digest, usize>,
    /// What has its name.
    placed: HashSet<FileName>,
}

impl FileFolder {
    /// A folder that is created if necessary. What an interrupted attempt left in it is removed.
    pub(crate) fn begin(folder: &Path, files: Vec<FileRecord>) -> Result<Self, DeliveryFileError> {
        let failed = |source| DeliveryFileError::Access { path: folder.to_owned(), source };
        let new = NewFolders::make(folder).map_err(failed)?;
        whole_file::remove_abandoned(folder).map_err(failed)?;
        whole_file::check_folder(folder).map_err(failed)?;
        // The path comes from the user, and may be a symbolic link.
        let root = File::open(folder).map_err(failed)?.into();
        let unfinished = UnfinishedFolder::begin(folder).map_err(failed)?;
        let mut by_place = HashMap::new();
        for file in files {
            if file.name.path().split('/').any(|part| whole_file::is_unfinished(part.as_ref())) {
                let path = folder.join(file.name.path());
                return Err(DeliveryFileError::Access { path, source: io::ErrorKind::InvalidFilename.into() });
            }
            let place = Self::place(&file.name).map_err(|_| failed(io::ErrorKind::InvalidFilename.into()))?;
            by_place.insert(place.to_string(), file);
        }
        let (before, state) = (HashMap::new(), Mutex::default());
        let mut begun = Self { folder: folder.to_owned(), root, files: by_place, before, unfinished, state, _new: new };
        let there = |file: &FileRecord| Ok((file.name.clone(), begun.there(&file.name, None)?));
        begun.before = begun.files.values().map(there).collect::<Result<_, DeliveryFileError>>()?;
        Ok(begun)
    }

    /// What stands for a file's place among references, which have a form of their own: one for each name.
    pub(crate) fn place(name: &FileName) -> Result<Reference, ReferenceError> {
        let name = Digest::sha256(name.as_str().as_bytes());
        format!("files.invalid/{}:latest", name.hex()).parse()
    }

    fn state(&self) -> MutexGuard<'_, FolderState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, place: &Reference) -> Option<&FileRecord> {
        self.files.get(&place.to_string())
    }

    fn path(&self, name: &FileName) -> PathBuf {
        self.folder.join(name.path())
    }

    fn access(&self, name: &FileName, source: io::Error) -> DeliveryFileError {
        DeliveryFileError::Access { path: self.path(name), source }
    }

    /// The folder that a file is in; `None` if it does not exist and is not to be made.
    fn folder_of(&self, name: &FileName, makes: bool) -> Result<Option<OwnedFd>, DeliveryFileError> {
        let parts = name.folder().into_iter().flat_map(|folder| folder.split('/'));
        whole_file::folder_below(&self.root, parts, makes).map_err(|source| self.access(name, source))
    }

    /// The file that has a name; `None` if there is none. It is hashed, unless it is still what was found before.
    fn there(&self, name: &FileName, before: Option<&PlacedFile>) -> Result<Option<PlacedFile>, DeliveryFileError> {
        let failed = |source| self.access(name, source);
        let exists = || DeliveryFileError::Exists { path: self.path(name) };
        let Some(folder) = self.folder_of(name, false)? else { return Ok(None) };
        // Without NONBLOCK, opening a pipe would wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&folder, name.last_part(), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO) => return Err(exists()),
            Err(errno) => return Err(failed(errno.into())),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(exists());
        }
        let stamp = Stamp::of(&metadata);
        let digest = match before.filter(|before| before.stamp == stamp) {
            Some(before) => before.digest.clone(),
            None => digest(file).map_err(failed)?,
        };
        Ok(Some(PlacedFile { digest, stamp }))
    }

    /// What was there when the delivery began.
    fn before(&self, name: &FileName) -> Option<&Digest> {
        self.found_before(name).map(|found| &found.digest)
    }

    fn found_before(&self, name: &FileName) -> Option<&PlacedFile> {
        self.before.get(name).and_then(Option::as_ref)
    }

    /// Writes content down once, for as many names as it has.
    fn store(&self, names: usize, expected: &Digest, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        let failed = |source| DeliveryFileError::Access { path: self.folder.clone(), source };
        let mut output = self.unfinished.create(expected.hex()).map_err(failed)?;
        let mut buffer = vec![0; BUFFER_LENGTH];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SinkError::Content(error)),
            };
            output.write_all(read).map_err(failed)?;
        }
        output.sync_all().map_err(failed)?;
        self.state().pending.insert(expected.clone(), names);
        Ok(())
    }

    /// The unfinished file that becomes the file of a name: what was written, or a copy of it where others need it, too. `None` if it
    /// was not written.
    fn unfinished(&self, file: &FileRecord) -> io::Result<Option<String>> {
        let digest = &file.descriptor.digest;
        let (mut written, number) = {
            let mut state = self.state();
            let Some(left) = state.pending.get_mut(digest) else { return Ok(None) };
            *left = left.saturating_sub(1);
            match *left {
                0 => {
                    state.pending.remove(digest);
                    return Ok(Some(digest.hex().to_owned()));
                }
                left => (self.unfinished.open(digest.hex())?.ok_or(io::ErrorKind::NotFound)?, left),
            }
        };
        let name = format!("{}-{number}", digest.hex());
        let mut copy = self.unfinished.create(&name)?;
        io::copy(&mut written, &mut copy)?;
        copy.sync_all()?;
        Ok(Some(name))
    }
}

/// The SHA-256 of a file.
fn digest(mut file: File) -> io::Result<Digest> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut buffer = vec![0; BUFFER_LENGTH];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Sink for FileFolder {
    fn require_room(&self, _: &[&Descriptor]) -> Result<(), SinkError> {
        let failed = |source| DeliveryFileError::Access { path: self.folder.clone(), source };
        let mut lengths = Vec::new();
        for file in self.files.values() {
            if self.before(&file.name) != Some(&file.descriptor.digest) {
                lengths.push(file.descriptor.size);
            }
        }
        let shortage = free_room::shortage(&self.folder, lengths).map_err(failed)?;
        shortage.map_or(Ok(()), |no_room| Err(no_room.into()))
    }

    fn shown(&self, _: &Repository) -> String {
        self.folder.display().to_string()
    }

    fn offer(&self, _: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        let digest = &descriptor.digest;
        let of_digest = self.files.values().filter(|file| file.descriptor.digest == *digest);
        let names = of_digest.filter(|file| self.before(&file.name) != Some(digest)).count();
        if names == 0 || self.state().pending.contains_key(digest) {
            return Ok(Offer::There);
        }
        Ok(Offer::Wanted(Box::new(FileUpload { folder: self, names, descriptor: descriptor.clone() })))
    }

    fn put_manifest(&self, _: &Repository, _: &ManifestBytes) -> Result<(), SinkError> {
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        let Some(file) = self.file(reference) else { return Ok(None) };
        let is_placed = self.state().placed.contains(&file.name);
        Ok(if is_placed { Some(file.descriptor.digest.clone()) } else { self.before(&file.name).cloned() })
    }

    fn tag(&self, reference: &Reference, _: &ManifestBytes) -> Result<(), SinkError> {
        let Some(file) = self.file(reference) else { return Ok(()) };
        let (name, path) = (&file.name, self.path(&file.name));
        let there = self.there(name, self.found_before(name))?.map(|found| found.digest);
        if there.as_ref() != Some(&file.descriptor.digest) {
            let failed = |source| self.access(name, source);
            let unfinished = self.unfinished(file).map_err(failed)?;
            let unfinished = unfinished.ok_or_else(|| DeliveryFileError::Broken { path: path.clone() })?;
            let existing = match &there {
                None => Existing::Kept,
                Some(_) if there.as_ref() == self.before(name) => Existing::Replaced,
                Some(_) => return Err(DeliveryFileError::Exists { path }.into()),
            };
            let missing = || failed(io::ErrorKind::NotFound.into());
            let folder = self.folder_of(name, true)?.ok_or_else(missing)?;
            let placed = self.unfinished.place(&unfinished, &folder, name.last_part(), existing);
            placed.map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => DeliveryFileError::Exists { path },
                _ => failed(source),
            })?;
        }
        self.state().placed.insert(name.clone());
        Ok(())
    }

    fn finish(&self) -> Result<(), SinkError> {
        let failed = |source| DeliveryFileError::Access { path: self.folder.clone(), source };
        Ok(whole_file::sync_folder(&self.folder).map_err(failed)?)
    }
}

/// A file on its way into the folder.
struct FileUpload<'f> {
    folder: &'f FileFolder,
    names: usize,
    descriptor: Descriptor,
}

impl Upload for FileUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        SinkError::require_offered(&self.descriptor, content)?;
        self.folder.store(self.names, &self.descriptor.digest, content)
    }
}

#[cfg(test)]
mod tests {
    use sealift_archive_format::inventory::{DescriptorRecord, FILE_MEDIA_TYPE};

    use super::*;
    use crate::transfer::Checked;

    #[test]
    fn files_that_wait_for_their_names_are_not_held_open() {
        let folder = tempfile::tempdir().unwrap();
        let content = |number: u8| [number / 2];
        let record = |number: u8| FileRecord {
            descriptor: DescriptorRecord {
                digest: Digest::sha256(&content(number)),
                media_type: FILE_MEDIA_TYPE.to_owned(),
                size: 1,
            },
            name: FileName::of_target(&format!("a/{number}")).unwrap(),
            sha512: None,
        };
        let files: Vec<_> = (0..40).map(record).collect();
        let sink = FileFolder::begin(folder.path(), files.clone()).unwrap();
        let mut written = 0;
        for (number, file) in (0..40).zip(&files) {
            let place = FileFolder::place(&file.name).unwrap();
            let descriptor = Descriptor::new(FILE_MEDIA_TYPE, file.descriptor.digest.clone(), 1);
            if let Offer::Wanted(upload) = sink.offer(place.repository(), &descriptor).unwrap() {
                upload.store(&mut Checked::new(&content(number)[..], &descriptor)).unwrap();
                written += 1;
            }
        }
        assert_eq!(written, 20, "one content of two names is written once");
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let is_below = |path: PathBuf| path.starts_with(folder.path());
        let open = open.filter(|it| std::fs::read_link(it.as_ref().unwrap().path()).is_ok_and(is_below)).count();
        assert_eq!(open, 2, "the folder, and that of what is unfinished");
    }
}
