//! What this side remembers of a repository, held against what an archive carries of it.
//!
//! Promise: what is accepted never falls behind what was accepted before. An archive that comes after a later export is *late*: its own
//! metadata has to be whole, and decides nothing. The metadata that was accepted with the later export decides, and nothing that it
//! does not vouch for is accepted.

use std::fmt;

use jiff::Timestamp;
use sealift_proof::freshness::{Clock, FreshnessError};
use sealift_proof::tuf::{
    Limits, MetadataProvider, ProviderError, RoleName, TrustedRepository, TrustedState, TufError, update,
};
use serde::Serialize;

use super::error::JudgementError;
use super::evidence::Vouched;
use super::judgement::Findings;
use super::terms::{Purpose, Terms};
use crate::trust_store::{PinnedRepository, RepositoryName, Trust};

/// What an archive contradicts of what was accepted from a repository before. It is refused, unless for an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", tag = "kind")]
pub enum Regression {
    /// It was exported before the last accepted export.
    OlderExport {
        /// When it was exported.
        exported_at: Timestamp,
        /// The last accepted export.
        floor: Timestamp,
    },
    /// This side's clock is behind the last accepted export.
    ClockBehind {
        /// This side's clock.
        now: Timestamp,
        /// The last accepted export.
        floor: Timestamp,
    },
    /// A role has a lower version than the one accepted before.
    OlderVersion {
        /// The role.
        role: String,
        /// The version accepted before.
        accepted: u64,
        /// The version in the archive.
        found: u64,
    },
    /// Snapshot metadata does not list a role that an accepted version listed.
    RoleNotListed {
        /// The file of its metadata.
        file: String,
    },
}

impl Regression {
    /// What of `error` contradicts what was accepted before.
    fn of_clock(error: &FreshnessError) -> Option<Self> {
        match *error {
            FreshnessError::OlderThanLastAccepted { exported_at, floor } => {
                Some(Self::OlderExport { exported_at, floor })
            }
            FreshnessError::ClockBehindLastAccepted { now, floor } => Some(Self::ClockBehind { now, floor }),
            FreshnessError::NoExportTime
            | FreshnessError::ExportedInTheFuture { .. }
            | FreshnessError::TooLongInTransit { .. } => None,
        }
    }

    /// The same of metadata.
    fn of_metadata(error: &TufError) -> Option<Self> {
        match error {
            TufError::Rollback { role, trusted, found, .. } => {
                Some(Self::OlderVersion { role: role.to_string(), accepted: *trusted, found: *found })
            }
            TufError::Removed(file) => Some(Self::RoleNotListed { file: file.clone() }),
            _ => None,
        }
    }
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OlderExport { exported_at, floor } => {
                write!(f, "it was exported at {exported_at}, before the last accepted export ({floor})")
            }
            Self::ClockBehind { now, floor } => {
                write!(f, "this side's clock ({now}) is behind the last accepted export ({floor})")
            }
            Self::OlderVersion { role, accepted, found } => {
                write!(f, "version {found} of {role} is older than version {accepted}, which was accepted before")
            }
            Self::RoleNotListed { file } => {
                write!(f, "snapshot metadata does not list {file:?}, which an accepted version listed")
            }
        }
    }
}

/// A repository that was walked, by what this side remembers of it.
pub(super) struct RepositoryByMemory {
    /// By what its names are looked up.
    pub(super) repository: TrustedRepository,
    /// What was carried of it, as it was when it was exported, if the archive is late.
    pub(super) as_exported: Option<TrustedRepository>,
    /// What contradicts what was accepted before; only in an audit.
    pub(super) contradictions: Vec<Regression>,
}

impl From<TrustedRepository> for RepositoryByMemory {
    fn from(repository: TrustedRepository) -> Self {
        Self { repository, as_exported: None, contradictions: Vec::new() }
    }
}

/// Walks a repository to its top-level targets.
///
/// # Errors
/// [`TufError`]: the first rule that is broken.
pub(super) fn walk(
    pinned: &PinnedRepository,
    metadata: &mut dyn MetadataProvider,
    terms: &Terms,
    limits: &Limits,
) -> Result<RepositoryByMemory, TufError> {
    match terms.purpose() {
        Purpose::Acceptance if terms.is_late(pinned.state.last_export) => late(pinned, metadata, terms, limits),
        Purpose::Acceptance => {
            update(pinned.root.anchor(), &pinned.state, metadata, terms.judged_at(), limits).map(Into::into)
        }
        Purpose::Audit => audited(pinned, metadata, terms, limits),
    }
}

