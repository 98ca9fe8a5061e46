//! The terms on which things are judged: by whose clock, and at which one instant.
//!
//! Promise: they are made once, before anything is judged, and everything that expires is judged by the same ones: TUF
//! metadata, in-toto layouts, OpenPGP keys.

use jiff::{SignedDuration, Timestamp};
use sealift_proof::freshness::{AskedClock, Clock, Freshness, FreshnessError, LooserFreshness};

use super::repositories::RepositoryError;
use crate::trust_store::{RepositoryName, Trust};

/// What an archive is judged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// To be accepted: what contradicts what this side remembers is refused, and what comes late has to be vouched for by it.
    #[default]
    Acceptance,
    /// To be looked at. What contradicts what this side remembers is stated as a finding, and what was judged like this cannot
    /// be imported or signed. The newest accepted root stays in force: what it revoked stays revoked.
    Audit,
}

/// The terms on which things are judged.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    clock: Clock,
    purpose: Purpose,
    freshness: Freshness,
    policy_freshness: Freshness,
    judged_at: Timestamp,
    warn_before_expiry: SignedDuration,
}

impl Terms {
    /// Those for an archive that was exported at `exported_at`, with metadata of the repositories that are `carried`: by the
    /// policy's clock, unless another one is asked for.
    ///
    /// Each repository has its own floor, and the latest one among the carried repositories counts. An archive without repositories
    /// still has an export time.
    ///
    /// # Errors
    /// [`RepositoryError::Freshness`] and [`RepositoryError::ArchiveTime`] when there is no instant to judge at.
    pub fn of_archive<'n>(
        trust: &Trust,
        now: Timestamp,
        asked: Option<AskedClock>,
        purpose: Purpose,
        exported_at: Timestamp,
        carried: impl IntoIterator<Item = &'n RepositoryName>,
    ) -> Result<Self, RepositoryError> {
        let latest = match purpose {
            Purpose::Acceptance => trust.latest_export(carried),
            Purpose::Audit => None,
        };
        let clock = Clock { now, exported_at: Some(exported_at), floor: latest.map(|(floor, _)| floor) };
        let freshness = trust.policy.freshness_by(asked);
        let judged_at = freshness.reference_time(&clock).map_err(|source| no_instant(latest, source))?;
        Ok(Self { judged_at, purpose, ..Self::at(trust, clock, freshness) })
    }

    /// Those for an archive that is about to be sealed: as [`Terms::of_archive`], and nothing later was accepted here before.
    ///
    /// # Errors
    /// As [`Terms::of_archive`].
    pub fn of_export<'n>(
        trust: &Trust,
        now: Timestamp,
        exported_at: Timestamp,
        carried: impl IntoIterator<Item = &'n RepositoryName> + Clone,
    ) -> Result<Self, RepositoryError> {
        let latest = trust.latest_export(carried.clone());
        let terms = Self::of_archive(trust, now, None, Purpose::Acceptance, exported_at, carried)?;
        terms.clock.require_not_below_floor().map_err(|source| no_instant(latest, source))?;
        Ok(terms)
    }

    /// Those for what was not carried, but comes from live repositories: nothing may have expired now.
    pub fn live(trust: &Trust, now: Timestamp) -> Self {
        let clock = Clock { now, exported_at: None, floor: None };
        Self::at(trust, clock, trust.policy.freshness_by(Some(AskedClock::Now)))
    }

    fn at(trust: &Trust, clock: Clock, freshness: Freshness) -> Self {
        Self {
            clock,
            purpose: Purpose::Acceptance,
            freshness,
            policy_freshness: trust.policy.freshness(),
            judged_at: clock.now,
            warn_before_expiry: trust.policy.warn_before_expiry.0,
        }
    }

    /// What is known about time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// This side's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now
    }

    /// When what is judged was exported; `None` where nothing was carried.
    pub fn exported_at(&self) -> Option<Timestamp> {
        self.clock.exported_at
    }

    /// Whether what is judged was exported before that, and is to be accepted after it.
    pub(super) fn is_late(&self, last_export: Option<Timestamp>) -> bool {
        self.purpose == Purpose::Acceptance && Clock { floor: last_export, ..self.clock }.is_late()
    }

    /// What it is judged for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// By which clock expiry is judged.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// By which clock the policy has it judged.
    pub fn policy_freshness(&self) -> Freshness {
        self.policy_freshness
    }

    /// The one instant at which expiry is judged.
    pub fn judged_at(&self) -> Timestamp {
        self.judged_at
    }

    /// How long before the policy will refuse an archive a report begins to warn.
    pub fn warn_before_expiry(&self) -> SignedDuration {
        self.warn_before_expiry
    }

    /// Passes terms that take nothing that the policy refuses: to look at an archive, one may judge by any clock; to let it in,
    /// or to sign it, only by one that is as strict as the policy's.
    ///
    /// # Errors
    /// [`LooserFreshness`].
    pub fn require_as_strict_as_policy(&self) -> Result<(), LooserFreshness> {
        match self.purpose {
            Purpose::Acceptance => {}
            Purpose::Audit => return Err(LooserFreshness::Memory),
        }
        self.freshness.require_as_strict_as(&self.policy_freshness)
    }
}

fn no_instant(latest: Option<(Timestamp, &RepositoryName)>, source: FreshnessError) -> RepositoryError {
    match latest {
        Some((_, name)) => RepositoryError::Freshness { name: name.clone(), source },
        None => RepositoryError::ArchiveTime(source),
    }
}
