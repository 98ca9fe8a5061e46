//! Keys as TUF and in-toto documents write them.

use sealift_archive_format::Digest;
use sealift_proof::canonical_json;
use sealift_proof::signature::SigningKey;
use serde_json::{Value, json};

/// The public half as a key object: TUF §4.2.1, securesystemslib's form for in-toto.
pub fn key_object(key: &SigningKey) -> Value {
    json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": hex::encode(key.public_bytes()) } })
}

/// The key id: SHA-256 of the canonical key object.
pub fn key_id(key: &SigningKey) -> String {
    Digest::sha256(&canonical(&key_object(key))).hex().to_owned()
}

/// Signs a document as TUF (§4.2) and in-toto (§4.1) do: `{ "signatures": […], "signed": … }`.
pub fn sign(signed: &Value, keys: &[SigningKey]) -> Vec<u8> {
    sign_as(signed, keys.iter().map(|key| (key_id(key), key)))
}

/// Signs as [`sign`] does, each key under the key id that it is given.
pub fn sign_as<'k>(signed: &Value, keys: impl IntoIterator<Item = (String, &'k SigningKey)>) -> Vec<u8> {
    let message = canonical(signed);
    let signature = |(id, key): (String, &SigningKey)| json!({ "keyid": id, "sig": hex::encode(key.sign(&message)) });
    let signatures: Vec<Value> = keys.into_iter().map(signature).collect();
    json!({ "signatures": signatures, "signed": signed }).to_string().into_bytes()
}

/// Canonical bytes of a document that this crate made, which has integers only.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    canonical_json::encode(value).unwrap_or_default()
}
