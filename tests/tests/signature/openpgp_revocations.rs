//! Revocations in every place of a key's file, as GnuPG makes them: `tests/vectors/openpgp/generate_revocations.py`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sealift_proof::in_toto::InTotoKey;
use sealift_proof::signature::openpgp::{OpenPgpError, OpenPgpKey};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    file: String,
    /// `valid`, or the name of the error.
    expect: String,
    /// The subkeys that are left of a valid key.
    subkeys: Option<Vec<String>>,
    gpg: SaysGpg,
}

/// What GnuPG says of the same file.
#[derive(serde::Deserialize)]
struct SaysGpg {
    /// Whether the key is revoked; `None` where gpg does not take the file at all.
    key: Option<bool>,
    /// The subkeys that are revoked.
    subkeys: Vec<String>,
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        BASE64.decode(&self.file).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/openpgp/revocations.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn find(name: &str) -> Vec<u8> {
    cases().iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}")).bytes()
}

fn armored(bytes: &[u8]) -> Vec<u8> {
    let (begin, end) = ("-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----");
    format!("{begin}\n\n{}\n{end}\n", BASE64.encode(bytes)).into_bytes()
}

#[test]
fn a_revocation_is_seen_wherever_it_stands() {
    let cases = cases();
    assert!(cases.len() > 100, "only {} files", cases.len());
    for case in &cases {
        for file in [case.bytes(), armored(&case.bytes())] {
            let read = OpenPgpKey::from_certificate(&file);
            assert_eq!(super::openpgp::verdict(read.as_ref().map_err(Clone::clone)), case.expect, "{}", case.name);
            assert_eq!(InTotoKey::from_file(&file).is_ok(), case.expect == "valid", "{}", case.name);
            let subkeys = read.ok().map(|key| {
                let mut subkeys: Vec<String> = key.key_ids().skip(1).map(|key_id| key_id.to_string()).collect();
                subkeys.sort();
                subkeys
            });
            assert_eq!(subkeys, case.subkeys, "{}", case.name);
        }
    }
}

#[test]
fn what_gpg_says_is_revoked_is_never_used() {
    for case in cases() {
        assert!(case.gpg.key != Some(true) || case.expect == "Revoked", "{}", case.name);
        for subkey in &case.gpg.subkeys {
            let used = case.subkeys.as_ref().is_some_and(|used| used.contains(subkey));
            assert!(!used, "{}: {subkey}", case.name);
        }
    }
}

#[test]
fn a_revocation_behind_the_key_in_another_form_is_not_passed_over() {
    let (key, revoked) = (find("ed25519: not revoked"), find("ed25519: revoked, after packet 9"));
    let revocation = revoked.strip_prefix(&key[..]).unwrap();
    for file in [
        [armored(&key), armored(revocation)].concat(),
        [armored(&key), revocation.to_vec()].concat(),
        [key.clone(), armored(revocation)].concat(),
        [armored(revocation), armored(&key)].concat(),
        [revocation.to_vec(), key.clone()].concat(),
    ] {
        OpenPgpKey::from_certificate(&file).unwrap_err();
    }
}

#[test]
fn a_refusal_says_why_a_revocation_cannot_be_checked() {
    for (name, reason) in [
        ("ed25519: another key's revocation", "states its issuer as"),
        ("ed25519: a revocation that does not verify, after packet 1", "does not verify"),
        ("ed25519: a revocation of hash RIPEMD-160", "hash algorithm 3 is not accepted"),
        ("ed25519: a revocation of version 3", "version 3 is not supported"),
        ("revoked by its designated revoker", "states its issuer as"),
    ] {
        let error = OpenPgpKey::from_certificate(&find(name)).unwrap_err();
        let source = std::error::Error::source(&error).unwrap_or_else(|| panic!("{name}: {error}")).to_string();
        assert!(source.contains(reason), "{name}: {source}");
    }
}

#[test]
fn a_flood_of_revocations_is_a_limit_and_not_a_long_wait() {
    let key = find("rsa2048: not revoked");
    let bad = find("rsa2048: a subkey's revocation that does not verify");
    let revocation = bad.strip_prefix(&key[..]).unwrap();
    let flood = [key.clone(), revocation.repeat(129)].concat();
    let error = OpenPgpKey::from_certificate(&flood).unwrap_err();
    assert!(matches!(error, OpenPgpError::TooMany { limit: 256, .. }), "{error}");
    let few = [key, revocation.repeat(128)].concat();
    let error = OpenPgpKey::from_certificate(&few).unwrap_err();
    assert!(matches!(error, OpenPgpError::RevocationNotChecked { .. }), "{error}");
}
