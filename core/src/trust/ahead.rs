//! Fetches, side by side, what a judgement of live repositories will ask for.
//!
//! Promise: nothing is decided here. The judgement is made by one thread, in one order, and asks for each file as if nothing were ready.
//! What it does not ask for is not carried, and what is not ready it gets from the repository. What leads to a file here was verified on
//! the way: only files that metadata of trusted roles lists are fetched, and one chain of metadata stays in its order.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sealift_archive_format::Digest;
use sealift_proof::in_toto::Work;
use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::map::RepositoryMap;
use sealift_proof::tuf::provider::target_file_path;
use sealift_proof::tuf::{
    AnnouncedFile, MetadataProvider, ProviderError, RoleName, TargetProvider, TrustedRepository, TrustedState,
    VerifiedTarget, update,
};

use super::gather::Extent;
use super::item::Item;
use super::judgement;
use super::question::Question;
use super::repositories::{Carrier, MAXIMUM_TARGET_LENGTH, MAXIMUM_TUF};
use super::supply_chain::{FILE_COST, listed, needed};
use crate::transfer::{Stop, Workers};
use crate::trust_store::policy::Policy;
use crate::trust_store::{RepositoryName, Trust};

/// How many files are on their way at once, at most.
const MAXIMUM_AT_ONCE: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// How long a file may be that arrives beside others, in bytes. Longer ones arrive one at a time.
const MAXIMUM_BESIDE_OTHERS: u64 = 1024 * 1024;
/// How many roots before the pinned one are fetched, at most: a far side may have pinned an older one.
const MAXIMUM_OLDER_ROOTS: u64 = 64;

type FileAnswer = Result<Option<Vec<u8>>, ProviderError>;

/// How much may be ready in all, and who fetches a long file.
struct ReadyRoom {
    left: AtomicU64,
    long: Mutex<()>,
}

impl ReadyRoom {
    /// Fetches a file that has at most `limit` bytes.
    fn fetch(&self, limit: u64, mut fetch: impl FnMut(u64) -> FileAnswer) -> FileAnswer {
        match fetch(limit.min(MAXIMUM_BESIDE_OTHERS)) {
            Err(ProviderError::TooLong { .. }) if limit > MAXIMUM_BESIDE_OTHERS => {
                let _alone = self.long.lock();
                fetch(limit)
            }
            answer => answer,
        }
    }

    /// Whether there is room to keep an answer.
    fn keep(&self, answer: &FileAnswer) -> bool {
        let length = answer.iter().flatten().map(|bytes| bytes.len() as u64).sum();
        let take = |left: u64| left.checked_sub(length);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files of one kind: those that are ready, by their names, and those that are wanted next, with their longest lengths.
struct Shelf<W> {
    ready: Mutex<BTreeMap<String, FileAnswer>>,
    wanted: BTreeMap<String, (W, u64)>,
    /// Whether something was looked for that is wanted.
    has_missed: bool,
}

impl<W> Default for Shelf<W> {
    fn default() -> Self {
        Self { ready: Mutex::default(), wanted: BTreeMap::new(), has_missed: false }
    }
}

fn not_ready(file_name: &str) -> ProviderError {
    ProviderError::Unavailable { file_name: file_name.to_owned(), source: "it is not there yet".into() }
}

impl<W> Shelf<W> {
    /// What is ready of a file. If nothing is, the file is wanted from now on.
    fn look(&mut self, file_name: String, want: W, limit: u64) -> FileAnswer {
        self.ready(&file_name).unwrap_or_else(|| {
            let answer = Err(not_ready(&file_name));
            self.has_missed = true;
            self.wanted.entry(file_name).or_insert((want, limit));
            answer
        })
    }

    /// What is ready of a file.
    fn ready(&self, file_name: &str) -> Option<FileAnswer> {
        lock(&self.ready).get(file_name).map(|answer| match answer {
            Ok(found) => Ok(found.clone()),
            Err(_) => Err(not_ready(file_name)),
        })
    }

    /// Takes what is ready of a file out.
    fn take(&mut self, file_name: &str, limit: u64) -> Option<FileAnswer> {
        match lock(&self.ready).remove(file_name)? {
            Ok(Some(bytes)) if bytes.len() as u64 > limit => {
                Some(Err(ProviderError::TooLong { file_name: file_name.to_owned(), limit }))
            }
            answer => Some(answer),
        }
    }
}

/// The metadata of a live repository, some of it fetched already.
pub(crate) struct MetadataAhead<'a> {
    source: &'a mut dyn MetadataProvider,
    shelf: Shelf<(RoleName, Option<u64>)>,
}

/// The target files of a live repository, some of them fetched already.
pub(crate) struct TargetsAhead<'a> {
    source: &'a mut dyn TargetProvider,
    shelf: Shelf<(String, Option<Digest>)>,
}

