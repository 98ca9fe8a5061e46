//! Archives that were compressed whole.

use std::io::Write;

use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sealift_archive_format::compression::{Compression, CompressionError};
use sealift_archive_format::{FormatError, Problem, Reader};
use sealift_tests::archive_mutator::Sample;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn read(bytes: &[u8]) -> Result<u64, FormatError> {
    Reader::open(bytes)?.read_inventory()?.finish()
}

#[test]
fn a_compressed_archive_is_read_as_the_plain_one() {
    let sample = Sample::default();
    for (compression, bytes) in [
        (Compression::None, sample.bytes()),
        (Compression::Gzip, gzip(&sample.bytes())),
        (Compression::Zstd, zstd(&sample.bytes())),
    ] {
        let mut reader = Reader::open(&*bytes).unwrap().read_inventory().unwrap();
        assert_eq!(reader.compression(), compression);
        for (name, content) in &sample.contents {
            let mut entry = reader.next_entry().unwrap().unwrap();
            assert_eq!(entry.name(), name);
            assert_eq!(entry.read_all().unwrap(), *content);
        }
        assert_eq!(reader.finish().unwrap(), sample.layout().length);
    }
}

#[test]
fn a_compressed_archive_that_is_cut_short_is_refused() {
    for compressed in [gzip(&Sample::default().bytes()), zstd(&Sample::default().bytes())] {
        for length in 0..compressed.len() {
            assert!(read(&compressed[..length]).is_err(), "cut at {length} of {}", compressed.len());
        }
    }
}

#[test]
fn bytes_after_a_compressed_archive_are_refused() {
    for compress in [gzip, zstd] {
        let archive = compress(&Sample::default().bytes());
        for more in [vec![0], compress(b""), compress(&Sample::default().bytes())] {
            let error = read(&[archive.clone(), more].concat()).unwrap_err();
            assert!(matches!(error.problem, Problem::Compression(CompressionError::Trailing(_))), "{}", error.problem);
        }
    }
}

#[test]
fn an_archive_in_two_members_or_frames_is_refused() {
    let archive = Sample::default().bytes();
    let (one, other) = archive.split_at(archive.len() / 2);
    for compress in [gzip, zstd] {
        let error = read(&[compress(one), compress(other)].concat()).unwrap_err();
        assert!(matches!(error.problem, Problem::Compression(CompressionError::Trailing(_))), "{}", error.problem);
    }
}

#[test]
fn bytes_after_the_end_within_the_compression_are_refused() {
    let mut archive = Sample::default().bytes();
    archive.push(0);
    for compress in [gzip, zstd] {
        assert!(matches!(read(&compress(&archive)).unwrap_err().problem, Problem::TrailingBytes));
    }
}

#[test]
fn a_wrong_checksum_of_the_compression_is_refused() {
    let mut compressed = gzip(&Sample::default().bytes());
    let crc = compressed.len() - 8;
    compressed[crc] ^= 1;
    let error = read(&compressed).unwrap_err();
    assert!(matches!(error.problem, Problem::Compression(CompressionError::Broken { .. })), "{}", error.problem);
    let mut compressed = zstd(&Sample::default().bytes());
    *compressed.last_mut().unwrap() ^= 1;
    let error = read(&compressed).unwrap_err();
    assert!(matches!(error.problem, Problem::Compression(CompressionError::Checksum)), "{}", error.problem);
}

#[test]
fn a_zstd_frame_that_wants_a_large_window_is_refused() {
    // Magic, a frame header without content size, and a window descriptor of exponent 14: 16 MiB.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3];
    let error = read(&frame).unwrap_err();
    assert!(matches!(error.problem, Problem::Compression(CompressionError::Broken { .. })), "{}", error.problem);
    let CompressionError::Broken { source, .. } = (match error.problem {
        Problem::Compression(error) => error,
        problem => panic!("{problem}"),
    }) else {
        panic!("not broken")
    };
    assert!(source.to_string().contains("16777216"), "{source}");
}

/// A frame of one raw block, with a frame header descriptor and what follows it.
fn frame(descriptor: u8, fields: &[u8], content: &[u8]) -> Vec<u8> {
    let block = u32::try_from(content.len()).unwrap() << 3 | 1;
    [&[0x28, 0xb5, 0x2f, 0xfd, descriptor][..], fields, &block.to_le_bytes()[..3], content].concat()
}

#[test]
fn the_reserved_bit_of_a_zstd_frame_is_refused() {
    let archive = Sample::default().bytes();
    let length = u32::try_from(archive.len()).unwrap().to_le_bytes();
    // A single segment that states the size of its content in four bytes.
    assert!(read(&frame(0b1010_0000, &length, &archive)).is_ok());
    let error = read(&frame(0b1010_1000, &length, &archive)).unwrap_err();
    assert!(matches!(error.problem, Problem::Compression(CompressionError::ReservedBit)), "{}", error.problem);
    // The bit beside it is unused, and to be ignored (RFC 8878 §3.1.1.1.1.3).
    assert!(read(&frame(0b1011_0000, &length, &archive)).is_ok());
}

#[test]
fn a_zstd_frame_that_states_another_size_is_refused() {
    let archive = Sample::default().bytes();
    let length = archive.len() as u64;
    for stated in [0, 1, length - 1, length + 1, 1 << 20] {
        // With a window of its own, of 8 MiB, and the size in eight bytes.
        let fields = [&[13 << 3][..], &stated.to_le_bytes()].concat();
        let error = read(&frame(0b1100_0000, &fields, &archive)).unwrap_err();
        let Problem::Compression(CompressionError::ContentSize { stated: found, .. }) = error.problem else {
            panic!("{stated}: {}", error.problem)
        };
        assert_eq!(found, stated);
    }
    let right = [&[13 << 3][..], &length.to_le_bytes()].concat();
    assert!(read(&frame(0b1100_0000, &right, &archive)).is_ok());
}
