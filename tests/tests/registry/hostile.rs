//! Registries that want to exhaust us.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use sealift_archive_format::Digest;
use sealift_core::authorization::Credentials;
use sealift_core::http::{HttpClient, HttpError};
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::oci::{Descriptor, Platforms};
use sealift_core::oci::{ForeignLayers, Graph, GraphError, ManifestBytes};
use sealift_core::registry::{RegistryClient, RegistryError};
use sealift_tests::registry::{Action, Answer, Fault, Registry};

use super::{client, impatient};

/// 300 MiB.
const HUGE: u64 = 300 << 20;

/// Writes a huge body and counts how much of it went out.
fn huge(announced: bool, sent: &Arc<AtomicU64>) -> Action {
    let sent = sent.clone();
    Action::write(move |to| {
        write!(to, "HTTP/1.1 200 -\r\ncontent-type: {OCI_MANIFEST}\r\n")?;
        if announced {
            write!(to, "content-length: {HUGE}\r\n")?;
        }
        to.write_all(b"\r\n")?;
        for _ in 0..HUGE / 65536 {
            to.write_all(&[b' '; 65536])?;
            sent.fetch_add(65536, Ordering::SeqCst);
        }
        Ok(())
    })
}

#[test]
fn a_manifest_of_300_mib_is_refused_at_the_limit() {
    for announced in [true, false] {
        let registry = Registry::start();
        let sent = Arc::new(AtomicU64::new(0));
        registry.inject(Fault::always("GET", "/manifests/", huge(announced, &sent)));
        let resolved = client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap());
        assert!(matches!(resolved, Err(RegistryError::Http(HttpError::TooLarge { .. }))));
        let described = Descriptor::new(OCI_MANIFEST, Digest::sha256(b""), 100);
        let fetched = client().manifest(&registry.repository("app"), &described);
        assert!(matches!(fetched, Err(RegistryError::Http(HttpError::TooLarge { limit: 100, .. }))));
        // What was not read is at most what the buffers of two connections hold.
        assert!(sent.load(Ordering::SeqCst) < HUGE / 4);
    }
}

#[test]
fn a_manifest_described_as_huge_is_not_even_asked_for() {
    let registry = Registry::start();
    let described = Descriptor::new(OCI_MANIFEST, Digest::sha256(b""), HUGE);
    let fetched = client().manifest(&registry.repository("app"), &described);
    assert!(matches!(fetched, Err(RegistryError::Manifest { .. })));
    assert_eq!(registry.count("GET", "/manifests/"), 0);
}

fn impatient_client() -> RegistryClient {
    RegistryClient::new(HttpClient::new(impatient()).unwrap(), Credentials::none())
}

#[test]
fn a_header_that_comes_byte_by_byte_is_not_waited_for() {
    let registry = Registry::start();
    let slow = Action::write(|to| {
        for byte in b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n\r\n" {
            to.write_all(&[*byte])?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    });
    registry.inject(Fault::always("GET", "/manifests/", slow));
    let resolved = impatient_client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap());
    assert!(matches!(resolved, Err(RegistryError::Http(HttpError::Transport { .. }))));
}

#[test]
fn a_body_that_comes_byte_by_byte_has_a_deadline() {
    let registry = Registry::start();
    let slow = Action::write(|to| {
        to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")?;
        loop {
            to.write_all(b"x")?;
            thread::sleep(Duration::from_millis(50));
        }
    });
    registry.inject(Fault::always("GET", "/blobs/", slow));
    let described = Descriptor::new("", Digest::sha256(b""), 1000);
    let mut blob = impatient_client().blob(&registry.repository("app"), &described).unwrap();
    assert!(blob.read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn a_registry_that_says_nothing_is_not_waited_for() {
    let registry = Registry::start();
    let silent = Action::write(|_| {
        thread::sleep(Duration::from_secs(5));
        Ok(())
    });
    registry.inject(Fault::always("HEAD", "/blobs/", silent));
    let asked = impatient_client().has_blob(&registry.repository("app"), &Descriptor::of("", b""));
    assert!(matches!(asked, Err(RegistryError::Http(HttpError::Transport { .. }))));
}

#[test]
fn headers_have_a_limit() {
    let registry = Registry::start();
    let endless = Action::write(|to| {
        to.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            to.write_all(b"x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")?;
        }
    });
    registry.inject(Fault::always("GET", "/manifests/", endless));
    assert!(client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).is_err());
}

#[test]
fn nonsense_instead_of_http_is_an_error() {
    for nonsense in [&b"\0\0\0\0"[..], b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b""] {
        let registry = Registry::start();
        registry.inject(Fault::always("GET", "/manifests/", Action::write(|to| to.write_all(nonsense))));
        assert!(client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).is_err());
    }
}

#[test]
fn an_index_that_lists_a_huge_manifest_is_refused_while_walking() {
    let registry = Registry::start();
    let child = Descriptor::new(OCI_MANIFEST, Digest::sha256(b"x"), 1 << 40);
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [child]}).to_string();
    registry.add_manifest("app", "1", "application/vnd.oci.image.index.v1+json", index.as_bytes());
    let root: ManifestBytes = client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).unwrap();
    let (client, repository) = (client(), registry.repository("app"));
    let fetch = |descriptor: &Descriptor| client.manifest(&repository, descriptor);
    let graph = Graph::walk(root, &Platforms::All, ForeignLayers::Refuse, fetch);
    assert!(matches!(graph, Err(GraphError::Fetch { .. })));
}

#[test]
fn a_lying_content_length_is_noticed() {
    let registry = Registry::start();
    let blob = registry.add_blob("app", b"0123456789");
    let short = Answer::new(200, &[("content-length", "5")], b"0123456789".to_vec());
    registry.inject(Fault::always("GET", "/blobs/", Action::Answer(short)));
    let mut reader = client().blob(&registry.repository("app"), &blob).unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn a_repository_with_endless_tags_is_refused() {
    let registry = Registry::start();
    let tags: Vec<String> = (0..60_000).map(|number| format!("tag-{number}")).collect();
    let body = serde_json::json!({ "tags": tags }).to_string().into_bytes();
    let page = Answer::new(200, &[("link", "</v2/app/tags/list?last=x>; rel=next")], body);
    registry.inject(Fault::always("GET", "/tags/list", Action::Answer(page)));
    assert!(matches!(client().tags(&registry.repository("app")), Err(RegistryError::ListContinues { .. })));
    assert_eq!(registry.count("GET", "/tags/list"), 2);
}
