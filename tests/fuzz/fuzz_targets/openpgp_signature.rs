//! Any bytes are an OpenPGP signature in JSON or an error, and none of them verifies a message that nobody signed.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::strict_json;
use sealift_proof::signature::openpgp::{OpenPgpKey, OpenPgpSignature};

static KEYS: LazyLock<Vec<OpenPgpKey>> = LazyLock::new(|| {
    let vectors = strict_json::parse(include_bytes!("../../vectors/openpgp/vectors.json")).expect("the vectors");
    let cases = vectors["signatures"].as_array().expect("a list");
    cases.iter().filter_map(|case| OpenPgpKey::from_json(&case["key"]).ok()).collect()
});

fuzz_target!(|data: &[u8]| {
    let Ok(value) = strict_json::parse(data) else { return };
    let Ok(signature) = OpenPgpSignature::from_json(&value) else { return };
    for key in KEYS.iter().filter(|key| key.key_ids().any(|key_id| key_id == signature.key_id())) {
        assert!(
            key.verify(b"nobody signed this", &signature, "2026-01-05T00:00:00Z".parse().expect("a time")).is_err()
        );
    }
});
