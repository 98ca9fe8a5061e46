//! Signature first: what nobody signed costs next to nothing beside its own length, whatever is in it and however it is
//! compressed, in verify, import and inspect; and an honest seal of very many entries costs little more than itself.

use std::io::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use flate2::write::GzEncoder;
use jiff::Timestamp;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sealift_archive_format::compression::CompressionError;
use sealift_archive_format::inventory::{EntryRecord, Exporter, FormatVersion, RepositoryRecord};
use sealift_archive_format::seal::{MAXIMUM_LENGTH, SealFormatError};
use sealift_archive_format::strict_json::JsonError;
use sealift_archive_format::tar_profile::{self, BLOCK_LENGTH};
use sealift_archive_format::{
    Digest, EntryName, FormatError, Inventory, InventoryError, Problem, Reader, SealSignature, UnverifiedSeal,
};
use sealift_core::inspect::inspect;
use sealift_core::seal::{self, ExporterKey, SealError};
use sealift_core::verify::HeadError;
use sealift_tests::crossing::{FarSide, Refused};
use sealift_tests::malicious_exporter::{archive, exporter_key};

use crate::counting_allocator::peak_of;
use crate::{MEBIBYTE, list_of_length};

/// What may be taken beyond the length of what came, in bytes.
const BEYOND: usize = 16 * MEBIBYTE;

/// The longest statement that a seal has room for, in bytes: of groups of three, that end before the last block.
const LONGEST: usize = (32 * MEBIBYTE - 4_096 - 73 - BLOCK_LENGTH) / 4 * 3;

/// The beginning of an archive with that statement. Its signature says that it is the trusted exporter's; it is not.
fn forged(statement: &[u8]) -> Vec<u8> {
    let key = exporter_key().public_key().unwrap().fingerprint().unwrap();
    archive_of(&UnverifiedSeal::new(statement, vec![SealSignature { key, bytes: [0; 64] }]).unwrap())
}

fn archive_of(seal: &UnverifiedSeal) -> Vec<u8> {
    let mut archive = tar_profile::header(&EntryName::seal(), seal.length());
    archive.extend_from_slice(&seal.to_bytes());
    archive
}

/// Statements as long as a seal may be, each of them of as many values as it has room for.
fn hostile_statements() -> Vec<(&'static str, Vec<u8>)> {
    let digest = "0".repeat(64);
    let image = format!(
        "{{\"complete\":\"selected\",\"descriptor\":{{\"digest\":\"sha256:{digest}\",\"mediaType\":\"\",\"size\":0}},\
         \"kind\":\"image\",\"platforms\":[],\"reference\":\"\",\"referrers\":[]}}"
    );
    let platforms = image.replace("\"platforms\":[]", &format!("\"platforms\":[{}]", vec!["\"\""; 256].join(",")));
    let statement = |subjects: &str, members: &str| {
        format!(
            "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"predicate\":{{\"formatVersion\":\"1.1\",\"bundles\":[],\
             \"entries\":[],\"exportedAt\":\"2026-01-02T03:04:05Z\",\"exporter\":{{\"name\":\"\",\"version\":\"\"}}\
             {members}}},\"predicateType\":\"{}\",\"subject\":{subjects}}}",
            sealift_archive_format::inventory::PREDICATE_TYPE
        )
    };
    let long = |item: &str| list_of_length(item, LONGEST - 1_000);
    let member = |name: &str, item: &str| statement("[]", &format!(",\"{name}\":{}", long(item)));
    vec![
        ("subjects", statement(&long("{\"digest\":{},\"name\":\"\"}"), ",\"images\":[],\"repositories\":[]")),
        ("repositories", member("repositories", "{\"name\":\"\"}")),
        ("images", member("images", &image)),
        ("platforms", member("images", &platforms)),
        ("unknown members", member("images", "{\"\":{\"a\":0}}")),
        ("names", statement("[]", &format!(",\"x\":{}", names(LONGEST - 1_000)))),
        ("zeros", "0".repeat(LONGEST)),
    ]
    .into_iter()
    .map(|(what, statement)| (what, statement.into_bytes()))
    .collect()
}

