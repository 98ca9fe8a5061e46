//! Tags and referrers.

use std::collections::BTreeMap;

use sealift_archive_format::Digest;
use sealift_core::oci::Descriptor;
use sealift_core::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use sealift_core::registry::RegistryError;
use sealift_tests::registry::{Action, Answer, Fault, Registry};
use serde_json::json;

use super::client;

fn tags(registry: &Registry) -> Result<Vec<String>, RegistryError> {
    Ok(client().tags(&registry.repository("app"))?.iter().map(ToString::to_string).collect())
}

#[test]
fn tags_are_read_over_all_pages() {
    let registry = Registry::start();
    let expected: Vec<String> = (10..35).map(|number| format!("v{number}")).collect();
    for tag in &expected {
        registry.add_manifest("app", tag, OCI_MANIFEST, b"{}");
    }
    registry.state().page_length = Some(4);
    assert_eq!(tags(&registry).unwrap(), expected);
    assert_eq!(registry.count("GET", "/tags/list"), 7);
}

#[test]
fn a_list_that_never_ends_or_leads_away_is_an_error() {
    for next in ["</v2/app/tags/list>; rel=next", "<http://localhost:1/v2/app/tags/list>; rel=next"] {
        let registry = Registry::start();
        let answer = Answer::new(200, &[("link", next)], br#"{"tags":["a"]}"#.to_vec());
        registry.inject(Fault::always("GET", "/tags/list", Action::Answer(answer)));
        assert!(matches!(tags(&registry), Err(RegistryError::ListContinues { .. })), "{next}");
        assert!(registry.count("GET", "/tags/list") <= 200);
    }
}

#[test]
fn what_is_not_a_list_is_an_error_and_what_is_not_a_tag_is_left_out() {
    let registry = Registry::start();
    let answer = |body: &[u8]| Action::Answer(Answer::new(200, &[], body.to_vec()));
    registry.inject(Fault::once("GET", "/tags/list", answer(b"<html>")));
    assert!(matches!(tags(&registry), Err(RegistryError::List { .. })));
    registry.inject(Fault::once("GET", "/tags/list", answer(br#"{"tags":["../../x","ok",""]}"#)));
    assert_eq!(tags(&registry).unwrap(), ["ok"]);
    registry.inject(Fault::once("GET", "/tags/list", answer(br#"{"tags":null}"#)));
    assert!(tags(&registry).unwrap().is_empty());
}

#[test]
fn a_list_that_others_read_in_another_way_is_an_error() {
    let registry = Registry::start();
    let subject = Digest::sha256(b"subject");
    let listed = json!(referrer("1", "a/signature"));
    for list in [
        format!(r#"{{"schemaVersion":2,"manifests":[],"Manifests":[{listed}]}}"#),
        format!(r#"{{"schemaVersion":2,"manife\u017fts":[{listed}]}}"#),
        format!(r#"{{"schemaVersion":2,"manifests":[],"manifests":[{listed}]}}"#),
    ] {
        let page = Answer::new(200, &[("content-type", OCI_INDEX)], list.clone().into_bytes());
        registry.inject(Fault::once("GET", "/referrers/", Action::Answer(page)));
        let found = client().referrers(&registry.repository("app"), &subject, None);
        assert!(matches!(found, Err(RegistryError::List { .. })), "{list}: {found:?}");
        registry.add_manifest("app", &format!("sha256-{}", subject.hex()), OCI_INDEX, list.as_bytes());
        let found = client().referrers(&registry.repository("app"), &subject, None);
        assert!(matches!(found, Err(RegistryError::Manifest { .. })), "{list}: {found:?}");
    }
}

fn referrer(content: &str, artifact_type: &str) -> Descriptor {
    Descriptor { artifact_type: Some(artifact_type.to_owned()), ..Descriptor::of(OCI_MANIFEST, content.as_bytes()) }
}

#[test]
fn referrers_come_from_the_interface_or_from_the_tag() {
    let registry = Registry::start();
    let subject = Digest::sha256(b"subject");
    let (signature, sbom) = (referrer("1", "a/signature"), referrer("2", "a/sbom"));
    let find = |wanted: Option<&str>| client().referrers(&registry.repository("app"), &subject, wanted).unwrap();
    assert!(find(None).is_empty());

    let both = vec![signature.clone(), sbom.clone()];
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": both}).to_string();
    registry.add_manifest("app", &format!("sha256-{}", subject.hex()), OCI_INDEX, index.as_bytes());
    assert_eq!(find(None), both);
    assert_eq!(find(Some("a/sbom")), std::slice::from_ref(&sbom));

    let page = Answer::new(200, &[("content-type", "text/html")], b"<html>".to_vec());
    registry.inject(Fault::once("GET", "/referrers/", Action::Answer(page)));
    assert_eq!(find(None), both, "a page that is no index is no interface");

    let listed = BTreeMap::from([(("app".to_owned(), subject.to_string()), vec![signature.clone()])]);
    registry.state().referrers = Some(listed);
    assert_eq!(find(None), [signature], "the interface counts where there is one");
    assert!(find(Some("a/sbom")).is_empty());
}
