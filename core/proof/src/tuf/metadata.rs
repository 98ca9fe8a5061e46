//! The four kinds of metadata (TUF 1.0.34 §4), as types.
//!
//! Only what has been verified is read into them (root metadata of the next version excepted: it names its own keys).
//! Unknown fields are left out here; they stay in the signed bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use jiff::Timestamp as Instant;
use serde::Deserialize;

use super::delegation::Delegations;
use super::dialect::{Dialect, notary, tuf};
use super::error::MetadataError;
use super::hashes::{Hashes, MismatchError, check_length, length};
use super::key::{Keys, RoleKeys};
use super::listed::Listed;
use super::role_name::RoleName;
use crate::canonical_json::{CanonicalObject, CanonicalValue};
use crate::signature::KeyIdentity;
use notary::Validity;

/// The kinds of metadata; each dialect has its own name for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Root,
    Timestamp,
    Snapshot,
    Targets,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];
}

/// A kind of metadata, as a type.
pub(crate) trait Metadata: Sized {
    /// The kind.
    const KIND: Kind;

    /// Reads the signed part of a role's file, which has been read strictly before: what all metadata has in common, and the rest.
    fn read(dialect: &Dialect, role: &RoleName, bytes: &[u8]) -> Result<(RoleHeader, Self), MetadataError>;

    /// The keys and thresholds that it declares for other roles, or for its own.
    fn role_keys(&self) -> impl Iterator<Item = &RoleKeys> {
        std::iter::empty()
    }
}

/// What all metadata has in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoleHeader {
    pub(crate) version: NonZeroU64,
    pub(crate) expires: Instant,
}

/// Root metadata (§4.3).
#[derive(Debug, Clone, Deserialize)]
pub struct Root {
    #[serde(default)]
    pub(crate) consistent_snapshot: bool,
    pub(crate) keys: Keys,
    pub(crate) roles: RootRoles,
    /// From when until when a key of the root role may be used, by its id, where the dialect says so.
    #[serde(skip)]
    pub(crate) certificates: BTreeMap<String, Validity>,
    /// The name in a certificate of the root role that is made out to other repositories as well.
    #[serde(skip)]
    pub(crate) shared_name: Option<String>,
}

impl Root {
    /// Until when a threshold of the keys that signed it may be used: those of the root role, each until the last of the certificates that
    /// it is in expires. A certificate that is not valid yet at `reference_time` does not count.
    pub(crate) fn keys_expire(&self, signed_by: &[String], reference_time: Instant) -> KeyExpiry {
        if self.certificates.is_empty() {
            return KeyExpiry::Never;
        }
        let identity = |key_id: &String| Some(self.keys.get(key_id)?.0.as_ref()?.identity());
        let mut last: BTreeMap<KeyIdentity, Instant> = BTreeMap::new();
        for (key_id, validity) in &self.certificates {
            let Some(identity) = identity(key_id).filter(|_| validity.has_begun_by(reference_time)) else { continue };
            let end = last.entry(identity).or_insert(validity.not_after);
            *end = validity.not_after.max(*end);
        }
        let signers: BTreeSet<KeyIdentity> = signed_by.iter().filter_map(identity).collect();
        let mut ends: Vec<Instant> = signers.iter().filter_map(|signer| last.get(signer).copied()).collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        let threshold = usize::try_from(self.roles.root.threshold.get()).unwrap_or(usize::MAX);
        ends.get(threshold - 1).map_or(KeyExpiry::NotYetValid, |end| KeyExpiry::At(*end))
    }
}

/// Until when keys may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyExpiry {
    /// They do not expire.
    Never,
    /// Until this instant.
    At(Instant),
    /// Too few of them may be used already.
    NotYetValid,
}

/// The roles that root metadata names; a `mirrors` role beside them is ignored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RootRoles {
    pub(crate) root: RoleKeys,
    pub(crate) timestamp: RoleKeys,
    pub(crate) snapshot: RoleKeys,
    pub(crate) targets: RoleKeys,
}

