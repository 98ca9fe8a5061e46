//! An envelope that is read can be written, and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::dsse::Envelope;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::parse(data) {
        assert_eq!(Envelope::parse(&envelope.encode()).expect("what is written is an envelope"), envelope);
    }
});
