//! The trust store: a folder that holds what this side trusts, and what it has accepted so far.
//!
//! ```text
//! policy.toml                     what is required of an archive
//! map.json                        which repositories speak for which names (TAP 4)
//! roots/NAME/root.json            pinned roots, put here by a person, never from an archive
//! roots/NAME/dialect.toml         the dialect of that repository, unless it is TUF 1.0
//! exporters/NAME.pem              the keys of exporters whose seals count (SPKI PEM)
//! receivers/NAME.pem              the keys of sites that import, which sign receipts (SPKI PEM)
//! attesters/NAME.pub              the keys that sign attestations (any form that in-toto keys have)
//! state/NAME/state.json           what was last accepted of a repository, and when it was exported
//! state/NAME/metadata/SHA256.json the raw bytes of it
//! deliveries.json                 which tags were set here, and what was put under them
//! history.jsonl                   what was delivered or exported when, one line each, chained by digests
//! lock                            held by the one process that changes the store
//! ```
//!
//! Promises: every file can be read by a person; every file is replaced completely or not at all, whenever the machine
//! stops; one process writes at a time, and readers need no lock; trusted state never moves back; a lost or damaged
//! state is an error until a person resets it, because silently starting over is exactly what a replay needs.

mod basis;
mod deliveries;
mod dialect;
mod disk;
mod error;
pub mod history;
mod keyring;
mod lock;
mod name;
pub mod period;
pub mod policy;
mod presence;
pub(crate) mod requirement;
mod state;
mod update;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sealift_archive_format::Digest;

pub(crate) use basis::TrustBasis;
pub use deliveries::{DeliveredTag, Deliveries, Replacement, TagError};
pub use dialect::DialectFileError;
pub use error::{StateDamage, StateMetadataError, TrustStoreError};
pub use history::{HistoryEvent, HistoryLine, NewHistoryLine, SeenReceipt, TrustHistory};
pub use keyring::{Keyring, ReceiverKey, RingKeyError};
pub use name::{AttesterName, ExporterName, NameError, ReceiverName, RepositoryName};
pub use policy::{Policy, PolicyError};
pub use requirement::{Asked, InBundles, NamePattern, NamePatternError, Requirement, Rule};
pub use update::{AddedMapping, Commit, FloorAtReset, Forgotten, FormerSpeaker, Update};

use crate::nearness;
use disk::{LocalDisk, failed};
use presence::Presence;
use sealift_proof::in_toto::InTotoKey;
use sealift_proof::signature::PublicKey;
use sealift_proof::tuf::map::RepositoryMap;
use sealift_proof::tuf::{Dialect, TrustAnchor, TrustedState};
use state::StateFile;

/// The longest policy, map, key or root that is read, in bytes.
const MAXIMUM_FILE_LENGTH: u64 = 4 << 20;

/// A trust store on the disk. Nothing is read until it is needed.
#[derive(Debug, Clone)]
pub struct TrustStore {
    folder: PathBuf,
}

/// How long a process waits for another one that changes the store.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How long it waits before it tries again.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(20);

/// Everything that a trust store holds, as a plain value.
#[derive(Debug, Clone)]
pub struct Trust {
    /// What is required of an archive.
    pub policy: Policy,
    /// Which repositories speak for which names, where `map.json` says so.
    pub map: Option<RepositoryMap>,
    /// The repositories with a pinned root.
    pub repositories: BTreeMap<RepositoryName, PinnedRepository>,
    /// The exporters whose seals count.
    pub exporters: BTreeMap<ExporterName, PublicKey>,
    /// The attesters. If there are any, one of them must have signed every attestation, unless the policy requires
    /// something else for a name.
    pub attesters: BTreeMap<AttesterName, InTotoKey>,
}

impl Trust {
    /// The repository that was probably meant by a name under which no root is pinned.
    pub fn meant(&self, name: &RepositoryName) -> Option<RepositoryName> {
        nearness::meant(name.as_str(), self.repositories.keys()).cloned()
    }

    /// The latest export that was accepted of any of these repositories, and of which one.
    pub(crate) fn latest_export<'n>(
        &self,
        names: impl IntoIterator<Item = &'n RepositoryName>,
    ) -> Option<(Timestamp, &'n RepositoryName)> {
        let last = |name: &'n RepositoryName| Some((self.repositories.get(name)?.state.last_export?, name));
        names.into_iter().filter_map(last).max()
    }
}

