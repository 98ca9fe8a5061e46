//! Against registries that others made, and looked at with `skopeo`.

use std::io::Read as _;
use std::process::Command;
use std::time::Duration;

use sealift_archive_format::{Digest, DigestAlgorithm};
use sealift_core::authorization::Credentials;
use sealift_core::http::{HttpClient, HttpSettings, OnRetry, Retries};
use sealift_core::oci::{Descriptor, ForeignLayers, Graph, Platforms, Reference, Repository};
use sealift_core::registry::{RegistryClient, RegistryError, RegistrySink, RegistrySource, UploadError};
use sealift_core::transfer::{Checked, Repeatable, Source};
use sealift_tests::cutting_proxy::CuttingProxy;
use sealift_tests::images::Image;
use sealift_tests::outside_programs;
use sealift_tests::real_registry::{self, RealRegistry};

use super::{client, content, settings};

fn reference(registry: &RealRegistry, rest: &str) -> Reference {
    format!("{}/{rest}", registry.domain()).parse().unwrap()
}

#[test]
fn an_image_with_two_platforms_arrives_byte_for_byte() {
    let skopeo = outside_programs::find("skopeo");
    for registry in real_registry::each() {
        let image = Image::for_two_platforms("real");
        let name = reference(&registry, "team/app:1.0");
        image.push(&RegistrySink::new(client()), &name).unwrap();

        let source = RegistrySource::new(client());
        let root = source.resolve(&name).unwrap();
        let walked = Graph::walk(root, &Platforms::All, ForeignLayers::Refuse, |child| {
            source.manifest(name.repository(), child)
        });
        let graph = walked.unwrap();
        assert_eq!(graph.manifests(), image.manifests);
        for blob in graph.blobs() {
            let mut content = Vec::new();
            source.blob(name.repository(), blob).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content, image.blobs[&blob.digest].1);
        }
        assert_eq!(client().tags(name.repository()).unwrap(), ["1.0".parse().unwrap()]);
        assert!(client().referrers(name.repository(), &graph.root().descriptor().digest, None).unwrap().is_empty());

        for (skopeo, manifest) in skopeo.iter().flat_map(|skopeo| image.manifests.iter().map(move |it| (skopeo, it))) {
            let name = format!("docker://{}@{}", name.repository(), manifest.descriptor().digest);
            let output = Command::new(skopeo).args(["inspect", "--raw", "--tls-verify=false", &name]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(output.stdout, manifest.bytes());
        }
    }
}

#[test]
fn a_layer_that_is_known_by_sha512_arrives() {
    for registry in real_registry::each() {
        let content = b"a layer".to_vec();
        let digest = Digest::of(DigestAlgorithm::Sha512, &content);
        let layer = Descriptor::new("application/vnd.oci.image.layer.v1.tar", digest.clone(), content.len() as u64);
        let mut image = Image::new("linux/amd64", &[]);
        let mut document: serde_json::Value = serde_json::from_slice(image.root().bytes()).unwrap();
        document["layers"] = serde_json::json!([layer]);
        image.blobs.insert(digest, (layer.clone(), content.clone()));
        let image = image.with_manifest(&document);
        let sink = RegistrySink::new(client());
        for name in ["sha512/first:1", "sha512/second:1"] {
            let name = reference(&registry, name);
            image.push(&sink, &name).unwrap();
            let source = RegistrySource::new(client());
            let mut read = Vec::new();
            source.blob(name.repository(), &layer).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, content);
        }
    }
}

#[test]
fn a_second_repository_gets_its_blobs_by_mount() {
    for registry in real_registry::each() {
        let image = Image::for_two_platforms("mounted");
        let sink = RegistrySink::new(client());
        for name in ["first:1", "second:1"] {
            image.push(&sink, &reference(&registry, name)).unwrap();
        }
        let name = reference(&registry, "second:1");
        let resolved = RegistrySource::new(client()).resolve(&name).unwrap();
        assert_eq!(resolved.bytes(), image.root().bytes());
        assert_eq!(registry.open_uploads("second"), 0, "no upload was opened in the second repository");
    }
}

/// How often content can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    Once,
    Again,
}

const BOTH: [Readable; 2] = [Readable::Once, Readable::Again];

