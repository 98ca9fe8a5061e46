//! A TUF repository with a rotated root, consistent snapshots and one delegation, `targets/releases` (CNAB-Sec 301).

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::signature::SigningKey;
use serde_json::{Map, Value, json};

use crate::keys::{key_id, key_object, sign};

/// A role: who signs, how many must, which version, until when.
#[derive(Debug)]
pub struct Role {
    /// The keys.
    pub keys: Vec<SigningKey>,
    /// How many of them must sign.
    pub threshold: u32,
    /// The version of the metadata.
    pub version: u64,
    /// When the metadata expires.
    pub expires: Timestamp,
}

impl Role {
    fn key_ids(&self) -> Vec<String> {
        self.keys.iter().map(key_id).collect()
    }

    fn envelope(&self, kind: &str) -> Map<String, Value> {
        header(kind, self.version, &self.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

/// What all metadata begins with (TUF 1.0.34 §4.3), in the form of this version of the specification.
pub fn header(kind: &str, version: u64, expires: &str) -> Map<String, Value> {
    let mut signed = Map::new();
    signed.insert("_type".to_owned(), json!(kind));
    signed.insert("spec_version".to_owned(), json!("1.0.34"));
    signed.insert("version".to_owned(), json!(version));
    signed.insert("expires".to_owned(), json!(expires));
    signed
}

/// A target: its bytes, whether they are published beside the metadata, and custom data.
#[derive(Debug, Clone)]
pub struct Target {
    /// Length in bytes.
    pub length: u64,
    /// The one digest of the bytes that is listed.
    pub digest: Digest,
    /// The `custom` field.
    pub custom: Option<Value>,
    /// The bytes, for targets that the repository itself serves (layouts, links, keys).
    pub content: Option<Vec<u8>>,
}

impl Target {
    /// A target that the repository serves.
    pub fn served(content: Vec<u8>) -> Self {
        let (length, digest) = (content.len() as u64, Digest::sha256(&content));
        Self { length, digest, custom: None, content: Some(content) }
    }

    fn object(&self) -> Value {
        let hashes = json!({ self.digest.algorithm().name(): self.digest.hex() });
        let mut object = json!({ "length": self.length, "hashes": hashes });
        if let (Some(custom), Some(fields)) = (&self.custom, object.as_object_mut()) {
            fields.insert("custom".to_owned(), custom.clone());
        }
        object
    }
}

/// The repository. Change any field, then ask for the files again.
#[derive(Debug)]
pub struct TufRepository {
    /// The root role.
    pub root: Role,
    /// The timestamp role.
    pub timestamp: Role,
    /// The snapshot role.
    pub snapshot: Role,
    /// The top-level targets role.
    pub targets: Role,
    /// The delegated role `targets/releases`.
    pub releases: Role,
    /// Path patterns delegated to `targets/releases`.
    pub release_paths: Vec<String>,
    /// What the top-level targets role signs: layouts and keys.
    pub top_level: BTreeMap<String, Target>,
    /// What `targets/releases` signs: bundles, images and links.
    pub released: BTreeMap<String, Target>,
    /// Signed roots of earlier versions, version 1 first.
    pub past_roots: Vec<Vec<u8>>,
}

impl TufRepository {
    /// The signed root of the present version.
    pub fn signed_root(&self) -> Vec<u8> {
        let mut keys = Map::new();
        let mut roles = Map::new();
        let named = [
            ("root", &self.root),
            ("timestamp", &self.timestamp),
            ("snapshot", &self.snapshot),
            ("targets", &self.targets),
        ];
        for (name, role) in named {
            for key in &role.keys {
                keys.insert(key_id(key), key_object(key));
            }
            roles.insert(name.to_owned(), json!({ "keyids": role.key_ids(), "threshold": role.threshold }));
        }
        let mut signed = self.root.envelope("root");
        signed.insert("consistent_snapshot".to_owned(), json!(true));
        signed.insert("keys".to_owned(), Value::Object(keys));
        signed.insert("roles".to_owned(), Value::Object(roles));
        sign(&Value::Object(signed), &self.root.keys)
    }

    /// Publishes the next version of root, signed by the same root keys.
    pub fn renew_root(&mut self) {
        self.past_roots.push(self.signed_root());
        self.root.version += 1;
    }

    /// Every file of the repository by its path: `metadata/…`, and `targets/…` with the digest before the file name, as
    /// consistent snapshots ask (TUF §6.2).
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (version, root) in (1_u64..).zip(self.past_roots.iter().cloned().chain([self.signed_root()])) {
            files.insert(format!("metadata/{version}.root.json"), root);
        }
        let releases = self.signed_targets(&self.releases, &self.released, None);
        let targets = self.signed_targets(&self.targets, &self.top_level, Some(self.delegations()));
        let mut snapshot = self.snapshot.envelope("snapshot");
        let meta = json!({
            "targets.json": described(&self.targets, &targets),
            "targets/releases.json": described(&self.releases, &releases),
        });
        snapshot.insert("meta".to_owned(), meta);
        let snapshot = sign(&Value::Object(snapshot), &self.snapshot.keys);
        let mut timestamp = self.timestamp.envelope("timestamp");
        timestamp.insert("meta".to_owned(), json!({ "snapshot.json": described(&self.snapshot, &snapshot) }));
        files.insert("metadata/timestamp.json".to_owned(), sign(&Value::Object(timestamp), &self.timestamp.keys));
        files.insert(format!("metadata/{}.snapshot.json", self.snapshot.version), snapshot);
        files.insert(format!("metadata/{}.targets.json", self.targets.version), targets);
        files.insert(format!("metadata/{}.targets%2Freleases.json", self.releases.version), releases);
        for (path, target) in self.top_level.iter().chain(&self.released) {
            if let Some(content) = &target.content {
                let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
                files.insert(format!("targets/{folder}/{}.{name}", target.digest.hex()), content.clone());
            }
        }
        files
    }

    fn delegations(&self) -> Value {
        let keys: Map<String, Value> = self.releases.keys.iter().map(|key| (key_id(key), key_object(key))).collect();
        json!({
            "keys": keys,
            "roles": [{
                "name": "targets/releases", "keyids": self.releases.key_ids(), "threshold": self.releases.threshold,
                "terminating": true, "paths": self.release_paths,
            }],
        })
    }

    fn signed_targets(&self, role: &Role, targets: &BTreeMap<String, Target>, delegations: Option<Value>) -> Vec<u8> {
        let mut signed = role.envelope("targets");
        let targets: Map<String, Value> =
            targets.iter().map(|(path, target)| (path.clone(), target.object())).collect();
        signed.insert("targets".to_owned(), Value::Object(targets));
        if let Some(delegations) = delegations {
            signed.insert("delegations".to_owned(), delegations);
        }
        sign(&Value::Object(signed), &role.keys)
    }
}

/// What snapshot and timestamp say of a file: version, length, hash.
fn described(role: &Role, bytes: &[u8]) -> Value {
    json!({
        "version": role.version, "length": bytes.len(),
        "hashes": { "sha256": Digest::sha256(bytes).hex() },
    })
}
