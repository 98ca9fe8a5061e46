//! Providers that remember what they handed out: what must be carried so that the same search succeeds again.
//!
//! Promise: a file is asked for once, and the same question gets the same answer, so that what is carried is one view
//! of a repository also while its owner publishes a new one.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sealift_archive_format::Digest;

use super::carried::bounded;
use super::{CarriedMetadata, CarriedTargets, MetadataProvider, ProviderError, TargetProvider, target_file_path};
use crate::tuf::role_name::RoleName;

/// Files by name, and names under which there was none.
#[derive(Default)]
struct Answers(BTreeMap<String, Option<Vec<u8>>>);

impl Answers {
    fn ask(
        &mut self,
        file_name: String,
        limit: u64,
        fetch: impl FnOnce() -> Result<Option<Vec<u8>>, ProviderError>,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        match self.0.entry(file_name) {
            Entry::Occupied(known) => bounded(known.get().as_ref(), known.key(), limit),
            Entry::Vacant(unknown) => Ok(unknown.insert(fetch()?).clone()),
        }
    }

    fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.0.into_iter().filter_map(|(name, answer)| Some((name, answer?))).collect()
    }
}

/// Passes on the metadata that another provider has, and keeps a copy.
pub struct RecordingMetadata<'a> {
    source: &'a mut dyn MetadataProvider,
    answers: Answers,
}

impl<'a> RecordingMetadata<'a> {
    /// Records what `source` hands out from now on.
    pub fn new(source: &'a mut dyn MetadataProvider) -> Self {
        Self { source, answers: Answers::default() }
    }

    /// Keeps a file that came from elsewhere, as if it had been handed out.
    pub(crate) fn record(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) {
        self.answers.0.insert(role.file_name(version), Some(bytes.to_vec()));
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
}

/// Passes on the target files that another provider has, and keeps a copy under the path that a repository serves them
/// at.
pub struct RecordingTargets<'a> {
    source: &'a mut dyn TargetProvider,
    answers: Answers,
}

impl<'a> RecordingTargets<'a> {
    /// Records what `source` hands out from now on.
    pub fn new(source: &'a mut dyn TargetProvider) -> Self {
        Self { source, answers: Answers::default() }
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
