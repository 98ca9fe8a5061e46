//! What this side remembers of a repository, held against what an archive carries of it.
//!
//! Promise: what is accepted never falls behind what was accepted before. An archive that comes after a later export is *late*: its own
//! metadata has to be whole, and decides nothing. The metadata that was accepted with the later export decides, and nothing that it
//! does not vouch for is accepted.

use std::fmt;

use jiff::Timestamp;
use sealift_proof::freshness::{Clock, FreshnessError};
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::provider::AcceptedTimestamp;
use sealift_proof::tuf::{Limits, MetadataProvider, TrustedRepository, TrustedState, TufError, update};
use serde::Serialize;

use super::error::JudgementError;
use super::evidence::Vouched;
use super::judgement::Findings;
use super::repositories::RepositoryError;
use super::supply_chain::SupplyChainError;
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
/// [`WalkError`]: the first rule that is broken.
pub(super) fn walk(
    pinned: &PinnedRepository,
    metadata: &mut dyn MetadataProvider,
    terms: &Terms,
    limits: &Limits,
) -> Result<RepositoryByMemory, WalkError> {
    match terms.purpose() {
        Purpose::Acceptance if terms.is_late(pinned.state.last_export) => late(pinned, metadata, terms, limits),
        Purpose::Acceptance => {
            Ok(update(pinned.root.anchor(), &pinned.state, metadata, terms.judged_at(), limits)?.into())
        }
        Purpose::Audit => Ok(audited(pinned, metadata, terms, limits)?),
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

/// Walks what was accepted with a later export; and, for itself, what was carried, as it was when it was exported: from the newest accepted
/// root, or from the pinned one where keys were replaced since.
fn late(
    pinned: &PinnedRepository,
    metadata: &mut dyn MetadataProvider,
    terms: &Terms,
    limits: &Limits,
) -> Result<RepositoryByMemory, WalkError> {
    let exported_at = terms.exported_at().unwrap_or(terms.judged_at());
    let mut whole = |state: &TrustedState| update(pinned.root.anchor(), state, metadata, exported_at, limits);
    let as_exported = whole(&pinned.state.root_only()).or_else(|_| whole(&TrustedState::default()))?;
    let mut accepted = AcceptedTimestamp::new(&pinned.state, metadata);
    let repository = update(pinned.root.anchor(), &pinned.state, &mut accepted, terms.judged_at(), limits)
        .map_err(WalkError::Remembered)?;
    Ok(RepositoryByMemory { repository, as_exported: Some(as_exported), contradictions: Vec::new() })
}

/// Whose metadata is refused.
pub(super) enum WalkError {
    /// What was carried.
    Carried(TufError),
    /// What this side has accepted before.
    Remembered(TufError),
}

impl From<TufError> for WalkError {
    fn from(error: TufError) -> Self {
        Self::Carried(error)
    }
}

impl WalkError {
    /// The same, of a repository.
    pub(super) fn of(self, name: &RepositoryName) -> RepositoryError {
        let name = name.clone();
        match self {
            Self::Carried(source) => RepositoryError::Tuf { name, source },
            Self::Remembered(source) => RepositoryError::Remembered { name, source },
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

    /// Why the archive is refused, where in order it might have been accepted. Anything else is refused for its own sake.
    pub(super) fn explain(&self, error: JudgementError) -> JudgementError {
        let is_explained = match &error {
            JudgementError::Binding { .. }
            | JudgementError::Level { .. }
            | JudgementError::NotVouchedFor { .. }
            | JudgementError::Undated { .. } => true,
            JudgementError::Repository(error) => is_of_memory(error),
            JudgementError::Search { source: MapSearchError::Repository { source, .. }, .. } => !is_damage(source),
            JudgementError::Search { source: MapSearchError::NoAgreement { .. }, .. } => true,
            JudgementError::SupplyChain { source: SupplyChainError::Repository(error), .. } => is_of_memory(error),
            JudgementError::SupplyChain { source, .. } => {
                !matches!(source, SupplyChainError::InspectionsNotRun { .. } | SupplyChainError::Work(_))
            }
            JudgementError::NoMap { .. }
            | JudgementError::OtherTarget { .. }
            | JudgementError::TwoTargets { .. }
            | JudgementError::NotBrought { .. }
            | JudgementError::UnpinnedRequired { .. }
            | JudgementError::Late { .. } => false,
        };
        if is_explained { self.refused(error) } else { error }
    }

    fn refused(&self, source: JudgementError) -> JudgementError {
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

/// Whether a repository cannot be used because what was accepted since is not what the archive has.
fn is_of_memory(error: &RepositoryError) -> bool {
    match error {
        RepositoryError::Remembered { source, .. } => !is_damage(source),
        RepositoryError::Target { .. } | RepositoryError::Stray { .. } => true,
        RepositoryError::NotPinned { .. }
        | RepositoryError::NotCarried { .. }
        | RepositoryError::ArchiveTime(_)
        | RepositoryError::Freshness { .. }
        | RepositoryError::Tuf { .. } => false,
    }
}

/// Whether the trust store itself is damaged.
fn is_damage(error: &TufError) -> bool {
    matches!(error, TufError::DamagedState { .. } | TufError::TrustedRoot { .. })
}
