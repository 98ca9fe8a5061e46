//! Publishes what was carried as a folder that any TUF client can use, served over http or read as files.
//!
//! Promise: anyone who reads the folder while it is being written sees the repository either as it was or as it will
//! be: targets come first, then metadata, then new roots, the timestamp last, and every file appears complete or not at
//! all. (Between a root that takes keys away and the timestamp that follows it a reader may have to try again. And
//! where snapshots are not consistent, files have one name in all versions, and a reader may see new files among old
//! ones: TUF §6.2 exists to prevent that. A repository of Notary has each file also under a name with its SHA-256, which its
//! clients ask for.)

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use sealift_archive_format::Digest;
use sealift_proof::tuf::provider::{CarriedMetadata, target_file_path};
use sealift_proof::tuf::publication::{PublishedState, root_version};
use sealift_proof::tuf::{
    Dialect, Limits, MetadataProvider, MismatchError, ProviderError, RoleName, TufError, VerifiedTarget,
};

use super::folder::{RepositoryFolder, served_from};
use super::notary::{NotaryRepository, hashed};
use crate::measured_file::Measuring;
use crate::remedy::{PublisherMatter, Remediable, Remedy};
use crate::whole_file;

/// The file that makes new metadata visible, and so comes last.
pub(crate) const TIMESTAMP: &str = "timestamp.json";

/// A folder that a web server can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    metadata: PathBuf,
    /// Where target files are; `None` for Notary, whose targets describe what is in registries.
    targets: Option<PathBuf>,
    dialect: Dialect,
}

/// The order in which files are written: what clients begin with comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum WritingOrder {
    Role,
    Root(u64),
    /// The newest root, by the name that it has as such.
    NewestRoot,
    Timestamp,
}

/// A file of the mirror.
struct MirrorFile<'m> {
    order: WritingOrder,
    place: PathBuf,
    bytes: &'m [u8],
}

/// Why a mirror cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// What is already in the mirror cannot be read.
    #[error("cannot determine what the mirror {} holds", .folder.display())]
    Read {
        /// The folder of its metadata.
        folder: PathBuf,
        /// Why it cannot be read.
        source: ProviderError,
    },
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// What was verified cannot be distinguished from what was not.
    #[error(transparent)]
    Tuf(#[from] TufError),
    /// A name is not that of a file below a folder.
    #[error("{0:?} cannot be the name of a file in the mirror")]
    Name(String),
    /// Two files of a repository exclude each other in a folder.
    #[error("{} and {} cannot both be files, because one would be a folder of the other", .0.display(), .1.display())]
    Collision(PathBuf, PathBuf),
    /// The folder holds another repository: one of its roots differs from the root of the same version here.
    #[error("the mirror {} is of another repository: its {root} is neither the root that is pinned here nor one that follows from it", .folder.display())]
    Other {
        /// The folder of its metadata.
        folder: PathBuf,
        /// The name of the root.
        root: String,
    },
    /// The folder holds a newer state of the repository: its clients would refuse an older one (TUF §5.3.5, §5.4.3).
    #[error("the mirror {} is at {there}; this is {offered}", .folder.display())]
    Newer {
        /// The folder of its metadata.
        folder: PathBuf,
        /// The state there.
        there: PublishedState,
        /// The state that would be written.
        offered: PublishedState,
    },
    /// The bytes are not those of the target.
    #[error("the bytes for target {path:?} are not those that the metadata describes")]
    Mismatch {
        /// The target's name.
        path: String,
        /// What differs.
        source: MismatchError,
    },
}

impl Remediable for MirrorError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Write { source, .. } if source.kind() == std::io::ErrorKind::InvalidFilename => {
                Remedy::MirrorElsewhere
            }
            Self::Read { .. } | Self::Write { .. } => Remedy::RepairMirror,
            Self::Newer { .. } | Self::Other { .. } => Remedy::MirrorApart,
            Self::Name(_) | Self::Collision(..) | Self::Mismatch { .. } | Self::Tuf(_) => {
                Remedy::AskPublisher { about: PublisherMatter::UnpublishableRepository }
            }
        }
    }
}

impl Mirror {
    /// A mirror in `folder`: of `metadata/` and `targets/`, or of `v2/GUN/_trust/tuf/` for clients of Notary. Nothing is written yet.
    pub fn new(folder: &Path, dialect: &Dialect) -> Self {
        let (metadata, targets) = match dialect {
            Dialect::Tuf => (folder.join("metadata"), Some(folder.join("targets"))),
            Dialect::Notary(gun) => (folder.join("v2").join(gun.as_str()).join("_trust").join("tuf"), None),
        };
        Self { metadata, targets, dialect: dialect.clone() }
    }