/// What contradicts what was accepted before is returned instead of being refused, and the walk begins at the newest accepted root.
fn audited(
    pinned: &PinnedRepository,
    metadata: &mut dyn MetadataProvider,
    terms: &Terms,
    limits: &Limits,
) -> Result<RepositoryByMemory, TufError> {
    let mut walk = |state: &TrustedState| update(pinned.root.anchor(), state, metadata, terms.judged_at(), limits);
    let clock = Clock { floor: pinned.state.last_export, ..*terms.clock() };
    let of_clock = clock.require_not_below_floor().err().and_then(|error| Regression::of_clock(&error));
    let mut contradictions = Vec::from_iter(of_clock);
    let repository = match walk(&pinned.state) {
        Err(error) => {
            let Some(contradiction) = Regression::of_metadata(&error) else { return Err(error) };
            contradictions.push(contradiction);
            walk(&pinned.state.root_only())?
        }
        Ok(repository) => repository,
    };
    Ok(RepositoryByMemory { repository, as_exported: None, contradictions })
}

/// Walks what was accepted with a later export; and, for itself, what was carried, as it was when it was exported.
fn late(
    pinned: &PinnedRepository,
    metadata: &mut dyn MetadataProvider,
    terms: &Terms,
    limits: &Limits,
) -> Result<RepositoryByMemory, TufError> {
    let exported_at = terms.exported_at().unwrap_or(terms.judged_at());
    let as_exported = update(pinned.root.anchor(), &TrustedState::default(), metadata, exported_at, limits)?;
    let timestamp = pinned.state.metadata.get(RoleName::timestamp().as_str()).map(Vec::as_slice);
    let mut accepted = AcceptedTimestamp { timestamp, metadata };
    let repository = update(pinned.root.anchor(), &pinned.state, &mut accepted, terms.judged_at(), limits)?;
    Ok(RepositoryByMemory { repository, as_exported: Some(as_exported), contradictions: Vec::new() })
}

/// The metadata that was carried, with the timestamp that was accepted in place of the carried one. It leads to the snapshot and the roles
/// that were accepted with it, which an update remembers; a role that this side does not have may be carried, in the version that this
/// snapshot lists.
struct AcceptedTimestamp<'a> {
    timestamp: Option<&'a [u8]>,
    metadata: &'a mut dyn MetadataProvider,
}

impl MetadataProvider for AcceptedTimestamp<'_> {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        if *role == RoleName::timestamp() {
            Ok(self.timestamp.map(<[u8]>::to_vec))
        } else {
            self.metadata.metadata(role, version, limit)
        }
    }
}

/// Why an archive is late.
#[derive(Debug, Clone)]
pub(super) struct Late {
    /// The repository of which the latest export was accepted.
    repository: RepositoryName,
    exported_at: Timestamp,
    later_export: Timestamp,
}

impl Late {
    /// `None` for an archive that comes in order.
    pub(super) fn of<'n>(
        trust: &Trust,
        terms: &Terms,
        carried: impl IntoIterator<Item = &'n RepositoryName>,
    ) -> Option<Self> {
        let (later_export, name) = trust.latest_export(carried)?;
        let exported_at = terms.exported_at().filter(|_| terms.is_late(Some(later_export)))?;
        Some(Self { repository: name.clone(), exported_at, later_export })
    }

    /// Why the archive is refused, which came in order might have been accepted.
    pub(super) fn refused(&self, source: JudgementError) -> JudgementError {
        let Self { repository, exported_at, later_export } = self.clone();
        JudgementError::Late { repository, exported_at, later_export, source: Box::new(source) }
    }

    /// Passes findings of which each is vouched for: of anything else nobody could tell whether it was replaced since.
    ///
    /// # Errors
    /// [`JudgementError::Late`].
    pub(super) fn require_vouched(&self, findings: &Findings) -> Result<(), JudgementError> {
        match findings.walk().find(|finding| finding.vouched() == Vouched::ByNobody) {
            None => Ok(()),
            Some(finding) => Err(self.refused(JudgementError::Undated { reference: finding.item.reference.clone() })),
        }
    }
}
