//! Public keys and signatures of every scheme, made by pyca/cryptography: `tests/vectors/signature/generate.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sealift_archive_format::strict_json;
use sealift_proof::signature::{KeyError, PublicKey, Scheme, SigningKey, SigningKeyError};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/signature/vectors.json");
    strict_json::parse(&fs::read(path).unwrap()).unwrap().as_array().unwrap().clone()
}

fn key(vector: &Value) -> Result<PublicKey, KeyError> {
    let text = vector["key"].as_str().unwrap();
    let scheme = vector["scheme"].as_str().map(|name| Scheme::from_name(name).unwrap());
    match vector["form"].as_str().unwrap() {
        "pem" => PublicKey::from_pem(text, scheme),
        "ed25519" => PublicKey::ed25519(&hex::decode(text).unwrap()),
        "point" => PublicKey::ecdsa_point(scheme.unwrap(), &hex::decode(text).unwrap()),
        other => panic!("{other}"),
    }
}

fn verify(key: &PublicKey, vector: &Value) -> Result<(), KeyError> {
    let bytes = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
    key.verify(&bytes("message"), &bytes("signature"))
}

#[test]
fn every_key_and_signature_gets_its_class_of_verdict() {
    let mut seen = BTreeMap::new();
    for vector in vectors() {
        let verdict = match key(&vector).and_then(|key| verify(&key, &vector)) {
            Ok(()) => "valid".to_owned(),
            Err(error) => format!("{error:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned(),
        };
        assert_eq!(verdict, vector["expect"].as_str().unwrap(), "{}", vector["name"]);
        *seen.entry(verdict).or_insert(0) += 1;
    }
    assert!(seen["valid"] >= 24 && seen.len() == 7, "{seen:?}");
}

#[test]
fn a_key_survives_its_own_encoding_and_keeps_its_identity() {
    for vector in vectors().iter().filter(|vector| vector["expect"] == "valid") {
        let key = key(vector).unwrap();
        let again = PublicKey::from_pem(&key.to_pem().unwrap(), Some(key.scheme())).unwrap();
        assert_eq!(again, key, "{}", vector["name"]);
        assert_eq!(again.identity(), key.identity());
        assert_eq!(again.fingerprint(), key.fingerprint());
        verify(&again, vector).unwrap();
    }
}

#[test]
fn no_flipped_bit_of_a_signature_goes_unnoticed() {
    for vector in vectors().iter().filter(|vector| vector["expect"] == "valid") {
        let key = key(vector).unwrap();
        let message = hex::decode(vector["message"].as_str().unwrap()).unwrap();
        let signature = hex::decode(vector["signature"].as_str().unwrap()).unwrap();
        for bit in 0..signature.len() * 8 {
            let mut changed = signature.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key.verify(&message, &changed), Err(KeyError::BadSignature), "{} bit {bit}", vector["name"]);
        }
    }
}

#[test]
fn a_private_key_that_is_not_one_is_not_read() {
    for text in ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let refused = SigningKey::from_pem(text, None).err();
        assert!(matches!(&refused, Some(SigningKeyError::Malformed(_))), "{text:?}: {refused:?}");
    }
}
