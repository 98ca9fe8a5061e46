//! Tar files that somebody made to do harm: each ends in a typed error, with little memory, in little time.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use sealift_core::place::FileForm;
use sealift_core::source_file::SourceFileError;
use sealift_core::tarball::{Beginning, MAXIMUM_ENTRIES};

use super::*;

fn refused(bytes: &[u8]) -> TarballError {
    Place::of(bytes).tarball().err().unwrap()
}

/// The same, plain and compressed.
fn refused_in_both_forms(bytes: &[u8], is_expected: impl Fn(&TarballError) -> bool) {
    for bytes in [bytes.to_vec(), gzip(bytes)] {
        let error = refused(&bytes);
        assert!(is_expected(&error), "{error:?}");
    }
}

#[test]
fn a_record_that_says_it_has_two_gibibytes_is_not_read() {
    for kind in [
        tar::EntryType::GNULongName,
        tar::EntryType::GNULongLink,
        tar::EntryType::XHeader,
        tar::EntryType::XGlobalHeader,
    ] {
        let bytes = Tar::new().raw("././@LongLink", kind, 2 << 30, b"").bytes();
        refused_in_both_forms(
            &bytes,
            |error| matches!(error, TarballError::Record { length, .. } if *length == 2 << 30),
        );
    }
    // A file that really has them, in holes.
    let place = Place::of(&Tar::new().raw("././@LongLink", tar::EntryType::GNULongName, 2 << 30, b"").bytes()[..512]);
    fs::File::options().write(true).open(place.path()).unwrap().set_len(3 << 30).unwrap();
    assert!(matches!(place.tarball(), Err(TarballError::Record { .. })));
}

#[test]
fn entries_are_counted() {
    let entry = Tar::new().raw("e", tar::EntryType::Directory, 0, b"").bytes()[..512].to_vec();
    let started = Instant::now();
    let bytes = entry.repeat(MAXIMUM_ENTRIES + 1);
    assert!(matches!(refused(&bytes), TarballError::TooManyEntries { .. }));
    assert!(started.elapsed() < Duration::from_secs(20));
    // Compressed, very many entries are some kilobytes: unpacking them ends at the limit as well.
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..5 {
        encoder.write_all(&bytes).unwrap();
    }
    let place = Place::of(&encoder.finish().unwrap());
    assert!(matches!(place.tarball(), Err(TarballError::TooManyEntries { .. })));
}

#[test]
fn names_have_a_total() {
    let long = "n".repeat(4000);
    let mut tar = Tar::new();
    for number in 0..9000 {
        let mut header = Tar::header(tar::EntryType::Regular, 0);
        tar.0.append_data(&mut header, format!("{number}{long}"), std::io::empty()).unwrap();
    }
    refused_in_both_forms(&tar.bytes(), |error| matches!(error, TarballError::NamesLength { .. }));
}

