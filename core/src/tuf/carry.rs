//! The connected side: what of a repository must travel so that the other side can prove the same targets.
//!
//! Promise: what [`Carrying::finish`] hands out is every root there is, timestamp, snapshot, targets, the delegated
//! roles that the searches came to, and nothing else; and those files alone were found to pass the whole workflow.

use jiff::Timestamp as Instant;

use super::chain::RootChain;
use super::error::TufError;
use super::limits::Limits;
use super::provider::{CarriedMetadata, MetadataProvider, Recording};
use super::repository::TrustedRepository;
use super::role_name::RoleName;
use super::state::TrustedState;
use super::target::VerifiedTarget;
use super::update::update;

/// A repository that is being searched, and the files that the searches needed.
pub struct Carrying<'a> {
    source: Recording<'a>,
    repository: TrustedRepository,
}

impl<'a> Carrying<'a> {
    /// Walks the repository from its pinned root, and holds it against what this side `remembers`.
    ///
    /// # Errors
    /// [`TufError`]: the first rule that is broken.
    pub fn begin(
        pinned_root: &[u8],
        remembers: &TrustedState,
        source: &'a mut dyn MetadataProvider,
        reference_time: Instant,
        limits: &Limits,
    ) -> Result<Self, TufError> {
        let mut source = Recording::new(source);
        record_roots(pinned_root, &mut source, limits)?;
        // With nothing remembered every file is asked for, and so recorded.
        let repository = update(pinned_root, &TrustedState::default(), &mut source, reference_time, limits)?;
        // The same files, as the other side will see them, against what this side has seen before.
        update(pinned_root, remembers, &mut source.carried().clone(), reference_time, limits)?;
        Ok(Self { source, repository })
    }

    /// Looks for a target, as [`TrustedRepository::resolve`].
    ///
    /// # Errors
    /// As [`TrustedRepository::resolve`].
    pub fn resolve(&mut self, target: &str) -> Result<Option<VerifiedTarget>, TufError> {
        self.repository.resolve(&mut self.source, target)
    }

    /// Takes the whole metadata set along, for a mirror. Returns how many targets roles there are.
    ///
    /// # Errors
    /// As [`TrustedRepository::load_every_role`].
    pub fn take_every_role(&mut self) -> Result<usize, TufError> {
        self.repository.load_every_role(&mut self.source)
    }

    /// The repository so far.
    pub fn repository(&self) -> &TrustedRepository {
        &self.repository
    }

    /// The files to carry, and the repository they prove.
    pub fn finish(self) -> (CarriedMetadata, TrustedRepository) {
        (self.source.into_carried(), self.repository)
    }
}

/// Records the pinned root and, for receivers that pinned an earlier one, every root before it that is still there.
pub(crate) fn record_roots(pinned_root: &[u8], source: &mut Recording<'_>, limits: &Limits) -> Result<(), TufError> {
    let pinned = RootChain::begin(pinned_root)?.version();
    if pinned > limits.root_versions {
        return Err(TufError::TooManyRoots { limit: limits.root_versions });
    }
    for version in 1..pinned {
        source.metadata(&RoleName::root(), Some(version), limits.root_length)?;
    }
    source.record(&RoleName::root(), Some(pinned), pinned_root);
    Ok(())
}
