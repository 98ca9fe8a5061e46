//! A TUF repository in memory that tests mutate.
//!
//! What will be signed lies open as JSON values: change them as an attacker or a careless publisher would, then publish
//! the roles that should be signed again. It is honest unless told otherwise, and deterministic. How metadata begins, how
//! keys are written and what is signed is the sample publisher's, which the product has too: there is one such rule.

mod delegating;
mod gathering;
mod keys;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::tuf::provider::{CarriedMetadata, CarriedTargets, target_file_path};
use sealift_proof::tuf::{
    Limits, MetadataProvider, ProviderError, RoleName, TrustedRepository, TrustedState, TufError, VerifiedTarget,
    update,
};
use sealift_sample_publisher::keys::sign_as;
use sealift_sample_publisher::tuf_repository::header;
use serde_json::{Value, json};

pub use delegating::Delegated;
pub use gathering::gather_from;
pub use keys::TestKey;

/// When the clients of this repository live.
pub const NOW: &str = "2026-01-15T00:00:00Z";
/// When its metadata expires unless a test says otherwise.
pub const EXPIRES: &str = "2026-06-01T00:00:00Z";

/// A repository, its keys, and what it has published.
#[derive(Debug, Clone)]
pub struct TufRepository {
    /// What is signed for each role, or will be: `root`, `timestamp`, `snapshot`, `targets` and delegated roles.
    pub signed: BTreeMap<String, Value>,
    /// Which keys sign for each role.
    pub signers: BTreeMap<String, Vec<TestKey>>,
    /// The published metadata files, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The published target files, by path.
    pub target_files: BTreeMap<String, Vec<u8>>,
    /// Whether timestamp and snapshot state lengths and hashes.
    pub describes_files: bool,
    /// The names of the metadata files that were asked for.
    pub requests: Vec<String>,
    keys_made: u64,
}

impl Default for TufRepository {
    fn default() -> Self {
        Self::new()
    }
}

impl TufRepository {
    /// A repository with consistent snapshots, one key for each top-level role, and version 1 of each published.
    pub fn new() -> Self {
        let mut repository = Self {
            signed: BTreeMap::new(),
            signers: BTreeMap::new(),
            files: BTreeMap::new(),
            target_files: BTreeMap::new(),
            describes_files: false,
            requests: Vec::new(),
            keys_made: 0,
        };
        for kind in ["root", "timestamp", "snapshot", "targets"] {
            repository.signed.insert(kind.to_owned(), header(kind, 0, EXPIRES).into());
        }
        let root = repository.role("root");
        (root["consistent_snapshot"], root["keys"], root["roles"]) = (json!(true), json!({}), json!({}));
        for kind in ["root", "timestamp", "snapshot", "targets"] {
            repository.role("root")["roles"][kind] = json!({"keyids": [], "threshold": 1});
            repository.add_key(kind);
        }
        repository.role("timestamp")["meta"] = json!({});
        repository.role("snapshot")["meta"] = json!({});
        repository.role("targets")["targets"] = json!({});
        repository.publish(&["root", "targets", "snapshot", "timestamp"]);
        repository
    }

    /// What is or will be signed for a role.
    pub fn role(&mut self, role: &str) -> &mut Value {
        self.signed.get_mut(role).unwrap_or_else(|| panic!("there is no role {role}"))
    }

    /// A key that nobody knows yet.
    pub fn new_key(&mut self) -> TestKey {
        self.keys_made += 1;
        TestKey::from_number(self.keys_made)
    }

    /// Lets one more key sign for a top-level role.
    pub fn add_key(&mut self, role: &str) -> TestKey {
        let key = self.new_key();
        self.trust_key(role, &key);
        self.signers.entry(role.to_owned()).or_default().push(key.clone());
        key
    }

    /// Lists a key for a top-level role, without signing with it.
    pub fn trust_key(&mut self, role: &str, key: &TestKey) {
        let root = self.role("root");
        root["keys"][&key.id] = key.object.clone();
        root["roles"][role]["keyids"].as_array_mut().unwrap().push(json!(key.id));
    }

    /// Replaces all keys of a top-level role by a new one. A new root is signed with its old keys too.
    pub fn rotate_keys(&mut self, role: &str) {
        self.role("root")["roles"][role]["keyids"] = json!([]);
        let old = self.signers.remove(role).unwrap_or_default();
        self.add_key(role);
        if role == "root" {
            self.signers.get_mut(role).unwrap().extend(old);
        }
    }

    /// How many keys must sign for a top-level role.
    pub fn set_threshold(&mut self, role: &str, threshold: u32) {
        self.role("root")["roles"][role]["threshold"] = json!(threshold);
    }

