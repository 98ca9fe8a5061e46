//! The client workflow (TUF 1.0.34 §5) as a typestate, from raw bytes: pinned root → newer roots → timestamp → snapshot
//! → targets and delegated targets.
//!
//! Promise: each step takes the proof of the one before, so no step can be left out or taken early. No step reads a
//! clock, a file or a socket.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use jiff::Timestamp as Instant;
use percent_encoding::percent_decode_str;

use super::dialect::{Dialect, TrustAnchor};
use super::envelope::{Authority, OpenedEnvelope, UnverifiedMetadata, VerifiedMetadata};
use super::error::TufError;
use super::limits::Limits;
use super::metadata::{FileDescription, KeyExpiry, Metadata, Root, Snapshot, Targets, Timestamp};
use super::provider::AnnouncedFile;
use super::role_name::RoleName;

/// The roots before `newest` from which an unbroken chain leads to it, by version, as far back as they exist and as an
/// update may walk; `older` supplies them.
///
/// # Errors
/// [`TufError::TrustedRoot`] when `newest` is not a root, and the errors of `older`.
pub fn roots_before<'a, E: From<TufError>>(
    newest: impl Into<TrustAnchor<'a>>,
    limits: &Limits,
    mut older: impl FnMut(u64) -> Result<Option<Vec<u8>>, E>,
) -> Result<BTreeMap<u64, Vec<u8>>, E> {
    let TrustAnchor { root: newest, dialect } = newest.into();
    let begin = |root: &[u8]| RootChain::begin(TrustAnchor { root, dialect });
    let last = begin(newest)?.version();
    let mut roots = BTreeMap::new();
    let mut next = newest.to_vec();
    for version in (last.saturating_sub(limits.root_versions).max(1)..last).rev() {
        let Some(root) = older(version)? else { break };
        let leads_on = |mut chain: RootChain| chain.version() == version && chain.accept(&next).is_ok();
        if !begin(&root).is_ok_and(leads_on) {
            break;
        }
        next.clone_from(&root);
        roots.insert(version, root);
    }
    Ok(roots)
}

/// What a new root version means for the timestamp and snapshot metadata that was trusted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It still guards against rollback.
    Kept,
    /// A timestamp or snapshot key was rotated, so it must be forgotten (§5.3.11, recovery from fast-forward).
    Forgotten,
}

/// A trusted root that newer roots may follow (§5.2, §5.3).
#[derive(Debug, Clone)]
pub struct RootChain {
    newest: Arc<VerifiedMetadata<Root>>,
    /// The file that it was read from.
    file: Arc<[u8]>,
    dialect: Dialect,
}

