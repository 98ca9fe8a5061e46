//! OpenPGP keys and signatures made by GnuPG: `tests/vectors/openpgp/generate.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::Timestamp;
use sealift_archive_format::strict_json;
use sealift_proof::canonical_json;
use sealift_proof::signature::openpgp::{OpenPgpError, OpenPgpKey, OpenPgpSignature, OpenPgpSigner};
use serde_json::{Map, Value};

/// The name of a verdict: `valid`, or that of the error's variant.
pub(super) fn verdict<T>(result: Result<T, OpenPgpError>) -> String {
    match result {
        Ok(_) => "valid".to_owned(),
        Err(error) => {
            let variant = format!("{error:?}");
            variant.split(|c: char| !c.is_alphanumeric()).next().unwrap().to_owned()
        }
    }
}

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/openpgp/vectors.json");
    strict_json::parse(&fs::read(path).unwrap()).unwrap()
}

fn verify(key: &OpenPgpKey, signature: &Value, case: &Value) -> Result<OpenPgpSigner, OpenPgpError> {
    let at: Timestamp = case["at"].as_str().unwrap().parse().unwrap();
    let signature = OpenPgpSignature::from_json(signature)?;
    key.verify(case["message"].as_str().unwrap().as_bytes(), &signature, at)
}

#[test]
fn every_signature_gets_its_class_of_verdict() {
    let vectors = vectors();
    let cases = vectors["signatures"].as_array().unwrap();
    let mut seen = BTreeMap::new();
    for case in cases {
        let result = OpenPgpKey::from_json(&case["key"]).and_then(|key| verify(&key, &case["signature"], case));
        let verdict = verdict(result);
        assert_eq!(verdict, case["expect"].as_str().unwrap(), "{}", case["name"]);
        *seen.entry(verdict).or_insert(0) += 1;
    }
    assert!(cases.len() >= 50 && seen["valid"] >= 10, "{seen:?}");
}

#[test]
fn every_certificate_gets_its_class_of_verdict_armored_and_not() {
    for case in vectors()["certificates"].as_array().unwrap() {
        let certificate = case["certificate"].as_str().unwrap();
        let read = OpenPgpKey::from_certificate(certificate.as_bytes());
        assert_eq!(verdict(read.as_ref().map_err(Clone::clone)), case["expect"].as_str().unwrap(), "{}", case["name"]);
        let Ok(key) = read else { continue };
        for signature in case["signatures"].as_array().unwrap() {
            let expected = signature["expect"].as_str().unwrap();
            assert_eq!(verdict(verify(&key, &signature["signature"], case)), expected, "{}", case["name"]);
        }
    }
}

#[test]
fn the_same_key_read_from_json_and_from_its_file_is_the_same_key() {
    let vectors = vectors();
    let find = |list: &str, name: &str| {
        vectors[list].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap().clone()
    };
    for kind in ["rsa", "dsa", "eddsa"] {
        let from_json =
            OpenPgpKey::from_json(&find("signatures", &format!("{kind}: a good signature"))["key"]).unwrap();
        let file = find("certificates", kind)["certificate"].as_str().unwrap().to_owned();
        let from_file = OpenPgpKey::from_certificate(file.as_bytes()).unwrap();
        assert_eq!(from_json, from_file, "{kind}");
        assert_eq!(from_json.identity(), from_file.identity());
    }
}

#[test]
fn a_key_in_json_has_a_limit_of_subkeys_that_counts_before_any_is_read() {
    let mut key = vectors()["signatures"][0]["key"].clone();
    for count in [32, 33, 34, 1_000] {
        key["subkeys"] = (0..count).map(|number| (format!("{number:040x}"), Value::Null)).collect::<Map<_, _>>().into();
        match OpenPgpKey::from_json(&key).unwrap_err() {
            OpenPgpError::TooMany { what: "subkeys", limit: 32 } => assert!(count > 32),
            other => assert!(count <= 32, "{count}: {other:?}"),
        }
    }
}

