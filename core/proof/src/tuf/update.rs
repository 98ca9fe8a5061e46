//! Drives the workflow: asks a provider for what each step needs, and remembers what each step accepted.

use std::collections::VecDeque;

use jiff::Timestamp as Instant;

use super::ahead::{MAXIMUM_LENGTH, Promised, WorkAhead};
use super::chain::{
    Chosen, FoundRoot, History, MetadataFile, RootChain, TrustedRoot, TrustedSnapshot, TrustedTimestamp,
};
use super::dialect::TrustAnchor;
use super::envelope::VerifiedMetadata;
use super::error::TufError;
use super::every_role::{RolePassedOver, advance_delegated};
use super::hashes::length;
use super::limits::Limits;
use super::metadata::Targets;
use super::provider::{MetadataProvider, ProviderError};
use super::repository::TrustedRepository;
use super::role_name::RoleName;
use super::state::TrustedState;

/// Walks a repository from its pinned root to its top-level targets role (TUF 1.0.34 §5.2 to §5.6), and to all delegated roles where
/// snapshots state no versions, or refuses it altogether. Bytes alone are pinned as a root of TUF 1.0. `state` is what was accepted before under this pinned root; what is accepted now is only in the result.
///
/// # Errors
/// [`TufError`]: the first rule that is broken.
pub fn update<'a>(
    pinned: impl Into<TrustAnchor<'a>>,
    state: &TrustedState,
    provider: &mut dyn MetadataProvider,
    reference_time: Instant,
    limits: &Limits,
) -> Result<TrustedRepository, TufError> {
    let mut state = state.clone();
    let (snapshot, targets, passed_over) = walk(pinned.into(), &mut state, provider, reference_time, limits)?;
    Ok(TrustedRepository::new(snapshot, targets, passed_over, state, *limits))
}

/// As [`update`], but `state` advances with each accepted role, as the specification has online clients persist them
/// one by one (§5.3.8, §5.4.5, §5.5.7, §5.6.6): after an error it holds what was accepted up to then.
///
/// # Errors
/// [`TufError`]: the first rule that is broken.
pub fn advance<'a>(
    pinned: impl Into<TrustAnchor<'a>>,
    state: &mut TrustedState,
    provider: &mut dyn MetadataProvider,
    reference_time: Instant,
    limits: &Limits,
) -> Result<TrustedRepository, TufError> {
    let (snapshot, targets, passed_over) = walk(pinned.into(), state, provider, reference_time, limits)?;
    Ok(TrustedRepository::new(snapshot, targets, passed_over, state.clone(), *limits))
}

fn walk(
    pinned: TrustAnchor<'_>,
    state: &mut TrustedState,
    provider: &mut dyn MetadataProvider,
    reference_time: Instant,
    limits: &Limits,
) -> Result<(TrustedSnapshot, VerifiedMetadata<Targets>, Vec<RolePassedOver>), TufError> {
    let mut fetch = Fetch { provider, limits, at_hand: None };
    let root = advance_root(pinned, state, &mut fetch, reference_time)?;
    let timestamp = advance_timestamp(root, state, &mut fetch)?;
    let snapshot = advance_snapshot(&timestamp, state, &mut fetch)?;
    let targets = advance_targets(&snapshot, state, &mut fetch)?;
    let passed_over = advance_delegated(&snapshot, &targets, state, &mut fetch)?;
    Ok((snapshot, targets, passed_over))
}

/// From this one on, counted from the first that follows the trusted root, roots are verified ahead. Most repositories have fewer, and then no
/// thread is started.
const MANY_ROOTS: u64 = 8;

/// Begins at the remembered root when it is newer than the pinned one.
fn advance_root(
    pinned: TrustAnchor<'_>,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
    reference_time: Instant,
) -> Result<TrustedRoot, TufError> {
    let root = RoleName::root();
    let mut chain = RootChain::begin(pinned)?;
    let begin = |bytes| RootChain::begin(TrustAnchor { root: bytes, ..pinned });
    let remembered = recall(state, &root).map(begin).transpose()?;
    match remembered {
        Some(remembered) if remembered.version() >= chain.version() => chain = remembered,
        older => {
            if older.is_some_and(|older| chain.history_since(&older) == History::Forgotten) {
                forget(state);
            }
            remember(state, &root, pinned.root.to_vec());
        }
    }
    let first = chain.version();
    let limit = fetch.limits.root_length;
    let mut ahead = RootsAhead::default();
    while let Some(version) = chain.next_version()
        && let Some(next) = fetch.file(&root, Some(version), limit)?
    {
        if chain.version() - first >= fetch.limits.root_versions {
            return Err(TufError::TooManyRoots { limit: fetch.limits.root_versions });
        }
        let found = if version - first < MANY_ROOTS { None } else { ahead.take(version, &chain, fetch) };
        if chain.accept_with(&next, found)? == History::Forgotten {
            forget(state);
        }
        remember(state, &root, next);
    }
    chain.finish(reference_time)
}

/// Roots that other threads verify before their turn comes, in the order of their versions.
#[derive(Default)]
struct RootsAhead {
    ahead: WorkAhead,
    promised: VecDeque<(u64, Promised<Option<FoundRoot>>)>,
}

