//! Blobs to a registry.

use sealift_archive_format::{Digest, DigestAlgorithm};
use sealift_core::oci::Descriptor;
use sealift_core::registry::{RegistryClient, RegistryError, RegistrySink, UploadError};
use sealift_core::transfer::{Checked, ContentError, SinkError};
use sealift_tests::images::{Image, put_blob};
use sealift_tests::registry::{Action, Fault, Registry};

use super::{client, content};

fn put(client: &RegistryClient, registry: &Registry, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), UploadError> {
    client.put_blob(&registry.repository("app"), descriptor, &mut Checked::new(bytes, descriptor))
}

#[test]
fn a_blob_is_sent_in_one_piece_of_known_length() {
    let registry = Registry::start();
    for length in [0, 10, 1_000_000] {
        let bytes = content(length);
        let descriptor = Descriptor::of("", &bytes);
        put(&client(), &registry, &descriptor, &bytes).unwrap();
        let state = registry.state();
        assert_eq!(state.blobs[&("app".to_owned(), descriptor.digest.to_string())], bytes);
        assert_eq!(state.received.last().unwrap().header("content-length"), Some(length.to_string().as_str()));
    }
}

#[test]
fn content_that_turns_out_wrong_never_arrives_whole() {
    let registry = Registry::start();
    let mut bytes = content(1_000_000);
    let descriptor = Descriptor::of("", &bytes);
    bytes[0] ^= 1;
    let error = put(&client(), &registry, &descriptor, &bytes).unwrap_err();
    let UploadError::Content(error) = error else { panic!("{error}") };
    assert!(matches!(ContentError::inside(&error), Some(ContentError::Digest { .. })));
    assert_eq!(registry.count("PUT", "/blobs/"), 0, "the request is never complete");
    assert!(registry.state().blobs.is_empty());
}

#[test]
fn content_that_does_not_end_where_it_should_is_an_error() {
    let registry = Registry::start();
    let descriptor = Descriptor::of("", &[0; 1000]);
    let Err(UploadError::Content(error)) = put(&client(), &registry, &descriptor, &[0; 2000]) else { panic!() };
    assert!(matches!(ContentError::inside(&error), Some(ContentError::Long { size: 1000, .. })), "{error}");
    assert!(registry.state().blobs.is_empty());
}

#[test]
fn what_is_answered_as_if_it_were_stored_and_is_not_is_an_error() {
    let registry = Registry::start();
    let descriptor = Descriptor::of("", b"blob");
    registry.inject(Fault::once("PUT", "/blobs/", Action::status(202, &[])));
    assert!(matches!(
        put(&client(), &registry, &descriptor, b"blob"),
        Err(UploadError::Registry(RegistryError::NotStored { status: 202, .. }))
    ));
}

#[test]
fn an_upload_that_the_registry_refuses_is_an_error() {
    let registry = Registry::start();
    let descriptor = Descriptor::of("", b"blob");
    registry.inject(Fault::once("PUT", "/blobs/", Action::status(400, &[])));
    assert!(matches!(
        put(&client(), &registry, &descriptor, b"blob"),
        Err(UploadError::Registry(RegistryError::Http(_)))
    ));
    registry.inject(Fault::once("POST", "/blobs/", Action::status(202, &[])));
    let sent = put(&client(), &registry, &descriptor, b"blob");
    assert!(matches!(sent, Err(UploadError::Registry(RegistryError::UploadLocation { .. }))));
    let other = Descriptor::of("", b"other").digest.to_string();
    registry.inject(Fault::once("PUT", "/blobs/", Action::status(201, &[("docker-content-digest", &other)])));
    let sent = put(&client(), &registry, &descriptor, b"blob");
    assert!(matches!(sent, Err(UploadError::Registry(RegistryError::DigestHeader { .. }))));
}

#[test]
fn a_confirmation_in_another_algorithm_is_asked_about_by_the_digest_that_was_sent() {
    let registry = Registry::start();
    let by_sha512 = |content: &[u8]| Descriptor::new("", Digest::of(DigestAlgorithm::Sha512, content), 4);
    put(&client(), &registry, &by_sha512(b"blob"), b"blob").unwrap();
    assert_eq!(registry.count("HEAD", "/blobs/sha512:"), 1, "after it was sent");
    // One that confirms what it does not have is not believed.
    let by_sha256 = Digest::sha256(b"lost").to_string();
    registry.inject(Fault::once("PUT", "/blobs/", Action::status(201, &[("docker-content-digest", &by_sha256)])));
    let sent = put(&client(), &registry, &by_sha512(b"lost"), b"lost");
    assert!(matches!(sent, Err(UploadError::Registry(RegistryError::DigestHeader { .. }))), "{sent:?}");
}

