//! Keys of the simulated repository: ed25519, made from numbers.

use std::sync::Arc;

use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::keys::{key_id, key_object};
use serde_json::Value;

/// A key pair and how metadata declares it.
#[derive(Debug, Clone)]
pub struct TestKey {
    /// The key id: the SHA-256 of the canonical key object, as the specification asks of publishers.
    pub id: String,
    /// The key object.
    pub object: Value,
    pub(super) key: Arc<SigningKey>,
}

impl TestKey {
    /// The key of a number.
    pub fn from_number(number: u64) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_seed(&seed);
        Self { id: key_id(&key), object: key_object(&key), key: Arc::new(key) }
    }

    /// The same key under another key id.
    pub fn called(&self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self.clone() }
    }
}
