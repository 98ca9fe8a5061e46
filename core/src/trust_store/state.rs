//! `state/NAME/`: what was last accepted from one repository, as files.
//!
//! `state.json` names, for people and for the store, the version and the digest of each role's metadata; the raw bytes
//! are in `metadata/SHA256.json`. The bytes are written first, then `state.json` is replaced: whenever the process or
//! the machine stops, `state.json` names only files that are there and complete.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use jiff::Timestamp;
use sealift_archive_format::{Digest, strict_json};
use sealift_proof::tuf::{Dialect, TrustedState};
use serde::{Deserialize, Serialize};

use super::disk::{self, Disk, failed};
use super::error::{StateDamage, StateMetadataError};
use super::{RepositoryName, TrustStoreError};

/// The version of the form of `state.json`.
const FORMAT: u32 = 1;
/// The longest `state.json` that is read, in bytes: some 100,000 roles.
const MAXIMUM_STATE_LENGTH: u64 = 32 << 20;

/// `state.json`, as it is written: a flipped bit in a version or in a time must not pass for another state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckedState {
    format: u32,
    /// The digest of `state` as JSON without white space.
    digest: Digest,
    state: StateFile,
}

/// The content of `state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StateFile {
    /// The root that was pinned when this was written. Another root has another state.
    pub(super) pinned_root: Digest,
    /// When the last accepted archive was exported. The field is present even if there is no such time, so that losing
    /// it is not permission to start over.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) last_export: Option<Timestamp>,
    /// What was accepted for each role.
    roles: BTreeMap<String, RoleRecord>,
}

/// What was accepted for a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleRecord {
    version: u64,
    /// Its length, in bytes.
    length: u64,
    digest: Digest,
}

impl StateFile {
    /// Nothing has been accepted yet under this root.
    pub(super) fn empty(pinned_root: Digest) -> Self {
        Self { pinned_root, last_export: None, roles: BTreeMap::new() }
    }