#[test]
fn an_upload_elsewhere_is_sent_without_our_credentials() {
    let (registry, storage) = (Registry::start(), Registry::start());
    registry.state().authentication = Some(super::authentication::basic());
    let client = super::client_with(&super::authentication::config(&registry.domain()));
    let location = format!("http://localhost:{}/store", storage.port());
    registry.inject(Fault::once("POST", "/blobs/", Action::status(202, &[("location", &location)])));
    storage.inject(Fault::always("PUT", "/store", Action::status(201, &[])));
    let descriptor = Descriptor::of("", b"blob");
    put(&client, &registry, &descriptor, b"blob").unwrap();
    let state = storage.state();
    assert_eq!(state.received.len(), 1);
    assert_eq!((state.received[0].body.as_slice(), state.received[0].header("authorization")), (&b"blob"[..], None));
}

#[test]
fn a_shared_blob_is_sent_once_and_mounted_from_then_on() {
    let registry = Registry::start();
    let image = Image::for_two_platforms("shared");
    let sink = RegistrySink::new(client());
    for name in ["first", "second", "third"] {
        image.push(&sink, &format!("{}/{name}:1", registry.domain()).parse().unwrap()).unwrap();
    }
    assert_eq!(registry.count("PUT", "/first/blobs/"), image.blobs.len());
    assert_eq!(registry.count("PUT", "/second/blobs/") + registry.count("PUT", "/third/blobs/"), 0);
    assert_eq!(registry.state().blobs.len(), 3 * image.blobs.len());
}

#[test]
fn a_refused_mount_is_followed_by_an_upload_into_the_session_it_opened() {
    let registry = Registry::start();
    registry.state().refuses_mounts = true;
    let image = Image::for_two_platforms("shared");
    let sink = RegistrySink::new(client());
    for name in ["first", "second"] {
        image.push(&sink, &format!("{}/{name}:1", registry.domain()).parse().unwrap()).unwrap();
    }
    assert_eq!(registry.count("PUT", "/second/blobs/"), image.blobs.len());
    assert_eq!(registry.count("POST", "/second/blobs/"), image.blobs.len(), "no second session is opened");
    assert!(registry.state().uploads.is_empty());
    assert_eq!(registry.state().blobs.len(), 2 * image.blobs.len());
}

#[test]
fn what_is_there_is_not_sent_again() {
    let registry = Registry::start();
    let image = Image::for_two_platforms("again");
    let reference = format!("{}/app:1", registry.domain()).parse().unwrap();
    image.push(&RegistrySink::new(client()), &reference).unwrap();
    let sent = registry.count("PUT", "/blobs/");
    image.push(&RegistrySink::new(client()), &reference).unwrap();
    assert_eq!(registry.count("PUT", "/blobs/"), sent);
}

#[test]
fn a_reference_without_a_tag_leaves_no_tag_behind() {
    let registry = Registry::start();
    let image = Image::new("linux/amd64", &[("a", b"a")]);
    let digest = image.root().descriptor().digest.clone();
    let sink = RegistrySink::new(client());
    image.push(&sink, &format!("{}/app@{digest}", registry.domain()).parse().unwrap()).unwrap();
    assert!(registry.state().manifests.keys().all(|(_, name)| *name == digest.to_string()));
    let wrong = put_blob(
        &sink,
        &registry.repository("app"),
        &Descriptor::of("", b"right"),
        &mut Checked::new(&b"wrong"[..], &Descriptor::of("", b"right")),
    );
    assert!(matches!(wrong, Err(SinkError::Content(_))));
}

#[test]
fn a_tag_that_has_the_right_digest_is_left_alone() {
    let registry = Registry::start();
    let image = Image::for_two_platforms("tagged");
    let reference = format!("{}/app:1", registry.domain()).parse().unwrap();
    let set = |registry: &Registry| registry.count("PUT", "/manifests/1");
    image.push(&RegistrySink::new(client()), &reference).unwrap();
    assert_eq!(set(&registry), 1);
    image.push(&RegistrySink::new(client()), &reference).unwrap();
    assert_eq!(set(&registry), 1, "it is not set again");
    // Registries with immutable tags refuse even the same manifest.
    registry.inject(Fault::always("PUT", "/manifests/1", Action::status(409, &[])));
    image.push(&RegistrySink::new(client()), &reference).unwrap();
    registry.state().faults.clear();
    // Another image takes its place.
    let other = Image::for_two_platforms("other");
    other.push(&RegistrySink::new(client()), &reference).unwrap();
    assert_eq!(set(&registry), 2);
    let root = other.root().descriptor().digest.to_string();
    let resolves = |registry: &Registry| {
        let state = registry.state();
        sealift_archive_format::Digest::sha256(&state.manifests[&("app".to_owned(), "1".to_owned())].1).to_string()
    };
    assert_eq!(resolves(&registry), root);
    // What is unclear is set.
    for (count, unclear) in [
        Action::status(200, &[]),
        Action::status(401, &[]),
        Action::status(403, &[]),
        Action::status(404, &[]),
        Action::status(405, &[]),
        Action::status(503, &[]),
        Action::write(|_| Ok(())),
    ]
    .into_iter()
    .enumerate()
    {
        registry.inject(Fault::always("HEAD", "/manifests/1", unclear));
        other.push(&RegistrySink::new(client()), &reference).unwrap();
        registry.state().faults.clear();
        assert_eq!(set(&registry), 3 + count);
    }
}
