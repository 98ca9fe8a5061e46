//! Whatever strict JSON accepts has one canonical form, and that form reads back as the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::strict_json;
use sealift_proof::canonical_json;

fuzz_target!(|data: &[u8]| {
    let Ok(value) = strict_json::parse(data) else { return };
    if let Ok(canonical) = canonical_json::encode(&value)
        && let Ok(again) = strict_json::parse(&canonical)
    {
        assert_eq!(again, value);
    }
});
