//! A seal that is read is written as the same bytes, and is a DSSE envelope.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::UnverifiedSeal;
use sealift_archive_format::dsse::DsseEnvelope;

fuzz_target!(|data: &[u8]| {
    if let Ok(seal) = UnverifiedSeal::parse(data) {
        assert_eq!(seal.to_bytes(), data);
        let envelope = DsseEnvelope::parse(data).expect("a seal is an envelope");
        assert_eq!(envelope.signed_bytes(), seal.signed_bytes());
        assert_eq!(envelope.signatures.len(), seal.signatures().len());
    }
});
