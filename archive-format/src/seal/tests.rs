use super::*;
use crate::digest::DigestAlgorithm;
use crate::dsse::DsseEnvelope;
use crate::entry_name::EntryName;
use crate::inventory::{EntryRecord, Exporter, FormatVersion};

pub(super) fn inventory() -> Inventory {
    Inventory {
        base: None,
        entries: vec![EntryRecord::of(EntryName::oci_layout(), b"{}"), EntryRecord::of(EntryName::oci_index(), b"{}")],
        exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
        format_version: FormatVersion::CURRENT,
        items: Vec::new(),
        repositories: Vec::new(),
    }
}

pub(super) fn signature(number: u8) -> SealSignature {
    SealSignature { key: Digest::sha256(&[number]), bytes: [number; 64] }
}

fn sealed(signatures: u8) -> Seal {
    Seal::new(inventory(), (0..signatures).map(signature).collect()).unwrap()
}

fn seal(signatures: u8) -> UnverifiedSeal {
    sealed(signatures).bytes
}

fn refused(bytes: &[u8]) -> SealFormatError {
    UnverifiedSeal::parse(bytes).unwrap_err()
}

#[test]
fn a_seal_is_a_dsse_envelope_with_any_number_of_signatures() {
    for count in 1..=16 {
        let seal = seal(count);
        let bytes = seal.to_bytes();
        assert_eq!((bytes.len() as u64, bytes.len() % BLOCK_LENGTH), (seal.length(), 0));
        let envelope = DsseEnvelope::parse(&bytes).unwrap();
        assert_eq!((envelope.payload_type.as_str(), &*envelope.payload), (PAYLOAD_TYPE, seal.statement()));
        assert_eq!(envelope.signed_bytes(), seal.signed_bytes());
        let labels: Vec<_> = seal.signatures().iter().map(|signature| signature.key.hex().to_owned()).collect();
        assert_eq!(
            envelope.signatures.iter().map(|signature| &signature.key_id).collect::<Vec<_>>(),
            labels.iter().collect::<Vec<_>>()
        );
        let parsed = UnverifiedSeal::parse(&bytes).unwrap();
        assert_eq!((parsed.signatures(), parsed.statement()), (seal.signatures(), seal.statement()));
        assert_eq!(parsed.to_bytes(), bytes);
    }
}

#[test]
fn a_seal_has_one_to_sixteen_signatures_of_different_keys() {
    let of = |numbers: &[u8]| Seal::new(inventory(), numbers.iter().map(|&n| signature(n)).collect());
    assert!(matches!(of(&[]), Err(SealFormatError::NoSignature)));
    assert!(matches!(of(&[1, 2, 1]), Err(SealFormatError::DuplicateKey { .. })));
    assert!(matches!(of(&[0; 17]), Err(SealFormatError::TooManySignatures { count: 17 })));
}

#[test]
fn every_changed_byte_outside_payload_and_signatures_is_refused() {
    let bytes = seal(2).to_bytes();
    let parsed = UnverifiedSeal::parse(&bytes).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        if let Ok(seal) = UnverifiedSeal::parse(&changed) {
            let same = seal.statement() == parsed.statement() && seal.signatures() == parsed.signatures();
            assert!(!same, "byte {at} changed nothing");
        }
    }
}

#[test]
fn a_seal_that_is_cut_or_longer_is_refused() {
    let bytes = seal(1).to_bytes();
    for length in 0..bytes.len() {
        refused(&bytes[..length]);
    }
    let mut longer = bytes.clone();
    longer.splice(bytes.len() - slots::LENGTH..bytes.len() - slots::LENGTH, [b' '; BLOCK_LENGTH]);
    assert!(matches!(refused(&longer), SealFormatError::Envelope));
}

#[test]
fn a_slot_that_is_torn_or_after_a_free_one_is_refused() {
    let bytes = seal(3).to_bytes();
    let slot = |number: usize| bytes.len() - slots::LENGTH + number * SLOT_LENGTH;
    let mut torn = bytes.clone();
    torn[slot(2) + 100..slot(3)].fill(b' ');
    assert!(matches!(refused(&torn), SealFormatError::Slot { slot: 2 }));
    let mut gap = bytes.clone();
    gap[slot(1)..slot(2)].fill(b' ');
    assert!(matches!(refused(&gap), SealFormatError::Slot { slot: 2 }));
    let mut none = bytes.clone();
    none[slot(0)..slot(3)].fill(b' ');
    assert!(matches!(refused(&none), SealFormatError::NoSignature));
}

#[test]
fn a_signed_envelope_of_something_else_is_told_apart_from_a_damaged_seal() {
    let bytes = seal(1).to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let other = text.replacen("application/vnd.in-toto+json", "application/vnd.example+json", 1);
    assert!(matches!(
        refused(other.as_bytes()),
        SealFormatError::PayloadType { found } if found == "application/vnd.example+json"
    ));
    let longer = text.replacen("application/vnd.in-toto+json\"", "application/vnd.of-something-else+json\"", 1);
    assert!(matches!(refused(&longer.as_bytes()[..bytes.len()]), SealFormatError::PayloadType { .. }));
    for damaged in [text.replacen("payloadType", "payloadtype", 1), text.replacen("+json\",\"", "+json\";\"", 1)] {
        assert!(matches!(refused(damaged.as_bytes()), SealFormatError::Envelope));
    }
}

