//! A small TUF repository whose top-level roles one key signs, for fuzz targets to replace parts of. Delegated roles have
//! another: metadata does not say which role it is of, so keys must tell a delegated role from the top-level one.

#![allow(dead_code)] // Each target uses its own part of this.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sealift_proof::canonical_json;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::chain::{RootChain, TrustedRoot, TrustedTimestamp};
use sealift_proof::tuf::provider::CarriedMetadata;
use sealift_proof::tuf::{Limits, RoleName, TrustedRepository, TrustedState, TufError, update};
use sealift_sample_publisher::keys::{key_object, sign_as};
use sealift_sample_publisher::tuf_repository::header;
use serde_json::{Value, json};

/// The key id of whichever key.
const KEY_ID: &str = "key";
pub const NOW: &str = "2026-01-15T00:00:00Z";

const TOP_LEVEL: [u8; 32] = [1; 32];
const DELEGATED: [u8; 32] = [2; 32];

/// What is signed for a role in some version, with more fields.
pub fn role(kind: &str, version: u64, fields: Value) -> Value {
    let mut role = header(kind, version, "2100-01-01T00:00:00Z");
    role.extend(fields.as_object().unwrap().clone());
    role.into()
}

/// Signs whatever has a canonical form, as the top-level roles do.
pub fn sign(signed: &Value) -> Option<Vec<u8>> {
    sign_with(&TOP_LEVEL, signed)
}

fn sign_with(seed: &[u8; 32], signed: &Value) -> Option<Vec<u8>> {
    canonical_json::encode(signed).ok()?;
    Some(sign_as(signed, [(KEY_ID.to_owned(), &SigningKey::from_seed(seed))]))
}

pub fn root(version: u64) -> Value {
    let keys = json!({"keyids": [KEY_ID], "threshold": 1});
    role(
        "root",
        version,
        json!({
            "consistent_snapshot": true,
            "keys": {KEY_ID: key_object(&SigningKey::from_seed(&TOP_LEVEL))},
            "roles": {"root": keys, "timestamp": keys, "snapshot": keys, "targets": keys},
        }),
    )
}

/// Delegates to one role for some paths.
pub fn delegations(name: &str, paths: &[&str]) -> Value {
    let role = json!({"name": name, "keyids": [KEY_ID], "threshold": 1, "paths": paths, "terminating": false});
    json!({"delegations": {"keys": {KEY_ID: key_object(&SigningKey::from_seed(&DELEGATED))}, "roles": [role]}})
}

pub fn file(role: &RoleName, version: Option<u64>, signed: &Value) -> (String, Vec<u8>) {
    let top_level = [RoleName::root(), RoleName::timestamp(), RoleName::snapshot(), RoleName::targets()];
    let seed = if top_level.contains(role) { &TOP_LEVEL } else { &DELEGATED };
    (role.file_name(version), sign_with(seed, signed).unwrap())
}

/// Root, timestamp, snapshot and targets in version 1. Signing is slow: it is done once.
pub static FILES: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let snapshot = json!({"targets.json": {"version": 1}, "delegated.json": {"version": 1}});
    BTreeMap::from([
        file(&RoleName::root(), Some(1), &root(1)),
        file(&RoleName::timestamp(), None, &role("timestamp", 1, json!({"meta": {"snapshot.json": {"version": 1}}}))),
        file(&RoleName::snapshot(), Some(1), &role("snapshot", 1, json!({"meta": snapshot}))),
        file(&RoleName::targets(), Some(1), &role("targets", 1, json!({"targets": {}}))),
    ])
});

/// The chain of roots that begins with the pinned one.
pub static ROOTS: LazyLock<RootChain> = LazyLock::new(|| RootChain::begin(&FILES["1.root.json"]).unwrap());

/// The state of a walk that has come to the timestamp.
pub static ROOT: LazyLock<TrustedRoot> = LazyLock::new(|| ROOTS.clone().finish(NOW.parse().unwrap()).unwrap());

/// The state of a walk that has come to the snapshot.
pub static TIMESTAMP: LazyLock<TrustedTimestamp> =
    LazyLock::new(|| ROOT.clone().timestamp(&FILES["timestamp.json"], None).unwrap().0);

/// What a client that remembers `state` makes of these files.
pub fn walk(
    files: BTreeMap<String, Vec<u8>>,
    state: &TrustedState,
) -> Result<(TrustedRepository, CarriedMetadata), TufError> {
    let mut carried = CarriedMetadata::new(files);
    let pinned = &FILES["1.root.json"];
    let repository = update(pinned, state, &mut carried, NOW.parse().unwrap(), &Limits::default())?;
    Ok((repository, carried))
}

/// Fuzzed bytes as they are, for the envelope's parser, and, if they are JSON, as what the role's key signed, so that
/// the parsers behind the signature are reached.
pub fn documents(data: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let signed = serde_json::from_slice(data).ok().and_then(|value: Value| sign(&value));
    std::iter::once(data.to_vec()).chain(signed)
}
