//! A folder of plain files, each below it under the path of its TUF target.
//!
//! Promise: a file appears complete or not at all, and only once everything was verified; no name leads out of the folder, not even
//! through a symbolic link; and a file with other content is replaced only if it is what was found there when the delivery began.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sealift_archive_format::inventory::FileRecord;
use sealift_archive_format::{Digest, DigestAlgorithm, FileName, Hasher};

use super::DeliveryFileError;
use crate::free_room;
use crate::oci::{Descriptor, ManifestBytes, Reference, ReferenceError, Repository};
use crate::transfer::{BlobContent, Offer, Sink, SinkError, Upload};
use crate::whole_file::{self, PendingFile};

const BUFFER_LENGTH: usize = 128 << 10;

/// Writes files below a folder.
pub(crate) struct FileFolder {
    folder: PathBuf,
    /// By the places that stand for them.
    files: HashMap<String, FileRecord>,
    state: Mutex<FolderState>,
}

#[derive(Default)]
struct FolderState {
    /// What has been written, and has no name yet.
    pending: HashMap<FileName, PendingFile>,
    /// What was there before, and may be replaced.
    seen: HashMap<FileName, Digest>,
}

impl FileFolder {
    /// A folder that is created if necessary. What an interrupted attempt left in it is removed.
    pub(crate) fn begin(folder: &Path, files: Vec<FileRecord>) -> Result<Self, DeliveryFileError> {
        let failed = |source| DeliveryFileError::Access { path: folder.to_owned(), source };
        whole_file::create_folder(folder).and_then(|()| whole_file::remove_abandoned(folder)).map_err(failed)?;
        whole_file::check_folder(folder).map_err(failed)?;
        let mut by_place = HashMap::new();
        for file in files {
            if file.name.path().split('/').any(|part| whole_file::is_unfinished(part.as_ref())) {
                let path = folder.join(file.name.path());
                return Err(DeliveryFileError::Access { path, source: io::ErrorKind::InvalidFilename.into() });
            }
            let place = Self::place(&file.name).map_err(|_| failed(io::ErrorKind::InvalidFilename.into()))?;
            by_place.insert(place.to_string(), file);
        }
        Ok(Self { folder: folder.to_owned(), files: by_place, state: Mutex::default() })
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

    /// The digest of the file that has a name; `None` if there is none.
    fn there(&self, name: &FileName) -> Result<Option<Digest>, DeliveryFileError> {
        let failed = |source| self.access(name, source);
        let mut folder = self.folder.clone();
        for part in name.folder().into_iter().flat_map(|folder| folder.split('/')) {
            folder.push(part);
            match folder.symlink_metadata() {
                Ok(found) if found.is_dir() => {}
                Ok(_) => return Err(failed(io::ErrorKind::NotADirectory.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(error)),
            }
        }
        let path = self.path(name);
        match path.symlink_metadata() {
            Ok(found) if found.is_file() => digest(&path).map(Some).map_err(failed),
            Ok(_) => Err(DeliveryFileError::Exists { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes content that several names may have.
    fn store(&self, names: Vec<FileName>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        let failed = |source| DeliveryFileError::Access { path: self.folder.clone(), source };
        let mut pending = Vec::new();
        for name in names {
            pending.push((name, PendingFile::begin(&self.folder).map_err(failed)?));
        }
        let mut buffer = vec![0; BUFFER_LENGTH];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SinkError::Content(error)),
            };
            for (_, file) in &pending {
                let mut output: &File = file.as_file();
                output.write_all(read).map_err(failed)?;
            }
        }
        self.state().pending.extend(pending);
        Ok(())
    }
}

/// The SHA-256 of a file.
fn digest(path: &Path) -> io::Result<Digest> {
    let (mut file, mut hasher) = (File::open(path)?, Hasher::new(DigestAlgorithm::Sha256));
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
            if self.there(&file.name)?.as_ref() != Some(&file.descriptor.digest) {
                lengths.push(file.descriptor.size);
            }
        }
        let shortage = free_room::shortage(&self.folder, lengths).map_err(failed)?;
        shortage.map_or(Ok(()), |no_room| Err(no_room.into()))
    }

    fn offer(&self, _: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        let mut names = Vec::new();
        for file in self.files.values().filter(|file| file.descriptor.digest == descriptor.digest) {
            let is_pending = self.state().pending.contains_key(&file.name);
            if !is_pending && self.there(&file.name)?.as_ref() != Some(&descriptor.digest) {
                names.push(file.name.clone());
            }
        }
        if names.is_empty() {
            return Ok(Offer::There);
        }
        Ok(Offer::Wanted(Box::new(FileUpload { folder: self, names, descriptor: descriptor.clone() })))
    }

    fn put_manifest(&self, _: &Repository, _: &ManifestBytes) -> Result<(), SinkError> {
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        let Some(file) = self.file(reference) else { return Ok(None) };
        let there = self.there(&file.name)?;
        if let Some(there) = &there {
            self.state().seen.entry(file.name.clone()).or_insert_with(|| there.clone());
        }
        Ok(there)
    }

    fn tag(&self, reference: &Reference, _: &ManifestBytes) -> Result<(), SinkError> {
        let Some(file) = self.file(reference) else { return Ok(()) };
        let (name, path) = (&file.name, self.path(&file.name));
        let there = self.there(name)?;
        let (pending, seen) = {
            let mut state = self.state();
            (state.pending.remove(name), state.seen.get(name).cloned())
        };
        if there.as_ref() == Some(&file.descriptor.digest) {
            return Ok(());
        }
        let pending = pending.ok_or_else(|| DeliveryFileError::Broken { path: path.clone() })?;
        let failed = |source| self.access(name, source);
        match there {
            None => {
                whole_file::create_folder(whole_file::folder_of(&path)).map_err(failed)?;
                pending.place(&path).map_err(|source| match source.kind() {
                    io::ErrorKind::AlreadyExists => DeliveryFileError::Exists { path: path.clone() },
                    _ => failed(source),
                })?;
            }
            Some(_) if there == seen => pending.place_over(&path).map_err(failed)?,
            Some(_) => return Err(DeliveryFileError::Exists { path }.into()),
        }
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
    names: Vec<FileName>,
    descriptor: Descriptor,
}

impl Upload for FileUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        SinkError::require_offered(&self.descriptor, content)?;
        self.folder.store(self.names, content)
    }
}
