//! Layouts as a sink.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::FlockOperation;
use sealift_archive_format::strict_json::{self, Names};
use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use serde_json::{Map, Value, json};

use super::error::LayoutError;
use super::folder::{Folder, access};
use super::names::{CONTAINERD_NAME, REF_NAME, entry_name, full_name, meaning};
use super::new_layout::{Leftover, NewLayout};
use super::read::check_version;
use super::{INDEX_FILE, LAYOUT_CONTENT, LAYOUT_FILE};
use crate::free_room;
use crate::oci::manifest::MAXIMUM_LENGTH;
use crate::oci::media_type::OCI_INDEX;
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository};
use crate::transfer::{BlobContent, Offer, Sink, SinkError, Upload, copy};
use crate::whole_file;

/// How much is read at once, in bytes.
const BUFFER_LENGTH: usize = 128 * 1024;

/// Writes to one layout. Repositories affect only the names in `index.json`, which is written once, when everything was given.
pub struct LayoutSink {
    folder: Folder,
    new: NewLayout,
    /// Blobs that were checked or written in this run.
    proven: Mutex<HashSet<Digest>>,
    /// What was listed before, by full names; read when first needed.
    listed: OnceLock<HashMap<String, Digest>>,
    /// What is to be listed, in its order.
    unlisted: Mutex<Vec<UnlistedEntry>>,
    /// The folders with blobs whose names may not have reached the disk.
    unsynchronised: Mutex<BTreeSet<PathBuf>>,
}

/// An entry of `index.json`: under a full name, in the place of what had it, or without one.
struct UnlistedEntry {
    name: Option<String>,
    descriptor: Descriptor,
}

impl LayoutSink {
    /// Opens a layout for writing; makes one where the folder is empty or does not exist. One that was made is removed when the sink is
    /// dropped before anything was stored.
    ///
    /// # Errors
    /// [`LayoutError`]; [`LayoutError::NotALayout`] for a folder with something else in it.
    pub fn open(path: &Path) -> Result<Self, LayoutError> {
        Self::open_or_make(path, Leftover::Blobs)
    }

    /// Makes a layout in a folder that is empty or does not exist, as [`open`](Self::open) does. It is removed, with all that is in it,
    /// when the sink is dropped before it is [finished](Sink::finish).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn begin(path: &Path) -> Result<Self, LayoutError> {
        Self::open_or_make(path, Leftover::Nothing)
    }

    fn open_or_make(path: &Path, leftover: Leftover) -> Result<Self, LayoutError> {
        let failed = |source| LayoutError::Access { path: path.to_owned(), source };
        let new = NewLayout::make(path, leftover).map_err(failed)?;
        let folder = Folder::open(path)?;
        check_version(&folder)?;
        remove_abandoned(path)?;
        let sink = Self {
            folder,
            new,
            proven: Mutex::default(),
            listed: OnceLock::new(),
            unlisted: Mutex::default(),
            unsynchronised: Mutex::default(),
        };
        // It is written last; that it can be is known before anything else is.
        sink.index()?;
        Ok(sink)
    }

    /// The folder of an algorithm's blobs, made where it does not exist.
    fn blob_folder(&self, digest: &Digest) -> Result<PathBuf, LayoutError> {
        let mut path = self.folder.path().to_owned();
        for name in ["blobs", digest.algorithm().name()] {
            path.push(name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(LayoutError::Access { path, source: error });
                }
                _ => {}
            }
            let found = fs::symlink_metadata(&path);
            if !found.as_ref().is_ok_and(fs::Metadata::is_dir) {
                return Err(LayoutError::NotAFolder { path, is_link: found.is_ok_and(|found| found.is_symlink()) });
            }
        }
        Ok(path)
    }

    /// Whether the blob exists and has the digest in its name.
    fn is_proven(&self, descriptor: &Descriptor) -> Result<bool, LayoutError> {
        if locked(&self.proven).contains(&descriptor.digest) {
            return Ok(true);
        }
        let right = match self.folder.blob(&descriptor.digest)? {
            Some((file, length)) => length == descriptor.size && has_digest(file, &descriptor.digest),
            None => false,
        };
        if right {
            locked(&self.proven).insert(descriptor.digest.clone());
        }
        Ok(right)
    }

    fn store(&self, descriptor: &Descriptor, content: &mut dyn Read) -> Result<(), SinkError> {
        let folder = self.blob_folder(&descriptor.digest)?;
        let failed = |source| LayoutError::Access { path: folder.clone(), source };
        let file = whole_file::begin(&folder).map_err(failed)?;
        copy(content, file.as_file(), failed)?;
        whole_file::place(file, &folder.join(descriptor.digest.hex())).map_err(failed)?;
        locked(&self.unsynchronised).insert(folder);
        locked(&self.proven).insert(descriptor.digest.clone());
        Ok(())
    }

    /// `index.json`; empty where there is none yet.
    fn index(&self) -> Result<Map<String, Value>, LayoutError> {
        let json = |source| LayoutError::Json { path: self.folder.path().join(INDEX_FILE), source };
        match self.folder.read(INDEX_FILE, MAXIMUM_LENGTH)? {
            Some(content) => strict_json::read(&content, Names::Folded).map_err(json),
            None => Ok(Map::new()),
        }
    }

    /// What the names in `index.json` meant before this run, with their digests. Of two entries that mean the same, the one that is written
    /// in full counts, and then the first.
    fn listed(&self) -> Result<&HashMap<String, Digest>, LayoutError> {
        if let Some(listed) = self.listed.get() {
            return Ok(listed);
        }
        let index = self.index()?;
        let entries = index.get("manifests").and_then(Value::as_array).into_iter().flatten();
        let named = entries.flat_map(|entry| {
            let digest: Option<Digest> = text(entry, "/digest").and_then(|digest| digest.parse().ok());
            names(entry).filter_map(move |name| Some((full_name(name) != name, full_name(name), digest.clone()?)))
        });
        let mut named: Vec<(bool, String, Digest)> = named.collect();
        named.sort_by_key(|(is_short, ..)| *is_short);
        let mut listed = HashMap::new();
        for (_, name, digest) in named {
            listed.entry(name).or_insert(digest);
        }
        Ok(self.listed.get_or_init(|| listed))
    }

    /// Lists what was stored, in the place of what has the same names, and keeps all other entries.
    fn list(&self) -> Result<(), LayoutError> {
        for folder in std::mem::take(&mut *locked(&self.unsynchronised)) {
            whole_file::sync_folder(&folder).map_err(|source| LayoutError::Access { path: folder, source })?;
        }
        // The lock of the folder is one of processes; this is one of threads.
        let mut unlisted = locked(&self.unlisted);
        if unlisted.is_empty() {
            return Ok(());
        }
        let path = self.folder.path().join(INDEX_FILE);
        let lock = self.folder.handle();
        rustix::fs::flock(lock, FlockOperation::LockExclusive).map_err(|errno| access(&path, errno))?;
        let listed = self.index().and_then(|mut index| {
            // Another delivery that made the layout may have removed what it made.
            if self.folder.file(LAYOUT_FILE)?.is_none() {
                write_whole(self.folder.path(), LAYOUT_FILE, LAYOUT_CONTENT)?;
            }
            let json = |source| LayoutError::Json { path: path.clone(), source };
            list_all(&mut index, &unlisted).map_err(|error| json(error.into()))?;
            let content = serde_json::to_vec(&index).map_err(|error| json(error.into()))?;
            if content.len() as u64 > MAXIMUM_LENGTH {
                return Err(LayoutError::TooLarge { path: path.clone(), limit: MAXIMUM_LENGTH });
            }
            write_whole(self.folder.path(), INDEX_FILE, &content)
        });
        rustix::fs::flock(lock, FlockOperation::Unlock).map_err(|errno| access(&path, errno))?;
        listed.map(|()| unlisted.clear())
    }
}