#[test]
fn padding_ends_the_payload() {
    // A statement whose base64 is longer than one piece, with padding at the end of a piece and more behind it.
    let statement = vec![b'a'; 40_000];
    let whole = UnverifiedSeal::new(&statement, vec![signature(0)]).unwrap();
    let mut bytes = whole.to_bytes();
    assert_eq!(UnverifiedSeal::parse(&bytes).unwrap().statement(), statement);
    let start = r#"{"payload":""#.len();
    bytes[start + 16 * 1024 - 4..start + 16 * 1024].copy_from_slice(b"YQ==");
    assert!(matches!(refused(&bytes), SealFormatError::Envelope));
}

#[test]
fn lengths_are_checked_before_anything_is_read() {
    assert!(matches!(check_length(1 << 40, MAXIMUM_LENGTH), Err(SealFormatError::TooLong { .. })));
    assert!(matches!(check_length(5_000, MAXIMUM_LENGTH), Err(SealFormatError::Envelope)));
    assert!(matches!(check_length(4_096, MAXIMUM_LENGTH), Err(SealFormatError::Envelope)));
    assert!(check_length(4_608, MAXIMUM_LENGTH).is_ok());
}

#[test]
fn a_fingerprint_is_a_sha256_digest() {
    let key = Digest::from_hex(DigestAlgorithm::Sha512, &"0".repeat(128)).unwrap();
    let wrong = Seal::new(inventory(), vec![SealSignature { key, bytes: [0; 64] }]);
    assert!(matches!(wrong, Err(SealFormatError::Fingerprint { .. })));
}

mod co_signing {
    use std::fs::File;
    use std::io::{Read, Seek, SeekFrom, Write};

    use super::*;
    use crate::co_signing::{CoSigning, CoSigningError};
    use crate::writer::Writer;

    fn archive(signatures: u8) -> File {
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), &sealed(signatures)).unwrap();
        writer.append(&EntryName::oci_layout(), &mut &b"{}"[..]).unwrap();
        writer.append(&EntryName::oci_index(), &mut &b"{}"[..]).unwrap();
        writer.finish().unwrap()
    }

    fn content(archive: &mut File) -> Vec<u8> {
        let mut bytes = Vec::new();
        archive.seek(SeekFrom::Start(0)).unwrap();
        archive.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn add(archive: &mut File, number: u8) -> Result<UnverifiedSeal, CoSigningError> {
        CoSigning::open(archive)?.add_signature(signature(number))
    }

    #[test]
    fn a_signature_that_is_added_is_as_one_that_was_there_from_the_start() {
        let mut archive = self::archive(1);
        for number in 1..16 {
            let added = add(&mut archive, number).unwrap();
            assert_eq!(added.signatures().len(), usize::from(number) + 1);
            assert_eq!(content(&mut archive), content(&mut self::archive(number + 1)));
        }
        let before = content(&mut archive);
        assert!(matches!(add(&mut archive, 16), Err(CoSigningError::NoRoom)));
        assert_eq!(content(&mut archive), before);
    }

    #[test]
    fn a_key_signs_once() {
        let mut archive = self::archive(2);
        assert!(matches!(add(&mut archive, 1), Err(CoSigningError::AlreadySigned(_))));
        assert_eq!(content(&mut archive), content(&mut self::archive(2)));
    }

    #[test]
    fn only_one_sector_is_written() {
        let (before, after) = (content(&mut archive(2)), content(&mut archive(3)));
        let changed: Vec<usize> = (0..before.len()).filter(|&at| before[at] != after[at]).collect();
        assert_eq!(changed.first().unwrap() / 512, changed.last().unwrap() / 512);
    }

    #[test]
    fn wherever_adding_is_interrupted_adding_again_repairs_it() {
        let (before, after) = (content(&mut archive(2)), content(&mut archive(3)));
        let first = (0..before.len()).find(|&at| before[at] != after[at]).unwrap();
        let last = (0..before.len()).rfind(|&at| before[at] != after[at]).unwrap();
        for torn in [first, first + 1, first + 100, last] {
            let mut archive = self::archive(2);
            archive.seek(SeekFrom::Start(first as u64)).unwrap();
            archive.write_all(&after[first..=torn]).unwrap();
            match add(&mut archive, 2) {
                Ok(_) => {}
                Err(error) => assert!(torn == last && matches!(error, CoSigningError::AlreadySigned(_))),
            }
            assert_eq!(content(&mut archive), after, "torn at {torn}");
        }
    }

    #[test]
    fn other_files_are_left_alone() {
        for bytes in [&b""[..], b"short", &[0x1f; 1024], &[0; 4096]] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            assert!(matches!(add(&mut file, 1), Err(CoSigningError::NotAnArchive)));
            assert_eq!(content(&mut file), bytes);
        }
        let mut cut = archive(1);
        cut.set_len(2_000).unwrap();
        assert!(matches!(add(&mut cut, 1), Err(CoSigningError::Seal(_))));
    }
}
