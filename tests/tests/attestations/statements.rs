//! Statements about images, bare and signed.

use sealift_archive_format::Digest;
use sealift_archive_format::dsse::{DsseEnvelope, DsseSignature, pae};
use sealift_proof::signature::SigningKey;
use sealift_tests::images::Image;
use serde_json::{Value, json};

/// The type of a bare Statement.
pub(crate) const BARE: &str = "application/vnd.in-toto+json";
/// The type of a DSSE envelope.
pub(crate) const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// The type of a Sigstore bundle.
pub(crate) const SIGSTORE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// SLSA provenance of what has this digest.
pub(crate) fn provenance(about: &Digest) -> Vec<u8> {
    let predicate = json!({
        "buildDefinition": {"buildType": "https://example.com/build"},
        "runDetails": {"builder": {"id": "https://example.com/builder"}},
    });
    statement(about, "https://slsa.dev/provenance/v1", &predicate)
}

/// An SBOM of what has this digest.
pub(crate) fn sbom(about: &Digest) -> Vec<u8> {
    let predicate = json!({"spdxVersion": "SPDX-2.3", "packages": [{}, {}, {}]});
    statement(about, "https://spdx.dev/Document", &predicate)
}

/// A claim of a kind that is not known.
pub(crate) fn statement(about: &Digest, predicate_type: &str, predicate: &Value) -> Vec<u8> {
    let subject = json!([{"name": "app", "digest": {about.algorithm().name(): about.hex()}}]);
    json!({
        "_type": "https://in-toto.io/Statement/v1", "subject": subject,
        "predicateType": predicate_type, "predicate": predicate,
    })
    .to_string()
    .into_bytes()
}

/// A Statement in an envelope, signed.
pub(crate) fn signed(statement: Vec<u8>, key: &SigningKey) -> Vec<u8> {
    let signature = DsseSignature { key_id: String::new(), bytes: key.sign(&pae(BARE, &statement)) };
    DsseEnvelope { payload_type: BARE.to_owned(), payload: statement, signatures: vec![signature] }.encode()
}

/// An envelope in a Sigstore bundle.
pub(crate) fn in_a_bundle(envelope: &[u8]) -> Vec<u8> {
    let envelope: Value = serde_json::from_slice(envelope).unwrap();
    json!({"mediaType": SIGSTORE, "verificationMaterial": {}, "dsseEnvelope": envelope}).to_string().into_bytes()
}

/// What an image is called by its content.
pub(crate) fn digest(image: &Image) -> Digest {
    image.root().descriptor().digest.clone()
}