/// What is behind these locks is whole at any time, also when another thread panicked while it held one.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sink for LayoutSink {
    fn require_room(&self, contents: &[&Descriptor]) -> Result<(), SinkError> {
        let mut lacking = Vec::new();
        for descriptor in contents {
            let there = self.folder.blob(&descriptor.digest)?;
            if there.is_none_or(|(_, length)| length != descriptor.size) {
                lacking.push(descriptor.size);
            }
        }
        let path = self.folder.path();
        let shortage = free_room::shortage(path, lacking);
        let shortage = shortage.map_err(|source| LayoutError::Access { path: path.to_owned(), source })?;
        shortage.map_or(Ok(()), |no_room| Err(no_room.into()))
    }

    fn offer(&self, _: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        Ok(match self.is_proven(descriptor)? {
            true => Offer::There,
            false => Offer::Wanted(Box::new(LayoutUpload { sink: self, descriptor: descriptor.clone() })),
        })
    }

    fn put_manifest(&self, _: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        if !self.is_proven(manifest.descriptor())? {
            self.store(manifest.descriptor(), &mut manifest.bytes())?;
        }
        // Other tools find referrers by the subjects of the manifests in index.json.
        if manifest.document().subject().is_some() {
            locked(&self.unlisted).push(UnlistedEntry { name: None, descriptor: manifest.descriptor().clone() });
        }
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        let name = entry_name(reference);
        let unlisted = locked(&self.unlisted);
        if let Some(listing) = unlisted.iter().rev().find(|listing| listing.name.as_ref() == Some(&name)) {
            return Ok(Some(listing.descriptor.digest.clone()));
        }
        drop(unlisted);
        Ok(self.listed()?.get(&name).cloned())
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let (name, descriptor) = (Some(entry_name(reference)), manifest.descriptor().clone());
        locked(&self.unlisted).push(UnlistedEntry { name, descriptor });
        Ok(())
    }

    fn finish(&self) -> Result<(), SinkError> {
        self.list()?;
        self.new.keep();
        Ok(())
    }
}

/// A blob on its way into a layout.
struct LayoutUpload<'s> {
    sink: &'s LayoutSink,
    descriptor: Descriptor,
}

impl Upload for LayoutUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        SinkError::require_offered(&self.descriptor, content)?;
        self.sink.store(&self.descriptor, content)
    }
}