/// An object of very many different names.
fn names(length: usize) -> String {
    let members: Vec<String> = (0..length / 11).map(|number| format!("\"{number:06x}\":0")).collect();
    format!("{{{}}}", members.join(","))
}

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// Refused by verify and import, and shown or refused by inspect, within so many bytes.
fn costs_at_most(what: &str, archive: &[u8], most: usize) -> (Refused, Result<(), FormatError>) {
    let far = FarSide::trusting_nobody(now());
    let started = Instant::now();
    let (refused, verify) = peak_of(|| far.import_from(&mut &*archive, &far.sink()).err().unwrap());
    let verified = started.elapsed();
    let (inspected, inspect) = peak_of(|| inspect(archive).map(drop));
    println!(
        "{what:16} {:>8} bytes: verify and import {:>5} KiB, {} ms; inspect {:>5} KiB, {} ms",
        archive.len(),
        verify / 1_024,
        verified.as_millis(),
        inspect / 1_024,
        (started.elapsed() - verified).as_millis(),
    );
    assert!(verify < most, "{what}: verify took {verify} bytes");
    assert!(inspect < most, "{what}: inspect took {inspect} bytes");
    (refused, inspected)
}

#[test]
fn endless_data_amplification_a_seal_that_nobody_signed_costs_little_beyond_its_length() {
    for (what, statement) in hostile_statements() {
        let archive = forged(&statement);
        assert!(archive.len() <= BLOCK_LENGTH + usize::try_from(MAXIMUM_LENGTH).unwrap());
        let (refused, inspected) = costs_at_most(what, &archive, archive.len() + BEYOND);
        assert!(matches!(&refused, Refused::Head(HeadError::Seal(SealError::Threshold { .. }))), "{what}: {refused:?}");
        let problem = inspected.unwrap_err().problem;
        let Problem::Seal(SealFormatError::Inventory(InventoryError::Json(error))) = problem else {
            panic!("{what}: {problem:?}")
        };
        let expected = if what == "zeros" {
            matches!(error, JsonError::NotStrict(_))
        } else {
            matches!(error, JsonError::TooMuchMemory { .. })
        };
        assert!(expected, "{what}: {error:?}");
    }
}

#[test]
fn endless_data_amplification_a_small_file_that_is_compressed_costs_little_beyond_its_length() {
    for (what, statement) in hostile_statements() {
        let archive = forged(&statement);
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&archive).unwrap();
        let zstd = compress_to_vec(&*archive, CompressionLevel::Fastest);
        for compressed in [gzip.finish().unwrap(), zstd] {
            // What is so dense that it is no small file is as a file that is not compressed.
            let own = if compressed.len() < 2 * MEBIBYTE { compressed.len() } else { archive.len() };
            let (refused, _) = costs_at_most(what, &compressed, own + BEYOND);
            let Refused::Head(HeadError::Format(error)) = refused else {
                assert!(own == archive.len(), "{what}: {refused:?}");
                continue;
            };
            let problem = error.problem;
            assert!(matches!(problem, Problem::Compression(CompressionError::Expansion { .. })), "{what}: {problem:?}");
        }
    }
}