impl RootsAhead {
    /// What was found of the root of this version, if it was at hand. Those that may follow are begun.
    fn take(&mut self, version: u64, chain: &RootChain, fetch: &Fetch<'_>) -> Option<FoundRoot> {
        let Self { ahead, promised } = self;
        let begun = promised.back().map_or(version, |(last, _)| last.saturating_add(1));
        let limit = fetch.limits.root_length.min(MAXIMUM_LENGTH);
        for next in begun..version.saturating_add(ahead.reach(usize::MAX) as u64) {
            let (mut at_hand, reader) = (fetch.provider.at_hand()?, chain.reader());
            let find = move || reader.read(at_hand.metadata(&RoleName::root(), Some(next), limit).ok()??);
            promised.push_back((next, ahead.begin(find)));
        }
        let (_, root) = promised.pop_front().filter(|(first, _)| *first == version)?;
        ahead.take(root)?
    }
}

fn advance_timestamp(
    root: TrustedRoot,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
) -> Result<TrustedTimestamp, TufError> {
    let role = RoleName::timestamp();
    let bytes = fetch.required(&role, None, fetch.limits.timestamp_length)?;
    let (timestamp, chosen) = root.timestamp(&bytes, recall(state, &role))?;
    if chosen == Chosen::New {
        remember(state, &role, bytes);
    }
    Ok(timestamp)
}

/// The remembered snapshot is not requested again while the timestamp still describes it.
fn advance_snapshot(
    timestamp: &TrustedTimestamp,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
) -> Result<TrustedSnapshot, TufError> {
    let role = RoleName::snapshot();
    let remembered = recall(state, &role);
    if let Some(current) = remembered.and_then(|bytes| timestamp.snapshot(bytes, None).ok()) {
        return Ok(current);
    }
    let bytes = fetch.described(&role, timestamp.snapshot_file(), fetch.limits.snapshot_length)?;
    let snapshot = timestamp.snapshot(&bytes, remembered)?;
    remember(state, &role, bytes);
    Ok(snapshot)
}

fn advance_targets(
    snapshot: &TrustedSnapshot,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
) -> Result<VerifiedMetadata<Targets>, TufError> {
    let role = RoleName::targets();
    remembered_or_requested(&role, snapshot.targets_file(&role)?, state, fetch, |bytes, remembered| {
        snapshot.top_level_targets(bytes, remembered)
    })
}

/// The metadata of a targets role: what is remembered, as long as it is what the snapshot describes, or else what is requested and
/// remembered from then on. `verify` also gets what is remembered, if the bytes are new.
pub(crate) fn remembered_or_requested(
    role: &RoleName,
    file: MetadataFile,
    state: &mut TrustedState,
    fetch: &mut Fetch<'_>,
    mut verify: impl FnMut(&[u8], Option<&[u8]>) -> Result<VerifiedMetadata<Targets>, TufError>,
) -> Result<VerifiedMetadata<Targets>, TufError> {
    let remembered = recall(state, role);
    if let Some(current) = remembered.and_then(|bytes| verify(bytes, None).ok()) {
        return Ok(current);
    }
    let bytes = fetch.described(role, file, fetch.limits.targets_length)?;
    let requested = verify(&bytes, remembered)?;
    remember(state, role, bytes);
    Ok(requested)
}

/// §5.3.11. The snapshot guards the targets roles against rollback; so what it guarded is forgotten with it, and a role
/// whose version was pushed ahead does not outlive the recovery.
fn forget(state: &mut TrustedState) {
    state.metadata.retain(|role, _| role == RoleName::root().as_str());
}

fn remember(state: &mut TrustedState, role: &RoleName, bytes: Vec<u8>) {
    state.metadata.insert(role.as_str().to_owned(), bytes);
}

pub(crate) fn recall<'a>(state: &'a TrustedState, role: &RoleName) -> Option<&'a [u8]> {
    state.metadata.get(role.as_str()).map(Vec::as_slice)
}

/// A provider held to the limits.
pub(crate) struct Fetch<'a> {
    pub(crate) provider: &'a mut dyn MetadataProvider,
    pub(crate) limits: &'a Limits,
    /// What was read at hand of the file that is fetched next; only where no other one is fetched.
    pub(crate) at_hand: Option<&'a [u8]>,
}

impl Fetch<'_> {
    /// A file, if it is there. The limit is checked again, in case a provider ignores it.
    fn file(&mut self, role: &RoleName, version: Option<u64>, limit: u64) -> Result<Option<Vec<u8>>, TufError> {
        if let Some(bytes) = self.at_hand.take().filter(|bytes| length(bytes) <= limit)
            && self.provider.hand_out(role, version, bytes)?
        {
            return Ok(Some(bytes.to_vec()));
        }
        let bytes = self.provider.metadata(role, version, limit)?;
        if bytes.as_ref().is_some_and(|bytes| length(bytes) > limit) {
            return Err(ProviderError::TooLong { file_name: role.file_name(version), limit }.into());
        }
        Ok(bytes)
    }

    fn required(&mut self, role: &RoleName, version: Option<u64>, limit: u64) -> Result<Vec<u8>, TufError> {
        let missing = || TufError::Missing { role: role.clone(), file_name: role.file_name(version) };
        self.file(role, version, limit)?.ok_or_else(missing)
    }

    /// A file that other metadata describes: no more of it is read than the stated length or `limit` bytes.
    pub(crate) fn described(&mut self, role: &RoleName, file: MetadataFile, limit: u64) -> Result<Vec<u8>, TufError> {
        match file.length {
            Some(stated) if stated > limit => {
                Err(ProviderError::TooLong { file_name: role.file_name(file.version), limit }.into())
            }

            stated => self.required(role, file.version, stated.unwrap_or(limit)),
        }
    }
}