impl MetadataProvider for MetadataAhead<'_> {
    fn metadata(&mut self, role: &RoleName, version: Option<u64>, limit: u64) -> FileAnswer {
        let ready = self.shelf.take(&role.file_name(version), limit);
        ready.unwrap_or_else(|| self.source.metadata(role, version, limit))
    }

    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        self.source.at_hand()
    }

    fn hand_out(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) -> Result<bool, ProviderError> {
        // What was fetched before is handed out first.
        let is_ready = lock(&self.shelf.ready).contains_key(&role.file_name(version));
        if is_ready { Ok(false) } else { self.source.hand_out(role, version, bytes) }
    }
}

impl TargetProvider for TargetsAhead<'_> {
    fn target(&mut self, path: &str, digest_prefix: Option<&Digest>, limit: u64) -> FileAnswer {
        let ready = self.shelf.take(&target_file_path(path, digest_prefix), limit);
        ready.unwrap_or_else(|| self.source.target(path, digest_prefix, limit))
    }
}

/// Metadata as one chain needs it: what is fetched is ready from then on.
struct Chained<'m, 'a> {
    metadata: &'m mut MetadataAhead<'a>,
    room: &'m ReadyRoom,
    stop: &'m Stop,
    /// Those that get what is announced.
    workers: Workers,
}

impl MetadataProvider for Chained<'_, '_> {
    fn metadata(&mut self, role: &RoleName, version: Option<u64>, limit: u64) -> FileAnswer {
        let MetadataAhead { source, shelf } = &mut *self.metadata;
        let file_name = role.file_name(version);
        if let Some(ready) = shelf.ready(&file_name) {
            return ready;
        }
        let answer = self.room.fetch(limit, |limit| source.metadata(role, version, limit));
        let found = match &answer {
            Ok(found) => Ok(found.clone()),
            Err(_) => Err(not_ready(&file_name)),
        };
        // A failure that came of a wait that was ended says nothing about the file.
        if !(answer.is_err() && self.stop.is_set()) && self.room.keep(&answer) {
            lock(&shelf.ready).insert(file_name, answer);
        }
        found
    }

    /// Roles that one delegates to do not need each other.
    fn announce(&mut self, files: &[AnnouncedFile]) {
        for AnnouncedFile { role, version, limit } in files {
            let _ = self.metadata.shelf.look(role.file_name(*version), (role.clone(), *version), *limit);
        }
        self.metadata.shelf.has_missed = false;
        fetch_side_by_side(&self.metadata.on_their_way(), &self.workers, self.room);
    }
}

/// Metadata as far as it is ready.
struct Looking<'m, 'a>(&'m mut MetadataAhead<'a>);

impl MetadataProvider for Looking<'_, '_> {
    fn metadata(&mut self, role: &RoleName, version: Option<u64>, limit: u64) -> FileAnswer {
        self.0.shelf.look(role.file_name(version), (role.clone(), version), limit)
    }
}

