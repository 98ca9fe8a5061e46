//! Archives that are not served.

use std::fs::{self, File};

use sealift_core::import::ImportError;
use sealift_core::verify::ReceiveError;
use sealift_serve::{ArchiveServer, ListenError, ServeError, ServerLimits, TlsIdentity};
use sealift_tests::crossing::{Crossing, IMAGE};
use sealift_tests::images::Image;
use sealift_tests::served::{add, gathering};

fn archive_with(crossing: &Crossing, name: &str, content: &[u8]) -> std::path::PathBuf {
    crossing.publish_image(&Image::new("linux/amd64", &[("file", content)]), &[]);
    let path = crossing.path(name);
    fs::write(&path, crossing.archive()).unwrap();
    path
}

#[test]
fn an_archive_that_does_not_verify_to_its_end_is_not_served() {
    let crossing = Crossing::of_images();
    let path = archive_with(&crossing, "app.sealift", &super::noise(10_000));
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 4_000;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let file = File::open(&path).unwrap();
    let refused = add(&mut gathering("localhost"), &crossing.far, &file).unwrap_err();
    assert!(matches!(refused, ServeError::Import(ImportError::Receive(ReceiveError::Archive(_)))), "{refused:?}");
}

#[test]
fn an_archive_that_ends_too_early_or_too_late_is_not_served() {
    let crossing = Crossing::of_images();
    let path = archive_with(&crossing, "app.sealift", b"app");
    let bytes = fs::read(&path).unwrap();
    for other in [&bytes[..bytes.len() - 1], &[&bytes[..], b"more"].concat()] {
        fs::write(&path, other).unwrap();
        let file = File::open(&path).unwrap();
        let refused = add(&mut gathering("localhost"), &crossing.far, &file).unwrap_err();
        assert!(matches!(refused, ServeError::Format(_)), "{refused:?}");
    }
}

#[test]
fn a_compressed_archive_is_not_served() {
    use std::io::Write as _;

    let crossing = Crossing::of_images();
    let path = archive_with(&crossing, "app.sealift", b"app");
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    compressed.write_all(&fs::read(&path).unwrap()).unwrap();
    fs::write(&path, compressed.finish().unwrap()).unwrap();
    let file = File::open(&path).unwrap();
    let refused = add(&mut gathering("localhost"), &crossing.far, &file).unwrap_err();
    assert!(matches!(refused, ServeError::Compressed), "{refused:?}");
}

#[test]
fn two_archives_are_served_unless_they_have_different_content_for_a_tag() {
    let crossing = Crossing::of_images();
    let one = archive_with(&crossing, "one.sealift", b"one");
    let two = archive_with(&crossing, "two.sealift", b"two");
    let (one, same, two) = (File::open(&one).unwrap(), File::open(&one).unwrap(), File::open(&two).unwrap());
    let mut gathering = gathering("localhost");
    add(&mut gathering, &crossing.far, &one).unwrap();
    add(&mut gathering, &crossing.far, &same).unwrap();
    let refused = add(&mut gathering, &crossing.far, &two).unwrap_err();
    let ServeError::TagTaken { tag, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(tag, IMAGE);
}

#[test]
fn an_address_that_is_taken_and_files_that_are_no_certificates_are_refused() {
    use sealift_core::http::PemFile;

    let bind = |address| ArchiveServer::bind(address, None, ServerLimits::default());
    let first = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    assert!(matches!(bind(first.address()), Err(ListenError::Address { .. })));
    let [own, other] = [(); 2].map(|()| {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem().into_bytes(), key.serialize_pem().into_bytes())
    });
    let read = |certificate: &[u8], key: &[u8]| {
        TlsIdentity::read(&PemFile::new("c.pem", certificate.to_vec()), &PemFile::new("k.pem", key.to_vec()))
    };
    assert!(read(&own.0, &own.1).is_ok());
    for certificate in [&b""[..], b"no PEM", &own.1] {
        assert!(matches!(read(certificate, &own.1), Err(ListenError::Certificate { .. })));
    }
    for key in [&b""[..], b"no PEM", &own.0, &other.1] {
        assert!(matches!(read(&own.0, key), Err(ListenError::PrivateKey { .. })));
    }
}
