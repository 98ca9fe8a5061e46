//! Changing the store: under its lock, each change completely or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::in_toto::InTotoKey;
use sealift_proof::signature::{KeyError, PublicKey, Scheme};
use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::dialect::DialectName;
use sealift_proof::tuf::map::{Mapping, RepositoryMap};
use sealift_proof::tuf::{Dialect, TrustAnchor, TrustedState};

use super::dialect;
use super::disk::{self, Disk, failed};
use super::history::NewHistoryLine;
use super::keyring::{Keyring, ReceiverKey, RingKey};
use super::lock::Lock;
use super::presence::Presence;
use super::state::StateFile;
use super::{
    AttesterName, Deliveries, ExporterName, MAXIMUM_FILE_LENGTH, NamePattern, Policy, ReceiverName, RepositoryName,
    Trust, TrustStore, TrustStoreError,
};
use crate::trust_store::policy::TEMPLATE;

/// The right to change a trust store. While it exists, no other process can have it.
pub struct Update {
    store: TrustStore,
    disk: Box<dyn Disk>,
    lock: Lock,
}

/// What was remembered about a repository and has been forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// The version of each role that was last accepted.
    pub versions: BTreeMap<String, u64>,
    /// When the last accepted archive was exported; `None` if it was not known, or is still remembered.
    pub last_export: Option<Timestamp>,
}

/// What became of a mapping that was to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddedMapping {
    /// It was added. If one repository spoke for every name until then: what becomes of it.
    New(Option<FormerSpeaker>),
    /// It was there already, and nothing was changed.
    WasThere,
}

/// What a new map makes of the only repository with a pinned root, which spoke for every name until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormerSpeaker {
    /// It speaks for all names that no other mapping matches.
    KeepsTheRest(RepositoryName),
    /// The new mapping is about it alone: it speaks for no other names.
    Narrowed(RepositoryName),
}

/// What happens to the time of the last accepted export when a state is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloorAtReset {
    /// It is kept, if it can be read: earlier archives are still refused.
    Kept,
    /// It is forgotten too, because a clock was wrong when it was accepted.
    Forgotten,
}

/// What was accepted from some repositories, about to be recorded.
#[must_use = "nothing is recorded until it is finished"]
pub struct Commit<'u> {
    update: &'u Update,
    next_states: Vec<(PathBuf, StateFile)>,
    /// What the history will be.
    history: Option<Vec<u8>>,
}

impl Commit<'_> {
    /// The same with a line in the history, which is written before the states.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the history cannot be read, is damaged, or is full.
    pub fn noting(self, line: NewHistoryLine) -> Result<Self, TrustStoreError> {
        let history = self.update.store.history()?.with(line, &self.update.store.history_path())?;
        Ok(Self { history: Some(history), ..self })
    }

    /// Replaces one `state.json` after the other. If that is interrupted, some repositories are at the new state and some at
    /// the old one, and doing it again ends at the new one.
    ///
    /// # Errors
    /// [`TrustStoreError`] when this process no longer holds the store's lock, or the store cannot be written.
    pub fn finish(self) -> Result<(), TrustStoreError> {
        let Update { store, disk, lock } = self.update;
        lock.require_held(&store.folder)?;
        if let Some(history) = &self.history {
            disk::replace(&**disk, &store.history_path(), history)?;
        }
        self.next_states.iter().try_for_each(|(folder, next)| next.write(&**disk, folder))
    }
}

impl Update {
    pub(super) fn on(store: TrustStore, disk: Box<dyn Disk>) -> Result<Self, TrustStoreError> {
        let lock = Lock::take(&store.folder)?;
        Ok(Self { store, disk, lock })
    }

    /// Creates a store, unless another process has created it in the meantime.
    pub(super) fn on_new(store: TrustStore, disk: Box<dyn Disk>) -> Result<Self, TrustStoreError> {
        disk.create_folder(&store.folder).map_err(failed("make", &store.folder))?;
        let update = Self::on(store, disk)?;
        if Presence::of(&update.store.folder)? == Presence::Nothing {
            if !update.store.deliveries_path().exists() {
                Deliveries::default().write(&*update.disk, &update.store.deliveries_path())?;
            }
            update.write_default_policy()?;
        }
        Ok(update)
    }

