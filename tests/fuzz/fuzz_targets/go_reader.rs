//! Whatever manifest, index or `bundle.json` we accept, programs written in Go read in the same way.
#![no_main]

#[path = "../../src/go_reader.rs"]
#[allow(dead_code)]
mod go_reader;
#[path = "../../src/read_alike.rs"]
mod read_alike;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    read_alike::document(data);
    read_alike::bundle(data);
});