#[test]
fn what_expands_without_end_is_not_unpacked() {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut header = Tar::header(tar::EntryType::Regular, 1 << 40);
    header.set_path("zeros").unwrap();
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    for _ in 0..1400 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let place = Place::of(&encoder.finish().unwrap());
    assert!(place.path().metadata().unwrap().len() < 2 << 20);
    let error = place.tarball().err().unwrap();
    assert!(matches!(error, TarballError::Expansion { expanded, .. } if expanded < 1400 << 20), "{error:?}");
    assert_eq!(fs::read_dir(place.0.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_tar_file_in_several_members_or_frames_is_one() {
    let bytes = Tar::new().file("a", &[7; 5000]).file("b", b"b").bytes();
    for compressed in in_parts(&bytes) {
        let place = Place::of(&compressed);
        assert_eq!(Tarball::looks_like_one(&place.path()).unwrap(), Beginning::Tarball);
        let tarball = place.tarball().unwrap();
        assert_eq!(tarball.read("a", 5000).unwrap(), Some(vec![7; 5000]));
        assert_eq!(tarball.read("b", 1).unwrap(), Some(b"b".to_vec()));
        for length in (0..compressed.len()).step_by(5) {
            // Between two parts it may end, but then the tar file does not.
            assert!(Place::of(&compressed[..length]).tarball().is_err() || compressed[length..].len() < 40, "{length}");
        }
    }
}

#[test]
fn names_and_links_stay_inside() {
    for name in ["../out", "/etc/passwd", "a/../../b", "..", "new\nline", ".", "folder/"] {
        let bytes = Tar::new().raw(name, tar::EntryType::Regular, 0, b"").bytes();
        refused_in_both_forms(&bytes, |error| matches!(error, TarballError::Name { .. }));
    }
    for (kind, target) in [
        (tar::EntryType::Symlink, "../../out"),
        (tar::EntryType::Symlink, "/etc/passwd"),
        (tar::EntryType::Link, "../out"),
        (tar::EntryType::Link, "/etc/passwd"),
    ] {
        let bytes = Tar::new().link("folder/link", kind, target).bytes();
        refused_in_both_forms(&bytes, |error| matches!(error, TarballError::LinkOut { .. }));
    }
    for kind in [tar::EntryType::Fifo, tar::EntryType::Char, tar::EntryType::Block, tar::EntryType::GNUSparse] {
        let bytes = Tar::new().raw("device", kind, 0, b"").bytes();
        refused_in_both_forms(&bytes, |error| matches!(error, TarballError::EntryType { .. }));
    }
}

#[test]
fn a_name_is_there_once() {
    let bytes = Tar::new().file("bundle.json", b"{}").file("./bundle.json", b"[]").bytes();
    refused_in_both_forms(&bytes, |error| matches!(error, TarballError::Twice { name, .. } if name == "bundle.json"));
}

#[test]
fn a_link_is_not_a_file_and_leads_to_one() {
    let place = Place::of(
        &Tar::new()
            .file("content", b"content")
            .link("folder/up", tar::EntryType::Symlink, "../content")
            .link("hard", tar::EntryType::Link, "content")
            .link("lost", tar::EntryType::Symlink, "nowhere")
            .link("one", tar::EntryType::Symlink, "two")
            .link("two", tar::EntryType::Symlink, "one")
            .bytes(),
    );
    let tarball = place.tarball().unwrap();
    for link in ["folder/up", "hard"] {
        assert!(matches!(tarball.file(link), Err(TarballError::Link { .. })), "{link}");
        assert_eq!(tarball.read_or_follow(link, 100).unwrap().unwrap(), b"content", "{link}");
    }
    for link in ["lost", "one"] {
        assert!(matches!(tarball.file_or_link(link), Err(TarballError::Dangling { .. })), "{link}");
    }
    assert!(tarball.file_or_link("missing").unwrap().is_none());
    assert!(matches!(tarball.read("content", 3), Err(TarballError::TooLarge { limit: 3, .. })));
}

#[test]
fn what_is_cut_short_is_refused_wherever_it_is_cut() {
    let whole = Tar::new().file("one", &[7; 600]).file("two", b"2").bytes();
    for length in (0..whole.len()).step_by(256).filter(|length| *length > 0) {
        let error = refused(&whole[..length]);
        assert!(matches!(error, TarballError::Truncated { .. }), "{length}: {error:?}");
        let error = refused(&gzip(&whole[..length]));
        assert!(matches!(error, TarballError::Truncated { .. }), "{length}: {error:?}");
    }
    let compressed = gzip(&whole);
    for length in 10..compressed.len() {
        let error = refused(&compressed[..length]);
        assert!(matches!(error, TarballError::Truncated { .. } | TarballError::Access { .. }), "{length}: {error:?}");
    }
    let trailing = [compressed, b"more".to_vec()].concat();
    assert!(matches!(refused(&trailing), TarballError::Access { .. }));
}

#[test]
fn what_is_not_a_header_is_refused() {
    let mut bytes = Tar::new().file("one", b"1").file("two", b"2").bytes();
    bytes[1024] ^= 1;
    refused_in_both_forms(&bytes, |error| matches!(error, TarballError::Header { position: 1024, .. }));
    let mut lone = Tar::new().file("one", b"1").bytes();
    lone[1536] = 1;
    refused_in_both_forms(&lone, |error| matches!(error, TarballError::Header { .. }));
    // Readers do not agree on whether content follows.
    for kind in [tar::EntryType::Directory, tar::EntryType::Symlink] {
        let bytes = Tar::new().raw("entry", kind, 512, &[0; 512]).bytes();
        refused_in_both_forms(&bytes, |error| matches!(error, TarballError::Header { position: 0, .. }));
    }
    let mut sparse = Tar::new();
    sparse.0.append_pax_extensions([("GNU.sparse.major", &b"1"[..])]).unwrap();
    refused_in_both_forms(&sparse.file("holes", b"").bytes(), |error| matches!(error, TarballError::Header { .. }));
}

#[test]
fn long_names_and_sizes_are_read_as_other_tools_write_them() {
    let long = format!("folder/{}", "n".repeat(200));
    let mut tar = Tar::new().file(&long, b"gnu");
    let pax = format!("other/{}", "p".repeat(200));
    tar.0.append_pax_extensions([("path", pax.as_bytes()), ("size", &b"3"[..])]).unwrap();
    // The header itself states no size.
    let mut header = Tar::header(tar::EntryType::Regular, 0);
    header.as_old_mut().name[..5].copy_from_slice(b"short");
    header.set_cksum();
    tar.0.append(&header, &b"pax"[..]).unwrap();
    let place = Place::of(&tar.file("./last", b"last").bytes());
    let tarball = place.tarball().unwrap();
    for (name, content) in [(long.as_str(), &b"gnu"[..]), (&pax, b"pax"), ("last", b"last")] {
        assert_eq!(tarball.read(name, 100).unwrap().unwrap(), content, "{name}");
    }
    // An entry of 10 GiB, of which nothing is read.
    let mut header = Tar::header(tar::EntryType::Regular, 10 << 30);
    header.set_path("huge").unwrap();
    header.set_cksum();
    let place = Place::of(header.as_bytes());
    let mut file = fs::File::options().write(true).open(place.path()).unwrap();
    file.seek(SeekFrom::Start(512 + (10 << 30))).unwrap();
    file.write_all(&Tar::new().file("after", b"after").bytes()).unwrap();
    let tarball = place.tarball().unwrap();
    assert_eq!(tarball.file("huge").unwrap().unwrap().length(), 10 << 30);
    assert_eq!(tarball.read("after", 100).unwrap().unwrap(), b"after");
}

#[test]
fn a_file_that_is_not_a_tar_file_of_images_is_said_to_be_that() {
    let error = Place::of(&Tar::new().file("letter.txt", b"dear").bytes()).open().err().unwrap();
    assert!(matches!(error, SourceFileError::Unknown { .. }), "{error:?}");
    assert!(matches!(Place::of(b"\n {}").open().unwrap(), SourceFile::ThinBundle));
    let error = Place::of(b"a note").open().err().unwrap();
    assert!(matches!(error, SourceFileError::NoForm { .. }), "{error:?}");
    let folder = tempfile::tempdir().unwrap();
    let open = |path: &Path| Tarball::open(path, folder.path(), &Unwatched).err().unwrap();
    assert!(matches!(open(folder.path()), TarballError::NotRegular { .. }));
    assert!(matches!(open(&folder.path().join("missing")), TarballError::Access { .. }));
    let place = Place::of(&gzip(&Tar::new().file("a", b"a").bytes()));
    let nowhere = Tarball::open(&place.path(), &folder.path().join("nowhere"), &Unwatched).err().unwrap();
    assert!(matches!(nowhere, TarballError::Unpack { .. }));
}

#[test]
fn another_compression_is_called_by_its_name() {
    for (beginning, named) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x04\x22\x4d\x18d", "lz4"),
        (b"LZIP\x01", "lzip"),
        (b"PK\x03\x04\x14", "zip"),
    ] {
        let place = Place::of(&[beginning, &[0; 600]].concat());
        for error in [place.open().err().unwrap(), SourceFileError::from(place.tarball().err().unwrap())] {
            assert!(
                matches!(&error, SourceFileError::Tarball(TarballError::Method { method, .. }) if *method == named),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_pipe_is_left_for_whoever_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let open = |form| SourceFile::open(&pipe, form, folder.path(), &Unwatched);
    assert!(matches!(open(None).unwrap(), SourceFile::ThinBundle), "nobody waits for its other end");
    let told = open(Some(FileForm::OciArchive)).err().unwrap();
    assert!(matches!(told, SourceFileError::Tarball(TarballError::NotRegular { .. })), "{told:?}");
}

#[test]
fn content_that_goes_away_is_an_error_of_reading() {
    let place = Place::of(&Tar::new().file("a", &[7; 4096]).bytes());
    let tarball = place.tarball().unwrap();
    fs::File::options().write(true).open(place.path()).unwrap().set_len(1024).unwrap();
    let mut section = tarball.file("a").unwrap().unwrap();
    let error = section.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}
