//! What is read as a manifest or an index, and what has another meaning or none.

use super::*;
use crate::oci::media_type::{DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn descriptor() -> String {
    format!(r#"{{"mediaType":"a/b","digest":"{DIGEST}","size":0,"annotations":null,"else":[1]}}"#)
}

fn image(extra: &str) -> String {
    format!(r#"{{"schemaVersion":2,"config":{0},"layers":[{0},{0}]{extra}}}"#, descriptor())
}

fn index(extra: &str) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{}]{extra}}}"#, descriptor())
}

fn parse(text: &str, announced: &str) -> Result<Document, ManifestError> {
    Document::parse(text.as_bytes(), announced)
}

#[test]
fn both_vendors_manifests_and_indexes_are_read() {
    for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
        assert_eq!(parse(&image(""), media_type).unwrap().children().len(), 3);
        let own = image(&format!(r#","mediaType":"{media_type}""#));
        assert!(matches!(parse(&own, "application/json; charset=utf-8"), Ok(Document::Image(_))));
    }
    for media_type in [OCI_INDEX, DOCKER_INDEX] {
        assert_eq!(parse(&index(""), media_type).unwrap().children().len(), 1);
    }
    assert!(matches!(parse(&image(""), ""), Ok(Document::Image(_))));
    assert!(matches!(parse(&index(""), ""), Ok(Document::Index(_))));
}

#[test]
fn a_cnab_configuration_manifest_has_null_layers() {
    let text = format!(r#"{{"schemaVersion":2,"config":{},"layers":null}}"#, descriptor());
    assert_eq!(parse(&text, OCI_MANIFEST).unwrap().children().len(), 1);
}

#[test]
fn a_document_cannot_be_two_things() {
    let both = image(&format!(r#","manifests":[{}]"#, descriptor()));
    for announced in [OCI_MANIFEST, OCI_INDEX, ""] {
        assert!(matches!(parse(&both, announced), Err(ManifestError::Ambiguous)), "{announced}");
    }
    let index_with_layers = index(r#","layers":[]"#);
    assert!(matches!(parse(&index_with_layers, OCI_INDEX), Err(ManifestError::Ambiguous)));
    let disguised = image(&format!(r#","mediaType":"{OCI_INDEX}""#));
    assert!(matches!(parse(&disguised, OCI_MANIFEST), Err(ManifestError::MediaTypeDiffers { .. })));
    let numbered = image(r#","mediaType":7"#);
    assert!(matches!(parse(&numbered, OCI_MANIFEST), Err(ManifestError::Json(_))));
}

#[test]
fn schema_1_and_other_documents_are_not_supported() {
    for encoding in ["prettyjws", "json"] {
        let schema_1 = format!("application/vnd.docker.distribution.manifest.v1+{encoding}");
        assert!(matches!(parse(r#"{"fsLayers":[]}"#, &schema_1), Err(ManifestError::DockerSchema1)));
    }
    assert!(matches!(parse(r#"{"schemaVersion":1,"fsLayers":[]}"#, ""), Err(ManifestError::DockerSchema1)));
    assert!(matches!(parse("{}", "text/html"), Err(ManifestError::MediaType(_))));
    assert!(matches!(parse("{}", ""), Err(ManifestError::Undeclared)));
    for version in ["", r#""schemaVersion":1,"#, r#""schemaVersion":null,"#] {
        let text = format!(r#"{{{version}"manifests":[]}}"#);
        assert!(matches!(parse(&text, OCI_INDEX), Err(ManifestError::SchemaVersion { .. })), "{text}");
    }
    assert!(matches!(parse("[[],[]]", OCI_INDEX), Err(ManifestError::Json(JsonError::Form(_)))));
    let listed = format!(r#"{{"schemaVersion":2,"manifests":[["a/b","{DIGEST}",0]]}}"#);
    assert!(matches!(parse(&listed, OCI_INDEX), Err(ManifestError::Json(JsonError::Form(_)))));
    assert!(matches!(parse(r#"{"manifests":[],"manifests":[]}"#, OCI_INDEX), Err(ManifestError::Json(_))));
}

#[test]
fn a_document_of_one_kind_is_not_read_as_another() {
    let without = |member: &str| image("").replace(&format!(r#""{member}""#), r#""other""#);
    for (text, announced, missing) in [
        (r#"{"schemaVersion":2,"name":"a bundle.json"}"#.to_owned(), OCI_INDEX, "manifests"),
        (r#"{"schemaVersion":2,"name":"a bundle.json"}"#.to_owned(), OCI_MANIFEST, "config"),
        (without("layers"), OCI_MANIFEST, "layers"),
        (without("config"), DOCKER_MANIFEST, "config"),
    ] {
        let error = parse(&text, announced).unwrap_err();
        assert!(matches!(error, ManifestError::Member { member, .. } if member == missing), "{text}: {error:?}");
    }
}

#[test]
fn a_document_has_one_meaning_for_readers_that_ignore_case_too() {
    let listed = descriptor();
    for extra in [
        format!(r#","Manifests":[{listed}]"#),
        r#","mediatype":"a/b""#.to_owned(),
        format!(r#","Subject":{listed}"#),
        format!(r#","\u017fubject":{listed}"#),
        r#","a":{"x":1,"X":2}"#.to_owned(),
        r#","annotations":{"\u212a":"1","k":"2"}"#.to_owned(),
        format!(r#","Config":{listed}"#),
    ] {
        assert!(matches!(parse(&index(&extra), OCI_INDEX), Err(ManifestError::Json(_))), "{extra}");
    }
    for (member, other) in [("digest", "Digest"), ("platform", "PLATFORM"), ("data", "Data"), ("size", "\\u017fize")] {
        let text = index("").replace(r#""size":0"#, &format!(r#""size":0,"{other}":0"#));
        assert!(matches!(parse(&text, OCI_INDEX), Err(ManifestError::Json(_))), "{member}: {text}");
    }
}

#[test]
fn a_media_type_is_compared_in_one_way() {
    let bytes = index("").into_bytes();
    let listed = |media_type: &str| Descriptor { media_type: media_type.to_owned(), ..Descriptor::of("", &bytes) };
    let upper = OCI_INDEX.to_uppercase();
    for written in ["", "application/json", "TEXT/PLAIN", "application/octet-stream; x=y", OCI_INDEX, upper.as_str()] {
        let read = ManifestBytes::new(listed(written), bytes.clone()).unwrap();
        assert_eq!(read.descriptor().media_type, OCI_INDEX, "{written}");
        read.require_listed_as(&listed(written)).unwrap();
        read.require_listed_as(&listed(&format!(" {OCI_INDEX}; charset=utf-8"))).unwrap();
        assert!(read.require_listed_as(&listed(OCI_MANIFEST)).is_err());
    }
}

#[test]
fn lengths_and_counts_have_limits() {
    let long = vec![b' '; usize::try_from(MAXIMUM_LENGTH).unwrap() + 1];
    assert!(matches!(Document::parse(&long, OCI_INDEX), Err(ManifestError::Length { .. })));
    let short = format!(r#"{{"mediaType":"","digest":"{DIGEST}","size":0}}"#);
    let many = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, vec![short; MAXIMUM_CHILDREN + 1].join(","));
    assert!(matches!(parse(&many, OCI_INDEX), Err(ManifestError::Children { .. })));
    let negative = index("").replace(r#""size":0"#, r#""size":-1"#);
    assert!(matches!(parse(&negative, OCI_INDEX), Err(ManifestError::Json(_))));
}

#[test]
fn other_bytes_than_those_described_are_refused() {
    let bytes = index("").into_bytes();
    let described = ManifestBytes::describe(bytes.clone(), "", Digest::sha256(&bytes)).unwrap();
    assert_eq!(described.descriptor(), &Descriptor::of(OCI_INDEX, &bytes));
    let other = Descriptor::of(OCI_INDEX, b"{}");
    assert!(matches!(ManifestBytes::new(other, bytes.clone()), Err(ManifestError::Mismatch { .. })));
    let too_short = Descriptor { size: 1, ..described.descriptor().clone() };
    assert!(matches!(ManifestBytes::new(too_short, bytes), Err(ManifestError::Mismatch { .. })));
}