impl RootChain {
    /// Begins with a root that is trusted because it was pinned or remembered (§5.2). It may have expired.
    ///
    /// # Errors
    /// [`TufError::TrustedRoot`] when it is not a root, or not signed by its own keys.
    pub fn begin<'a>(trusted: impl Into<TrustAnchor<'a>>) -> Result<Self, TufError> {
        let TrustAnchor { root, dialect } = trusted.into();
        let begin = || verify_by_itself(&mut UnverifiedMetadata::parse(dialect, &RoleName::root(), root)?);
        let newest = begin().map_err(|source| TufError::TrustedRoot { source: Box::new(source) })?;
        Ok(Self { newest: Arc::new(newest), file: root.into(), dialect: dialect.clone() })
    }

    /// The version trusted so far.
    pub fn version(&self) -> u64 {
        self.newest.version()
    }

    /// Reads roots that may follow.
    pub(crate) fn reader(&self) -> RootReader {
        RootReader { trusted: Arc::clone(&self.newest), dialect: self.dialect.clone() }
    }

    /// The version that may follow; none after the greatest number.
    pub fn next_version(&self) -> Option<u64> {
        self.version().checked_add(1)
    }

    /// Accepts the next version: signed by a threshold of the old keys and of its own (§5.3.4), and with the version
    /// number that follows (§5.3.5). It may have expired (§5.3.6). A certificate that is made out to other repositories as well is
    /// taken only where the root before it has one: who pinned that one knows.
    ///
    /// # Errors
    /// [`TufError::Malformed`], [`TufError::Signatures`], [`TufError::Version`], [`TufError::SharedCertificate`]; the chain is then
    /// unchanged.
    pub fn accept(&mut self, next: &[u8]) -> Result<History, TufError> {
        self.accept_with(next, None)
    }

    /// The same; what other threads found of the next root counts if it was read from these bytes.
    pub(crate) fn accept_with(&mut self, next: &[u8], found: Option<FoundRoot>) -> Result<History, TufError> {
        let role = RoleName::root();
        let (mut envelope, self_signed) = match found.filter(|found| found.bytes == next) {
            Some(FoundRoot { opened, root, .. }) => {
                (UnverifiedMetadata::reopen(&self.dialect, &role, next, opened), Some(root))
            }
            None => (UnverifiedMetadata::parse(&self.dialect, &role, next)?, None),
        };
        require_signed_by_root(&mut envelope, &self.newest)?;
        let old = self.newest.value();
        let root = self_signed.map_or_else(|| verify_by_itself(&mut envelope), Ok)?;
        match self.next_version() {
            Some(expected) if root.version() == expected => {}
            expected => {
                return Err(TufError::Version { role, expected: expected.unwrap_or(u64::MAX), found: root.version() });
            }
        }
        if let (None, Some(name)) = (&old.shared_name, &root.value().shared_name) {
            return Err(TufError::SharedCertificate { version: root.version(), name: name.clone() });
        }
        let history = history(old, root.value());
        (self.newest, self.file) = (Arc::new(root), next.into());
        Ok(history)
    }

    /// What it means for earlier metadata that this root was newly pinned, if `older` was trusted before.
    pub(crate) fn history_since(&self, older: &Self) -> History {
        history(older.newest.value(), self.newest.value())
    }

    /// Ends the chain: the newest root must not have expired (§5.3.10), and neither may the certificates that signed it, where keys are
    /// certificates.
    ///
    /// # Errors
    /// [`TufError::Expired`], [`TufError::CertificatesExpired`], [`TufError::CertificatesNotYetValid`].
    pub fn finish(self, reference_time: Instant) -> Result<TrustedRoot, TufError> {
        let Self { newest, file, dialect } = self;
        let mut root = Arc::unwrap_or_clone(newest);
        root.require_fresh(reference_time)?;
        let version = root.version();
        match root.value().keys_expire(&root.evidence().signed_by, reference_time) {
            KeyExpiry::Never => {}
            KeyExpiry::NotYetValid => return Err(TufError::CertificatesNotYetValid { version, reference_time }),
            KeyExpiry::At(expires) if expires <= reference_time => {
                return Err(TufError::CertificatesExpired { version, expires, reference_time });
            }
            KeyExpiry::At(expires) => {
                let sooner = root.evidence().expires.min(expires);
                root = root.expiring_at(sooner);
            }
        }
        Ok(TrustedRoot { root, file, dialect, reference_time })
    }
}

fn history(old: &Root, new: &Root) -> History {
    let rotated = old.roles.timestamp.rotated(&old.keys, &new.roles.timestamp, &new.keys)
        || old.roles.snapshot.rotated(&old.keys, &new.roles.snapshot, &new.keys);
    if rotated { History::Forgotten } else { History::Kept }
}

fn verify_by_itself(envelope: &mut UnverifiedMetadata<'_>) -> Result<VerifiedMetadata<Root>, TufError> {
    envelope.verify_by_itself(|root: &Root| (&root.keys, &root.roles.root))
}

fn require_signed_by_root(
    envelope: &mut UnverifiedMetadata<'_>,
    root: &VerifiedMetadata<Root>,
) -> Result<(), TufError> {
    let (keys, role_keys) = (&root.value().keys, &root.value().roles.root);
    let authority = Authority { delegator: &RoleName::root(), delegator_version: root.version(), keys, role_keys };
    envelope.require_signatures(authority).map(drop)
}

/// A root that other threads found to be signed by the keys of an earlier one, and by its own. Whether it may follow is for its chain to
/// say.
#[derive(Debug)]
pub(crate) struct FoundRoot {
    bytes: Vec<u8>,
    opened: OpenedEnvelope,
    root: VerifiedMetadata<Root>,
}

