//! A repository of Notary v1 in memory that tests mutate, as [`TufRepository`](crate::tuf_repository::TufRepository) is one of TUF 1.0.
//!
//! What will be signed lies open as JSON values. It is written as Notary writes it: ed25519 for the timestamp and the snapshot, ECDSA for
//! the targets and for delegated roles, and a certificate for the root.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PublicKeyData as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use sealift_archive_format::{Digest, DigestAlgorithm};
use sealift_proof::canonical_json;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::provider::CarriedMetadata;
use sealift_proof::tuf::{Dialect, Limits, RoleName, TrustAnchor, TrustedRepository, TrustedState, TufError, update};
use serde_json::{Value, json};

use crate::tuf_repository::{EXPIRES, now};

/// The name of the repository.
pub const GUN: &str = "example.com/acme/web";

#[derive(Clone)]
enum Signer {
    Ed25519(Arc<SigningKey>),
    Ecdsa(Arc<EcdsaKeyPair>),
}

/// A key pair, and how metadata declares it.
#[derive(Clone)]
pub struct NotaryKey {
    /// The key id that follows from the object.
    pub id: String,
    /// The key object.
    pub object: Value,
    signer: Signer,
}

impl std::fmt::Debug for NotaryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

/// A certificate as a test wants it.
pub struct CertificateWish<'a> {
    /// Whom it is made out to; several names, or none, are an error.
    pub common_names: &'a [&'a str],
    /// The year in which it begins, and the one in which it ends.
    pub years: (i32, i32),
    /// Whether it says of itself that it is that of an authority.
    pub is_authority: bool,
}

impl Default for CertificateWish<'_> {
    fn default() -> Self {
        Self { common_names: &[GUN], years: (2025, 2035), is_authority: false }
    }
}

impl CertificateWish<'_> {
    fn parameters(&self) -> CertificateParams {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        for (place, name) in self.common_names.iter().enumerate() {
            // One attribute of a kind is all that rcgen's names hold.
            let kind = if place == 0 { DnType::CommonName } else { DnType::CustomDnType(vec![2, 5, 4, 3]) };
            parameters.distinguished_name.push(kind, *name);
        }
        parameters.not_before = rcgen::date_time_ymd(self.years.0, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(self.years.1, 1, 1);
        if self.is_authority {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        } else {
            parameters.is_ca = IsCa::ExplicitNoCa;
        }
        parameters
    }
}

/// An authority that makes certificates.
pub struct Authority {
    /// Its own certificate.
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// An authority that is valid in these years.
    pub fn new(years: (i32, i32)) -> Self {
        let key = KeyPair::generate().unwrap();
        let wish = CertificateWish { common_names: &["An authority"], years, is_authority: true };
        let parameters = wish.parameters();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(parameters, key) }
    }
}

impl NotaryKey {
    fn new(keytype: &str, public: &[u8], signer: Signer) -> Self {
        let object = json!({ "keytype": keytype, "keyval": { "private": null, "public": STANDARD.encode(public) } });
        Self { id: key_id(&object), object, signer }
    }

    /// An ed25519 key of a number.
    pub fn ed25519(number: u8) -> Self {
        let key = SigningKey::from_seed(&[number; 32]);
        Self::new("ed25519", &key.public_bytes(), Signer::Ed25519(Arc::new(key)))
    }

    /// A new ECDSA key.
    pub fn ecdsa() -> Self {
        let key = KeyPair::generate().unwrap();
        let spki = key.subject_public_key_info();
        Self::new("ecdsa", &spki, Signer::Ecdsa(signing(&key)))
    }

    /// A new ECDSA key in a certificate that it signs itself.
    pub fn certified(wish: &CertificateWish<'_>) -> Self {
        let key = KeyPair::generate().unwrap();
        let pem = wish.parameters().self_signed(&key).unwrap().pem();
        Self::new("ecdsa-x509", pem.as_bytes(), Signer::Ecdsa(signing(&key)))
    }

    /// A new ECDSA key in a certificate of an authority.
    pub fn certified_by(authority: &Authority, wish: &CertificateWish<'_>) -> Self {
        let key = KeyPair::generate().unwrap();
        let pem = wish.parameters().signed_by(&key, &authority.issuer).unwrap().pem();
        Self::new("ecdsa-x509", pem.as_bytes(), Signer::Ecdsa(signing(&key)))
    }

    /// What is declared of it in PEM.
    pub fn pem(&self) -> String {
        let public = STANDARD.decode(self.object["keyval"]["public"].as_str().unwrap()).unwrap();
        String::from_utf8(public).unwrap()
    }

