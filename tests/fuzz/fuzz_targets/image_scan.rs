//! Whatever a manifest says: every image that is found is a reference, each once, and stands in a line that there is.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use sealift_core::image_scan::{meaning, scan};
use sealift_core::oci::Reference;

fuzz_target!(|bytes: &[u8]| {
    let Ok(found) = scan(bytes) else { return };
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    let mut seen = BTreeSet::new();
    for image in &found.images {
        assert!(image.name.parse::<Reference>().is_ok(), "{}", image.name);
        assert!(seen.insert(meaning(&image.name)), "{}", image.name);
        assert!((1..=lines).contains(&image.line), "line {} of {lines}", image.line);
    }
});
