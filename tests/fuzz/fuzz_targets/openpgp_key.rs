//! Any bytes are an OpenPGP key in JSON, a certificate, or an error; a key that is read has bounded parts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::strict_json;
use sealift_proof::signature::openpgp::OpenPgpKey;

fuzz_target!(|data: &[u8]| {
    let from_json = strict_json::parse(data).ok().and_then(|value| OpenPgpKey::from_json(&value).ok());
    for key in from_json.into_iter().chain(OpenPgpKey::from_certificate(data).ok()) {
        assert!(key.key_ids().count() <= 33);
        assert_eq!(key.key_ids().next(), Some(key.key_id()));
        let _ = key.identity();
    }
});
