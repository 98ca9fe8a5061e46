//! An inventory of this version that is read is written as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::Inventory;
use sealift_archive_format::inventory::FormatVersion;

fuzz_target!(|data: &[u8]| {
    if let Ok(inventory) = Inventory::parse(data)
        && inventory.format_version == FormatVersion::CURRENT
    {
        assert_eq!(inventory.to_statement().expect("what is read can be written"), data);
    }
});