    pub(super) fn write_default_policy(&self) -> Result<(), TrustStoreError> {
        self.replace(&self.store.policy_path(), TEMPLATE.as_bytes())
    }

    /// What the store holds.
    ///
    /// # Errors
    /// As [`TrustStore::load`].
    pub fn trust(&self) -> Result<Trust, TrustStoreError> {
        self.store.load()
    }

    /// Records what was accepted from these repositories.
    ///
    /// # Errors
    /// [`TrustStoreError`] when a repository is unknown, its state in the store is damaged, or the new one lies behind it; then
    /// nothing is changed.
    pub fn commit(&self, states: &BTreeMap<RepositoryName, TrustedState>) -> Result<(), TrustStoreError> {
        self.begin_commit(states)?.finish()
    }

    /// Records what was accepted from these repositories, judged by `judged`, except where something newer was accepted in the meantime.
    ///
    /// # Errors
    /// As [`Update::commit`]; and [`TrustStoreError::Changed`] when another root was pinned in the meantime.
    pub fn advance(
        &self,
        judged: &Trust,
        states: &BTreeMap<RepositoryName, TrustedState>,
    ) -> Result<(), TrustStoreError> {
        let mut newer = BTreeMap::new();
        for (name, state) in states {
            let current = self.store.state_file(name)?;
            let root = judged.repositories.get(name).map(|pinned| &pinned.root.digest);
            if root != Some(&current.pinned_root) {
                return Err(self.changed());
            }
            let next = StateFile::of(state, current.pinned_root.clone(), &self.store.dialect(name)?)?;
            let is_behind = current.require_not_behind(&next, name).is_err();
            if !(is_behind && next.require_not_behind(&current, name).is_ok()) {
                newer.insert(name.clone(), state.clone());
            }
        }
        self.commit(&newer)
    }

    /// Adds a line to the history.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the history cannot be read, is damaged, or is full.
    pub fn note(&self, line: NewHistoryLine) -> Result<(), TrustStoreError> {
        self.begin_commit(&BTreeMap::new())?.noting(line)?.finish()
    }

    /// Says that what was judged would be judged differently now.
    pub(crate) fn changed(&self) -> TrustStoreError {
        self.store.changed()
    }

