//! Hints about archives that are not served, and about addresses and certificates to serve with.

use std::io::Write as _;
use std::net::TcpListener;

use super::*;

impl Far {
    fn serve(&self, arguments: &[&str]) -> Said {
        let listen: &[&str] = if arguments.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
        self.run(&[&["serve"], arguments, listen].concat())
    }
}

#[test]
fn archives_that_cannot_be_read_by_position() {
    let far = Far::taking_everything();
    let archive = packed(&sample()).archive();
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    compressed.write_all(&archive).unwrap();
    far.put(&compressed.finish().unwrap());
    let hint = "decompress the archive first; nothing was served";
    far.serve(&["shop.sealift"]).hints(10, "the archive is compressed", hint);
    far.serve(&["-"]).hints(
        2,
        "an archive is served from files, and not from a pipe",
        "see what it takes: sealift help serve",
    );
}

#[test]
fn a_thick_bundle_that_travels_as_it_is() {
    let (far, near) = (Far::taking_everything(), Near::asking_for_nothing());
    assert!(run(near.path(), &["demo", "--keep", "demo"]).code == Some(0));
    let extract = ["--trust", "demo/far", "extract", "demo/shop.sealift", BUNDLE, "--to-thick-bundle", "shop.tgz"];
    run(near.path(), &extract).remarks("");
    near.export(&["--thick-bundle", &format!("{BUNDLE}=shop.tgz")]).remarks("");
    far.put(&fs::read(near.path().join("out.sealift")).unwrap());
    far.serve(&["shop.sealift"]).hints(
        10,
        "is only inside a thick bundle",
        "deliver it with `sealift import` to a registry or a layout instead: it cannot be served from its file; nothing was served",
    );
}

#[test]
fn two_archives_for_one_tag() {
    let far = Far::taking_everything();
    for (name, content) in [("one.sealift", "one"), ("other.sealift", "other")] {
        let mut sample = sample();
        let image = sealift_sample_publisher::image::multi_platform_image;
        let image = image(&mut sample.blobs, "app", content.as_bytes(), &["amd64"]).unwrap();
        let archive = Consignment::of_images(&sample, &[("example.com/org/app:1", &image)], now()).archive();
        fs::write(far.folder().join(name), archive).unwrap();
    }
    far.serve(&["one.sealift", "other.sealift"]).hints(
        14,
        "example.com/org/app:1 is sha256:",
        "serve each of the two by a command of its own, with another --listen; or name what is served with --select, and of the two only one, by its digest; nothing was served",
    );
}

#[test]
fn addresses_and_certificates() {
    let far = Far::taking_everything();
    far.put(&packed(&sample()).archive());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    far.serve(&["shop.sealift", "--listen", &taken.local_addr().unwrap().to_string()]).hints(
        1,
        "in use",
        "name an address of this machine and a port that is free, for example --listen 127.0.0.1:5001; nothing was served",
    );
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    fs::write(far.folder().join("own.pem"), certificate.pem()).unwrap();
    fs::write(far.folder().join("own.key"), key.serialize_pem()).unwrap();
    fs::write(far.folder().join("other.key"), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    far.serve(&["shop.sealift", "--tls-cert", "own.key", "--tls-key", "own.key"]).hints(
        1,
        "it holds no certificate",
        "correct or replace own.key: it has to hold a certificate in PEM; nothing was served",
    );
    far.serve(&["shop.sealift", "--tls-cert", "own.pem", "--tls-key", "other.key"]).hints(
        1,
        "cannot use the private key in other.key",
        "correct other.key: it has to hold the private key, in PEM, of the certificate that --tls-cert names; nothing was served",
    );
}

#[test]
fn a_name_that_no_archive_has() {
    let far = Far::taking_everything();
    far.put(&packed(&sample()).archive());
    fs::copy(far.folder().join("shop.sealift"), far.folder().join("other.sealift")).unwrap();
    let hint = "list the names and platforms that the archive has: sealift inspect ARCHIVE; nothing was written";
    far.serve(&["shop.sealift", "other.sealift", "--select", "example.com/demo/other:1"]).hints(
        2,
        "none of the 2 archives has example.com/demo/other:1; they have example.com/demo/shop:1.0.0, ",
        hint,
    );
}
