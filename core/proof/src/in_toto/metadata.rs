//! Signed documents: layouts and links in either wrapping, Metablock (in-toto 1.0 §4.2) or DSSE envelope (ITE-5).
//!
//! Promise: what is verified is what was signed. For a Metablock that is the canonical JSON of the *raw* `signed`
//! value, including members that are unknown here; for an envelope the pre-authentication encoding of the payload's own
//! bytes. The payload is handed out as a value; only verified documents should be read further.

use sealift_archive_format::dsse::{self, DsseEnvelope, EnvelopeError};
use sealift_archive_format::strict_json::{self, JsonError};
use serde_json::Value;

use crate::canonical_json::{self, CanonicalJsonError};
use crate::signature::openpgp::{OpenPgpError, OpenPgpSignature};

/// The longest document that is read, in bytes.
pub(crate) const MAXIMUM_DOCUMENT_LENGTH: usize = 32 * 1024 * 1024;

/// The payload type of in-toto metadata in an envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A layout or link as it was signed, with its signatures; none of them is verified yet.
#[derive(Debug, Clone, PartialEq)]
pub struct SignedDocument {
    form: DocumentForm,
    payload: Value,
    payload_length: usize,
    signed_bytes: Vec<u8>,
    signatures: Vec<InTotoSignature>,
}

/// How a document is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentForm {
    /// `{"signed": …, "signatures": […]}`.
    Metablock,
    /// A DSSE envelope.
    Dsse,
}

/// A signature and its name for its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTotoSignature {
    /// The key id; a label. Empty where an envelope names none.
    pub key_id: String,
    /// The signature.
    pub value: SignatureValue,
}

/// The two kinds of signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureValue {
    /// A bare signature.
    Plain(Vec<u8>),
    /// An OpenPGP signature, as securesystemslib writes it.
    OpenPgp(OpenPgpSignature),
    /// An OpenPGP signature that cannot be read, and so verifies nothing.
    Unreadable(OpenPgpError),
}