/// A live repository, some of whose files have been fetched already.
pub(crate) struct RepositoryAhead<'a> {
    metadata: MetadataAhead<'a>,
    targets: TargetsAhead<'a>,
    /// What its metadata says, as far as it could be trusted; this is forgotten before the judgement.
    trusted: Option<TrustedRepository>,
}

impl<'a> RepositoryAhead<'a> {
    fn of(Carrier { metadata, targets }: Carrier<'a>) -> Self {
        let metadata = MetadataAhead { source: metadata, shelf: Shelf::default() };
        let targets = TargetsAhead { source: targets, shelf: Shelf::default() };
        Self { metadata, targets, trusted: None }
    }

    /// The repository for the judgement.
    pub(crate) fn carrier(&mut self) -> Carrier<'_> {
        Carrier { metadata: &mut self.metadata, targets: &mut self.targets }
    }

    fn has_missed(&mut self) -> bool {
        let missed = [&mut self.metadata.shelf.has_missed, &mut self.targets.shelf.has_missed].map(std::mem::take);
        missed.contains(&true)
    }

    fn targets_for(&self, item: &Item) -> Vec<String> {
        self.trusted.as_ref().map(|trusted| item.targets_in(trusted.dialect())).unwrap_or_default()
    }

    fn resolve(&mut self, target: &str) -> Option<VerifiedTarget> {
        self.trusted.as_mut()?.resolve(&mut Looking(&mut self.metadata), target).ok()?
    }
}

/// The repositories, some of whose files have been fetched already.
pub(crate) type RepositoriesAhead<'a> = BTreeMap<RepositoryName, RepositoryAhead<'a>>;

/// Something that leads to files.
enum Errand {
    /// What vouches for an item.
    Item(Arc<Item>),
    /// A file that a target lists.
    File(RepositoryName, String),
}

/// Fetches from live repositories what a judgement will ask for: of each repository the chain of its metadata, side by side with those of
/// the others, and then, in rounds, what was found to be needed in the one before.
pub(crate) fn fetch<'a>(
    question: &Question<'_>,
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'a>>,
    extent: Extent,
    workers: &Workers,
) -> RepositoriesAhead<'a> {
    let room = ReadyRoom { left: AtomicU64::new(MAXIMUM_TUF), long: Mutex::new(()) };
    let workers = workers.at_most(MAXIMUM_AT_ONCE);
    let (mut ahead, is_begun) = begin(question, trust, live, &workers, &room);
    if !is_begun {
        return ahead;
    }
    for (name, repository) in &mut ahead {
        want_older_roots(repository, trust, name);
        if extent == Extent::EveryRole {
            want_every_role(repository);
        }
    }
    let map = judgement::map(trust, question.first_name()).ok().flatten();
    let mut errands: Vec<Errand> = question.items.iter().flat_map(all_parts).map(Errand::Item).collect();
    let (mut known, mut work) = (HashSet::new(), Work::of_an_archive());
    loop {
        let mut waiting = Vec::new();
        while let Some(errand) = errands.pop() {
            let found = match &errand {
                Errand::Item(item) => {
                    let needed = map.as_ref().map(|map| needed_for(item, map, &trust.policy, &mut ahead));
                    needed.unwrap_or_default()
                }
                Errand::File(name, path) => look_for(name, path, &mut ahead, &mut work),
            };
            let is_new = |(name, path): &(RepositoryName, String)| known.insert((name.clone(), path.clone()));
            errands.extend(found.into_iter().filter(is_new).map(|(name, path)| Errand::File(name, path)));
            if ahead.values_mut().fold(false, |missed, repository| repository.has_missed() | missed) {
                waiting.push(errand);
            }
        }
        errands = waiting;
        if !fetch_wanted(&mut ahead, &workers, &room) {
            break;
        }
    }
    ahead.values_mut().for_each(|repository| repository.trusted = None);
    ahead
}