/// What reads roots that may follow in a chain, on other threads.
#[derive(Debug)]
pub(crate) struct RootReader {
    trusted: Arc<VerifiedMetadata<Root>>,
    dialect: Dialect,
}

impl RootReader {
    /// `None` where the root is refused, as the chain will say if it comes to it, and where the keys of roots have changed in between.
    pub(crate) fn read(&self, bytes: Vec<u8>) -> Option<FoundRoot> {
        let mut envelope = UnverifiedMetadata::parse(&self.dialect, &RoleName::root(), &bytes).ok()?;
        // Nothing of it is read before.
        require_signed_by_root(&mut envelope, &self.trusted).ok()?;
        let root = verify_by_itself(&mut envelope).ok()?;
        let opened = envelope.into_opened();
        Some(FoundRoot { bytes, opened, root })
    }
}

/// The newest root, and the instant at which all expiry is judged (§5.1).
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    root: VerifiedMetadata<Root>,
    file: Arc<[u8]>,
    dialect: Dialect,
    reference_time: Instant,
}

/// Which of two timestamps is trusted from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// The new one.
    New,
    /// The remembered one, because the new one has the same version (§5.4.3.1).
    Remembered,
}

impl TrustedRoot {
    /// The root's proof.
    pub fn root(&self) -> &VerifiedMetadata<Root> {
        &self.root
    }

    fn authority<'a>(&'a self, delegator: &'a RoleName, role_keys: &'a super::key::RoleKeys) -> Authority<'a> {
        let root = self.root.value();
        Authority { delegator, delegator_version: self.root.version(), keys: &root.keys, role_keys }
    }

    fn verify_timestamp(&self, bytes: &[u8]) -> Result<VerifiedMetadata<Timestamp>, TufError> {
        let envelope = UnverifiedMetadata::parse(&self.dialect, &RoleName::timestamp(), bytes)?;
        envelope.verify(self.authority(&RoleName::root(), &self.root.value().roles.timestamp))
    }

    /// Takes timestamp metadata: signed by the root's keys (§5.4.2), no older than what was accepted before (§5.4.3),
    /// not expired (§5.4.4).
    ///
    /// # Errors
    /// [`TufError::Malformed`], [`TufError::Signatures`], [`TufError::Rollback`], [`TufError::Expired`], and
    /// [`TufError::DamagedState`] when `remembered` cannot be read.
    pub fn timestamp(self, bytes: &[u8], remembered: Option<&[u8]>) -> Result<(TrustedTimestamp, Chosen), TufError> {
        let mut timestamp = self.verify_timestamp(bytes)?;
        let mut chosen = Chosen::New;
        if let Some(remembered) = remembered {
            let role = RoleName::timestamp();
            let (trusted_version, trusted) = read_remembered::<Timestamp>(&self.dialect, &role, remembered)?;
            require_not_below(&RoleName::timestamp(), &RoleName::timestamp(), trusted_version, timestamp.version())?;
            if trusted_version == timestamp.version() {
                // Not signed as the root requires today: the threshold was raised, and the new one meets it.
                if let Ok(same) = self.verify_timestamp(remembered) {
                    (timestamp, chosen) = (same, Chosen::Remembered);
                }
            }
            let (trusted, found) = (&trusted.meta.snapshot, &timestamp.value().meta.snapshot);
            require_not_listed_below(&RoleName::snapshot(), &RoleName::timestamp(), trusted, found)?;
        }
        timestamp.require_fresh(self.reference_time)?;
        Ok((TrustedTimestamp { root: self, timestamp }, chosen))
    }
}

/// A root and a timestamp that belong together.
#[derive(Debug, Clone)]
pub struct TrustedTimestamp {
    root: TrustedRoot,
    timestamp: VerifiedMetadata<Timestamp>,
}

impl TrustedTimestamp {
    /// The timestamp's proof.
    pub fn timestamp(&self) -> &VerifiedMetadata<Timestamp> {
        &self.timestamp
    }

