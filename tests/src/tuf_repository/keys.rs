//! Keys of the simulated repository: ed25519, made from numbers.

use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_proof::canonical_json;
use sealift_proof::signature::SigningKey;
use serde_json::{Value, json};

/// A key pair and how metadata declares it.
#[derive(Debug, Clone)]
pub struct TestKey {
    /// The key id: the SHA-256 of the canonical key object, as the specification asks of publishers.
    pub id: String,
    /// The key object.
    pub object: Value,
    key: Arc<SigningKey>,
}

impl TestKey {
    /// The key of a number.
    pub fn from_number(number: u64) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_seed(&seed);
        let public = hex::encode(key.public_bytes());
        let object = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
        let id = Digest::sha256(&canonical_json::encode(&object).unwrap()).hex().to_owned();
        Self { id, object, key: Arc::new(key) }
    }

    /// The same key under another key id.
    pub fn called(&self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self.clone() }
    }

    /// A signature, in hexadecimal.
    pub fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.key.sign(message))
    }
}
