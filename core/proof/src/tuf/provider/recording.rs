//! Providers that remember what they handed out: what must be carried so that the same search succeeds again.
//!
//! Promise: a file is requested once, and the same request gets the same answer, so that what is carried is one
//! consistent view of a repository even while its owner publishes a new one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};

use sealift_archive_format::Digest;

use super::carried::bounded;
use super::{CarriedMetadata, CarriedTargets, MetadataProvider, ProviderError, TargetProvider, target_file_path};
use crate::tuf::hashes::length;
use crate::tuf::role_name::RoleName;

/// How much may be kept in total, in bytes, by all recordings that share it.
#[derive(Debug)]
pub struct Room {
    limit: u64,
    left: AtomicU64,
}

impl Room {
    /// Allows `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, left: AtomicU64::new(limit) }
    }

    fn take(&self, bytes: &[u8]) -> Result<(), ProviderError> {
        let take = |left: u64| left.checked_sub(length(bytes));
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|_| ProviderError::TooMuch { limit: self.limit })
    }
}

/// Files by name, and names for which there was no file.
struct Answers<'a> {
    files: BTreeMap<String, Option<Vec<u8>>>,
    room: &'a Room,
}

impl<'a> Answers<'a> {
    fn new(room: &'a Room) -> Self {
        Self { files: BTreeMap::new(), room }
    }

    fn ask(
        &mut self,
        file_name: String,
        limit: u64,
        fetch: impl FnOnce() -> Result<Option<Vec<u8>>, ProviderError>,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        match self.files.entry(file_name) {
            Entry::Occupied(known) => bounded(known.get().as_ref(), known.key(), limit),
            Entry::Vacant(unknown) => {
                let answer = fetch()?;
                self.room.take(answer.as_deref().unwrap_or_default())?;
                Ok(unknown.insert(answer).clone())
            }
        }
    }

    fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.files.into_iter().filter_map(|(name, answer)| Some((name, answer?))).collect()
    }
}

/// Passes on the metadata that another provider has, and keeps a copy.
pub struct RecordingMetadata<'a> {
    source: &'a mut dyn MetadataProvider,
    answers: Answers<'a>,
}

impl<'a> RecordingMetadata<'a> {
    /// Records what `source` hands out from now on, as long as there is room.
    pub fn new(source: &'a mut dyn MetadataProvider, room: &'a Room) -> Self {
        Self { source, answers: Answers::new(room) }
    }

    /// Hands a file out without keeping a copy.
    ///
    /// # Errors
    /// [`ProviderError`], as the source has it.
    pub fn look_at(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        self.source.metadata(role, version, limit)
    }

    /// Keeps a file as if it had been handed out.
    ///
    /// # Errors
    /// [`ProviderError::TooMuch`] when there is no room for it.
    pub fn record(&mut self, role: &RoleName, version: Option<u64>, bytes: Vec<u8>) -> Result<(), ProviderError> {
        self.answers.room.take(&bytes)?;
        self.answers.files.insert(role.file_name(version), Some(bytes));
        Ok(())
    }

    /// All files handed out so far.
    pub fn into_carried(self) -> CarriedMetadata {
        CarriedMetadata::new(self.answers.into_files())
    }
}

impl MetadataProvider for RecordingMetadata<'_> {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let Self { source, answers } = self;
        answers.ask(role.file_name(version), limit, || source.metadata(role, version, limit))
    }

    /// What is read there is not recorded.
    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        self.source.at_hand()
    }

    fn hand_out(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) -> Result<bool, ProviderError> {
        let Self { source, answers } = self;
        match answers.files.entry(role.file_name(version)) {
            Entry::Occupied(known) => Ok(known.get().as_deref() == Some(bytes)),
            Entry::Vacant(unknown) => {
                let is_handed_out = source.hand_out(role, version, bytes)?;
                if is_handed_out {
                    answers.room.take(bytes)?;
                    unknown.insert(Some(bytes.to_vec()));
                }
                Ok(is_handed_out)
            }
        }
    }
}

/// Passes on the target files that another provider has, and keeps a copy under the path that a repository serves them
/// at.
pub struct RecordingTargets<'a> {
    source: &'a mut dyn TargetProvider,
    answers: Answers<'a>,
}

impl<'a> RecordingTargets<'a> {
    /// Records what `source` hands out from now on, as long as there is room.
    pub fn new(source: &'a mut dyn TargetProvider, room: &'a Room) -> Self {
        Self { source, answers: Answers::new(room) }
    }

    /// All files handed out so far.
    pub fn into_carried(self) -> CarriedTargets {
        CarriedTargets::new(self.answers.into_files())
    }
}

impl TargetProvider for RecordingTargets<'_> {
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let Self { source, answers } = self;
        answers.ask(target_file_path(path, digest_prefix), limit, || source.target(path, digest_prefix, limit))
    }
}
