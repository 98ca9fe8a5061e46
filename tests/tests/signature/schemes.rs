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

/// A key, and signatures by it of the message below, made by pyca/cryptography.
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEWRHO1XtdHyv/nzQ7ShBnJr2EXCy+x4AX
t3JW7VF0WO2zT+oEOT7+XfE39xnYNmCoAnY8I83h9pPM4jU9cQS9SBZniPRc+cua
0aj+hs0Lc6VLzjwEnFm8fXW7zMs1eP0M
-----END PUBLIC KEY-----
";
const P384_MESSAGE: &[u8] = b"a message";
const P384_OVER_SHA256: &str = "00b0df2c89950893793c10a4bcad59ed7af28e01a4525f8c9ba2d6f3adae7fca63fc510d827e0084efbeec59fe872509\
    568d6980677172b7b67c86bfc525ccf79dbecfcc019928c20d9a63166f9d20c0f9473e4408a8f2df449d7b38304807e5";
const P384_OVER_SHA384: &str = "3a4f0515fa639b4a54aab72926aa9d6ec668689d50d2a180a9c4b72b6174bb4cc61c8a002d0a3b0601e44498a428fadf\
    28c79cdbf54405aeb49717ede0ec5c56e6901f65f0fb2b534f0a04e4cf2f6df005cd6d43f6f7e2433de018debc103bc5";

/// Notary signs with SHA-256 whatever the curve, and writes r and s side by side, each as long as the curve's order.
#[test]
fn a_p384_signature_of_notary_s_is_r_and_s_over_sha256_and_nothing_else() {
    let key = PublicKey::from_pem(P384, Some(Scheme::EcdsaP384Sha256Fixed)).unwrap();
    let verify = |signature: &[u8]| key.verify(P384_MESSAGE, signature);
    let good = hex::decode(P384_OVER_SHA256).unwrap();
    verify(&good).unwrap();
    let without_the_zero_in_front = &good[1..];
    let too_long = [&good[..], &[0]].concat();
    let exchanged = [&good[48..], &good[..48]].concat();
    let over_sha384 = hex::decode(P384_OVER_SHA384).unwrap();
    for other in [without_the_zero_in_front, &too_long, &exchanged, &over_sha384, &[0; 96], &good[..48], b""] {
        assert!(matches!(verify(other), Err(KeyError::BadSignature)), "{}", hex::encode(other));
    }
    assert!(key.verify(b"another message", &good).is_err());
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
