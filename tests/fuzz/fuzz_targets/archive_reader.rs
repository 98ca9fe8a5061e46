//! Whatever bytes come: the reader ends with an answer, and what it accepts has the length that its layout says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::compression::Compression;
use sealift_archive_format::{Reader, SealedReader};

fuzz_target!(|data: &[u8]| {
    let Ok(reader) = Reader::open(data).and_then(SealedReader::read_inventory) else { return };
    let (layout, compression) = (reader.layout(), reader.compression());
    if let Ok(length) = reader.finish() {
        assert_eq!(length, layout.length);
        assert!(compression != Compression::None || length == data.len() as u64);
    }
});
