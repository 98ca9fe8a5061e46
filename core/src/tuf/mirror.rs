//! Publishes what was carried as a folder that any TUF client can use, served over http or read as files.
//!
//! Promise: whoever reads the folder while it is written sees the repository as it was or as it becomes: targets come
//! first, then metadata, then new roots, the timestamp last, and every file appears whole or not at all. (Between a root
//! that takes keys away and the timestamp that follows it a reader may have to try again. And where snapshots are not
//! consistent, files have one name in all versions, and a reader may meet the new ones among the old: TUF §6.2 is what
//! prevents that.)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp as Instant;

use super::chain::{RootChain, roots_before};
use super::envelope::{Envelope, RoleEvidence};
use super::error::TufError;
use super::hashes::MismatchError;
use super::limits::Limits;
use super::metadata::Timestamp;
use super::provider::folder::served_from;
use super::provider::{
    CarriedMetadata, MetadataProvider as _, ProviderError, RecordingMetadata, RepositoryFolder, Room, target_file_path,
};
use super::role_name::RoleName;
use super::state::TrustedState;
use super::target::VerifiedTarget;
use super::update::{recall, update};
use crate::whole_file;

/// The file that makes new metadata visible, and so comes last.
const TIMESTAMP: &str = "timestamp.json";

/// What of a repository may be published.
#[derive(Debug)]
pub struct VerifiedMetadata {
    /// The accepted roles and the roots that lead to the accepted one; every role, if all of them came along.
    pub metadata: CarriedMetadata,
    /// Why it is not every role: mostly a file that did not come along.
    pub left_out: Option<TufError>,
}

/// Of the metadata that was carried here, what was verified: the accepted `roles`, whose bytes `state` holds, and what else
/// the accepted metadata leads to. Who carries something else along does not get it published.
///
/// # Errors
/// [`TufError::TrustedRoot`] when `state` holds no root.
pub fn verified_metadata(
    carried: &CarriedMetadata,
    roles: &[RoleEvidence],
    state: &TrustedState,
    consistent_snapshots: bool,
    judged_at: Instant,
    limits: &Limits,
) -> Result<VerifiedMetadata, TufError> {
    let accepted = recall(state, &RoleName::root()).unwrap_or_default();
    let named = |version| RoleName::root().file_name(Some(version));
    let older = |version| Ok::<_, TufError>(carried.files().get(&named(version)).cloned());
    let mut roots: BTreeMap<_, _> =
        roots_before(accepted, limits, older)?.into_iter().map(|(version, root)| (named(version), root)).collect();
    roots.insert(named(RootChain::begin(accepted)?.version()), accepted.to_vec());

    let (mut metadata, room) = (carried.clone(), Room::new(u64::MAX));
    let mut every_role = RecordingMetadata::new(&mut metadata, &room);
    let walked = update(accepted, &TrustedState::default(), &mut every_role, judged_at, limits)
        .and_then(|mut repository| repository.load_every_role(&mut every_role).map(drop));
    let (mut files, left_out) = match walked {
        Ok(()) => (every_role.into_carried().into_files(), None),
        Err(error) => (accepted_roles(roles, state, consistent_snapshots), Some(error)),
    };
    files.extend(roots);
    Ok(VerifiedMetadata { metadata: CarriedMetadata::new(files), left_out })
}

fn accepted_roles(
    roles: &[RoleEvidence],
    state: &TrustedState,
    consistent_snapshots: bool,
) -> BTreeMap<String, Vec<u8>> {
    let below_root = roles.iter().filter(|role| role.role != RoleName::root());
    let named = below_root.filter_map(|RoleEvidence { role, version, .. }| {
        let versioned = consistent_snapshots && *role != RoleName::timestamp();
        Some((role.file_name(versioned.then_some(*version)), recall(state, role)?.to_vec()))
    });
    named.collect()
}

/// A folder with `metadata/` and `targets/` in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    metadata: PathBuf,
    targets: PathBuf,
}

