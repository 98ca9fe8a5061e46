//! Blobs from a registry.

use std::io::Read;

use sealift_archive_format::Digest;
use sealift_core::oci::Descriptor;
use sealift_core::registry::RegistryError;
use sealift_core::transfer::ContentError;
use sealift_tests::registry::{Action, Answer, Fault, Registry};

use super::{client, content, explain};

/// Reads a blob whole.
fn read(registry: &Registry, descriptor: &Descriptor) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    client().blob(&registry.repository("app"), descriptor).unwrap().read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn a_blob_is_read_and_checked() {
    let registry = Registry::start();
    for length in [0, 10, 1_000_000] {
        let descriptor = registry.add_blob("app", &content(length));
        assert_eq!(read(&registry, &descriptor).unwrap(), content(length));
        assert!(client().has_blob(&registry.repository("app"), &descriptor).unwrap());
    }
    let missing = Descriptor::of("", b"missing");
    assert!(!client().has_blob(&registry.repository("app"), &missing).unwrap());
    let opened = client().blob(&registry.repository("app"), &missing);
    assert!(matches!(opened, Err(RegistryError::BlobNotFound { digest, .. }) if digest == missing.digest));
}

#[test]
fn a_cut_connection_is_resumed_where_it_was_cut() {
    let registry = Registry::start();
    let descriptor = registry.add_blob("app", &content(1_000_000));
    registry.inject(Fault::once("GET", "/blobs/", Action::CutAfter(300_000)));
    registry.inject(Fault::once("GET", "/blobs/", Action::CutAfter(300_000)));
    assert_eq!(read(&registry, &descriptor).unwrap(), content(1_000_000));
    let state = registry.state();
    let ranges: Vec<_> = state.received.iter().filter_map(|request| request.header("range")).collect();
    assert_eq!(ranges, ["bytes=300000-", "bytes=600000-"]);
}

#[test]
fn a_registry_without_ranges_is_read_from_the_start_again() {
    let registry = Registry::start();
    registry.state().ignores_ranges = true;
    let descriptor = registry.add_blob("app", &content(1_000_000));
    registry.inject(Fault::once("GET", "/blobs/", Action::CutAfter(300_000)));
    assert_eq!(read(&registry, &descriptor).unwrap(), content(1_000_000));
}

#[test]
fn where_a_part_cannot_be_had_the_whole_is_read_from_the_start_again() {
    let elsewhere = |range: &str| Action::Answer(Answer::new(206, &[("content-range", range)], content(1_000_000)));
    for wrong in [
        elsewhere("bytes 0-999999/1000000"),
        elsewhere("bytes 300001-999999/1000000"),
        elsewhere("nonsense"),
        Action::status(416, &[]),
        Action::Answer(Answer::new(200, &[], content(1_000_000))),
    ] {
        let registry = Registry::start();
        let descriptor = registry.add_blob("app", &content(1_000_000));
        registry.inject(Fault::once("GET", "/blobs/", Action::CutAfter(300_000)));
        registry.inject(Fault::once("GET", "/blobs/", wrong));
        assert_eq!(read(&registry, &descriptor).unwrap(), content(1_000_000));
    }
}

#[test]
fn a_connection_that_is_always_cut_is_given_up() {
    let registry = Registry::start();
    let descriptor = registry.add_blob("app", &content(1_000_000));
    registry.inject(Fault::always("GET", "/blobs/", Action::CutAfter(1)));
    let error = read(&registry, &descriptor).unwrap_err();
    assert!(explain(&error).contains("ended too early"), "{}", explain(&error));
    assert_eq!(registry.count("GET", "/blobs/"), 3);
}

#[test]
fn a_wrong_blob_is_an_error_before_its_last_bytes() {
    let registry = Registry::start();
    let descriptor = registry.add_blob("app", &content(1_000_000));
    let key = ("app".to_owned(), descriptor.digest.to_string());
    registry.state().blobs.get_mut(&key).unwrap()[10] ^= 1;
    let mut given = Vec::new();
    let error = client().blob(&registry.repository("app"), &descriptor).unwrap().read_to_end(&mut given).unwrap_err();
    assert!(matches!(ContentError::inside(&error), Some(ContentError::Digest { .. })));
    assert!(given.len() < 1_000_000);
}

#[test]
fn a_blob_longer_than_described_is_cut_at_once() {
    let registry = Registry::start();
    let small = Descriptor::new("", Digest::sha256(b"small"), 5);
    let announced = Action::Answer(Answer::new(200, &[], content(1_000_000)));
    registry.inject(Fault::once("GET", "/blobs/", announced));
    let opened = client().blob(&registry.repository("app"), &small);
    assert!(explain(&opened.err().unwrap()).contains("longer than the limit of 5 bytes"));
    let unannounced = Action::write(|to| {
        to.write_all(b"HTTP/1.1 200 -\r\n\r\n")?;
        loop {
            to.write_all(&[b'x'; 65536])?;
        }
    });
    registry.inject(Fault::always("GET", "/blobs/", unannounced));
    let error = read(&registry, &small).unwrap_err();
    assert!(explain(&error).contains("longer than"), "{}", explain(&error));
    assert_eq!(registry.count("GET", "/blobs/"), 2, "it is not asked for again");
}