/// A repository with a pinned root.
#[derive(Debug, Clone)]
pub struct PinnedRepository {
    /// The root with which trust in it begins.
    pub root: PinnedRoot,
    /// What was last accepted from it.
    pub state: TrustedState,
}

/// A root that a person pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedRoot {
    /// The raw bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256 digest.
    pub digest: Digest,
    /// The dialect of the repository.
    pub dialect: Dialect,
}

impl PinnedRoot {
    /// The root and its dialect, with which trust begins.
    pub fn anchor(&self) -> TrustAnchor<'_> {
        TrustAnchor { root: &self.bytes, dialect: &self.dialect }
    }
}

impl TrustStore {
    /// The trust store at `folder`, whether or not it exists yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes the lock, to change the store; a store is created if there is none.
    ///
    /// # Errors
    /// [`TrustStoreError::Locked`] when another process has it, [`TrustStoreError::PolicyLost`], and
    /// [`TrustStoreError::NotAStore`] for a folder with other things in it.
    pub fn begin(&self) -> Result<Update, TrustStoreError> {
        match Presence::of(&self.folder)? {
            Presence::Nothing => Update::on_new(self.clone(), Box::new(LocalDisk)),
            Presence::Other => Err(TrustStoreError::NotAStore { folder: self.folder.clone() }),
            Presence::Store | Presence::StoreWithoutPolicy => self.update(),
        }
    }

    /// Takes the lock, to change an existing store.
    ///
    /// # Errors
    /// [`TrustStoreError::Missing`], [`TrustStoreError::NotAStore`], [`TrustStoreError::PolicyLost`], and
    /// [`TrustStoreError::Locked`] when another process has it.
    pub fn update(&self) -> Result<Update, TrustStoreError> {
        self.require_store()?;
        Update::on(self.clone(), Box::new(LocalDisk))
    }

    /// As [`TrustStore::update`], but waits some seconds for another process to be done.
    ///
    /// # Errors
    /// As [`TrustStore::update`].
    pub fn update_soon(&self) -> Result<Update, TrustStoreError> {
        let began = Instant::now();
        loop {
            match self.update() {
                Err(TrustStoreError::Locked { .. }) if began.elapsed() < LONGEST_WAIT => {
                    thread::sleep(BETWEEN_ATTEMPTS)
                }
                outcome => return outcome,
            }
        }
    }

