//! The four kinds of metadata, as Notary writes them, into the engine's types.

use std::collections::BTreeMap;

use sealift_archive_format::digest::DigestAlgorithm;
use serde::{Deserialize, Deserializer};

use super::error::NotaryError;
use super::key::{self, NotaryKeyObject};
use super::text::Base64;
use crate::canonical_json::CanonicalValue;
use crate::tuf::Gun;
use crate::tuf::delegation::{DelegatedRole, Delegations};
use crate::tuf::dialect::tuf::signed;
use crate::tuf::error::MetadataError;
use crate::tuf::hashes::Hashes;
use crate::tuf::key::RoleKeys;
use crate::tuf::metadata::{
    FileDescription, Root, RootRoles, Snapshot, TargetDescription, Targets, Timestamp, TimestampMeta,
};
use crate::tuf::role_name::RoleName;

/// The longest name of a delegated role, in bytes.
const MAXIMUM_ROLE_NAME: usize = 255;

#[derive(Deserialize)]
pub(super) struct RootObject {
    pub(super) keys: BTreeMap<String, NotaryKeyObject>,
    pub(super) roles: RootRoles,
}

/// Root metadata. Whatever `consistent_snapshot` states, snapshots are not treated as consistent: only roots are requested by their
/// version.
pub(crate) fn root(gun: &Gun, bytes: &[u8]) -> Result<Root, MetadataError> {
    let RootObject { keys, roles } = signed(bytes)?;
    for (name, role_keys) in roles.by_name() {
        key::require_listed(name, role_keys, &keys)?;
    }
    let (certificates, shared_name) = key::root_keys(&roles.root, &keys, gun)?;
    Ok(Root { consistent_snapshot: false, keys: key::keys(&keys)?, roles, certificates, shared_name })
}

/// What is stated about a file: never its version.
#[derive(Deserialize)]
struct FileObject {
    length: u64,
    hashes: BTreeMap<String, Base64>,
    /// Any value.
    #[serde(default, deserialize_with = "present")]
    custom: Option<CanonicalValue>,
}

/// A value that is there, even if it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CanonicalValue>, D::Error> {
    CanonicalValue::deserialize(deserializer).map(Some)
}

fn hashes(stated: &BTreeMap<String, Base64>) -> Result<Hashes, NotaryError> {
    if stated.is_empty() {
        return Err(NotaryError::Hash("none is stated".to_owned()));
    }
    let mut hashes = Hashes::default();
    for (name, bytes) in stated {
        let Some(algorithm) = DigestAlgorithm::from_name(name) else { continue };
        let added = hashes.add(algorithm, &hex::encode(&bytes.0));
        added.map_err(|error| NotaryError::Hash(error.to_string()))?;
    }
    Ok(hashes)
}

impl FileObject {
    fn description(&self) -> Result<FileDescription, NotaryError> {
        Ok(FileDescription { version: None, length: Some(self.length), hashes: Some(hashes(&self.hashes)?) })
    }
}

#[derive(Deserialize)]
struct TimestampObject {
    meta: TimestampMetaObject,
}

#[derive(Deserialize)]
struct TimestampMetaObject {
    snapshot: FileObject,
}

/// Timestamp metadata.
pub(crate) fn timestamp(bytes: &[u8]) -> Result<Timestamp, MetadataError> {
    let object: TimestampObject = signed(bytes)?;
    Ok(Timestamp { meta: TimestampMeta { snapshot: object.meta.snapshot.description()? } })
}

#[derive(Deserialize)]
struct SnapshotObject {
    meta: BTreeMap<String, FileObject>,
}

/// Snapshot metadata: the root and each targets role, by its name.
pub(crate) fn snapshot(bytes: &[u8]) -> Result<Snapshot, MetadataError> {
    let SnapshotObject { mut meta } = signed(bytes)?;
    let root = meta.remove(RoleName::root().as_str()).ok_or(NotaryError::NotListed("root"))?.description()?;
    if !meta.contains_key(RoleName::targets().as_str()) {
        return Err(NotaryError::NotListed("targets").into());
    }
    let described = |(name, file): (String, FileObject)| Ok((RoleName::path_of(&name), file.description()?));
    let meta = meta.into_iter().map(described).collect::<Result<_, NotaryError>>()?;
    Ok(Snapshot { meta, root: Some(root) })
}

#[derive(Deserialize)]
struct TargetsObject {
    targets: Option<BTreeMap<String, FileObject>>,
    delegations: Option<NotaryDelegationsObject>,
}

#[derive(Deserialize)]
struct NotaryDelegationsObject {
    keys: Option<BTreeMap<String, NotaryKeyObject>>,
    roles: Option<Vec<NotaryRoleObject>>,
}

#[derive(Deserialize)]
struct NotaryRoleObject {
    name: String,
    #[serde(flatten)]
    keys: RoleKeys,
    paths: Option<Vec<String>>,
}

/// Targets metadata of `role`: a target's name is a tag, and it delegates only to roles right below itself.
pub(crate) fn targets(role: &RoleName, bytes: &[u8]) -> Result<Targets, MetadataError> {
    let TargetsObject { targets, delegations } = signed(bytes)?;
    let described = |(name, file): (String, FileObject)| {
        let described = TargetDescription { length: file.length, hashes: hashes(&file.hashes)?, custom: file.custom };
        Ok((name, described))
    };
    let targets = targets.unwrap_or_default().into_iter().map(described).collect::<Result<_, NotaryError>>()?;
    let delegations = delegations.map(|delegations| delegations_of(role, delegations)).transpose()?;
    Ok(Targets { targets, delegations })
}

fn delegations_of(delegator: &RoleName, object: NotaryDelegationsObject) -> Result<Delegations, MetadataError> {
    let listed = object.keys.unwrap_or_default();
    let delegated = |NotaryRoleObject { name, keys, paths }: NotaryRoleObject| {
        let named = RoleName::delegated(&name).ok().filter(|_| is_right_below(delegator.as_str(), &name));
        let wrong = || NotaryError::DelegatedName { delegator: delegator.to_string(), name: name.clone() };
        let named = named.ok_or_else(wrong)?;
        key::require_listed(&name, &keys, &listed)?;
        Ok(DelegatedRole::by_prefixes(named, keys, paths.unwrap_or_default()))
    };
    let roles: Result<Vec<_>, NotaryError> = object.roles.unwrap_or_default().into_iter().map(delegated).collect();
    let delegations = Delegations::listed(key::keys(&listed)?, roles?);
    Ok(delegations.map_err(NotaryError::Delegations)?)
}

/// Whether a name is the delegator's, a slash, and one part of lower-case letters, digits, `-` and `_`.
fn is_right_below(delegator: &str, name: &str) -> bool {
    let part = name.strip_prefix(delegator).and_then(|rest| rest.strip_prefix('/'));
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    part.is_some_and(|part| !part.is_empty() && part.bytes().all(is_allowed)) && name.len() <= MAXIMUM_ROLE_NAME
}
