//! Names, addresses, credentials and files that cannot be used, each by the reason.

use std::fs;

use sealift_core::authorization::{AuthorizationError, CredentialError, Credentials, HelperError};
use sealift_core::http::{Url, UrlError};
use sealift_core::layout::{LayoutError, LayoutSink, LayoutSource};
use sealift_core::oci::media_type::OCI_MANIFEST;
use sealift_core::oci::{Descriptor, Reference, ReferenceError};
use sealift_core::registry::{RegistryError, UploadError};
use sealift_core::transfer::Checked;
use sealift_tests::registry::{Action, Fault, Registry};

use super::{client, client_with};

/// The longest address that is used, in bytes.
const LONGEST_URL: usize = 8 * 1024;

#[test]
fn a_text_that_is_not_a_reference_says_in_which_part() {
    let parse = |text: &str| text.parse::<Reference>().unwrap_err();
    assert!(matches!(parse(""), ReferenceError::Length { length: 0 }));
    assert!(matches!(parse(&"a".repeat(1025)), ReferenceError::Length { length: 1025 }));
    assert!(matches!(parse("-r.example/a:1"), ReferenceError::Domain(_)));
    assert!(matches!(parse("r.example/A:1"), ReferenceError::Path { .. }));
    assert!(matches!(parse("r.example/a//b"), ReferenceError::Path { .. }));
    let long = format!("r.example/{}", "a".repeat(256));
    assert!(matches!(parse(&long), ReferenceError::PathLength { length: 256 }));
    assert!(format!("r.example/{}", "a".repeat(255)).parse::<Reference>().is_ok());
    assert!(matches!(parse(&"a1".repeat(32)), ReferenceError::Ambiguous(_)));
    assert!(matches!(parse("r.example/a:-1"), ReferenceError::Tag { .. }));
    assert!(matches!(parse(&format!("r.example/a:{}", "1".repeat(129))), ReferenceError::Tag { .. }));
    assert!(matches!(parse("r.example/a@sha256:00"), ReferenceError::Digest(_)));
}

#[test]
fn an_address_has_a_limit() {
    let url = |length: usize| format!("https://r.example/{}", "a".repeat(length - 18)).parse::<Url>();
    let too_long = (1..=20).map(|power| 1_usize << power).filter(|length| *length > 18);
    let refused = too_long.map(url).find_map(Result::err).unwrap();
    assert!(matches!(refused, UrlError::Length { .. }), "{refused:?}");
}

#[test]
fn a_token_service_without_an_address_is_not_asked() {
    let registry = Registry::start();
    registry.add_manifest("app", "1", OCI_MANIFEST, b"{}");
    for realm in ["not an address", "ftp://r.example/token", "token", ""] {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"test\"");
        registry.inject(Fault::once("GET", "/manifests/", Action::status(401, &[("www-authenticate", &challenge)])));
        let refused = client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).unwrap_err();
        assert!(
            matches!(refused, RegistryError::Authorization(AuthorizationError::Realm { .. })),
            "{realm}: {refused:?}"
        );
    }
    // With what is asked for, it is longer than any URL.
    let realm = format!("http://{}/{}", registry.domain(), "a".repeat(8100));
    let challenge = format!("Bearer realm=\"{realm}\",service=\"{}\"", "s".repeat(100));
    registry.inject(Fault::once("GET", "/manifests/", Action::status(401, &[("www-authenticate", &challenge)])));
    let refused = client().resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).unwrap_err();
    assert!(matches!(refused, RegistryError::Authorization(AuthorizationError::Url(_))), "{refused:?}");
}

#[test]
fn an_upload_whose_address_has_no_room_for_the_digest_is_an_error() {
    let registry = Registry::start();
    let blob = Descriptor::of("application/octet-stream", b"blob");
    let location = format!("http://{}/v2/app/blobs/uploads/1?state={}", registry.domain(), "x".repeat(LONGEST_URL));
    let location = &location[..LONGEST_URL];
    registry.inject(Fault::always("POST", "/blobs/uploads/", Action::status(202, &[("location", location)])));
    let content = &mut Checked::new(&b"blob"[..], &blob);
    let refused = client().put_blob(&registry.repository("app"), &blob, content).unwrap_err();
    assert!(matches!(refused, UploadError::Registry(RegistryError::Url(_))), "{refused:?}");
}

#[test]
fn credentials_that_cannot_be_read_are_an_error_and_not_none() {
    let registry = Registry::start();
    registry.add_manifest("app", "1", OCI_MANIFEST, b"{}");
    registry.state().authentication = Some(super::authentication::basic());
    let broken = format!(r#"{{"auths":{{"{}":{{"auth":"???"}}}}}}"#, registry.domain());
    let refused = client_with(&broken).resolve(&format!("{}/app:1", registry.domain()).parse().unwrap()).unwrap_err();
    assert!(
        matches!(
            refused,
            RegistryError::Authorization(AuthorizationError::Credentials { source: CredentialError::Auth { .. }, .. })
        ),
        "{refused:?}"
    );

    let long = vec![b' '; 64 << 20];
    assert!(matches!(Credentials::from_docker_config(&long), Err(CredentialError::Length { .. })));

    let folder = tempfile::tempdir().unwrap();
    let config = br#"{"credHelpers":{"r.example":"absent"}}"#;
    let credentials = Credentials::from_docker_config(config).unwrap().with_helper_folder(folder.path().to_owned());
    let refused = credentials.find("r.example/a:1".parse::<Reference>().unwrap().repository()).unwrap_err();
    assert!(
        matches!(&refused, CredentialError::Helper { helper, source: HelperError::Run { .. } } if helper == "absent"),
        "{refused:?}"
    );
}

#[test]
fn a_layout_that_cannot_be_read_says_which_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("oci-layout"), b"{").unwrap();
    fs::write(folder.path().join("index.json"), br#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
    let refused = LayoutSource::open(folder.path()).err().unwrap();
    assert!(matches!(&refused, LayoutError::Json { path, .. } if path.ends_with("oci-layout")), "{refused:?}");
    let file = folder.path().join("index.json");
    let refused = LayoutSink::open(&file.join("layout")).err().unwrap();
    assert!(matches!(&refused, LayoutError::Access { path, .. } if path.starts_with(&file)), "{refused:?}");
}
