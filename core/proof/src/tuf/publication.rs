//! What of a repository that was carried may be published as a mirror of it, and how far such a mirror is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp as Instant;

use super::chain::{RootChain, roots_before};
use super::dialect::{Dialect, TrustAnchor};
use super::envelope::{RoleEvidence, UnverifiedMetadata};
use super::error::TufError;
use super::limits::Limits;
use super::metadata::Timestamp;
use super::provider::{AcceptedTimestamp, CarriedMetadata, RecordingMetadata, Room};
use super::role_name::RoleName;
use super::state::TrustedState;
use super::update::{recall, update};

/// The parts of a repository that may be published.
#[derive(Debug)]
pub struct PublishableMetadata {
    /// The accepted roles and the roots that lead to the accepted one; every role, if all of them were carried.
    pub metadata: CarriedMetadata,
    /// Why it is not every role: usually because a file was not carried.
    pub left_out: Option<TufError>,
}

/// The verified part of the carried metadata: the accepted `roles`, whose bytes `state` holds, and whatever else the
/// accepted metadata leads to, from the accepted timestamp on. Anything else that was carried is not published.
///
/// # Errors
/// [`TufError::TrustedRoot`] when `state` holds no root.
pub fn verified_metadata(
    dialect: &Dialect,
    carried: &CarriedMetadata,
    roles: &[Arc<RoleEvidence>],
    state: &TrustedState,
    consistent_snapshots: bool,
    judged_at: Instant,
    limits: &Limits,
) -> Result<PublishableMetadata, TufError> {
    let accepted = TrustAnchor { root: recall(state, &RoleName::root()).unwrap_or_default(), dialect };
    let named = |version| RoleName::root().file_name(Some(version));
    let older = |version| Ok::<_, TufError>(carried.files().get(&named(version)).cloned());
    let mut roots: BTreeMap<_, _> =
        roots_before(accepted, limits, older)?.into_iter().map(|(version, root)| (named(version), root)).collect();
    roots.insert(named(RootChain::begin(accepted)?.version()), accepted.root.to_vec());

    let (mut carried, room) = (carried.clone(), Room::new(u64::MAX));
    let mut metadata = AcceptedTimestamp::new(state, &mut carried);
    let mut every_role = RecordingMetadata::new(&mut metadata, &room);
    let walked = update(accepted, &TrustedState::default(), &mut every_role, judged_at, limits)
        .and_then(|mut repository| repository.load_every_role(&mut every_role));
    let (mut files, left_out) = match walked {
        Ok(()) => (every_role.into_carried().into_files(), None),
        Err(error) => (accepted_roles(roles, state, consistent_snapshots), Some(error)),
    };
    files.extend(roots);
    Ok(PublishableMetadata { metadata: CarriedMetadata::new(files), left_out })
}

fn accepted_roles(
    roles: &[Arc<RoleEvidence>],
    state: &TrustedState,
    consistent_snapshots: bool,
) -> BTreeMap<String, Vec<u8>> {
    let below_root = roles.iter().filter(|role| role.role != RoleName::root());
    let named = below_root.filter_map(|evidence| {
        let RoleEvidence { role, version, .. } = &**evidence;
        let versioned = consistent_snapshots && *role != RoleName::timestamp();
        Some((role.file_name(versioned.then_some(*version)), recall(state, role)?.to_vec()))
    });
    named.collect()
}

/// How far a published repository is: what its clients hold against what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishedState {
    /// The version of the newest root.
    pub root: u64,
    /// The version of the timestamp. Under a newer root it may be lower: that is how a publisher recovers (TUF §5.3.11).
    pub timestamp: u64,
}

impl fmt::Display for PublishedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "root {} and timestamp {}", self.root, self.timestamp)
    }
}

impl PublishedState {
    /// Of the names of metadata files, and of the bytes of the timestamp. Nothing is verified.
    pub fn of(dialect: &Dialect, names: impl Iterator<Item = String>, timestamp: Option<&[u8]>) -> Self {
        let version = |bytes| {
            let envelope = UnverifiedMetadata::parse(dialect, &RoleName::timestamp(), bytes).ok()?;
            Some(envelope.read_signed::<Timestamp>().ok()?.0.version.get())
        };
        let root = names.filter_map(|name| root_version(&name)).max();
        Self { root: root.unwrap_or(0), timestamp: timestamp.and_then(version).unwrap_or(0) }
    }
}

/// The version in the name of a root.
pub fn root_version(name: &str) -> Option<u64> {
    name.strip_suffix(".root.json")?.parse().ok()
}