/// A client that gives a registry time to notice what was cut.
fn patient() -> RegistryClient {
    let on_retry =
        OnRetry::call(|retry| eprintln!("{}, after {}: again in {:?}", retry.host, retry.reason, retry.wait));
    let retries = Retries { first_delay: Duration::from_millis(50), ..Retries::default() };
    let settings = HttpSettings { on_retry, retries, ..settings() };
    RegistryClient::new(HttpClient::new(settings).unwrap(), Credentials::none())
}

fn put(domain: &str, readable: Readable, bytes: &[u8], descriptor: &Descriptor) -> Result<(), UploadError> {
    let repository = Repository::new(domain, "app").unwrap();
    let open = || Checked::new(bytes, descriptor);
    match readable {
        Readable::Once => patient().put_blob(&repository, descriptor, &mut open()),
        Readable::Again => patient().put_blob(&repository, descriptor, &mut Repeatable::new(open(), || Ok(open()))),
    }
}

fn is_stored(registry: &RealRegistry, bytes: &[u8], descriptor: &Descriptor) -> bool {
    let mut stored = Vec::new();
    let repository = Repository::new(&registry.domain(), "app").unwrap();
    let read = client().blob(&repository, descriptor).map(|mut blob| blob.read_to_end(&mut stored));
    matches!(read, Ok(Ok(_))) && stored == bytes
}

#[test]
fn blobs_arrive_in_one_stream_and_in_pieces() {
    for registry in real_registry::each() {
        for (readable, length) in BOTH.into_iter().zip([40 << 20, (40 << 20) + 1]) {
            let bytes = content(length);
            let descriptor = Descriptor::of("", &bytes);
            put(&registry.domain(), readable, &bytes, &descriptor).unwrap();
            assert!(is_stored(&registry, &bytes, &descriptor), "{readable:?}");
        }
    }
}

#[test]
fn content_that_turns_out_wrong_is_not_stored() {
    for registry in real_registry::each() {
        for (readable, length) in BOTH.into_iter().flat_map(|it| [1_000_000, 14 << 20].map(|length| (it, length))) {
            let mut bytes = content(length);
            let descriptor = Descriptor::of("", &bytes);
            bytes[0] ^= 1;
            let sent = put(&registry.domain(), readable, &bytes, &descriptor);
            assert!(matches!(sent, Err(UploadError::Content(_))), "{readable:?} {length}: {sent:?}");
            let repository = Repository::new(&registry.domain(), "app").unwrap();
            assert!(!client().has_blob(&repository, &descriptor).unwrap(), "{readable:?} {length}");
        }
    }
}

/// A piece is sent again from memory, or the whole in another session where it can be read again.
#[test]
fn an_upload_that_is_cut_goes_on_or_begins_again() {
    const LARGE: u64 = 14 << 20;
    let (piece, mebibyte) = (5 << 20, 1 << 20);
    for registry in real_registry::each() {
        for (number, cut) in
            [200_000, piece - 100_000, piece + 100_000, 7 * mebibyte, 13 * mebibyte].into_iter().enumerate()
        {
            let length = LARGE + 2 * number as u64;
            let bytes = content(usize::try_from(length).unwrap());
            let descriptor = Descriptor::of("", &bytes);
            let proxy = CuttingProxy::before(&registry.domain(), &[cut]);
            let sent = put(&proxy.domain(), Readable::Once, &bytes, &descriptor);
            if registry.product.keeps_cut_pieces || cut < piece {
                sent.unwrap_or_else(|error| panic!("cut at {cut}: {error:?}"));
                assert!(is_stored(&registry, &bytes, &descriptor), "{cut}");
                let twice = proxy.passed().saturating_sub(length);
                assert!(twice <= piece + 100_000, "what was held is sent twice at most: {twice}, cut at {cut}");
            } else {
                let is_gone = matches!(sent, Err(UploadError::Registry(RegistryError::UploadGone { .. })));
                assert!(is_gone, "cut at {cut}: {sent:?}");
            }

            let bytes = content(usize::try_from(length + 1).unwrap());
            let descriptor = Descriptor::of("", &bytes);
            // First the stream, and then a piece.
            let proxy = CuttingProxy::before(&registry.domain(), &[cut, 2 * cut]);
            let sent = put(&proxy.domain(), Readable::Again, &bytes, &descriptor);
            sent.unwrap_or_else(|error| panic!("cut at {cut} twice: {error:?}"));
            assert!(is_stored(&registry, &bytes, &descriptor), "{cut}");
            assert!(proxy.passed() > length + cut, "it was cut at {cut}");
        }
    }
}