impl RootRoles {
    /// Each role with its name.
    pub(crate) fn by_name(&self) -> [(&'static str, &RoleKeys); 4] {
        let Self { root, timestamp, snapshot, targets } = self;
        [("root", root), ("timestamp", timestamp), ("snapshot", snapshot), ("targets", targets)]
    }
}

impl Metadata for Root {
    const KIND: Kind = Kind::Root;

    fn read(dialect: &Dialect, _: &RoleName, bytes: &[u8]) -> Result<(RoleHeader, Self), MetadataError> {
        match dialect {
            Dialect::Tuf => tuf::read(Self::KIND, bytes),
            Dialect::Notary(gun) => Ok((notary::header(Self::KIND, bytes)?, notary::root(gun, bytes)?)),
        }
    }

    fn role_keys(&self) -> impl Iterator<Item = &RoleKeys> {
        self.roles.by_name().into_iter().map(|(_, keys)| keys)
    }
}

/// The statements about a metadata file (§4.4, METAFILES).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FileDescription {
    /// Always there in TUF 1.0.
    #[serde(deserialize_with = "required")]
    pub(crate) version: Option<NonZeroU64>,
    pub(crate) length: Option<u64>,
    pub(crate) hashes: Option<Hashes>,
}

/// A value that has to be there.
fn required<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
    const KIND: Kind = Kind::Timestamp;

    fn read(dialect: &Dialect, _: &RoleName, bytes: &[u8]) -> Result<(RoleHeader, Self), MetadataError> {
        match dialect {
            Dialect::Tuf => tuf::read(Self::KIND, bytes),
            Dialect::Notary(_) => Ok((notary::header(Self::KIND, bytes)?, notary::timestamp(bytes)?)),
        }
    }
}

/// Snapshot metadata (§4.4).
#[derive(Debug, Clone, Deserialize)]
pub struct Snapshot {
    pub(crate) meta: Listed<FileDescription>,
    /// The root that belongs to it, where the dialect has it listed.
    #[serde(skip)]
    pub(crate) root: Option<FileDescription>,
}

impl Metadata for Snapshot {
    const KIND: Kind = Kind::Snapshot;

    fn read(dialect: &Dialect, _: &RoleName, bytes: &[u8]) -> Result<(RoleHeader, Self), MetadataError> {
        match dialect {
            Dialect::Tuf => tuf::read(Self::KIND, bytes),
            Dialect::Notary(_) => Ok((notary::header(Self::KIND, bytes)?, notary::snapshot(bytes)?)),
        }
    }
}

/// Targets metadata (§4.5), of the top-level role or of a delegated one.
#[derive(Debug, Clone, Deserialize)]
pub struct Targets {
    pub(crate) targets: Listed<TargetDescription>,
    pub(crate) delegations: Option<Delegations>,
}

/// What is stated about a target (§4.5, TARGETS).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TargetDescription {
    pub(crate) length: u64,
    pub(crate) hashes: Hashes,
    /// An object, or in another dialect any value.
    #[serde(default, deserialize_with = "object")]
    pub(crate) custom: Option<CanonicalValue>,
}

/// `custom` maps to an object.
fn object<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<CanonicalValue>, D::Error> {
    Ok(Option::<CanonicalObject>::deserialize(deserializer)?.map(|CanonicalObject(value)| value))
}

impl Metadata for Targets {
    const KIND: Kind = Kind::Targets;

    fn read(dialect: &Dialect, role: &RoleName, bytes: &[u8]) -> Result<(RoleHeader, Self), MetadataError> {
        match dialect {
            Dialect::Tuf => tuf::read(Self::KIND, bytes),
            Dialect::Notary(_) => Ok((notary::header(Self::KIND, bytes)?, notary::targets(role, bytes)?)),
        }
    }

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
