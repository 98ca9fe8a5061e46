//! Attacks on the archive itself, between the two sides: nothing is tagged and nothing is remembered, wherever it breaks.
//! (`tests/archive/` holds each rule of the format; here it is the import that refuses.)

use std::fs;

use sealift_archive_format::{EntryName, EntryOffsets, EntryPlace, Problem, Reader};
use sealift_core::archive_layout::ArchiveLayoutError;
use sealift_core::seal::SealError;
use sealift_core::verify::HeadError;
use sealift_proof::signature::SigningKey;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::exporter_key;

use super::*;

fn stranger() -> SigningKey {
    SigningKey::from_seed(&[99; 32])
}

fn layout(archive: &[u8]) -> EntryOffsets {
    Reader::open(archive).unwrap().read_inventory().unwrap().layout()
}

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// The bytes of each entry with its header and padding, the seal first, and the end.
fn records(archive: &[u8]) -> Vec<Vec<u8>> {
    let layout = layout(archive);
    let mut starts: Vec<usize> = layout.entries.iter().map(|entry| at(entry.header_offset)).collect();
    starts.push(archive.len() - 1024);
    let mut records: Vec<_> = starts.windows(2).map(|bounds| archive[bounds[0]..bounds[1]].to_vec()).collect();
    records.push(archive[archive.len() - 1024..].to_vec());
    records
}

#[test]
fn an_archive_sealed_by_an_unknown_exporter() {
    let sample = sample();
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment(&sample).sealed_by(&[stranger()])).seal();
    let fingerprint = stranger().public_key().unwrap().fingerprint().unwrap();
    assert_error!(error, SealError::UnknownExporter { keys } if keys == [fingerprint]);
}

#[test]
fn an_archive_sealed_by_too_few_exporters() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    let second = SigningKey::from_seed(&[8; 32]);
    far.add_exporter("second", &second.public_key().unwrap());
    far.policy("exporter_threshold = 2\n");
    for keys in [vec![exporter_key()], vec![exporter_key(), stranger()]] {
        let error = far.refuses(&consignment(&sample).sealed_by(&keys)).seal();
        assert_error!(error, SealError::Threshold { source, .. }
            if source.required.get() == 2 && source.valid == ["carrier"]);
    }
    far.accepts(&consignment(&sample).sealed_by(&[exporter_key(), second]));
}

#[test]
fn an_archive_sealed_by_one_key_that_is_trusted_under_two_names() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("exporter_threshold = 2\n");
    // The store refuses to add it, so someone copied the file.
    fs::copy(far.trust().join("exporters/carrier.pem"), far.trust().join("exporters/second.pem")).unwrap();
    let error = far.refuses(&consignment(&sample).archive()).seal();
    assert_error!(error, SealError::Threshold { source, .. } if source.valid.len() == 1);
}

#[test]
fn a_seal_that_was_made_for_another_archive() {
    let sample = sample();
    let honest = consignment(&sample).archive();
    let other = Consignment::of_image(&sample, 2, hours(0)).archive();
    let (mut records, others) = (records(&honest), self::records(&other));
    records[0] = others[0].clone();
    let refused = FarSide::trusting(&sample, hours(2)).refuses(&records.concat());
    assert_error!(refused.problem(), Problem::UnexpectedEntry { .. } | Problem::Digest { .. } | Problem::Size { .. });
}

#[test]
fn one_flipped_byte_in_each_class_of_entry() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let mut classes = std::collections::BTreeSet::new();
    for entry in &layout(&archive).entries {
        let mut flipped = archive.clone();
        flipped[at(entry.content_offset + entry.size / 2)] ^= 1;
        let refused = far.refuses(&flipped);
        let class = match entry.name.place() {
            EntryPlace::Seal => {
                // In the middle lies the inventory: either it is none any more, or nobody signed it.
                let error = refused.head();
                let seal = matches!(&error, HeadError::Format(error) if matches!(error.problem, Problem::Seal(_)));
                assert!(seal || matches!(error, HeadError::Seal(SealError::Threshold { .. })), "{error:?}");
                classes.insert("seal");
                continue;
            }
            EntryPlace::OciLayout => "oci-layout",
            EntryPlace::OciIndex => "index.json",
            EntryPlace::TufMetadata { .. } => "metadata",
            EntryPlace::TufTarget { .. } => "target",
            EntryPlace::Blob(_) => "blob",
        };
        classes.insert(class);
        let error = refused.format();
        assert_eq!(error.entry.as_ref(), Some(&entry.name));
        assert_error!(error.problem, Problem::Digest { .. });
    }
    assert_eq!(classes.len(), 6);
}

