//! Manifests from and to a registry.

use sealift_archive_format::{Digest, DigestAlgorithm};
use sealift_core::oci::media_type::{DOCKER_MANIFEST, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ManifestBytes, ManifestError, Reference};
use sealift_core::registry::{RegistryError, own_remedy};
use sealift_core::remedy::Remedy;
use sealift_tests::registry::{Action, Answer, Fault, Registry};

use super::client;

const MANIFEST: &[u8] = br#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0},"layers":null}"#;

fn reference(registry: &Registry, rest: &str) -> Reference {
    format!("{}/app{rest}", registry.domain()).parse().unwrap()
}

#[test]
fn a_manifest_is_found_by_tag_and_by_digest_byte_for_byte() {
    let registry = Registry::start();
    let descriptor = registry.add_manifest("app", "1", OCI_MANIFEST, MANIFEST);
    for rest in [":1".to_owned(), format!("@{}", descriptor.digest), format!(":other@{}", descriptor.digest)] {
        let manifest = client().resolve(&reference(&registry, &rest)).unwrap();
        assert_eq!((manifest.descriptor(), manifest.bytes()), (&descriptor, MANIFEST));
    }
    assert!(
        registry.state().received.iter().any(|request| request.header("accept").unwrap().contains(DOCKER_MANIFEST))
    );
    let repository = registry.repository("app");
    assert!(client().has_manifest(&repository, &descriptor.digest).unwrap());
    assert!(!client().has_manifest(&repository, &Digest::sha256(b"other")).unwrap());
    let missing = client().resolve(&reference(&registry, ":2"));
    assert!(matches!(missing, Err(RegistryError::ManifestNotFound { reference, .. }) if reference == "2"));
}

#[test]
fn other_bytes_than_those_of_the_digest_are_refused() {
    let registry = Registry::start();
    let other = Digest::sha256(b"other");
    let manifest = (OCI_MANIFEST.to_owned(), MANIFEST.to_vec());
    registry.state().manifests.insert(("app".into(), other.to_string()), manifest);
    let resolved = client().resolve(&reference(&registry, &format!("@{other}")));
    assert!(matches!(resolved, Err(RegistryError::DigestHeader { .. })));
    // Without the header that gives it away:
    let answer = Answer::new(200, &[("content-type", OCI_MANIFEST)], MANIFEST.to_vec());
    registry.inject(Fault::always("GET", "/manifests/", Action::Answer(answer)));
    let is_mismatch = |error: RegistryError| match error {
        RegistryError::Manifest { source, .. } => matches!(*source, ManifestError::Mismatch { .. }),
        _ => false,
    };
    assert!(is_mismatch(client().resolve(&reference(&registry, &format!("@{other}"))).unwrap_err()));
    let described = Descriptor::new(OCI_MANIFEST, other, MANIFEST.len() as u64);
    assert!(is_mismatch(client().manifest(&registry.repository("app"), &described).unwrap_err()));
}

#[test]
fn a_registry_that_announces_another_digest_is_not_believed() {
    let registry = Registry::start();
    for announced in ["nonsense", "sha256:00", &Digest::sha256(b"other").to_string()] {
        let headers = [("content-type", OCI_MANIFEST), ("docker-content-digest", announced)];
        let action = Action::Answer(Answer::new(200, &headers, MANIFEST.to_vec()));
        registry.inject(Fault::once("GET", "/manifests/1", action));
        assert!(matches!(client().resolve(&reference(&registry, ":1")), Err(RegistryError::DigestHeader { .. })));
    }
}

#[test]
fn a_digest_in_quotes_and_a_type_that_says_nothing_are_read() {
    let registry = Registry::start();
    let quoted = format!("\"{}\"", Digest::sha256(MANIFEST));
    for media_type in [OCI_MANIFEST, "binary/octet-stream", "application/octet-stream"] {
        let headers = [("content-type", media_type), ("docker-content-digest", &*quoted)];
        let own_type = MANIFEST.to_vec();
        registry.inject(Fault::once("GET", "/manifests/1", Action::Answer(Answer::new(200, &headers, own_type))));
        let read = client().resolve(&reference(&registry, ":1")).unwrap();
        assert_eq!(read.descriptor().media_type, OCI_MANIFEST, "{media_type}");
    }
}

