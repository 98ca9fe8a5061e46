//! Files that were carried here, in memory: what an archive brought.

use std::collections::BTreeMap;

use sealift_archive_format::Digest;

use super::{MetadataProvider, ProviderError, TargetProvider, target_file_path};
use crate::tuf::hashes::length;
use crate::tuf::role_name::RoleName;

/// Metadata files by their names, exactly as a repository serves them: `1.root.json`, `timestamp.json`,
/// `7.snapshot.json`, with percent-encoded role names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedMetadata {
    files: BTreeMap<String, Vec<u8>>,
}

impl CarriedMetadata {
    /// These files.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { files }
    }

    /// The files, by name.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The files, by name.
    pub fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        self.files
    }

    /// Adds a role's file.
    pub(crate) fn insert(&mut self, role: &RoleName, version: Option<u64>, bytes: Vec<u8>) {
        self.files.insert(role.file_name(version), bytes);
    }
}

impl MetadataProvider for CarriedMetadata {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        bounded(&self.files, role.file_name(version), limit)
    }
}

/// Target files by their paths below the targets folder, exactly as a repository serves them: with a hash in front of
/// the last part where snapshots are consistent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedTargets {
    files: BTreeMap<String, Vec<u8>>,
}

impl CarriedTargets {
    /// These files.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { files }
    }

    /// The files, by path.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }
}

impl TargetProvider for CarriedTargets {
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        bounded(&self.files, target_file_path(path, digest_prefix), limit)
    }
}

fn bounded(files: &BTreeMap<String, Vec<u8>>, file_name: String, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
    match files.get(&file_name) {
        Some(bytes) if length(bytes) > limit => Err(ProviderError::TooLong { file_name, limit }),
        found => Ok(found.cloned()),
    }
}