#[test]
fn endless_data_amplification_a_window_and_a_seal_that_never_come_cost_nothing() {
    // A header that announces the longest seal, and nothing behind it.
    let header = tar_profile::header(&EntryName::seal(), MAXIMUM_LENGTH);
    let (refused, _) = costs_at_most("a header", &header, MEBIBYTE);
    assert!(matches!(refused, Refused::Head(HeadError::Format(error)) if matches!(error.problem, Problem::Truncated)));
    // The same with the beginning of one behind it.
    let begun = [&header[..], br#"{"payload":""#, &[b'A'; 40_000]].concat();
    let (refused, _) = costs_at_most("a beginning", &begun, MEBIBYTE);
    assert!(matches!(refused, Refused::Head(HeadError::Format(error)) if matches!(error.problem, Problem::Truncated)));
    // A zstd frame of one block that wants the largest window: 8 MiB.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 13 << 3, 0b011, 0, 0x10, b'a'][..]].concat();
    let (refused, _) = costs_at_most("a window", &frame, MEBIBYTE);
    assert!(matches!(refused, Refused::Head(HeadError::Format(_))), "{refused:?}");
}

#[test]
fn an_honest_seal_of_99_000_entries_costs_little_more_than_itself() {
    let blob = |number: u32| EntryRecord::blob(&Digest::sha256(&number.to_be_bytes()), 12_345_678);
    let head = [(EntryName::oci_layout(), 30), (EntryName::oci_index(), 100)]
        .map(|(name, size)| EntryRecord { size, ..EntryRecord::of(name, b"") });
    let inventory = Inventory {
        base: None,
        entries: head.into_iter().chain((0..99_000).map(blob)).collect(),
        exported_at: now(),
        exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
        format_version: FormatVersion::CURRENT,
        items: Vec::new(),
        repositories: Vec::new(),
    };
    let statement = inventory.to_statement().unwrap();
    let signature = seal::sign(&statement, &exporter_key()).unwrap();
    let archive = archive_of(&UnverifiedSeal::new(&statement, vec![signature]).unwrap());
    drop((inventory, statement));
    let exporter = ExporterKey { name: "exporter".to_owned(), key: exporter_key().public_key().unwrap() };
    let started = Instant::now();
    let (reader, peak) = peak_of(|| {
        let sealed = Reader::open(&*archive).unwrap();
        let verified = seal::verify(sealed.seal(), &[exporter], NonZeroU32::MIN).unwrap();
        sealed.with_inventory(Arc::clone(verified.inventory()))
    });
    assert_eq!(reader.inventory().entries.len(), 99_002);
    drop(reader);
    println!("99,002 entries, {} bytes: {} KiB, {} ms", archive.len(), peak / 1_024, started.elapsed().as_millis());
    assert!(peak < 64 * MEBIBYTE, "{peak} bytes");
    // Its entries do not follow, which inspect notices only after it read the seal.
    let (inspected, peak) = peak_of(|| inspect(archive.as_slice()).unwrap_err());
    assert!(matches!(inspected.problem, Problem::Truncated), "{inspected:?}");
    println!("inspect: {} KiB", peak / 1_024);
    assert!(peak < 48 * MEBIBYTE, "{peak} bytes");
}

#[test]
fn endless_data_amplification_metadata_that_is_only_looked_at() {
    let long = 8 * MEBIBYTE;
    let signed = |more: &str| format!("{{\"signatures\":[],\"signed\":{{\"version\":7{more}}}}}");
    for (what, metadata, version) in [
        ("small values", signed(&format!(",\"x\":{}", list_of_length("{\"\":0}", long))), Some(7)),
        ("names", signed(&format!(",\"x\":{}", names(long))), None),
        ("key ids", signed("").replace("[]", &list_of_length("{\"keyid\":\"\"}", long)), Some(7)),
    ] {
        let metadata = metadata.into_bytes();
        let marker = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
        let name = |file| EntryName::tuf_metadata(&"main".parse().unwrap(), file).unwrap();
        let contents =
            [(EntryName::oci_layout(), marker), (EntryName::oci_index(), Vec::new()), (name("1.root.json"), metadata)];
        let inventory = Inventory {
            base: None,
            entries: contents.iter().map(|(name, content)| EntryRecord::of(name.clone(), content)).collect(),
            exported_at: now(),
            exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: Vec::new(),
            repositories: vec![RepositoryRecord { name: "main".parse().unwrap() }],
        };
        let archive = archive(inventory, contents.iter().map(|(_, content)| content.as_slice()), &[exporter_key()]);
        let (inspected, peak) = peak_of(|| inspect(archive.as_slice()).unwrap());
        println!("{what}: {} bytes: {} KiB", archive.len(), peak / 1_024);
        assert_eq!(inspected.repositories[0].files[0].version, version, "{what}");
        assert!(peak < archive.len() + BEYOND, "{what}: {peak} bytes");
    }
}
