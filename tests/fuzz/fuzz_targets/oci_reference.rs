//! Whatever is a reference is the same reference when it is written in full and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_core::oci::Reference;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(reference) = text.parse::<Reference>() else { return };
    let full = reference.to_string();
    let again: Reference = full.parse().expect("the full form of a reference is one");
    assert_eq!(again, reference);
    assert_eq!(again.to_string(), full);
    assert!(!reference.repository().path().contains(".."));
});