    /// Records which tags are about to be set, and does all but the last step of recording what was accepted from these
    /// repositories: whatever happens while tags are being set, no tag is set that is not remembered. A tag that is
    /// remembered but not set yet is guarded as if it were set.
    ///
    /// # Errors
    /// As [`Update::commit`].
    pub fn begin_delivery<'u>(
        &'u self,
        states: &BTreeMap<RepositoryName, TrustedState>,
        deliveries: &Deliveries,
    ) -> Result<Commit<'u>, TrustStoreError> {
        let commit = self.begin_commit(states)?;
        deliveries.write(&*self.disk, &self.store.deliveries_path())?;
        Ok(commit)
    }

    /// Writes the metadata of these repositories; the states that refer to it are written by [`Commit::finish`].
    ///
    /// # Errors
    /// [`TrustStoreError`] when a repository is unknown, its state in the store is damaged, or the new one is older;
    /// nothing is then changed.
    fn begin_commit(&self, states: &BTreeMap<RepositoryName, TrustedState>) -> Result<Commit<'_>, TrustStoreError> {
        self.lock.require_held(&self.store.folder)?;
        let mut next_states = Vec::new();
        let mut metadata = Vec::new();
        for (name, state) in states {
            let folder = self.store.state_folder(name);
            let current = self.store.state_file(name)?;
            let next = StateFile::of(state, current.pinned_root.clone(), &self.store.dialect(name)?)?;
            current.require_not_behind(&next, name)?;
            metadata.push((current, state));
            next_states.push((folder, next));
        }
        for ((folder, next), (current, state)) in next_states.iter().zip(&metadata) {
            next.write_metadata(&*self.disk, folder, state, current)?;
        }
        Ok(Commit { update: self, next_states, history: None })
    }

    /// Which tags were set here, and what was put under them.
    ///
    /// # Errors
    /// As [`TrustStore::deliveries`].
    pub fn deliveries(&self) -> Result<Deliveries, TrustStoreError> {
        self.store.deliveries()
    }

    /// Forgets which tags were set here: all of them, even if the record is lost or damaged, or those of one registry
    /// or layout (`registry.internal:5000`, `oci:/srv/images`). Returns how many are forgotten, if that is known.
    ///
    /// # Errors
    /// [`TrustStoreError`] when those of one place are to be forgotten, but the file is lost or damaged.
    pub fn reset_deliveries(&self, place: Option<&str>) -> Result<Option<Deliveries>, TrustStoreError> {
        let known = self.store.deliveries();
        let (deliveries, forgotten) = match place {
            None => (Deliveries::default(), known.ok()),
            Some(place) => {
                let mut deliveries = known?;
                let forgotten = deliveries.forget_below(place);
                (deliveries, Some(forgotten))
            }
        };
        deliveries.write(&*self.disk, &self.store.deliveries_path())?;
        Ok(forgotten)
    }

    /// Pins a root for a name that has none, or has the same one. A lost root can be put back in this way, and what was
    /// accepted under it is still remembered.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the name has or had another root, or `root` is not a valid root, or not the expected
    /// one.
    pub fn pin_root<'a>(
        &self,
        name: &RepositoryName,
        root: impl Into<TrustAnchor<'a>>,
        expected: Option<&Digest>,
    ) -> Result<Digest, TrustStoreError> {
        let root = root.into();
        let digest = check_root(root, expected)?;
        let other_dialect = |pinned: Dialect| TrustStoreError::OtherDialect {
            name: name.clone(),
            pinned,
            offered: root.dialect.clone(),
        };
        match self.store.root(name) {
            Ok(pinned) if pinned.digest == digest && pinned.dialect == *root.dialect => Ok(digest),
            Ok(pinned) if pinned.digest == digest => Err(other_dialect(pinned.dialect)),
            Ok(pinned) => Err(TrustStoreError::RepositoryExists { name: name.clone(), digest: pinned.digest }),
            Err(TrustStoreError::RootLost { recorded, .. }) if recorded == digest => {
                let left = self.store.dialect(name)?;
                // Nothing says that it was lost as well, unless it would have to be there.
                if left != *root.dialect && left != Dialect::Tuf {
                    return Err(other_dialect(left));
                }
                self.write_root(name, root)?;
                Ok(digest)
            }
            Err(TrustStoreError::UnknownRepository { .. }) => {
                self.begin_repository(name, root, digest.clone())?;
                Ok(digest)
            }
            Err(error) => Err(error),
        }
    }

    /// Pins a root, even in place of another. What was accepted under the other is forgotten and returned, unless the
    /// new root is the newest that was accepted.
    ///
    /// # Errors
    /// [`TrustStoreError`] when `root` is not a valid root, or not the expected one, and when `state.json` is lost or
    /// damaged: it says what would be forgotten, and without it only [`Update::reset_state`] forgets anything.
    pub fn replace_root<'a>(
        &self,
        name: &RepositoryName,
        root: impl Into<TrustAnchor<'a>>,
        expected: Option<&Digest>,
    ) -> Result<(Digest, Option<Forgotten>), TrustStoreError> {
        let root = root.into();
        let digest = check_root(root, expected)?;
        let folder = self.store.state_folder(name);
        let state = match StateFile::read(&folder, name) {
            Ok(state) => state,
            Err(TrustStoreError::StateLost { .. }) if !self.store.root_path(name).exists() => {
                self.begin_repository(name, root, digest.clone())?;
                return Ok((digest, None));
            }
            Err(error) => return Err(error),
        };
        let same_dialect = self.store.dialect(name).is_ok_and(|pinned| pinned == *root.dialect);
        if let Some(kept) = state.under(&digest).filter(|_| same_dialect) {
            kept.write(&*self.disk, &folder)?;
            self.write_root(name, root)?;
            return Ok((digest, None));
        }
        self.begin_repository(name, root, digest.clone())?;
        Ok((digest, Forgotten::of(&state, FloorAtReset::Forgotten)))
    }

    /// The state first: if this is interrupted, the state names a root that is not pinned, which is noticed.
    fn begin_repository(
        &self,
        name: &RepositoryName,
        root: TrustAnchor<'_>,
        digest: Digest,
    ) -> Result<(), TrustStoreError> {
        StateFile::empty(digest).write(&*self.disk, &self.store.state_folder(name))?;
        self.write_root(name, root)
    }

    /// The dialect is written first: if only it is written, the old root cannot be read in it, which is noticed.
    fn write_root(&self, name: &RepositoryName, root: TrustAnchor<'_>) -> Result<(), TrustStoreError> {
        let path = self.store.dialect_path(name);
        match root.dialect.gun() {
            Some(gun) => self.replace(&path, dialect::text(gun).as_bytes())?,
            None if path.exists() => self.remove_file(&path)?,
            None => {}
        }
        self.replace(&self.store.root_path(name), root.root)
    }

    /// Removes a pinned root and what was accepted under it.
    ///
    /// # Errors
    /// [`TrustStoreError`] when there is none.
    pub fn remove_root(&self, name: &RepositoryName) -> Result<(), TrustStoreError> {
        match self.store.root(name) {
            Ok(_) => self.remove_file(&self.store.root_path(name))?,
            Err(error @ TrustStoreError::UnknownRepository { .. }) => return Err(error),
            // The root is already missing, or its state cannot be read.
            Err(_) => {}
        }
        for folder in [self.store.root_folder(name), self.store.state_folder(name)] {
            if folder.exists() {
                self.disk.remove_folder(&folder).map_err(failed("remove", &folder))?;
            }
        }
        Ok(())
    }

    /// Forgets what was accepted from a repository, and returns it: trust starts over from its pinned root.
    ///
    /// # Errors
    /// [`TrustStoreError`] when no root is pinned under that name, or the root cannot be used.
    pub fn reset_state(
        &self,
        name: &RepositoryName,
        export_time: FloorAtReset,
    ) -> Result<Option<Forgotten>, TrustStoreError> {
        let root = self.store.root(name)?;
        let digest = check_root(root.anchor(), None)?;
        let known = StateFile::read(&self.store.state_folder(name), name).ok();
        let known = known.filter(|known| known.pinned_root == digest);
        let mut state = StateFile::empty(digest);
        if export_time == FloorAtReset::Kept {
            state.last_export = known.as_ref().and_then(|known| known.last_export);
        }
        state.write(&*self.disk, &self.store.state_folder(name))?;
        Ok(known.and_then(|known| Forgotten::of(&known, export_time)))
    }

    /// Adds an exporter whose seals count.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the name or the key is already in use, or the key is not an ed25519 key.
    pub fn add_exporter(&self, name: &ExporterName, key: &PublicKey) -> Result<(), TrustStoreError> {
        if key.scheme() != Scheme::Ed25519 {
            return Err(TrustStoreError::ExporterScheme { scheme: key.scheme().name() });
        }
        self.store.require_new_key(name, key)?;
        let path = self.store.key_path::<PublicKey>(name);
        let unusable = |source: KeyError| TrustStoreError::RingKey {
            keyring: Keyring::Exporters,
            path: path.clone(),
            source: source.into(),
        };
        let pem = key.to_pem().map_err(unusable)?;
        self.replace(&path, pem.as_bytes())
    }

    /// Removes an exporter: its seals no longer count.
    ///
    /// # Errors
    /// [`TrustStoreError`] when there is no such exporter.
    pub fn remove_exporter(&self, name: &ExporterName) -> Result<(), TrustStoreError> {
        self.remove_key::<PublicKey>(name)
    }

    /// Adds an attester. The key is kept in the form in which it was given.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the name or the key is already in use, or the key cannot be used.
    pub fn add_attester(&self, name: &AttesterName, key: &[u8]) -> Result<InTotoKey, TrustStoreError> {
        let path = self.store.key_path::<InTotoKey>(name);
        let added = <InTotoKey as RingKey>::read(key).map_err(|source| TrustStoreError::RingKey {
            keyring: Keyring::Attesters,
            path: path.clone(),
            source,
        })?;
        self.store.require_new_key(name, &added)?;
        self.replace(&path, key)?;
        Ok(added)
    }

    /// Removes an attester.
    ///
    /// # Errors
    /// [`TrustStoreError`] when there is no such attester.
    pub fn remove_attester(&self, name: &AttesterName) -> Result<(), TrustStoreError> {
        self.remove_key::<InTotoKey>(name)
    }

    /// Adds a site whose receipts count.
    ///
    /// # Errors
    /// [`TrustStoreError`] when the name or the key is already in use.
    pub fn add_receiver(&self, name: &ReceiverName, key: &PublicKey) -> Result<(), TrustStoreError> {
        let receiver = ReceiverKey(key.clone());
        self.store.require_new_key(name, &receiver)?;
        let path = self.store.key_path::<ReceiverKey>(name);
        let unusable = |source: KeyError| TrustStoreError::RingKey {
            keyring: Keyring::Receivers,
            path: path.clone(),
            source: super::RingKeyError::Receiver(source),
        };
        let pem = key.to_pem().map_err(unusable)?;
        self.replace(&path, pem.as_bytes())
    }

    /// Removes a receiver: its receipts no longer count.
    ///
    /// # Errors
    /// [`TrustStoreError`] when there is no such receiver.
    pub fn remove_receiver(&self, name: &ReceiverName) -> Result<(), TrustStoreError> {
        self.remove_key::<ReceiverKey>(name)
    }

    fn remove_key<K: RingKey>(&self, name: &K::Name) -> Result<(), TrustStoreError> {
        let path = self.store.key_path::<K>(name);
        if !path.exists() {
            let meant = self.store.meant_key::<K>(name);
            return Err(TrustStoreError::UnknownKey { keyring: K::RING, name: name.to_string(), meant });
        }
        self.remove_file(&path)
    }

    /// Sets how many different pinned exporters must have sealed an archive.
    ///
    /// # Errors
    /// [`TrustStoreError::Policy`] when the policy is broken, or written in a way that only a person can edit.
    pub fn set_exporter_threshold(&self, threshold: NonZeroU32) -> Result<(), TrustStoreError> {
        let path = self.store.policy_path();
        let text = self.store.policy_text()?;
        let changed = Policy::with_exporter_threshold(&text, threshold)
            .map_err(|source| TrustStoreError::Policy { path: path.clone(), source })?;
        self.replace(&path, changed.as_bytes())
    }

    /// Sets the map (TAP 4) that says which repositories speak for which names.
    ///
    /// # Errors
    /// [`TrustStoreError::Map`] when it is not a valid map.
    pub fn set_map(&self, file: &Path, map: &[u8]) -> Result<(), TrustStoreError> {
        if u64::try_from(map.len()).is_ok_and(|length| length > MAXIMUM_FILE_LENGTH) {
            return Err(TrustStoreError::TooLong { path: file.to_owned(), limit: MAXIMUM_FILE_LENGTH });
        }
        RepositoryMap::parse(map).map_err(|source| TrustStoreError::Map { path: file.to_owned(), source })?;
        self.replace(&self.store.map_path(), map)
    }

    /// Adds a mapping: these repositories speak for the names that a pattern matches, and no later mapping is asked about them. All
    /// of them must agree. It comes before the first mapping that would hide it.
    ///
    /// Without a map, one begins. Where a single root is pinned, its repository spoke for every name: it keeps all others in a
    /// last mapping, unless the new one is about this repository alone. A mapping that is there already in this place is not added.
    ///
    /// # Errors
    /// [`TrustStoreError::MapInUse`] when the map that is there is not valid, [`TrustStoreError::Map`] when the new mapping is not; and as
    /// [`TrustStore::repositories`].
    pub fn add_mapping(
        &self,
        pattern: &NamePattern,
        repositories: &[RepositoryName],
    ) -> Result<AddedMapping, TrustStoreError> {
        let pattern = &pattern.in_a_map();
        let (current, former) = match (self.store.map()?, self.store.repositories()?.as_slice()) {
            // Nothing is left to be spoken for.
            (None, [_]) if pattern == "*" => (None, None),
            (None, [only]) if repositories == [only.clone()] => (None, Some(FormerSpeaker::Narrowed(only.clone()))),
            (None, [only]) => {
                let keeping = RepositoryMap::of_one(only, Vec::new());
                (Some(keeping), Some(FormerSpeaker::KeepsTheRest(only.clone())))
            }
            (current, _) => (current, None),
        };
        let mapping = serde_json::json!({
            "paths": [pattern],
            "repositories": repositories,
            "threshold": repositories.len(),
            "terminating": true,
        });
        let known = current.iter().flat_map(RepositoryMap::repositories).map(|(name, urls)| (name.to_string(), urls));
        let mut named: BTreeMap<String, Vec<String>> = known.map(|(name, urls)| (name, urls.clone())).collect();
        for repository in repositories {
            named.entry(repository.to_string()).or_default();
        }
        let is_same = |mapping: &&Mapping| {
            let of = |names: &[RepositoryName]| names.iter().cloned().collect::<BTreeSet<_>>();
            mapping.patterns() == [pattern.clone()]
                && of(mapping.repositories()) == of(repositories)
                && mapping.threshold().get() == repositories.len()
                && mapping.is_terminating()
        };
        let mut in_order = current.iter().flat_map(RepositoryMap::mappings);
        if in_order.find(|earlier| earlier.covers(pattern)).as_ref().is_some_and(is_same) {
            return Ok(AddedMapping::WasThere);
        }
        // One that another hid is there no longer.
        let kept = || current.iter().flat_map(RepositoryMap::mappings).filter(|mapping| !is_same(mapping));
        let mut mappings: Vec<_> = kept()
            .map(|mapping| {
                serde_json::json!({
                    "paths": mapping.patterns(),
                    "repositories": mapping.repositories(),
                    "threshold": mapping.threshold(),
                    "terminating": mapping.is_terminating(),
                })
            })
            .collect();
        let place = kept().position(|earlier| earlier.covers(pattern)).unwrap_or(mappings.len());
        mappings.insert(place, mapping);
        let map = format!("{:#}\n", serde_json::json!({ "repositories": named, "mapping": mappings }));
        self.set_map(&self.store.map_path(), map.as_bytes())?;
        Ok(AddedMapping::New(former))
    }

    /// Removes the map.
    ///
    /// # Errors
    /// [`TrustStoreError::Io`].
    pub fn remove_map(&self) -> Result<(), TrustStoreError> {
        let path = self.store.map_path();
        if path.exists() { self.remove_file(&path) } else { Ok(()) }
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), TrustStoreError> {
        disk::replace(&*self.disk, path, bytes)
    }

    fn remove_file(&self, path: &Path) -> Result<(), TrustStoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        self.disk.remove_file(path).and_then(|()| self.disk.sync_folder(folder)).map_err(failed("remove", path))
    }
}

/// Checks that it is a root signed by its own keys, and the expected one.
fn check_root(root: TrustAnchor<'_>, expected: Option<&Digest>) -> Result<Digest, TrustStoreError> {
    let digest = Digest::sha256(root.root);
    if let Some(expected) = expected
        && !expected.matches(root.root)
    {
        return Err(TrustStoreError::RootDigest { expected: expected.clone(), found: digest });
    }
    let named = root.dialect.name();
    if let Some(found) = DialectName::stated_by(root.root).filter(|found| *found != named) {
        return Err(TrustStoreError::RootOfOtherDialect { expected: named, found });
    }
    RootChain::begin(root).map_err(|source| TrustStoreError::NotARoot { source: Box::new(source) })?;
    Ok(digest)
}

impl Forgotten {
    fn of(state: &StateFile, export_time: FloorAtReset) -> Option<Self> {
        let last_export = state.last_export.filter(|_| export_time == FloorAtReset::Forgotten);
        let versions = state.versions();
        (!versions.is_empty() || last_export.is_some()).then_some(Self { versions, last_export })
    }
}
