//! Behind a given seal, exactly one sequence of bytes is accepted: the one that the writer makes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::inventory::{EntryRecord, Exporter, FormatVersion, RepositoryRecord};
use sealift_archive_format::{Digest, EntryName, Inventory, Reader, Seal, SealSignature, SealedReader, Writer};

/// Entries of every kind, among them an empty one and one whose name needs a pax header.
fn contents() -> Option<Vec<(EntryName, &'static [u8])>> {
    Some(vec![
        (EntryName::oci_layout(), b"{}"),
        (EntryName::oci_index(), b""),
        (EntryName::tuf_metadata(&"main".parse().ok()?, "x").ok()?, b"metadata"),
        (EntryName::tuf_target(&"main".parse().ok()?, &"long".repeat(30)).ok()?, b"target"),
        (EntryName::blob(&Digest::sha256(b"blob")), b"blob"),
    ])
}

fn archive() -> Option<(Vec<u8>, usize)> {
    let contents = contents()?;
    let inventory = Inventory {
        base: None,
        entries: contents.iter().map(|(name, content)| EntryRecord::of(name.clone(), content)).collect(),
        exported_at: "2026-01-02T03:04:05Z".parse().ok()?,
        exporter: Exporter { name: "fuzz".to_owned(), version: "1".to_owned() },
        format_version: FormatVersion::CURRENT,
        items: Vec::new(),
        repositories: vec![RepositoryRecord { name: "main".parse().ok()? }],
    };
    let signature = SealSignature { key: Digest::sha256(b""), bytes: [0; 64] };
    let seal = Seal::new(inventory, vec![signature]).ok()?;
    let mut writer = Writer::new(Vec::new(), &seal).ok()?;
    for (name, content) in contents {
        writer.append(&name, &mut &*content).ok()?;
    }
    Some((writer.finish().ok()?, 512 + usize::try_from(seal.bytes().length()).ok()?))
}

fuzz_target!(|data: &[u8]| {
    let (whole, tail) = archive().expect("the archive that is fuzzed can be written");
    let mut bytes = whole.clone();
    bytes.truncate(tail);
    bytes.extend_from_slice(data);
    let accepted = Reader::open(&*bytes).and_then(SealedReader::read_inventory).and_then(Reader::finish).is_ok();
    assert_eq!(accepted, bytes == whole);
});