#[test]
fn two_subkeys_of_one_primary_key_are_one_signer() {
    let vectors = vectors();
    let signer = |name: &str| {
        let case = vectors["signatures"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        verify(&OpenPgpKey::from_json(&case["key"]).unwrap(), &case["signature"], case).unwrap()
    };
    let (one, two) = (signer("the first subkey"), signer("the second subkey"));
    assert_eq!(one.primary, two.primary);
    assert_ne!(one.made_by, two.made_by);
    assert_ne!(one.made_by, one.primary);
}

#[test]
fn no_flipped_bit_of_a_signature_or_its_headers_goes_unnoticed() {
    let vectors = vectors();
    for case in vectors["signatures"].as_array().unwrap() {
        if !case["name"].as_str().unwrap().ends_with(": a good signature") {
            continue;
        }
        let key = OpenPgpKey::from_json(&case["key"]).unwrap();
        for field in ["other_headers", "signature"] {
            let bytes = hex::decode(case["signature"][field].as_str().unwrap()).unwrap();
            for bit in (0..bytes.len() * 8).step_by(7) {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let mut signature = case["signature"].clone();
                signature[field] = hex::encode(changed).into();
                assert!(verify(&key, &signature, case).is_err(), "{} {field} bit {bit}", case["name"]);
            }
        }
    }
}

/// The in-toto project's own tests, in a checkout below the folder that `SEALIFT_REFERENCES` names.
fn reference() -> PathBuf {
    Path::new(&std::env::var_os("SEALIFT_REFERENCES").unwrap()).join("in-toto+in-toto/tests")
}

fn export_of(keyring: &Path, key: &str) -> Vec<u8> {
    // GnuPG wants to write into its home.
    let home = tempfile::tempdir().unwrap();
    fs::copy(keyring.join("pubring.gpg"), home.path().join("pubring.gpg")).unwrap();
    let mut command = Command::new("gpg");
    command.args(["--batch", "--quiet", "--no-autostart", "--homedir"]).arg(home.path()).args(["--export", key]);
    command.output().unwrap().stdout
}

/// The body of the first packet of an old-format export with a two-octet length, as RSA and DSA keys have.
fn first_body(export: &[u8]) -> &[u8] {
    let length = usize::from(u16::from_be_bytes([export[1], export[2]]));
    assert_eq!(export[0], 0x99);
    &export[3..3 + length]
}

/// securesystemslib's JSON form of an RSA key, from its packet.
fn rsa_json(key_id: &str, body: &[u8]) -> Value {
    let integer = |at: usize| {
        let length = usize::from(u16::from_be_bytes([body[at], body[at + 1]])).div_ceil(8);
        (hex::encode(&body[at + 2..at + 2 + length]), at + 2 + length)
    };
    let (modulus, next) = integer(6);
    let (exponent, _) = integer(next);
    let created = u32::from_be_bytes(body[1..5].try_into().unwrap());
    serde_json::json!({
        "type": "rsa", "method": "pgp+rsa-pkcsv1.5", "hashes": ["pgp+SHA2"], "keyid": key_id,
        "creation_time": created, "keyval": {"private": "", "public": {"n": modulus, "e": exponent}},
    })
}

#[test]
#[ignore = "SEALIFT_REFERENCES names a folder of clones; see docs/conformance.md"]
fn the_links_of_the_reference_verify_with_the_keys_of_its_keyring() {
    let tests = reference();
    for (file, key_id) in [
        ("write-code.8288ef56.link", "8288ef560ed3795f9df2c0db56193089b285da58"),
        ("package.7b3abb26.link", "7b3abb26b97b655ab9296bd15b0bd02e1c768c43"),
    ] {
        let export = export_of(&tests.join("gpg_keyrings/rsa"), key_id);
        let key = OpenPgpKey::from_json(&rsa_json(key_id, first_body(&export))).unwrap();
        let link = strict_json::parse(&fs::read(tests.join("demo_files_gpg").join(file)).unwrap()).unwrap();
        let message = canonical_json::encode(&link["signed"]).unwrap();
        let signature = OpenPgpSignature::from_json(&link["signatures"][0]).unwrap();
        key.verify(&message, &signature, Timestamp::now()).unwrap();
        let tampered = [&message[..], b" "].concat();
        assert_eq!(verdict(key.verify(&tampered, &signature, Timestamp::now())), "BadSignature", "{file}");
        // The keyring's RSA keys vouch for themselves with SHA-1 only.
        assert_eq!(verdict(OpenPgpKey::from_certificate(&export)), "NoSelfSignature", "{file}");
    }
}

#[test]
#[ignore = "SEALIFT_REFERENCES names a folder of clones; see docs/conformance.md"]
fn the_dsa_key_of_the_reference_is_read() {
    let key_id = "c242a830daaf1c2bef604a9ef033a3a3e267b3b1";
    let export = export_of(&reference().join("gpg_keyrings/dsa"), key_id);
    let key = OpenPgpKey::from_certificate(&export).unwrap();
    assert_eq!(key.key_id().to_string(), key_id);
}

#[test]
fn a_certificate_cut_short_or_changed_anywhere_is_read_or_refused_without_a_panic() {
    use base64::Engine as _;
    let vectors = vectors();
    let cases = vectors["certificates"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == "a small family").unwrap();
    let lines = case["certificate"].as_str().unwrap().lines();
    let encoded: String = lines.filter(|line| !line.is_empty() && !line.starts_with(['-', '='])).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
    let whole = OpenPgpKey::from_certificate(&bytes).unwrap();
    assert_eq!(whole.key_ids().count(), 2);
    for length in 0..bytes.len() {
        // Cut between packets it may still be a key, but never one with the subkey whose binding is gone.
        let cut = OpenPgpKey::from_certificate(&bytes[..length]);
        assert!(cut.is_err() || cut.unwrap().key_ids().count() == 1, "{length}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        if let Ok(key) = OpenPgpKey::from_certificate(&changed) {
            assert!(key.key_ids().all(|key_id| whole.key_ids().any(|known| known == key_id)), "{at}");
        }
    }
}