    /// What the timestamp says about the snapshot: the version to request, and the length if it is stated.
    pub fn snapshot_file(&self) -> MetadataFile {
        self.root.file(&self.timestamp.value().meta.snapshot)
    }

    /// Takes snapshot metadata: the file that the timestamp describes (§5.5.2, §5.5.4), signed by the root's keys
    /// (§5.5.3), listing everything that was listed before, nothing in an older version (§5.5.5), not expired (§5.5.6). Where it lists the
    /// root, that is the newest one.
    ///
    /// # Errors
    /// [`TufError::Mismatch`], [`TufError::Malformed`], [`TufError::Signatures`], [`TufError::Version`],
    /// [`TufError::Rollback`], [`TufError::Removed`], [`TufError::Expired`], and [`TufError::DamagedState`] when
    /// `remembered` cannot be read.
    pub fn snapshot(&self, bytes: &[u8], remembered: Option<&[u8]>) -> Result<TrustedSnapshot, TufError> {
        let role = RoleName::snapshot();
        let described = &self.timestamp.value().meta.snapshot;
        described.check(bytes).map_err(|source| TufError::Mismatch {
            role: role.clone(),
            listed_by: RoleName::timestamp(),
            source,
        })?;
        let authority = RoleName::root();
        let authority = self.root.authority(&authority, &self.root.root.value().roles.snapshot);
        let dialect = &self.root.dialect;
        let snapshot: VerifiedMetadata<Snapshot> =
            UnverifiedMetadata::parse(dialect, &role, bytes)?.verify(authority)?;
        require_version(&role, described, snapshot.version())?;
        if let Some(root) = &snapshot.value().root {
            root.check(&self.root.file).map_err(|source| TufError::Mismatch {
                role: RoleName::root(),
                listed_by: role.clone(),
                source,
            })?;
        }
        let mut no_longer_listed = BTreeSet::new();
        if let Some(remembered) = remembered {
            let (trusted_version, trusted) = read_remembered::<Snapshot>(dialect, &role, remembered)?;
            if described.version.is_none() {
                require_not_below(&role, &role, trusted_version, snapshot.version())?;
            }
            no_longer_listed = require_no_rollback(dialect, &trusted, snapshot.value())?;
        }
        snapshot.require_fresh(self.root.reference_time)?;
        Ok(TrustedSnapshot { timestamp: self.clone(), snapshot, no_longer_listed })
    }
}

/// Requires that nothing that was listed is listed in an older version, or no longer at all. Where delegations can be taken back, the files
/// that are no longer listed are returned: no role may delegate to theirs.
fn require_no_rollback(dialect: &Dialect, trusted: &Snapshot, new: &Snapshot) -> Result<BTreeSet<String>, TufError> {
    let mut no_longer_listed = BTreeSet::new();
    for (path, trusted) in trusted.meta.iter() {
        let Some(found) = new.meta.get(path) else {
            if !dialect.allows_silent_roles() {
                return Err(TufError::Removed(path.to_owned()));
            }
            no_longer_listed.insert(path.to_owned());
            continue;
        };
        let name = path.strip_suffix(".json").unwrap_or(path);
        let role = RoleName::delegated(name).unwrap_or_else(|_| RoleName::targets());
        require_not_listed_below(&role, &RoleName::snapshot(), trusted, found)?;
    }
    Ok(no_longer_listed)
}

/// A root, a timestamp and a snapshot that belong together, by which targets metadata is judged.
#[derive(Debug, Clone)]
pub struct TrustedSnapshot {
    timestamp: TrustedTimestamp,
    snapshot: VerifiedMetadata<Snapshot>,
    /// What the snapshot that was accepted before listed, and this one does not.
    no_longer_listed: BTreeSet<String>,
}

impl TrustedSnapshot {
    /// The dialect of the repository.
    pub(crate) fn dialect(&self) -> &Dialect {
        &self.timestamp.root.dialect
    }

