//! Files that were carried here, in memory: those from an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sealift_archive_format::Digest;

use super::{MetadataProvider, ProviderError, TargetProvider, target_file_path};
use crate::tuf::hashes::length;
use crate::tuf::role_name::RoleName;

/// Metadata files by their names, exactly as a repository serves them: `1.root.json`, `timestamp.json`,
/// `7.snapshot.json`, with percent-encoded role names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedMetadata {
    files: Arc<BTreeMap<String, Vec<u8>>>,
}

impl CarriedMetadata {
    /// Makes a provider from these files.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { files: Arc::new(files) }
    }

    /// The files, by name.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The files, by name.
    pub fn into_files(self) -> BTreeMap<String, Vec<u8>> {
        Arc::unwrap_or_clone(self.files)
    }
}

impl MetadataProvider for CarriedMetadata {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let file_name = role.file_name(version);
        bounded(self.files.get(&file_name), &file_name, limit)
    }

    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.clone()))
    }

    fn hand_out(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) -> Result<bool, ProviderError> {
        Ok(self.files.get(&role.file_name(version)).is_some_and(|file| file == bytes))
    }
}

/// Target files by their paths below the targets folder, exactly as a repository serves them: with a hash in front of
/// the last part where snapshots are consistent. It records which of them were requested: the others have no reason to
/// be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedTargets {
    files: BTreeMap<String, Vec<u8>>,
    handed_out: BTreeSet<String>,
}

impl CarriedTargets {
    /// Makes a provider from these files.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { files, handed_out: BTreeSet::new() }
    }

    /// The files, by path.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The path of a file that has not been requested so far, if there is one.
    pub fn stray(&self) -> Option<&str> {
        self.files.keys().map(String::as_str).find(|path| !self.handed_out.contains(*path))
    }
}

impl TargetProvider for CarriedTargets {
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let path = target_file_path(path, digest_prefix);
        let found = bounded(self.files.get(&path), &path, limit)?;
        if found.is_some() {
            self.handed_out.insert(path);
        }
        Ok(found)
    }
}

/// A file in memory, if it is not longer than allowed.
pub(super) fn bounded(known: Option<&Vec<u8>>, file_name: &str, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
    match known {
        Some(bytes) if length(bytes) > limit => Err(ProviderError::TooLong { file_name: file_name.to_owned(), limit }),
        found => Ok(found.cloned()),
    }
}
