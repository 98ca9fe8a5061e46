//! An envelope that is read is strict JSON, though no tree was made of it, and reads back as the same when written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::dsse::Envelope;
use sealift_archive_format::strict_json;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::parse(data) {
        assert!(strict_json::parse(data).is_ok());
        assert_eq!(Envelope::parse(&envelope.encode()).expect("what is written is an envelope"), envelope);
    }
});