    /// Whether a delegated role has published nothing yet: no snapshot has ever listed it, as far as is known.
    ///
    /// # Errors
    /// [`TufError::Removed`] when it was listed, or its metadata `was_accepted`, before.
    pub(crate) fn is_silent(&self, role: &RoleName, was_accepted: bool) -> Result<bool, TufError> {
        if !self.dialect().allows_silent_roles() {
            return Ok(false);
        }
        let path = role.metadata_path();
        if self.snapshot.value().meta.get(&path).is_some() {
            return Ok(false);
        }
        if was_accepted || self.no_longer_listed.contains(&path) { Err(TufError::Removed(path)) } else { Ok(true) }
    }

    /// The root's proof.
    pub fn root(&self) -> &VerifiedMetadata<Root> {
        &self.timestamp.root.root
    }

    /// The timestamp's proof.
    pub fn timestamp(&self) -> &VerifiedMetadata<Timestamp> {
        &self.timestamp.timestamp
    }

    /// The snapshot's proof.
    pub fn snapshot(&self) -> &VerifiedMetadata<Snapshot> {
        &self.snapshot
    }

    /// The instant at which expiry is judged.
    pub fn reference_time(&self) -> Instant {
        self.timestamp.root.reference_time
    }

    /// What the snapshot says about a targets role's file.
    ///
    /// # Errors
    /// [`TufError::NotInSnapshot`].
    pub fn targets_file(&self, role: &RoleName) -> Result<MetadataFile, TufError> {
        Ok(self.timestamp.root.file(self.described(role)?))
    }

    /// How the file of a role is requested, if the snapshot lists it.
    pub(crate) fn announced(&self, role: &RoleName, limits: &Limits) -> Option<AnnouncedFile> {
        let MetadataFile { version, length, .. } = self.targets_file(role).ok()?;
        let limit = length.unwrap_or(u64::MAX).min(limits.targets_length);
        Some(AnnouncedFile { role: role.clone(), version, limit })
    }

    /// Whether bytes are the snapshot, as a repository serves it under this name.
    pub(crate) fn is_file_of_snapshot(&self, name: &str, bytes: &[u8]) -> bool {
        let MetadataFile { version, .. } = self.timestamp.snapshot_file();
        name == RoleName::snapshot().file_name(version) && self.timestamp.snapshot(bytes, None).is_ok()
    }

    /// Whether bytes are what this snapshot lists under this name: of the length, with the hashes and in the version
    /// that it states. Who signed the metadata of a delegated role is not checked.
    pub(crate) fn lists_file(&self, name: &str, bytes: &[u8]) -> bool {
        let listed = || {
            let mut stem = name.strip_suffix(".json")?;
            if self.root().value().consistent_snapshot {
                (_, stem) = stem.split_once('.')?;
            }
            let stem = percent_decode_str(stem).decode_utf8().ok()?;
            let targets = RoleName::targets();
            let role = if stem == targets.as_str() { targets } else { RoleName::delegated(&*stem).ok()? };
            let file = self.targets_file(&role).ok()?;
            (role.file_name(file.version) == name).then_some(role)
        };
        let Some(role) = listed() else { return false };
        if role == RoleName::targets() {
            return self.top_level_targets(bytes, None).is_ok();
        }
        let version = || {
            let header = UnverifiedMetadata::parse(self.dialect(), &role, bytes).ok()?.header::<Targets>().ok()?;
            Some(header.version.get())
        };
        self.described(&role).is_ok_and(|described| {
            let is_version = || version().is_some_and(|found| require_version(&role, described, found).is_ok());
            // Where no version is listed, the hashes are, and the file may be one that nobody can read.
            described.check(bytes).is_ok() && (!self.dialect().lists_versions() || is_version())
        })
    }

    fn described(&self, role: &RoleName) -> Result<&FileDescription, TufError> {
        let listed = self.snapshot.value().meta.get(&role.metadata_path());
        listed.ok_or_else(|| TufError::NotInSnapshot { role: role.clone() })
    }

    /// Accepts the metadata of the top-level targets role (§5.6); errors as for delegated roles.
    pub(crate) fn top_level_targets(
        &self,
        bytes: &[u8],
        remembered: Option<&[u8]>,
    ) -> Result<VerifiedMetadata<Targets>, TufError> {
        let delegator = RoleName::root();
        let root = &self.timestamp.root;
        let authority = root.authority(&delegator, &root.root.value().roles.targets);
        self.targets(&RoleName::targets(), authority, bytes, remembered)
    }

