//! An envelope that is read is strict JSON, though no tree was made of it, and reads back as the same when written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::dsse::DsseEnvelope;
use sealift_archive_format::strict_json;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = DsseEnvelope::parse(data) {
        assert!(strict_json::parse(data).is_ok());
        assert_eq!(DsseEnvelope::parse(&envelope.encode()).expect("what is written is an envelope"), envelope);
    }
});