    /// The metadata that is already published.
    fn published(&self) -> Box<dyn MetadataProvider> {
        match &self.dialect {
            Dialect::Tuf => Box::new(RepositoryFolder::new(&self.metadata, &self.metadata)),
            Dialect::Notary(_) => Box::new(NotaryRepository::in_folder(&self.metadata)),
        }
    }

    /// Writes a target: one file, or one for each listed hash where snapshots are consistent (TUF 1.0.34 §6.2.1).
    ///
    /// # Errors
    /// [`MirrorError`].
    pub fn write_target(
        &self,
        target: &VerifiedTarget,
        bytes: &[u8],
        consistent_snapshots: bool,
    ) -> Result<(), MirrorError> {
        let path = target.path().to_owned();
        target.check(bytes).map_err(|source| MirrorError::Mismatch { path, source })?;
        let places = self.places_of(target, consistent_snapshots)?;
        places.iter().try_for_each(|place| write(place, bytes))?;
        places.iter().filter_map(|place| place.parent()).try_for_each(sync)
    }

    /// Writes a target from a file that was kept, in the same way, if there is one. Whoever may write to the folder may have changed the file
    /// since it was verified, so it is held to the target again.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub(crate) fn copy_target(
        &self,
        target: &VerifiedTarget,
        open: impl Fn() -> std::io::Result<Option<File>>,
        consistent_snapshots: bool,
    ) -> Result<(), MirrorError> {
        let places = self.places_of(target, consistent_snapshots)?;
        for path in &places {
            let failed = |source| MirrorError::Write { path: path.clone(), source };
            let Some(file) = open().map_err(failed)? else { return Ok(()) };
            let mut content = Measuring::new(file);
            let copy = whole_file::begin_copy(path, &mut content).map_err(failed)?;
            let name = || target.path().to_owned();
            let checked = target.check_measured(&content.finish());
            checked.map_err(|source| MirrorError::Mismatch { path: name(), source })?;
            whole_file::place(copy, path).map_err(failed)?;
        }
        places.iter().filter_map(|place| place.parent()).try_for_each(sync)
    }

    /// Refuses targets that exclude each other in a folder.
    ///
    /// # Errors
    /// [`MirrorError::Name`], [`MirrorError::Collision`].
    pub fn check_targets(&self, targets: &[VerifiedTarget], consistent_snapshots: bool) -> Result<(), MirrorError> {
        let mut places = BTreeMap::new();
        for target in targets {
            for place in self.places_of(target, consistent_snapshots)? {
                match places.insert(place.clone(), target.hashes()) {
                    Some(other) if other != target.hashes() => {
                        return Err(MirrorError::Collision(place.clone(), place));
                    }
                    _ => {}
                }
            }
        }
        require_files(&places.keys().map(PathBuf::as_path).collect())
    }

    /// Where the files of a target are.
    ///
    /// # Errors
    /// [`MirrorError::Name`].
    pub(crate) fn places_of(
        &self,
        target: &VerifiedTarget,
        consistent_snapshots: bool,
    ) -> Result<Vec<PathBuf>, MirrorError> {
        let Some(targets) = &self.targets else { return Ok(Vec::new()) };
        let prefixes: Vec<_> = match consistent_snapshots {
            true => target.hashes().iter().map(Some).collect(),
            false => vec![None],
        };
        let place = |prefix| {
            let place = served_from(targets, &target_file_path(target.path(), prefix));
            place.ok_or_else(|| MirrorError::Name(target.path().to_owned()))
        };
        prefixes.into_iter().map(place).collect()
    }

    /// Refuses metadata that does not follow what is already published here: because it is older, or belongs to another
    /// repository.
    ///
    /// # Errors
    /// [`MirrorError::Newer`], [`MirrorError::Other`], and [`MirrorError::Read`] when that cannot be determined.
    pub fn require_follows(&self, metadata: &CarriedMetadata) -> Result<(), MirrorError> {
        let folder = || self.metadata.clone();
        let (mut published, limits) = (self.published(), Limits::default());
        let mut read = |role: RoleName, version, limit| {
            published.metadata(&role, version, limit).map_err(|source| MirrorError::Read { folder: folder(), source })
        };
        let timestamp = read(RoleName::timestamp(), None, limits.timestamp_length)?;
        let there = PublishedState::of(&self.dialect, self.names()?.into_iter(), timestamp.as_deref());
        let files = metadata.files();
        for (name, root) in files {
            let Some(version) = root_version(name) else { continue };
            if read(RoleName::root(), Some(version), limits.root_length)?.is_some_and(|published| published != *root) {
                return Err(MirrorError::Other { folder: folder(), root: name.clone() });
            }
        }
        let offered = PublishedState::of(&self.dialect, files.keys().cloned(), files.get(TIMESTAMP).map(Vec::as_slice));
        if there > offered { Err(MirrorError::Newer { folder: folder(), there, offered }) } else { Ok(()) }
    }

    /// The names of the existing metadata files.
    fn names(&self) -> Result<Vec<String>, MirrorError> {
        let failed = |source| MirrorError::Read {
            folder: self.metadata.clone(),
            source: ProviderError::Unavailable { file_name: "metadata".to_owned(), source: Box::new(source) },
        };
        let entries = match std::fs::read_dir(&self.metadata) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let names = entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }

    /// Writes all metadata: roots and the timestamp last, since clients begin with them. Targets must have been written
    /// before.
    ///
    /// # Errors
    /// [`MirrorError`]; nothing was written, except with [`MirrorError::Write`].
    pub fn write_metadata(&self, metadata: &CarriedMetadata) -> Result<(), MirrorError> {
        self.require_follows(metadata)?;
        let files = self.ordered(metadata)?;
        let mut unsynced = BTreeSet::new();
        for MirrorFile { order, place, bytes } in &files {
            if *order != WritingOrder::Role {
                std::mem::take(&mut unsynced).into_iter().try_for_each(sync)?;
            }
            write(place, bytes)?;
            unsynced.extend(place.parent());
        }
        unsynced.into_iter().try_for_each(sync)
    }

    /// Every metadata file under each name that clients ask for, with its place.
    ///
    /// # Errors
    /// [`MirrorError::Name`], [`MirrorError::Collision`].
    pub(crate) fn metadata_files<'m>(
        &self,
        metadata: &'m CarriedMetadata,
    ) -> Result<impl Iterator<Item = (PathBuf, &'m [u8])>, MirrorError> {
        Ok(self.ordered(metadata)?.into_iter().map(|MirrorFile { place, bytes, .. }| (place, bytes)))
    }

    /// Every file under each name that clients ask for, in the order in which they are written.
    fn ordered<'m>(&self, metadata: &'m CarriedMetadata) -> Result<Vec<MirrorFile<'m>>, MirrorError> {
        let mut files = self.placed(metadata)?;
        files.sort_by_key(|file| file.order);
        let mut places = BTreeSet::new();
        if let Some(twice) = files.iter().find(|file| !places.insert(file.place.as_path())) {
            return Err(MirrorError::Collision(twice.place.clone(), twice.place.clone()));
        }
        require_files(&places)?;
        Ok(files)
    }

    /// Every file under each name that clients ask for.
    fn placed<'m>(&self, metadata: &'m CarriedMetadata) -> Result<Vec<MirrorFile<'m>>, MirrorError> {
        let newest = metadata.files().keys().filter_map(|name| root_version(name)).max();
        let mut placed = Vec::new();
        for (name, bytes) in metadata.files() {
            let order = match root_version(name) {
                Some(version) => WritingOrder::Root(version),
                None if *name == TIMESTAMP => WritingOrder::Timestamp,
                None => WritingOrder::Role,
            };
            let mut place = |order, place: Option<PathBuf>| {
                let place = place.ok_or_else(|| MirrorError::Name(name.clone()))?;
                placed.push(MirrorFile { order, place, bytes });
                Ok::<_, MirrorError>(())
            };
            place(order, served_from(&self.metadata, name))?;
            if self.dialect == Dialect::Tuf || order == WritingOrder::Timestamp {
                continue;
            }
            let (order, plain) = match order {
                WritingOrder::Root(version) if Some(version) == newest => (WritingOrder::NewestRoot, "root.json"),
                WritingOrder::Root(_) => continue,
                order => (order, name.as_str()),
            };
            place(order, served_from(&self.metadata, &hashed(plain, Digest::sha256(bytes).hex())))?;
            if order == WritingOrder::NewestRoot {
                place(order, served_from(&self.metadata, plain))?;
            }
        }
        Ok(placed)
    }
}

/// Requires that none of the files would also be a folder for another one. Paths sort part by part, so what is in a folder follows it
/// at once.
fn require_files(places: &BTreeSet<&Path>) -> Result<(), MirrorError> {
    let pairs = places.iter().zip(places.iter().skip(1));
    match { pairs }.find(|(file, below)| below.starts_with(file)) {
        Some((file, below)) => Err(MirrorError::Collision(file.to_path_buf(), below.to_path_buf())),
        None => Ok(()),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    whole_file::write(path, bytes).map_err(|source| MirrorError::Write { path: path.to_owned(), source })
}

/// Makes what is in a folder durable; what an interrupted attempt began there goes.
fn sync(folder: &Path) -> Result<(), MirrorError> {
    let synced = whole_file::remove_abandoned(folder).and_then(|()| whole_file::sync_folder(folder));
    synced.map_err(|source| MirrorError::Write { path: folder.to_owned(), source })
}
