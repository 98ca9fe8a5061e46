//! The four kinds of metadata (TUF 1.0.34 §4), as types.
//!
//! Only what has been verified is read into them (root metadata of the next version excepted: it names its own keys).
//! Unknown fields are left out here; they stay in the signed bytes.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use jiff::Timestamp as Instant;
use serde::Deserialize;
use serde_json::Value;

use super::delegation::Delegations;
use super::hashes::{Hashes, MismatchError, check_length, length};
use super::key::{Keys, RoleKeys};
use crate::freshness::parse_instant;

/// A kind of metadata, identified by its `_type`.
pub(crate) trait Metadata: serde::de::DeserializeOwned {
    /// The value of `_type`.
    const TYPE: &'static str;

    /// The keys and thresholds that it declares for other roles, or for its own.
    fn role_keys(&self) -> impl Iterator<Item = &RoleKeys> {
        std::iter::empty()
    }
}

/// What all metadata has in common.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RoleHeader {
    #[serde(rename = "_type")]
    pub(crate) kind: String,
    pub(crate) spec_version: String,
    pub(crate) version: NonZeroU64,
    #[serde(deserialize_with = "instant")]
    pub(crate) expires: Instant,
}

fn instant<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    parse_instant(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Root metadata (§4.3).
#[derive(Debug, Clone, Deserialize)]
pub struct Root {
    #[serde(default)]
    pub(crate) consistent_snapshot: bool,
    pub(crate) keys: Keys,
    pub(crate) roles: RootRoles,
}

/// The roles that root metadata names; a `mirrors` role beside them is ignored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RootRoles {
    pub(crate) root: RoleKeys,
    pub(crate) timestamp: RoleKeys,
    pub(crate) snapshot: RoleKeys,
    pub(crate) targets: RoleKeys,
}

impl Metadata for Root {
    const TYPE: &'static str = "root";

    fn role_keys(&self) -> impl Iterator<Item = &RoleKeys> {
        let RootRoles { root, timestamp, snapshot, targets } = &self.roles;
        [root, timestamp, snapshot, targets].into_iter()
    }
}

/// The statements about a metadata file (§4.4, METAFILES).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FileDescription {
    pub(crate) version: NonZeroU64,
    pub(crate) length: Option<u64>,
    pub(crate) hashes: Option<Hashes>,
}

impl FileDescription {
    /// Requires the length and the hashes that are stated, if any are.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), MismatchError> {
        self.length.map_or(Ok(()), |expected| check_length(expected, length(bytes)))?;
        self.hashes.as_ref().map_or(Ok(()), |hashes| hashes.check(bytes))
    }
}

/// Timestamp metadata (§4.6).
#[derive(Debug, Clone, Deserialize)]
pub struct Timestamp {
    pub(crate) meta: TimestampMeta,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TimestampMeta {
    #[serde(rename = "snapshot.json")]
    pub(crate) snapshot: FileDescription,
}

impl Metadata for Timestamp {
    const TYPE: &'static str = "timestamp";
}

/// Snapshot metadata (§4.4).
#[derive(Debug, Clone, Deserialize)]
pub struct Snapshot {
    pub(crate) meta: BTreeMap<String, FileDescription>,
}

impl Metadata for Snapshot {
    const TYPE: &'static str = "snapshot";
}

/// Targets metadata (§4.5), of the top-level role or of a delegated one.
#[derive(Debug, Clone, Deserialize)]
pub struct Targets {
    pub(crate) targets: BTreeMap<String, TargetDescription>,
    pub(crate) delegations: Option<Delegations>,
}

/// What is stated about a target (§4.5, TARGETS).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TargetDescription {
    pub(crate) length: u64,
    pub(crate) hashes: Hashes,
    #[serde(default, deserialize_with = "object")]
    pub(crate) custom: Option<Value>,
}

/// `custom` maps to an object.
fn object<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Ok(Option::<serde_json::Map<_, _>>::deserialize(deserializer)?.map(Value::Object))
}

impl Metadata for Targets {
    const TYPE: &'static str = "targets";

    fn role_keys(&self) -> impl Iterator<Item = &RoleKeys> {
        self.delegations.iter().flat_map(Delegations::role_keys)
    }
}

/// Whether a `spec_version` is one whose metadata this engine reads: any 1.x, with or without a third part.
pub(crate) fn is_understood(spec_version: &str) -> bool {
    let parts: Vec<&str> = spec_version.split('.').collect();
    let numeric = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.len(), 2 | 3) && parts.iter().all(numeric) && parts.first() == Some(&"1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_specification_of_major_version_1_is_understood() {
        for text in ["1.0", "1.0.0", "1.0.31", "1.0.34", "1.2.3"] {
            assert!(is_understood(text), "{text}");
        }
        for text in ["", "1", "2.0.0", "0.9.0", "1.", "1.0.0.0", "1.x", "01.0", "1.0.0-rc"] {
            assert!(!is_understood(text), "{text}");
        }
    }
}