/// Walks the chain of each pinned repository, side by side, and says whether all of them could be walked.
fn begin<'a>(
    question: &Question<'_>,
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'a>>,
    workers: &Workers,
    room: &ReadyRoom,
) -> (RepositoriesAhead<'a>, bool) {
    let (limits, judged_at) = (trust.policy.limits.tuf(), question.terms.judged_at());
    let begun = live.into_iter().map(|(name, carrier)| (name, Mutex::new(RepositoryAhead::of(carrier))));
    let begun: Vec<(RepositoryName, Mutex<RepositoryAhead<'a>>)> = begun.collect();
    // Together, no more than all of them may have.
    let of_each = workers.count().checked_div(begun.len()).and_then(NonZeroUsize::new).unwrap_or(NonZeroUsize::MIN);
    let of_each = workers.at_most(of_each);
    let walked: Result<(), ()> = workers.for_each(
        &begun,
        |_| 0,
        |(name, repository), stop| {
            let Some(pinned) = trust.repositories.get(name) else { return Ok(()) };
            let repository = &mut *lock(repository);
            let mut chained = Chained { metadata: &mut repository.metadata, room, stop, workers: of_each };
            let updated = update(pinned.root.anchor(), &TrustedState::default(), &mut chained, judged_at, &limits);
            repository.trusted = Some(updated.map_err(drop)?);
            Ok(())
        },
    );
    let whole = |repository: Mutex<_>| repository.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ahead = begun.into_iter().map(|(name, repository)| (name, whole(repository))).collect();
    (ahead, walked == Ok(()))
}

fn all_parts(item: &Arc<Item>) -> Vec<Arc<Item>> {
    let parts = item.parts.iter().flat_map(all_parts);
    std::iter::once(Arc::clone(item)).chain(parts).collect()
}

/// The files that the supply chain of an item needs, as far as that can be seen.
fn needed_for(
    item: &Item,
    map: &RepositoryMap,
    policy: &Policy,
    ahead: &mut RepositoriesAhead<'_>,
) -> Vec<(RepositoryName, String)> {
    let agreed = map.resolve(&item.full_name(), |name| {
        let Some(repository) = ahead.get_mut(name) else { return Ok(None) };
        let found: Vec<_> = repository.targets_for(item).iter().map(|target| repository.resolve(target)).collect();
        let found = found.into_iter().flatten().next();
        match &found {
            None if repository.metadata.shelf.has_missed => Err(()),
            _ => Ok(found),
        }
    });
    let Ok(Some(agreed)) = agreed else { return Vec::new() };
    needed(item, &agreed, policy)
}

/// Has a listed file fetched; returns what it lists itself, as a layout lists its keys.
fn look_for(
    name: &RepositoryName,
    path: &str,
    ahead: &mut RepositoriesAhead<'_>,
    work: &mut Work,
) -> Vec<(RepositoryName, String)> {
    let Some(repository) = ahead.get_mut(name) else { return Vec::new() };
    let is_affordable = |target: &VerifiedTarget| {
        let cost = target.length().saturating_add(FILE_COST);
        target.length() <= MAXIMUM_TARGET_LENGTH && work.spend(cost).is_ok()
    };
    let Some(target) = repository.resolve(path).filter(is_affordable) else { return Vec::new() };
    let is_consistent = repository.trusted.as_ref().is_some_and(TrustedRepository::has_consistent_snapshots);
    let prefix = target.hashes().first().filter(|_| is_consistent);
    let file_name = target_file_path(path, prefix);
    // Whether it is there is all that matters.
    let _ = repository.targets.shelf.look(file_name, (path.to_owned(), prefix.cloned()), target.length());
    let listed = listed(&target).ok().flatten().unwrap_or_default();
    listed.into_iter().map(|path| (name.clone(), path)).collect()
}

/// Wants the roots before the pinned one, which lead far sides that pinned an older one to it.
fn want_older_roots(repository: &mut RepositoryAhead<'_>, trust: &Trust, name: &RepositoryName) {
    let pinned = trust.repositories.get(name).and_then(|pinned| RootChain::begin(pinned.root.anchor()).ok());
    let Some(pinned) = pinned.filter(|_| repository.trusted.is_some()) else { return };
    let limit = trust.policy.limits.tuf().root_length;
    for version in pinned.version().saturating_sub(MAXIMUM_OLDER_ROOTS).max(1)..pinned.version() {
        let (role, version) = (RoleName::root(), Some(version));
        let _ = repository.metadata.shelf.look(role.file_name(version), (role, version), limit);
    }
}

/// Wants the metadata of every role that the snapshot lists.
fn want_every_role(repository: &mut RepositoryAhead<'_>) {
    let RepositoryAhead { metadata, trusted, .. } = repository;
    for AnnouncedFile { role, version, limit } in trusted.iter().flat_map(TrustedRepository::listed_roles) {
        let _ = metadata.shelf.look(role.file_name(version), (role, version), limit);
    }
}

/// A file that comes by a provider of its own.
struct OnItsWay<'f> {
    file_name: String,
    limit: u64,
    fetch: Mutex<Box<dyn FnMut(u64) -> FileAnswer + Send>>,
    ready: &'f Mutex<BTreeMap<String, FileAnswer>>,
}