    /// The same key, declared as another kind of key and in other words.
    pub fn written_as(self, keytype: &str, public: &str) -> Self {
        Self::new(keytype, public.as_bytes(), self.signer)
    }

    /// A signature, as an envelope has it.
    pub fn sign(&self, message: &[u8]) -> Value {
        let (method, bytes) = match &self.signer {
            Signer::Ed25519(key) => ("eddsa", key.sign(message)),
            Signer::Ecdsa(key) => ("ecdsa", key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()),
        };
        json!({ "keyid": self.id, "method": method, "sig": STANDARD.encode(bytes) })
    }
}

fn signing(key: &KeyPair) -> Arc<EcdsaKeyPair> {
    let pkcs8 = key.serialize_der();
    Arc::new(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &SystemRandom::new()).unwrap())
}

/// The id of a key object.
pub fn key_id(object: &Value) -> String {
    Digest::sha256(&canonical_json::encode(object).unwrap()).hex().to_owned()
}

/// What is stated about a file.
pub fn described(bytes: &[u8]) -> Value {
    let hash = |algorithm| STANDARD.encode(hex::decode(Digest::of(algorithm, bytes).hex()).unwrap());
    let [sha256, sha512] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(hash);
    json!({ "length": bytes.len(), "hashes": { "sha256": sha256, "sha512": sha512 } })
}

/// A repository, its keys, and what it has published.
#[derive(Debug, Clone)]
pub struct NotaryRepository {
    /// What is signed for each role, or will be.
    pub signed: BTreeMap<String, Value>,
    /// Which keys sign for each role.
    pub signers: BTreeMap<String, Vec<NotaryKey>>,
    /// The published metadata files, by the names that they have in an archive.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Whether a new snapshot lists every published role, whatever is in `signed`.
    pub lists_files: bool,
}

impl Default for NotaryRepository {
    fn default() -> Self {
        Self::new()
    }
}

impl NotaryRepository {
    /// A repository with one key for each role, version 1 of each published, and no targets.
    pub fn new() -> Self {
        let root = NotaryKey::certified(&CertificateWish::default());
        Self::with_root_key(root)
    }

    /// The same with this root key.
    pub fn with_root_key(root: NotaryKey) -> Self {
        let signers = [
            ("root", root),
            ("timestamp", NotaryKey::ed25519(1)),
            ("snapshot", NotaryKey::ed25519(2)),
            ("targets", NotaryKey::ecdsa()),
        ];
        let signers: BTreeMap<String, Vec<NotaryKey>> = signers.map(|(role, key)| (role.to_owned(), vec![key])).into();
        let mut repository = Self { signed: BTreeMap::new(), signers, files: BTreeMap::new(), lists_files: true };
        for (role, kind) in
            [("root", "Root"), ("timestamp", "Timestamp"), ("snapshot", "Snapshot"), ("targets", "Targets")]
        {
            let header = json!({ "_type": kind, "expires": EXPIRES.replace('Z', ".123456789Z"), "version": 1 });
            repository.signed.insert(role.to_owned(), header);
        }
        *repository.body("targets", "targets") = json!({});
        *repository.body("targets", "delegations") = json!({ "keys": {}, "roles": [] });
        repository.declare_keys();
        repository.publish_root();
        repository.publish_all();
        repository
    }

    /// A member of what is signed for a role.
    pub fn body(&mut self, role: &str, member: &str) -> &mut Value {
        &mut self.signed.get_mut(role).unwrap()[member]
    }

    /// Writes the keys of the top-level roles into the root, with a threshold of all of them.
    pub fn declare_keys(&mut self) {
        let (mut keys, mut roles) = (json!({}), json!({}));
        for role in ["root", "timestamp", "snapshot", "targets"] {
            let signers = &self.signers[role];
            signers.iter().for_each(|key| keys[&key.id] = key.object.clone());
            let ids: Vec<_> = signers.iter().map(|key| key.id.clone()).collect();
            roles[role] = json!({ "keyids": ids, "threshold": ids.len() });
        }
        *self.body("root", "keys") = keys;
        *self.body("root", "roles") = roles;
        *self.body("root", "consistent_snapshot") = json!(false);
    }

    /// Has every role expire at another time, and publishes all of them again.
    pub fn expire_at(&mut self, expires: &str) {
        let roles: Vec<_> = self.signed.keys().cloned().collect();
        roles.iter().for_each(|role| *self.body(role, "expires") = json!(expires));
        self.publish_root();
        self.publish_all();
    }

    /// Adds a tag to a role.
    pub fn add_tag(&mut self, role: &str, tag: &str, content: &[u8]) {
        self.body(role, "targets")[tag] = described(content);
    }