    /// Takes the metadata of a targets role: the file that the snapshot describes (§5.6.2, §5.6.4), signed by the keys
    /// that its delegator names (§5.6.3), not expired (§5.6.5). Where snapshots state no versions, it is no older than the file that was
    /// accepted before.
    pub(crate) fn targets(
        &self,
        role: &RoleName,
        authority: Authority<'_>,
        bytes: &[u8],
        remembered: Option<&[u8]>,
    ) -> Result<VerifiedMetadata<Targets>, TufError> {
        let targets = self.targets_of_any_date(role, authority, bytes, remembered)?;
        targets.require_fresh(self.reference_time())?;
        Ok(targets)
    }

    /// The same of metadata that may have expired: to be remembered, and for nothing else.
    pub(crate) fn targets_of_any_date(
        &self,
        role: &RoleName,
        authority: Authority<'_>,
        bytes: &[u8],
        remembered: Option<&[u8]>,
    ) -> Result<VerifiedMetadata<Targets>, TufError> {
        let described = self.described(role)?;
        described.check(bytes).map_err(|source| TufError::Mismatch {
            role: role.clone(),
            listed_by: RoleName::snapshot(),
            source,
        })?;
        let envelope = UnverifiedMetadata::parse(self.dialect(), role, bytes)?;
        let targets: VerifiedMetadata<Targets> = envelope.verify(authority)?;
        require_version(role, described, targets.version())?;
        if let Some(remembered) = remembered.filter(|_| described.version.is_none()) {
            let trusted = read_remembered::<Targets>(self.dialect(), role, remembered)?.0;
            require_not_below(role, role, trusted, targets.version())?;
        }
        Ok(targets)
    }
}

/// What to request from a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataFile {
    /// The version in the file's name, where snapshots are consistent (§5.3.12).
    pub version: Option<u64>,
    /// The length in bytes, where it is stated.
    pub length: Option<u64>,
}

impl TrustedRoot {
    fn file(&self, described: &FileDescription) -> MetadataFile {
        let version = described.version.filter(|_| self.root.value().consistent_snapshot);
        MetadataFile { version: version.map(NonZeroU64::get), length: described.length }
    }
}

/// Reads metadata that was verified when it was accepted; only its versions are used, to guard against rollback.
fn read_remembered<T: Metadata>(dialect: &Dialect, role: &RoleName, bytes: &[u8]) -> Result<(u64, T), TufError> {
    let damaged = |source| TufError::DamagedState { role: role.clone(), source };
    let envelope = UnverifiedMetadata::parse(dialect, role, bytes).map_err(|error| match error {
        TufError::Malformed { role, source } => TufError::DamagedState { role, source },
        other => other,
    })?;
    let (header, value) = envelope.read_signed().map_err(damaged)?;
    Ok((header.version.get(), value))
}

/// Requires the version that is stated about a file, if one is.
fn require_version(role: &RoleName, described: &FileDescription, found: u64) -> Result<(), TufError> {
    match described.version.map(NonZeroU64::get) {
        Some(expected) if expected != found => Err(TufError::Version { role: role.clone(), expected, found }),
        _ => Ok(()),
    }
}

/// Requires that a file is not listed in an older version than before, if versions are listed.
fn require_not_listed_below(
    role: &RoleName,
    listed_by: &RoleName,
    trusted: &FileDescription,
    found: &FileDescription,
) -> Result<(), TufError> {
    match (trusted.version, found.version) {
        (Some(trusted), Some(found)) => require_not_below(role, listed_by, trusted.get(), found.get()),
        _ => Ok(()),
    }
}

fn require_not_below(role: &RoleName, listed_by: &RoleName, trusted: u64, found: u64) -> Result<(), TufError> {
    if found >= trusted {
        return Ok(());
    }
    Err(TufError::Rollback { role: role.clone(), listed_by: listed_by.clone(), trusted, found })
}