impl MetadataAhead<'_> {
    /// What is wanted, as far as the repository lets itself be read side by side.
    fn on_their_way(&mut self) -> Vec<OnItsWay<'_>> {
        let Self { source, shelf } = self;
        let mut files = Vec::new();
        for (file_name, ((role, version), limit)) in std::mem::take(&mut shelf.wanted) {
            if let Some(mut twin) = source.twin() {
                let fetch = Mutex::new(Box::new(move |limit| twin.metadata(&role, version, limit)) as Box<_>);
                files.push(OnItsWay { file_name, limit, fetch, ready: &shelf.ready });
            }
        }
        files
    }
}

impl TargetsAhead<'_> {
    /// The same for target files.
    fn on_their_way(&mut self) -> Vec<OnItsWay<'_>> {
        let Self { source, shelf } = self;
        let mut files = Vec::new();
        for (file_name, ((path, prefix), limit)) in std::mem::take(&mut shelf.wanted) {
            if let Some(mut twin) = source.twin() {
                let fetch = Mutex::new(Box::new(move |limit| twin.target(&path, prefix.as_ref(), limit)) as Box<_>);
                files.push(OnItsWay { file_name, limit, fetch, ready: &shelf.ready });
            }
        }
        files
    }
}

/// Fetches what is wanted of all repositories. `false` when nothing was wanted, or it is of no use to fetch more.
fn fetch_wanted(ahead: &mut RepositoriesAhead<'_>, workers: &Workers, room: &ReadyRoom) -> bool {
    let mut files = Vec::new();
    for RepositoryAhead { metadata, targets, .. } in ahead.values_mut() {
        files.extend(metadata.on_their_way());
        files.extend(targets.on_their_way());
    }
    fetch_side_by_side(&files, workers, room)
}

/// Fetches files side by side. `false` when there were none, or it is of no use to fetch more.
fn fetch_side_by_side(files: &[OnItsWay<'_>], workers: &Workers, room: &ReadyRoom) -> bool {
    let fetched = workers.for_each(
        files,
        |_| 0,
        |OnItsWay { file_name, limit, fetch, ready }, stop| {
            let answer = room.fetch(*limit, |limit| lock(fetch)(limit));
            let is_failure = answer.is_err();
            if (is_failure && stop.is_set()) || !room.keep(&answer) {
                return Err(());
            }
            lock(ready).insert(file_name.clone(), answer);
            if is_failure { Err(()) } else { Ok(()) }
        },
    );
    !files.is_empty() && fetched.is_ok()
}