/// Why bytes are not a signed document.
#[derive(Debug, thiserror::Error)]
pub enum SignedDocumentError {
    /// They are longer than the limit.
    #[error("the document is {length} bytes long; the limit is {MAXIMUM_DOCUMENT_LENGTH}")]
    TooLong {
        /// Their length, in bytes.
        length: usize,
    },
    /// They are not strict JSON of the right shape.
    #[error("the document cannot be read")]
    Json(#[from] JsonError),
    /// They have neither wrapping, or both.
    #[error("the document is neither a Metablock (signed, signatures) nor a DSSE envelope (payload, payloadType)")]
    Form,
    /// The envelope is broken.
    #[error("the document's envelope cannot be read")]
    Envelope(#[from] EnvelopeError),
    /// The envelope carries something else.
    #[error("the envelope's payload type is {0:?}, not {PAYLOAD_TYPE:?}")]
    PayloadType(String),
    /// The value that was signed has no canonical form.
    #[error("what is signed has no canonical form")]
    Canonical(#[from] CanonicalJsonError),
    /// There are more signatures than the limit.
    #[error("the document has {count} signatures; the limit is {}", dsse::MAXIMUM_SIGNATURES)]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// A signature's `sig` is missing, or not hexadecimal.
    #[error("the signature that names key {key_id:?} has no hexadecimal sig")]
    Signature {
        /// The key that it names.
        key_id: String,
    },
}

impl SignedDocument {
    /// Reads a document in either wrapping.
    ///
    /// # Errors
    /// [`SignedDocumentError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SignedDocumentError> {
        if bytes.len() > MAXIMUM_DOCUMENT_LENGTH {
            return Err(SignedDocumentError::TooLong { length: bytes.len() });
        }
        let document = strict_json::parse(bytes)?;
        let has = |name: &str| document.get(name).is_some();
        match (has("signed"), has("payload") || has("payloadType")) {
            (true, false) => Self::from_metablock(document),
            (false, true) => {
                // It may be as large as the payload's tree, and is no longer needed.
                drop(document);
                Self::from_envelope(bytes)
            }
            _ => Err(SignedDocumentError::Form),
        }
    }

    fn from_metablock(mut document: Value) -> Result<Self, SignedDocumentError> {
        let payload = document.get_mut("signed").map(Value::take).unwrap_or_default();
        let signatures = document.get_mut("signatures").map(Value::take).unwrap_or_default();
        let signatures: Option<Vec<Value>> = strict_json::into(signatures)?;
        let signatures = signatures.unwrap_or_default();
        if signatures.len() > dsse::MAXIMUM_SIGNATURES {
            return Err(SignedDocumentError::TooManySignatures { count: signatures.len() });
        }
        let signed_bytes = canonical_json::encode(&payload)?;
        Ok(Self {
            form: DocumentForm::Metablock,
            payload_length: signed_bytes.len(),
            signed_bytes,
            payload,
            signatures: signatures.iter().map(InTotoSignature::parse).collect::<Result<_, _>>()?,
        })
    }

    fn from_envelope(bytes: &[u8]) -> Result<Self, SignedDocumentError> {
        let document = Self::unread(DsseEnvelope::parse(bytes)?)?;
        Ok(Self { payload: strict_json::parse(document.payload_bytes())?, ..document })
    }

    /// The document in an envelope, with its payload as bytes only.
    ///
    /// # Errors
    /// [`SignedDocumentError::PayloadType`].
    pub(crate) fn unread(envelope: DsseEnvelope) -> Result<Self, SignedDocumentError> {
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(SignedDocumentError::PayloadType(envelope.payload_type));
        }
        let plain =
            |it: dsse::DsseSignature| InTotoSignature { key_id: it.key_id, value: SignatureValue::Plain(it.bytes) };
        Ok(Self {
            form: DocumentForm::Dsse,
            payload: Value::Null,
            payload_length: envelope.payload.len(),
            signed_bytes: envelope.signed_bytes(),
            signatures: envelope.signatures.into_iter().map(plain).collect(),
        })
    }

    /// The payload as bytes: the end of what is signed. For a document that is not an envelope, everything that is
    /// signed.
    pub(crate) fn payload_bytes(&self) -> &[u8] {
        self.signed_bytes.get(self.signed_bytes.len() - self.payload_length..).unwrap_or_default()
    }

    /// Its wrapping.
    pub fn form(&self) -> DocumentForm {
        self.form
    }

    /// What was signed, as a value. Nothing in it may be believed before a signature has been verified.
    pub fn payload(&self) -> &Value {
        &self.payload
    }

    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.signed_bytes
    }

    /// All signatures, none of them verified.
    pub fn signatures(&self) -> &[InTotoSignature] {
        &self.signatures
    }

    /// The payload's `_type`: `layout`, `link`, or a Statement's URI.
    pub fn payload_kind(&self) -> &str {
        self.payload.get("_type").and_then(Value::as_str).unwrap_or_default()
    }
}