#[test]
fn one_flipped_byte_in_the_signature_of_the_seal() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let fingerprint = exporter_key().public_key().unwrap().fingerprint().unwrap();
    let slot = archive.windows(64).position(|window| window == fingerprint.hex().as_bytes()).unwrap();
    let signature = slot + archive[slot..].windows(7).position(|window| window == br#""sig":""#).unwrap() + 7;
    let mut flipped = archive;
    flipped[signature] = if flipped[signature] == b'A' { b'B' } else { b'A' };
    let error = FarSide::trusting(&sample, hours(2)).refuses(&flipped).seal();
    assert_error!(error, SealError::Threshold { invalid, .. } if invalid == ["carrier"]);
}

#[test]
fn an_archive_cut_short_anywhere() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let entries = layout(&archive).entries;
    let within = entries.iter().map(|entry| at(entry.content_offset + entry.size / 2));
    let between = entries.iter().skip(1).map(|entry| at(entry.header_offset));
    for length in within.chain(between).chain([archive.len() - 1024, archive.len() - 512, archive.len() - 1]) {
        let problem = far.refuses(&archive[..length]).problem();
        assert!(matches!(problem, Problem::Truncated | Problem::MissingEntry), "cut at {length}: {problem:?}");
    }
}

#[test]
fn an_archive_with_something_after_its_end() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    for more in [vec![0], vec![0; 512], archive.clone()] {
        let problem = far.refuses(&[archive.clone(), more].concat()).problem();
        assert_error!(problem, Problem::TrailingBytes);
    }
}

#[test]
fn entries_in_another_order() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let records = records(&archive);
    for place in 1..records.len() - 2 {
        let mut swapped = records.clone();
        swapped.swap(place, place + 1);
        assert_error!(
            far.refuses(&swapped.concat()).problem(),
            Problem::UnexpectedEntry { .. } | Problem::EntryType { .. } | Problem::PaxHeader
        );
    }
}

#[test]
fn an_entry_that_comes_twice() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let records = records(&archive);
    for place in 0..records.len() - 1 {
        let mut repeated = records.clone();
        repeated.insert(place, records[place].clone());
        let problem = far.refuses(&repeated.concat()).problem();
        assert_error!(
            problem,
            Problem::UnexpectedEntry { .. } | Problem::EntryType { .. } | Problem::PaxHeader | Problem::End
        );
    }
}

#[test]
fn an_entry_that_does_not_come() {
    let sample = sample();
    let archive = consignment(&sample).archive();
    let far = FarSide::trusting(&sample, hours(2));
    let records = records(&archive);
    for place in 1..records.len() - 1 {
        let mut without = records.clone();
        without.remove(place);
        let problem = far.refuses(&without.concat()).problem();
        assert_error!(
            problem,
            Problem::UnexpectedEntry { .. } | Problem::EntryType { .. } | Problem::PaxHeader | Problem::MissingEntry
        );
    }
}

#[test]
fn an_index_that_names_something_else_than_the_inventory() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    let honest = consignment(&sample);
    let index = sealift_core::archive_layout::index(&honest.pack().0).unwrap();
    let renamed = String::from_utf8(index).unwrap().replace(WEB, "example.com/demo/web:2.0.0").into_bytes();
    for index in [renamed, br#"{"manifests":[],"schemaVersion":2}"#.to_vec(), Vec::new()] {
        let mut consignment = honest.clone();
        consignment.index = Some(index);
        assert_error!(far.refuses(&consignment.archive()).head(), HeadError::Layout(ArchiveLayoutError::Index));
    }
}

#[test]
fn something_that_is_no_archive() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    for bytes in [Vec::new(), b"PK\x03\x04".to_vec(), vec![0; 10_240]] {
        assert_error!(far.refuses(&bytes).problem(), Problem::NotAnArchive);
    }
    assert_eq!(layout(&consignment(&sample).archive()).entries[0].name, EntryName::seal());
}