#[test]
fn a_manifest_of_another_type_than_announced_is_refused() {
    let registry = Registry::start();
    let own_type = String::from_utf8_lossy(MANIFEST).replacen('{', &format!("{{\"mediaType\":\"{OCI_MANIFEST}\","), 1);
    registry.add_manifest("app", "1", DOCKER_MANIFEST, own_type.as_bytes());
    let error = client().resolve(&reference(&registry, ":1")).unwrap_err();
    assert!(
        matches!(error, RegistryError::Manifest { source, .. } if matches!(*source, ManifestError::MediaTypeDiffers { .. }))
    );
}

#[test]
fn a_manifest_by_another_algorithm_than_the_registry_knows_is_called_so() {
    let registry = Registry::start();
    let answer = Answer::new(400, &[], br#"{"errors":[{"code":"DIGEST_INVALID"}]}"#.to_vec());
    registry.inject(Fault::always("PUT", "/manifests/", Action::Answer(answer)));
    let put = |algorithm| {
        let descriptor = Descriptor::new(OCI_MANIFEST, Digest::of(algorithm, MANIFEST), MANIFEST.len() as u64);
        let manifest = ManifestBytes::new(descriptor, MANIFEST.to_vec()).unwrap();
        client().put_manifest(&registry.repository("app"), None, &manifest).unwrap_err()
    };
    let refused = put(DigestAlgorithm::Sha512);
    assert!(matches!(refused, RegistryError::DigestAlgorithm { .. }), "{refused:?}");
    assert_eq!(own_remedy(&refused), Some(Remedy::DeliverInAnotherForm));
    assert!(matches!(put(DigestAlgorithm::Sha256), RegistryError::Http(_)), "which it says for another reason");
}

#[test]
fn a_manifest_is_stored_as_it_is_under_digest_and_tag() {
    let registry = Registry::start();
    let descriptor = Descriptor::of(OCI_MANIFEST, MANIFEST);
    let manifest = ManifestBytes::new(descriptor.clone(), MANIFEST.to_vec()).unwrap();
    let repository = registry.repository("team/app");
    client().put_manifest(&repository, None, &manifest).unwrap();
    client().put_manifest(&repository, Some(&"1".parse().unwrap()), &manifest).unwrap();
    let stored = (OCI_MANIFEST.to_owned(), MANIFEST.to_vec());
    for name in ["1", &descriptor.digest.to_string()] {
        assert_eq!(registry.state().manifests[&("team/app".to_owned(), name.to_owned())], stored);
    }
    let other = Digest::sha256(b"other").to_string();
    registry.inject(Fault::once("PUT", "/manifests/", Action::status(201, &[("docker-content-digest", &other)])));
    let confirmed = client().put_manifest(&repository, None, &manifest);
    assert!(matches!(confirmed, Err(RegistryError::DigestHeader { .. })));
    // A registry that knows content by another algorithm is compared by that.
    let digest = Digest::of(DigestAlgorithm::Sha512, MANIFEST);
    let descriptor = Descriptor::new(OCI_MANIFEST, digest.clone(), MANIFEST.len() as u64);
    let manifest = ManifestBytes::new(descriptor, MANIFEST.to_vec()).unwrap();
    client().put_manifest(&repository, None, &manifest).unwrap();
    let name = Reference::new(repository.clone(), None, Some(digest));
    assert_eq!(client().resolve(&name).unwrap(), manifest);
    registry.inject(Fault::once("PUT", "/manifests/", Action::status(201, &[("docker-content-digest", &other)])));
    let confirmed = client().put_manifest(&repository, None, &manifest);
    assert!(matches!(confirmed, Err(RegistryError::DigestHeader { .. })));
    let headers = [("docker-content-digest", other.as_str()), ("content-type", OCI_MANIFEST)];
    registry.inject(Fault::once("GET", "/manifests/", Action::Answer(Answer::new(200, &headers, MANIFEST.to_vec()))));
    assert!(matches!(client().resolve(&name), Err(RegistryError::DigestHeader { .. })));
}