/// Why a mirror cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// What is in the mirror already cannot be read.
    #[error("cannot tell what the mirror {} holds", .folder.display())]
    Read {
        /// The folder of its metadata.
        folder: PathBuf,
        /// Why.
        source: ProviderError,
    },
    /// A file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was verified cannot be told from what was not.
    #[error(transparent)]
    Tuf(#[from] TufError),
    /// A name is not that of a file below a folder.
    #[error("{0:?} cannot be a file below the mirror's folder")]
    Name(String),
    /// Two files of a repository cannot be in one folder.
    #[error("{} and {} cannot both be files", .0.display(), .1.display())]
    Collision(PathBuf, PathBuf),
    /// The folder holds another repository: one of its roots is not the root of that version here.
    #[error("the mirror {} is of another repository: its {root} is not the one that is pinned here, or follows from that", .folder.display())]
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
        there: MirrorState,
        /// The state that would be written.
        offered: MirrorState,
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

impl Mirror {
    /// A mirror in `folder`. Nothing is written yet.
    pub fn new(folder: &Path) -> Self {
        Self { metadata: folder.join("metadata"), targets: folder.join("targets") }
    }

    /// The mirror as a repository.
    pub fn as_repository(&self) -> RepositoryFolder {
        RepositoryFolder::new(&self.metadata, &self.targets)
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
        places.iter().try_for_each(|place| sync(place.parent().unwrap_or(&self.targets)))
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

    fn places_of(&self, target: &VerifiedTarget, consistent_snapshots: bool) -> Result<Vec<PathBuf>, MirrorError> {
        let prefixes: Vec<_> = match consistent_snapshots {
            true => target.hashes().iter().map(Some).collect(),
            false => vec![None],
        };
        let place = |prefix| {
            let place = served_from(&self.targets, &target_file_path(target.path(), prefix));
            place.ok_or_else(|| MirrorError::Name(target.path().to_owned()))
        };
        prefixes.into_iter().map(place).collect()
    }

    /// Refuses metadata that does not follow what is published here already: that lies behind it, or is another
    /// repository's.
    ///
    /// # Errors
    /// [`MirrorError::Newer`], [`MirrorError::Other`], and [`MirrorError::Read`] when that cannot be told.
    pub fn require_follows(&self, metadata: &CarriedMetadata) -> Result<(), MirrorError> {
        let folder = || self.metadata.clone();
        let (mut published, limits) = (self.as_repository(), Limits::default());
        let mut read = |role: RoleName, version, limit| {
            published.metadata(&role, version, limit).map_err(|source| MirrorError::Read { folder: folder(), source })
        };
        let timestamp = read(RoleName::timestamp(), None, limits.timestamp_length)?;
        let there = MirrorState::of(self.names()?.into_iter(), timestamp.as_deref());
        let files = metadata.files();
        for (name, root) in files {
            let Some(version) = root_version(name) else { continue };
            if read(RoleName::root(), Some(version), limits.root_length)?.is_some_and(|published| published != *root) {
                return Err(MirrorError::Other { folder: folder(), root: name.clone() });
            }
        }
        let offered = MirrorState::of(files.keys().cloned(), files.get(TIMESTAMP).map(Vec::as_slice));
        if there > offered { Err(MirrorError::Newer { folder: folder(), there, offered }) } else { Ok(()) }
    }

    /// The names of the files of metadata that are there.
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
    /// [`MirrorError`]; nothing was written, but for [`MirrorError::Write`].
    pub fn write_metadata(&self, metadata: &CarriedMetadata) -> Result<(), MirrorError> {
        self.require_follows(metadata)?;
        let place = |name: &str| served_from(&self.metadata, name);
        let mut files: Vec<_> = metadata.files().iter().map(|(name, bytes)| (name, place(name), bytes)).collect();
        files.sort_by_key(|(name, ..)| (*name == TIMESTAMP, root_version(name)));
        let mut places = BTreeSet::new();
        for (name, place, _) in &files {
            let place = place.as_deref().ok_or_else(|| MirrorError::Name((*name).clone()))?;
            if !places.insert(place) {
                return Err(MirrorError::Collision(place.to_owned(), place.to_owned()));
            }
        }
        require_files(&places)?;
        let mut unsynced = BTreeSet::new();
        for (name, place, bytes) in &files {
            if root_version(name).is_some() || *name == TIMESTAMP {
                std::mem::take(&mut unsynced).into_iter().try_for_each(sync)?;
            }
            let place = place.as_deref().unwrap_or(Path::new(""));
            write(place, bytes)?;
            unsynced.extend(place.parent());
        }
        unsynced.into_iter().try_for_each(sync)
    }
}

/// Requires that none of the files would be a folder that another one is in.
fn require_files(places: &BTreeSet<&Path>) -> Result<(), MirrorError> {
    let folder_of = |below: &Path| below.ancestors().skip(1).find(|folder| places.contains(folder)).map(Path::to_owned);
    match places.iter().find_map(|below| Some((folder_of(below)?, below.to_path_buf()))) {
        Some((file, below)) => Err(MirrorError::Collision(file, below)),
        None => Ok(()),
    }
}

/// How far a mirror is: what its clients hold against what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MirrorState {
    /// The version of the newest root.
    pub root: u64,
    /// The version of the timestamp. Under a newer root it may be lower: that is how a publisher recovers (TUF §5.3.11).
    pub timestamp: u64,
}

impl fmt::Display for MirrorState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "root {} and timestamp {}", self.root, self.timestamp)
    }
}

impl MirrorState {
    fn of(names: impl Iterator<Item = String>, timestamp: Option<&[u8]>) -> Self {
        let version = |bytes| {
            let envelope = Envelope::parse(&RoleName::timestamp(), bytes).ok()?;
            Some(envelope.read_signed::<Timestamp>().ok()?.0.version.get())
        };
        let root = names.filter_map(|name| root_version(&name)).max();
        Self { root: root.unwrap_or(0), timestamp: timestamp.and_then(version).unwrap_or(0) }
    }
}

/// The version in the name of a root.
fn root_version(name: &str) -> Option<u64> {
    name.strip_suffix(".root.json")?.parse().ok()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), MirrorError> {
    whole_file::write(path, bytes).map_err(|source| MirrorError::Write { path: path.to_owned(), source })
}

fn sync(folder: &Path) -> Result<(), MirrorError> {
    whole_file::sync_folder(folder).map_err(|source| MirrorError::Write { path: folder.to_owned(), source })
}
