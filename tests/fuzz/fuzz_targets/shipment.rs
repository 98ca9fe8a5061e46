//! Whatever a shipment says: it is read or refused, images can be added to what is read, and then it reads as before, with these behind.
//! A lock that is read is written the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_core::export::ShipmentLock;
use sealift_core::shipment_file::{self, ShipmentFile, WrittenText, add_images};

fn texts(file: &ShipmentFile) -> Vec<&str> {
    file.images.iter().map(WrittenText::text).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let _ = shipment_file::parse_list(bytes);
    if let Ok(lock) = ShipmentLock::parse(bytes) {
        assert_eq!(ShipmentLock::parse(lock.to_text().as_bytes()), Ok(lock));
    }
    let Ok(before) = ShipmentFile::parse(bytes) else { return };
    let names = ["example.com/org/one:1".to_owned(), "quay.io/org/two@sha256:0".to_owned()];
    let more = add_images(bytes, &names).expect("there is room for two more");
    let after = ShipmentFile::parse(more.text.as_bytes()).expect("what was read is still read");
    assert_eq!(
        after.tuf.iter().map(WrittenText::text).collect::<Vec<_>>(),
        before.tuf.iter().map(WrittenText::text).collect::<Vec<_>>()
    );
    let added: Vec<&str> = more.added.iter().map(String::as_str).collect();
    assert_eq!(texts(&after), [texts(&before), added].concat());
});
