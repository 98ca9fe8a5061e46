//! Tar files of other tools: what is held of one does not follow what it says about itself.

use std::io::Write as _;
use std::path::Path;

use sealift_core::progress::Unwatched;
use sealift_core::tarball::{MAXIMUM_ENTRIES, Tarball, TarballError};

use super::*;

fn header(kind: tar::EntryType, name: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn gzip(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    pieces.for_each(|piece| encoder.write_all(&piece).unwrap());
    encoder.finish().unwrap()
}

fn open(bytes: &[u8]) -> (TarballError, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let (opened, peak) = peak_of(|| Tarball::open(Path::new(&path), folder.path(), &Unwatched));
    (opened.err().unwrap(), peak)
}

#[test]
fn endless_data_hostile_tar_files_are_refused_with_little_memory() {
    let long = header(tar::EntryType::GNULongName, "././@LongLink", 2 << 30);
    for bytes in [[long.clone(), vec![0; 4096]].concat(), gzip([long, vec![0; 4096]].into_iter())] {
        let (error, peak) = open(&bytes);
        assert!(matches!(error, TarballError::Record { .. }), "{error:?}");
        assert!(peak < MEBIBYTE, "{peak} bytes for a record that says it has 2 GiB");
    }
    let huge = header(tar::EntryType::Regular, "zeros", 1 << 40);
    let bomb = gzip(std::iter::once(huge).chain((0..1400).map(|_| vec![0; MEBIBYTE])));
    let (error, peak) = open(&bomb);
    assert!(matches!(error, TarballError::Expansion { .. } | TarballError::Truncated { .. }), "{error:?}");
    assert!(peak < MEBIBYTE, "{peak} bytes for zeros");
    let entry = |number: usize| header(tar::EntryType::Regular, &format!("{number:0>99}"), 0);
    let (error, peak) = open(&gzip((0..=MAXIMUM_ENTRIES).map(entry)));
    assert!(matches!(error, TarballError::TooManyEntries { .. }), "{error:?}");
    assert!(peak < 96 * MEBIBYTE, "{peak} bytes for all names");
}