/// Puts descriptors into an index: each under its name, in full and as it is written there already, or without a name unless it is listed.
fn list_all(index: &mut Map<String, Value>, listings: &[UnlistedEntry]) -> Result<(), serde_json::Error> {
    index.entry("schemaVersion").or_insert(json!(2));
    index.entry("mediaType").or_insert(json!(OCI_INDEX));
    let manifests = index.entry("manifests").or_insert(Value::Null);
    if manifests.is_null() {
        *manifests = json!([]);
    }
    let Some(entries) = manifests.as_array_mut() else {
        return Err(serde::de::Error::custom("manifests is not a list"));
    };
    let (mut named, mut digests): (HashMap<String, Vec<usize>>, HashSet<String>) = Default::default();
    for (at, entry) in entries.iter().enumerate() {
        for name in names(entry) {
            named.entry(full_name(name)).or_default().push(at);
        }
        digests.extend(text(entry, "/digest").map(str::to_owned));
    }
    let mut superfluous = HashSet::new();
    for UnlistedEntry { name, descriptor } in listings {
        let is_listed = !digests.insert(descriptor.digest.to_string());
        let Some(name) = name else {
            if !is_listed {
                entries.push(serde_json::to_value(descriptor)?);
            }
            continue;
        };
        let in_full = [Some(name.clone()), None];
        // Others find it as they wrote it, and everyone as it is said to be delivered.
        let mut written: Vec<([Option<String>; 2], usize)> = Vec::new();
        for at in named.remove(name).unwrap_or_default() {
            let Some(entry) = entries.get_mut(at) else { continue };
            let called = NAMES.map(|key| annotation(entry, key).map(str::to_owned));
            let means_it = |called: &String| full_name(called) == *name;
            if called.iter().flatten().any(|called| meaning(called).is_some() && !means_it(called)) {
                // By its other name it stays what it is.
                let annotations = entry.pointer_mut("/annotations").and_then(Value::as_object_mut);
                if let Some(annotations) = annotations {
                    annotations.retain(|key, value| {
                        !NAMES.contains(&key.as_str()) || value.as_str().is_none_or(|value| full_name(value) != *name)
                    });
                }
            } else if written.iter().any(|(known, _)| *known == called) {
                superfluous.insert(at);
            } else {
                *entry = entry_of(descriptor, &called)?;
                written.push((called, at));
            }
        }
        if !written.iter().any(|([ref_name, _], _)| ref_name.as_ref() == Some(name)) {
            entries.push(entry_of(descriptor, &in_full)?);
            written.push((in_full, entries.len().saturating_sub(1)));
        }
        named.insert(name.clone(), written.into_iter().map(|(_, at)| at).collect());
    }
    let mut places = 0_usize..;
    entries.retain(|_| places.next().is_some_and(|at| !superfluous.contains(&at)));
    Ok(())
}

/// The annotations that name an entry: OCI's, and the one with the full name that containerd writes beside a tag.
const NAMES: [&str; 2] = [REF_NAME, CONTAINERD_NAME];

/// The entry of a descriptor that is called so.
fn entry_of(descriptor: &Descriptor, called: &[Option<String>; 2]) -> Result<Value, serde_json::Error> {
    let mut entry = descriptor.clone();
    for (key, name) in NAMES.into_iter().zip(called) {
        name.iter().for_each(|name| entry.annotations.insert(key, name));
    }
    serde_json::to_value(entry)
}

/// The names of an entry.
fn names(entry: &Value) -> impl Iterator<Item = &str> {
    NAMES.into_iter().filter_map(move |key| annotation(entry, key))
}

fn annotation<'e>(entry: &'e Value, key: &str) -> Option<&'e str> {
    entry.get("annotations")?.get(key)?.as_str()
}

/// A text in an entry.
fn text<'e>(entry: &'e Value, pointer: &str) -> Option<&'e str> {
    entry.pointer(pointer).and_then(Value::as_str)
}

fn has_digest(mut file: File, digest: &Digest) -> bool {
    let mut hasher = Hasher::new(digest.algorithm());
    let mut buffer = vec![0; BUFFER_LENGTH];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return hasher.finish() == *digest,
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

/// Removes what an interrupted import left in a layout.
fn remove_abandoned(layout: &Path) -> Result<(), LayoutError> {
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let blobs = layout.join("blobs");
    let below = DigestAlgorithm::ALL.map(|algorithm| blobs.join(algorithm.name()));
    let below = below.into_iter().filter(|folder| is_folder(&blobs) && is_folder(folder));
    std::iter::once(layout.to_owned()).chain(below).try_for_each(|folder| {
        whole_file::remove_abandoned(&folder).map_err(|source| LayoutError::Access { path: folder, source })
    })
}

/// Writes a complete file, or leaves what was there.
fn write_whole(folder: &Path, name: &str, content: &[u8]) -> Result<(), LayoutError> {
    let path = folder.join(name);
    let written = whole_file::write(&path, content).and_then(|()| whole_file::sync_folder(folder));
    written.map_err(|source| LayoutError::Access { path, source })
}