    /// Whether nothing was accepted yet.
    pub(super) fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.last_export.is_none()
    }

    /// This state, if it also holds under that root: the pinned one, or the newest that was accepted.
    pub(super) fn under(&self, root: &Digest) -> Option<Self> {
        let accepted = self.roles.get("root").is_some_and(|record| record.digest == *root);
        (accepted || self.pinned_root == *root).then(|| Self { pinned_root: root.clone(), ..self.clone() })
    }

    /// The record of a state.
    pub(super) fn of(state: &TrustedState, pinned_root: Digest, dialect: &Dialect) -> Result<Self, TrustStoreError> {
        let record = |(role, bytes): (&String, &Vec<u8>)| {
            let version = version(role, bytes, dialect)?;
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            Ok((role.clone(), RoleRecord { version, length, digest: Digest::sha256(bytes) }))
        };
        let roles = state.metadata.iter().map(record).collect::<Result<_, TrustStoreError>>()?;
        Ok(Self { pinned_root, last_export: state.last_export, roles })
    }

    /// Reads `state.json`.
    pub(super) fn read(folder: &Path, name: &RepositoryName) -> Result<Self, TrustStoreError> {
        let lost = || TrustStoreError::StateLost { name: name.clone() };
        let bytes = disk::read(&folder.join("state.json"), MAXIMUM_STATE_LENGTH)?.ok_or_else(lost)?;
        Self::parse(&bytes).map_err(|source| TrustStoreError::StateDamaged { name: name.clone(), source })
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, StateDamage> {
        let document = strict_json::parse(bytes)?;
        match document.get("format").and_then(serde_json::Value::as_u64) {
            Some(format) if format != u64::from(FORMAT) => return Err(StateDamage::Format(format)),
            _ => {}
        }
        let checked: CheckedState = strict_json::into(document)?;
        match checked.state.digest() {
            Ok(digest) if digest == checked.digest => Ok(checked.state),
            _ => Err(StateDamage::Digest { recorded: checked.digest }),
        }
    }

    fn digest(&self) -> serde_json::Result<Digest> {
        Ok(Digest::sha256(&serde_json::to_vec(self)?))
    }

    /// Reads the metadata that it names.
    pub(super) fn load(&self, folder: &Path, name: &RepositoryName) -> Result<TrustedState, TrustStoreError> {
        let damaged = |source| TrustStoreError::StateDamaged { name: name.clone(), source };
        let mut metadata = BTreeMap::new();
        for (role, record) in &self.roles {
            let digest = record.digest.clone();
            let changed = || damaged(StateDamage::Changed { role: role.clone(), digest: record.digest.clone() });
            let bytes = match disk::read(&folder.join("metadata").join(file_name(&digest)), record.length) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Err(damaged(StateDamage::Gone { role: role.clone(), digest })),
                Err(TrustStoreError::TooLong { .. }) => return Err(changed()),
                Err(error) => return Err(error),
            };
            if !digest.matches(&bytes) {
                return Err(changed());
            }
            metadata.insert(role.clone(), bytes);
        }
        Ok(TrustedState { metadata, last_export: self.last_export })
    }

    /// Refuses a state that is older than this one. Versions of other roles may go down only under a newer root: that
    /// is how a publisher recovers from a fast-forward attack (TUF 1.0.34 §5.3.11), and the engine has judged it.
    pub(super) fn require_not_behind(&self, next: &Self, name: &RepositoryName) -> Result<(), TrustStoreError> {
        if let Some(stored) = self.last_export
            && next.last_export.is_none_or(|offered| offered < stored)
        {
            return Err(TrustStoreError::ExportMovedBack { name: name.clone(), stored, offered: next.last_export });
        }
        let root_version = |file: &Self| file.roles.get("root").map(|record| record.version);
        let newer_root = root_version(next) > root_version(self);
        for (role, stored) in &self.roles {
            let Some(offered) = next.roles.get(role) else { continue };
            if offered.version < stored.version && !(newer_root && role != "root") {
                return Err(TrustStoreError::VersionMovedBack {
                    name: name.clone(),
                    role: role.clone(),
                    stored: stored.version,
                    offered: offered.version,
                });
            }
        }
        // A newer root may have rotated away the keys of the other roles.
        let required = |role: &&str| *role == "root" || (self.roles.contains_key(*role) && !newer_root);
        let missing = |role: &&str| required(role) && !next.roles.contains_key(*role);
        match ["root", "timestamp", "snapshot", "targets"].into_iter().find(missing) {
            Some(role) => Err(TrustStoreError::NoRole { name: name.clone(), role: role.to_owned() }),
            None => Ok(()),
        }
    }

    /// Writes the metadata of `state` into the folder, except what `current` already names; nothing names it yet.
    pub(super) fn write_metadata(
        &self,
        disk: &dyn Disk,
        folder: &Path,
        state: &TrustedState,
        current: &Self,
    ) -> Result<(), TrustStoreError> {
        let kept: BTreeSet<&Digest> = current.roles.values().map(|record| &record.digest).collect();
        for (role, bytes) in &state.metadata {
            let Some(record) = self.roles.get(role).filter(|record| !kept.contains(&record.digest)) else { continue };
            disk::replace(disk, &folder.join("metadata").join(file_name(&record.digest)), bytes)?;
        }
        Ok(())
    }

    /// Replaces `state.json`, and then removes the metadata that nothing names any more.
    pub(super) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), TrustStoreError> {
        let path = folder.join("state.json");
        let checked = |digest| CheckedState { format: FORMAT, digest, state: self.clone() };
        let mut bytes = self
            .digest()
            .and_then(|digest| serde_json::to_vec_pretty(&checked(digest)))
            .map_err(|error| failed("write", &path)(error.into()))?;
        bytes.push(b'\n');
        disk::replace(disk, &path, &bytes)?;
        self.collect_garbage(disk, folder);
        Ok(())
    }

    /// What cannot be removed now is harmless, and is removed after the next commit.
    fn collect_garbage(&self, disk: &dyn Disk, folder: &Path) {
        let named: BTreeSet<OsString> = self.roles.values().map(|record| file_name(&record.digest).into()).collect();
        for entry in std::fs::read_dir(folder.join("metadata")).into_iter().flatten().flatten() {
            if !named.contains(&entry.file_name()) {
                let _ = disk.remove_file(&entry.path());
            }
        }
    }

    /// The version of each role.
    pub(super) fn versions(&self) -> BTreeMap<String, u64> {
        self.roles.iter().map(|(role, record)| (role.clone(), record.version)).collect()
    }
}

fn file_name(digest: &Digest) -> String {
    format!("{}.json", digest.hex())
}

/// The version of a role's metadata, after checking its type.
pub(super) fn version(role: &str, bytes: &[u8], dialect: &Dialect) -> Result<u64, TrustStoreError> {
    let not_metadata = |source| TrustStoreError::NotMetadata { role: role.to_owned(), source };
    let document = strict_json::parse(bytes).map_err(|error| not_metadata(error.into()))?;
    let signed = document.get("signed");
    let expected = dialect.type_of(role);
    let found = signed.and_then(|signed| signed.get("_type")).and_then(|kind| kind.as_str());
    if found != Some(expected) {
        let found = found.map(|kind| kind.chars().take(40).collect());
        return Err(not_metadata(StateMetadataError::Type { expected, found }));
    }
    let version = signed.and_then(|signed| signed.get("version")).and_then(serde_json::Value::as_u64);
    version.filter(|version| *version > 0).ok_or_else(|| not_metadata(StateMetadataError::Version))
}