    /// Describes a target in a targets role, and has its file ready.
    pub fn add_target(&mut self, role: &str, path: &str, content: &[u8]) {
        let digest = Digest::sha256(content);
        self.role(role)["targets"][path] = json!({"length": content.len(), "hashes": {"sha256": digest.hex()}});
        let consistent = self.is_consistent().then_some(&digest);
        self.target_files.insert(target_file_path(path, consistent), content.to_vec());
    }

    /// Publishes the next version of each role, in this order.
    pub fn publish(&mut self, roles: &[&str]) {
        for role in roles {
            let version = self.version(role) + 1;
            self.role(role)["version"] = json!(version);
            self.publish_as_it_is(role);
        }
    }

    /// Publishes new versions of targets, snapshot and timestamp.
    pub fn publish_targets(&mut self) {
        self.publish(&["targets", "snapshot", "timestamp"]);
    }

    /// Signs and publishes a role in the version that it has, and lets the role above it know.
    pub fn publish_as_it_is(&mut self, role: &str) {
        let bytes = self.sign(role, &self.signed[role]);
        let version = self.version(role);
        let file_name = self.file_name(role, version);
        let above = match role {
            "root" | "timestamp" => None,
            "snapshot" => Some("timestamp"),
            _ => Some("snapshot"),
        };
        if let Some(above) = above {
            let mut description = json!({"version": version});
            if self.describes_files {
                description["length"] = json!(bytes.len());
                description["hashes"] = json!({"sha256": Digest::sha256(&bytes).hex()});
            }
            self.role(above)["meta"][format!("{role}.json")] = description;
        }
        self.files.insert(file_name, bytes);
    }

    /// Signs any value as a role's keys would.
    pub fn sign(&self, role: &str, signed: &Value) -> Vec<u8> {
        let mut key_ids = BTreeSet::new();
        let signers = self.signers.get(role).into_iter().flatten().filter(|key| key_ids.insert(&key.id));
        sign_as(signed, signers.map(|key| (key.id.clone(), &*key.key)))
    }

    /// The version of a role.
    pub fn version(&self, role: &str) -> u64 {
        self.signed[role]["version"].as_u64().unwrap()
    }

    /// The name of a role's file in some version.
    pub fn file_name(&self, role: &str, version: u64) -> String {
        let versioned = match role {
            "root" => true,
            "timestamp" => false,
            _ => self.is_consistent(),
        };
        name(role).file_name(versioned.then_some(version))
    }

    /// The published file of a role in its present version.
    pub fn file(&mut self, role: &str) -> &mut Vec<u8> {
        let file_name = self.file_name(role, self.version(role));
        self.files.get_mut(&file_name).unwrap()
    }

    /// Whether file names carry versions and hashes.
    pub fn is_consistent(&self) -> bool {
        self.signed["root"]["consistent_snapshot"] == json!(true)
    }

    /// Version 1 of root, which clients pin.
    pub fn pinned_root(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }

    /// What is published, as an archive carries it.
    pub fn carried(&self) -> (CarriedMetadata, CarriedTargets) {
        (CarriedMetadata::new(self.files.clone()), CarriedTargets::new(self.target_files.clone()))
    }

    /// What a client makes of the repository that remembers `state` and lives at [`NOW`].
    pub fn update(&mut self, state: &TrustedState) -> Result<TrustedRepository, TufError> {
        let pinned = self.pinned_root();
        update(&pinned, state, self, now(), &Limits::default())
    }

    /// What a client that has never been here makes of the repository.
    pub fn first_update(&mut self) -> Result<TrustedRepository, TufError> {
        self.update(&TrustedState::default())
    }

    /// What a client that has never been here finds under a target name.
    pub fn resolve(&mut self, target: &str) -> Result<Option<VerifiedTarget>, TufError> {
        self.first_update()?.resolve(self, target)
    }

    /// What a client remembers after an update that succeeds.
    pub fn accepted(&mut self) -> TrustedState {
        self.first_update().unwrap().into_state(None)
    }
}

/// [`NOW`].
pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A role name, whichever kind.
pub fn name(role: &str) -> RoleName {
    match role {
        "root" => RoleName::root(),
        "timestamp" => RoleName::timestamp(),
        "snapshot" => RoleName::snapshot(),
        "targets" => RoleName::targets(),
        delegated => RoleName::delegated(delegated).unwrap(),
    }
}

impl MetadataProvider for TufRepository {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let file_name = role.file_name(version);
        self.requests.push(file_name.clone());
        match self.files.get(&file_name) {
            Some(bytes) if bytes.len() as u64 > limit => Err(ProviderError::TooLong { file_name, limit }),
            found => Ok(found.cloned()),
        }
    }
}