impl InTotoSignature {
    fn parse(object: &Value) -> Result<Self, SignedDocumentError> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let key_id = text("keyid").unwrap_or_default().to_owned();
        if OpenPgpSignature::describes(object) {
            let read = OpenPgpSignature::from_json(object);
            return Ok(Self { key_id, value: read.map_or_else(SignatureValue::Unreadable, SignatureValue::OpenPgp) });
        }
        match text("sig").and_then(|sig| hex::decode(sig).ok()) {
            Some(bytes) => Ok(Self { key_id, value: SignatureValue::Plain(bytes) }),
            None => Err(SignedDocumentError::Signature { key_id }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SignedDocument, SignedDocumentError> {
        SignedDocument::parse(text.as_bytes())
    }

    #[test]
    fn a_metablock_is_signed_over_the_canonical_form_of_the_raw_value() {
        let document = parse("{\"signed\": {\"b\":\"e\u{301}\\t\\\\\", \"_type\":\"link\", \"unknown\": 1}, \"signatures\": [{\"keyid\":\"k\",\"sig\":\"00ff\"}]}").unwrap();
        assert_eq!(document.signed_bytes(), "{\"_type\":\"link\",\"b\":\"e\u{301}\t\\\\\",\"unknown\":1}".as_bytes());
        assert_eq!(document.signatures()[0].value, SignatureValue::Plain(vec![0, 255]));
        assert_eq!(document.payload_kind(), "link");
    }

    #[test]
    fn an_envelope_is_signed_over_its_raw_payload() {
        // The payload is {"_type": "link"} with its space.
        let text = r#"{"payload":"eyJfdHlwZSI6ICJsaW5rIn0=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"k","sig":"AP8="}]}"#;
        let document = parse(text).unwrap();
        assert_eq!(document.signed_bytes(), b"DSSEv1 28 application/vnd.in-toto+json 17 {\"_type\": \"link\"}");
        assert_eq!(document.form(), DocumentForm::Dsse);
        let other = text.replace("vnd.in-toto+json", "json");
        assert!(matches!(parse(&other), Err(SignedDocumentError::PayloadType(_))));
    }

    #[test]
    fn a_document_has_a_length_up_to_the_limit() {
        let spaced = |length: usize| {
            let document = br#"{"signed":{"_type":"link"},"signatures":[]}"#;
            [&document[..], &vec![b' '; length - document.len()]].concat()
        };
        assert!(SignedDocument::parse(&spaced(MAXIMUM_DOCUMENT_LENGTH)).is_ok());
        let longer = SignedDocument::parse(&spaced(MAXIMUM_DOCUMENT_LENGTH + 1));
        assert!(matches!(longer, Err(SignedDocumentError::TooLong { .. })));
    }

    #[test]
    fn a_document_that_could_be_read_in_both_ways_is_refused() {
        for text in [
            r#"{"signed":{},"signatures":[],"payload":"","payloadType":""}"#,
            r#"{"signed":{},"signatures":[],"payload":""}"#,
            r#"{"signed":{},"signatures":[],"payloadType":""}"#,
            r#"{"signatures":[]}"#,
            "[]",
            r#""signed""#,
        ] {
            assert!(matches!(parse(text), Err(SignedDocumentError::Form)), "{text}");
        }
        assert!(matches!(parse(r#"{"signed":1,"signed":2}"#), Err(SignedDocumentError::Json(_))));
        assert!(matches!(parse(r#"{"signed":1.5}"#), Err(SignedDocumentError::Canonical(_))));
    }

    #[test]
    fn a_signature_has_one_of_two_shapes() {
        for signature in [
            r#"{"keyid":"k"}"#,
            r#"{"keyid":"k","sig":"0"}"#,
            r#"{"keyid":"k","sig":"zz"}"#,
            r#"{"keyid":"k","signature":"00"}"#,
            r#"{"keyid":"k","sig":7}"#,
            "7",
        ] {
            let text = format!(r#"{{"signed":{{}},"signatures":[{signature}]}}"#);
            assert!(matches!(parse(&text), Err(SignedDocumentError::Signature { .. })), "{signature}");
        }
        let pgp = r#"{"signed":{},"signatures":[{"keyid":"k","sig":"00","signature":"00","other_headers":"01"}]}"#;
        assert!(matches!(parse(pgp).unwrap().signatures()[0].value, SignatureValue::Unreadable(_)));
        let many = vec![r#"{"keyid":"k","sig":""}"#; 65].join(",");
        let many = format!(r#"{{"signed":{{}},"signatures":[{many}]}}"#);
        assert!(matches!(parse(&many), Err(SignedDocumentError::TooManySignatures { count: 65 })));
    }
}