    /// Replaces the policy with the strict default, even if the policy is missing.
    ///
    /// # Errors
    /// [`TrustStoreError::Missing`], [`TrustStoreError::NotAStore`], and [`TrustStoreError::Locked`] when another process changes
    /// the store.
    pub fn reset_policy(&self) -> Result<(), TrustStoreError> {
        match self.require_store() {
            Ok(()) | Err(TrustStoreError::PolicyLost { .. }) => {
                Update::on(self.clone(), Box::new(LocalDisk))?.write_default_policy()
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses to go on with what rests on `basis`, and from which follow these states, if it would be judged differently now: by the
    /// `terms` that are made of what the store holds.
    ///
    /// # Errors
    /// [`TrustStoreError::Changed`], and as [`TrustStore::load`].
    pub(crate) fn require_unchanged(
        &self,
        basis: &TrustBasis,
        states: &BTreeMap<RepositoryName, TrustedState>,
        terms: impl FnOnce(Trust) -> Trust,
    ) -> Result<(), TrustStoreError> {
        match basis.holds(&terms(self.load()?), states) {
            true => Ok(()),
            false => Err(self.changed()),
        }
    }

    fn changed(&self) -> TrustStoreError {
        TrustStoreError::Changed { folder: self.folder.clone() }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`TrustStoreError`] when there is no store, or anything in it is missing, damaged or does not belong there.
    pub fn load(&self) -> Result<Trust, TrustStoreError> {
        self.require_store()?;
        let repository = |name: RepositoryName| {
            let repository = PinnedRepository { root: self.root(&name)?, state: self.state(&name)? };
            Ok((name, repository))
        };
        Ok(Trust {
            policy: self.policy()?,
            map: self.map()?,
            repositories: self.repositories()?.into_iter().map(repository).collect::<Result<_, TrustStoreError>>()?,
            exporters: self.exporters()?,
            attesters: self.attesters()?,
        })
    }

    /// What is required of an archive.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the policy is lost or cannot be read.
    pub fn policy(&self) -> Result<Policy, TrustStoreError> {
        Policy::parse(&self.policy_text()?)
            .map_err(|source| TrustStoreError::Policy { path: self.policy_path(), source })
    }

    /// Which repositories speak for which names, if a map is set.
    ///
    /// # Errors
    /// [`TrustStoreError`] when it cannot be read.
    pub fn map(&self) -> Result<Option<RepositoryMap>, TrustStoreError> {
        let path = self.map_path();
        let Some(bytes) = disk::read(&path, MAXIMUM_FILE_LENGTH)? else { return Ok(None) };
        RepositoryMap::parse(&bytes).map(Some).map_err(|source| TrustStoreError::MapInUse { path, source })
    }

    /// The names of the repositories with a pinned root.
    ///
    /// # Errors
    /// [`TrustStoreError`] when a root is lost, or a folder cannot be read or holds what does not belong there.
    pub fn repositories(&self) -> Result<Vec<RepositoryName>, TrustStoreError> {
        let mut names: BTreeSet<RepositoryName> = list(&self.folder.join("roots"), "")?.into_iter().collect();
        names.extend(list(&self.folder.join("state"), "")?);
        let mut pinned = Vec::new();
        for name in names {
            match self.root(&name) {
                Ok(_) => pinned.push(name),
                // Folders that an interrupted pinning left behind.
                Err(TrustStoreError::UnknownRepository { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pinned)
    }

    /// The repository that was probably meant by a name under which no root is pinned, as far as that can be read.
    pub fn meant(&self, name: &RepositoryName) -> Option<RepositoryName> {
        let names: Vec<RepositoryName> = list(&self.folder.join("roots"), "").unwrap_or_default();
        nearness::meant(name.as_str(), names.into_iter().filter(|it| self.root_path(it).exists()))
    }

    /// A pinned root.
    ///
    /// # Errors
    /// [`TrustStoreError::UnknownRepository`] when there is none of that name, and [`TrustStoreError::RootLost`] when
    /// there was one, under which something was accepted.
    pub fn root(&self, name: &RepositoryName) -> Result<PinnedRoot, TrustStoreError> {
        if let Some(bytes) = disk::read(&self.root_path(name), MAXIMUM_FILE_LENGTH)? {
            return Ok(PinnedRoot { digest: Digest::sha256(&bytes), bytes, dialect: self.dialect(name)? });
        }
        match StateFile::read(&self.state_folder(name), name) {
            Ok(state) if !state.is_empty() => {
                Err(TrustStoreError::RootLost { name: name.clone(), recorded: state.pinned_root })
            }
            Ok(_) | Err(TrustStoreError::StateLost { .. }) => {
                Err(TrustStoreError::UnknownRepository { name: name.clone(), meant: self.meant(name) })
            }
            Err(error) => Err(error),
        }
    }

    /// The dialect of a repository, as the file beside its root states it; TUF 1.0 without such a file.
    fn dialect(&self, name: &RepositoryName) -> Result<Dialect, TrustStoreError> {
        let path = self.dialect_path(name);
        match disk::read(&path, MAXIMUM_FILE_LENGTH)? {
            None => Ok(Dialect::Tuf),
            Some(bytes) => dialect::read(&bytes).map_err(|source| TrustStoreError::Dialect { path, source }),
        }
    }

    /// What was last accepted from a repository.
    ///
    /// # Errors
    /// [`TrustStoreError`] when it is lost, damaged, or belongs to another root.
    pub fn state(&self, name: &RepositoryName) -> Result<TrustedState, TrustStoreError> {
        let read = || self.state_file(name)?.load(&self.state_folder(name), name);
        // Readers hold no lock: a commit may have removed what the first attempt was about to read.
        read().or_else(|_| read())
    }

    /// The version of each role that was last accepted from a repository.
    ///
    /// # Errors
    /// As [`TrustStore::state`].
    pub fn versions(&self, name: &RepositoryName) -> Result<BTreeMap<String, u64>, TrustStoreError> {
        Ok(self.state_file(name)?.versions())
    }

    /// Which tags were set here, and what was put under them.
    ///
    /// # Errors
    /// [`TrustStoreError`] when that is lost or damaged.
    pub fn deliveries(&self) -> Result<Deliveries, TrustStoreError> {
        match Deliveries::read(&self.deliveries_path())? {
            Some(deliveries) => Ok(deliveries),
            None if self.has_accepted_anything()? => {
                Err(TrustStoreError::DeliveriesLost { path: self.deliveries_path() })
            }
            // A store that a person created with their own policy, and that has not accepted anything yet.
            None => Ok(Deliveries::default()),
        }
    }

    /// The exporters whose seals count.
    ///
    /// # Errors
    /// [`TrustStoreError`] when a key cannot be read.
    pub fn exporters(&self) -> Result<BTreeMap<ExporterName, PublicKey>, TrustStoreError> {
        self.keys()
    }

    /// Those who sign attestations.
    ///
    /// # Errors
    /// [`TrustStoreError`] when a key cannot be read.
    pub fn attesters(&self) -> Result<BTreeMap<AttesterName, InTotoKey>, TrustStoreError> {
        self.keys()
    }

    /// The sites whose receipts count.
    ///
    /// # Errors
    /// [`TrustStoreError`] when a key cannot be read.
    pub fn receivers(&self) -> Result<BTreeMap<ReceiverName, ReceiverKey>, TrustStoreError> {
        self.keys()
    }

    /// What was delivered and exported here, and when.
    ///
    /// # Errors
    /// [`TrustStoreError`] when it cannot be read, or is damaged.
    pub fn history(&self) -> Result<TrustHistory, TrustStoreError> {
        self.require_store()?;
        TrustHistory::read(&self.history_path())
    }

    /// Whether an archive with a repository that is pinned here has ever been accepted.
    fn has_accepted_anything(&self) -> Result<bool, TrustStoreError> {
        for name in self.repositories()? {
            if self.state(&name)?.last_export.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn require_store(&self) -> Result<(), TrustStoreError> {
        match Presence::of(&self.folder)? {
            Presence::Store => Ok(()),
            Presence::StoreWithoutPolicy => Err(TrustStoreError::PolicyLost { path: self.policy_path() }),
            Presence::Nothing => Err(TrustStoreError::Missing { folder: self.folder.clone() }),
            Presence::Other => Err(TrustStoreError::NotAStore { folder: self.folder.clone() }),
        }
    }

    fn state_file(&self, name: &RepositoryName) -> Result<StateFile, TrustStoreError> {
        let root = self.root(name)?;
        let file = StateFile::read(&self.state_folder(name), name)?;
        if file.pinned_root == root.digest {
            Ok(file)
        } else {
            let (recorded, pinned) = (file.pinned_root, root.digest);
            Err(TrustStoreError::RootChanged { name: name.clone(), recorded, pinned })
        }
    }

    fn policy_text(&self) -> Result<String, TrustStoreError> {
        let path = self.policy_path();
        match disk::read(&path, MAXIMUM_FILE_LENGTH)? {
            Some(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            None => Err(TrustStoreError::PolicyLost { path }),
        }
    }

    fn policy_path(&self) -> PathBuf {
        self.folder.join("policy.toml")
    }

    fn deliveries_path(&self) -> PathBuf {
        self.folder.join("deliveries.json")
    }

    fn history_path(&self) -> PathBuf {
        self.folder.join("history.jsonl")
    }

    fn map_path(&self) -> PathBuf {
        self.folder.join("map.json")
    }

    fn root_folder(&self, name: &RepositoryName) -> PathBuf {
        self.folder.join("roots").join(name.as_str())
    }

    fn root_path(&self, name: &RepositoryName) -> PathBuf {
        self.root_folder(name).join("root.json")
    }

    fn dialect_path(&self, name: &RepositoryName) -> PathBuf {
        self.root_folder(name).join("dialect.toml")
    }

    fn state_folder(&self, name: &RepositoryName) -> PathBuf {
        self.folder.join("state").join(name.as_str())
    }
}

/// The names in a folder, in order. Hidden files are unfinished ones, and are skipped.
fn list<T: FromStr<Err = NameError> + Ord>(folder: &Path, suffix: &str) -> Result<Vec<T>, TrustStoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let file_name = entry.map_err(failed("read", folder))?.file_name();
        let text = file_name.to_string_lossy();
        if text.starts_with('.') {
            continue;
        }
        let name = text.strip_suffix(suffix).unwrap_or_default().parse();
        names.push(name.map_err(|source| TrustStoreError::Stray { path: folder.join(&file_name), source })?);
    }
    names.sort();
    Ok(names)
}
