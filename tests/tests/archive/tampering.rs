//! Whatever one byte is changed or wherever an archive is cut: it is refused, and nothing panics.

use std::num::NonZeroU32;
use std::sync::Arc;

use sealift_archive_format::{Inventory, Problem, Reader, SealedReader, UnverifiedSeal};
use sealift_core::seal;
use sealift_tests::archive_mutator::Sample;

/// Whether an archive is accepted: its seal verified, and all of it read.
fn accepted(bytes: &[u8]) -> bool {
    let Ok(sealed) = Reader::open(bytes) else { return false };
    let Ok(seal) = seal::verify(sealed.seal(), &[Sample::exporter()], NonZeroU32::MIN) else { return false };
    sealed.with_inventory(Arc::clone(seal.inventory())).finish().is_ok()
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let archive = Sample::default().bytes();
    assert!(accepted(&archive));
    for at in 0..archive.len() {
        let mut changed = archive.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(!accepted(&changed), "byte {at} was changed and nobody noticed");
    }
}

#[test]
fn an_archive_that_is_cut_short_anywhere_is_refused() {
    let archive = Sample::default().bytes();
    for block in (0..archive.len()).step_by(512) {
        for length in [block, block + 1, block + 511] {
            let error = Reader::open(&archive[..length])
                .and_then(SealedReader::read_inventory)
                .and_then(Reader::finish)
                .unwrap_err();
            let expected = if length < 512 {
                matches!(error.problem, Problem::NotAnArchive)
            } else {
                matches!(error.problem, Problem::Truncated)
            };
            assert!(expected, "cut at {length}: {}", error.problem);
            let place = u64::try_from(length).unwrap();
            assert!(length < 512 || error.offset == place, "cut at {length}, noticed at {}", error.offset);
        }
    }
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let sample = Sample::default();
    assert_eq!(sample.bytes(), Sample::default().bytes());
    let seal = UnverifiedSeal::parse(&sample.seal().bytes().to_bytes()).unwrap();
    assert_eq!(Inventory::parse(seal.statement()).unwrap().to_statement().unwrap(), seal.statement());
}

#[test]
fn another_export_time_changes_nothing_but_the_seal() {
    let (one, mut other) = (Sample::default(), Sample::default());
    other.inventory.exported_at = "2027-01-01T00:00:00Z".parse().unwrap();
    let (one, other) = (one.mutator(), other.mutator());
    assert_ne!(one.records[0].content, other.records[0].content);
    assert_eq!(one.records[0].header, other.records[0].header);
    for (one, other) in one.records.iter().zip(&other.records).skip(1) {
        assert_eq!((&one.header, &one.content), (&other.header, &other.content));
    }
}