    /// Delegates to a new role with a new key, which begins with no targets.
    pub fn delegate(&mut self, delegator: &str, name: &str, paths: &[&str]) {
        let key = NotaryKey::ecdsa();
        let delegations = self.body(delegator, "delegations");
        delegations["keys"][&key.id] = key.object.clone();
        let role = json!({ "name": name, "keyids": [key.id], "threshold": 1, "paths": paths });
        delegations["roles"].as_array_mut().unwrap().push(role);
        let header = json!({
            "_type": "Targets", "expires": EXPIRES, "version": 1, "targets": {},
            "delegations": { "keys": {}, "roles": [] },
        });
        self.signed.insert(name.to_owned(), header);
        self.signers.insert(name.to_owned(), vec![key]);
    }

    /// Raises the version of a role.
    pub fn bump(&mut self, role: &str) {
        let version = self.body(role, "version");
        *version = json!(version.as_u64().unwrap() + 1);
    }

    /// The file of a role, signed by its keys.
    pub fn sign(&self, role: &str) -> Vec<u8> {
        self.sign_with(role, &self.signers[role])
    }

    /// The same, signed by these keys.
    pub fn sign_with(&self, role: &str, keys: &[NotaryKey]) -> Vec<u8> {
        let signed = &self.signed[role];
        let message = canonical_json::encode(signed).unwrap();
        let signatures: Vec<_> = keys.iter().map(|key| key.sign(&message)).collect();
        json!({ "signed": signed, "signatures": signatures }).to_string().into_bytes()
    }

    /// Publishes a root of the version that it has.
    pub fn publish_root(&mut self) {
        let version = self.signed["root"]["version"].as_u64().unwrap();
        let root = self.sign("root");
        self.files.insert(format!("{version}.root.json"), root);
    }

    /// Publishes a role as it is.
    pub fn publish(&mut self, role: &str) {
        let file = self.sign(role);
        self.files.insert(file_name(role), file);
    }

    /// Publishes every targets role as it is, and then a snapshot and a timestamp of them.
    pub fn publish_all(&mut self) {
        let roles: Vec<_> = self.signed.keys().filter(|role| role.starts_with("targets")).cloned().collect();
        roles.iter().for_each(|role| self.publish(role));
        self.publish_snapshot();
    }

    /// Publishes a snapshot of what is published, and a timestamp of it.
    pub fn publish_snapshot(&mut self) {
        if self.lists_files {
            let mut meta = json!({ "root": described(&self.newest_root()) });
            for role in self.signed.keys().filter(|role| role.starts_with("targets")) {
                if let Some(file) = self.files.get(&file_name(role)) {
                    meta[role] = described(file);
                }
            }
            *self.body("snapshot", "meta") = meta;
        }
        self.publish("snapshot");
        *self.body("timestamp", "meta") = json!({ "snapshot": described(&self.files["snapshot.json"]) });
        self.publish("timestamp");
    }

    /// The same, in the versions that follow.
    pub fn publish_next(&mut self) {
        self.bump("snapshot");
        self.bump("timestamp");
        self.publish_all();
    }

    /// The newest root.
    pub fn newest_root(&self) -> Vec<u8> {
        let version = self.signed["root"]["version"].as_u64().unwrap();
        self.files[&format!("{version}.root.json")].clone()
    }

    /// The files, as an archive carries them.
    pub fn carried(&self) -> CarriedMetadata {
        CarriedMetadata::new(self.files.clone())
    }

    /// What a client that pinned the first root accepts, with what it remembers.
    pub fn update(&self, state: &TrustedState) -> Result<TrustedRepository, TufError> {
        let dialect = Dialect::Notary(GUN.parse().unwrap());
        let pinned = TrustAnchor { root: &self.files["1.root.json"], dialect: &dialect };
        update(pinned, state, &mut self.carried(), now(), &Limits::default())
    }

    /// The same for a client that remembers nothing.
    pub fn first_update(&self) -> Result<TrustedRepository, TufError> {
        self.update(&TrustedState::default())
    }

    /// The role that describes a tag, and the digests that it states, for a client that remembers nothing.
    pub fn lookup(&self, tag: &str) -> Result<Option<(String, Digest)>, TufError> {
        let found = self.first_update()?.resolve(&mut self.carried(), tag)?;
        Ok(found.map(|found| (found.roles().last().unwrap().to_string(), found.hashes()[0].clone())))
    }
}

/// The name of a role's file in an archive.
pub fn file_name(role: &str) -> String {
    match role {
        "timestamp" => RoleName::timestamp(),
        "snapshot" => RoleName::snapshot(),
        "targets" => RoleName::targets(),
        other => RoleName::delegated(other).unwrap(),
    }
    .file_name(None)
}
