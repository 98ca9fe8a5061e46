//! DSSE v1.0: envelopes that carry a payload, its type, and signatures over both.
//!
//! Promise: [`DsseEnvelope::parse`] reads strictly and within limits, holding only what it hands out, and
//! [`DsseEnvelope::signed_bytes`] are exactly the bytes that a signer signs. Nothing is verified here, and key
//! ids are labels. <https://github.com/secure-systems-lab/dsse>

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::strict_json::{self, JsonError, Names};

/// The most signatures that an envelope may carry.
pub const MAXIMUM_SIGNATURES: usize = 64;
/// The longest payload type, in bytes.
pub(crate) const MAXIMUM_PAYLOAD_TYPE_LENGTH: usize = 255;
/// The longest key id, in bytes.
pub(crate) const MAXIMUM_KEY_ID_LENGTH: usize = 1_024;
/// The longest signature, in bytes: twice that of an RSA key of 16,384 bits.
pub(crate) const MAXIMUM_SIGNATURE_LENGTH: usize = 4_096;

/// An envelope, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawEnvelope")]
pub struct DsseEnvelope {
    /// What kind of content the payload is: a media type or a URI.
    pub payload_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The signatures, in the order in which they are written.
    pub signatures: Vec<DsseSignature>,
}

/// A signature in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DsseSignature {
    /// The signer's name for its key; empty where there is none. A label, not to be trusted.
    pub key_id: String,
    /// The signature.
    pub bytes: Vec<u8>,
}

/// Why bytes are not a DSSE envelope.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not strict JSON, or not an envelope's members.
    #[error("not a DSSE envelope")]
    Json(#[from] JsonError),
    /// The payload or a signature is not base64.
    #[error("{member} is neither standard nor URL-safe base64")]
    Base64 {
        /// `payload` or `sig`.
        member: &'static str,
    },
    /// There is no signature.
    #[error("the envelope has no signature")]
    NoSignature,
    /// There are more signatures than the limit.
    #[error("the envelope has {count} signatures; the limit is {MAXIMUM_SIGNATURES}")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// A member is longer than the limit.
    #[error("{member} has {length} bytes; the limit is {limit}")]
    TooLong {
        /// `payloadType`, `keyid` or `sig`.
        member: &'static str,
        /// Its length, in bytes.
        length: usize,
        /// The longest that is read, in bytes.
        limit: usize,
    },
}

/// The envelope in its JSON form; unknown members are ignored, as DSSE requires.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEnvelope {
    payload: String,
    payload_type: String,
    signatures: RawSignatures,
}

/// The signatures in their JSON form. If there are too many, only their number.
struct RawSignatures {
    first: Vec<RawSignature>,
    count: usize,
}

#[derive(Deserialize)]
struct RawSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

impl<'de> Deserialize<'de> for RawSignatures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CountSignatures)
    }
}

struct CountSignatures;

impl<'de> Visitor<'de> for CountSignatures {
    type Value = RawSignatures;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of signatures")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawSignatures, A::Error> {
        let mut first = Vec::new();
        while first.len() < MAXIMUM_SIGNATURES {
            let Some(signature) = access.next_element()? else {
                return Ok(RawSignatures { count: first.len(), first });
            };
            first.push(signature);
        }
        let mut count = first.len();
        while access.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(RawSignatures { first, count })
    }
}

impl DsseEnvelope {
    /// Parses an envelope. The caller bounds the length of `bytes`.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::try_from(strict_json::read::<RawEnvelope>(bytes, Names::Exact)?)
    }

    /// The bytes that are signed: the pre-authentication encoding of type and payload.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The envelope as compact JSON with its members sorted and standard base64.
    pub fn encode(&self) -> Vec<u8> {
        let signatures: Vec<_> = self
            .signatures
            .iter()
            .map(|signature| {
                let mut members = serde_json::Map::new();
                if !signature.key_id.is_empty() {
                    members.insert("keyid".to_owned(), signature.key_id.clone().into());
                }
                members.insert("sig".to_owned(), STANDARD.encode(&signature.bytes).into());
                serde_json::Value::Object(members)
            })
            .collect();
        serde_json::json!({
            "payload": STANDARD.encode(&self.payload),
            "payloadType": self.payload_type,
            "signatures": signatures,
        })
        .to_string()
        .into_bytes()
    }
}

impl TryFrom<RawEnvelope> for DsseEnvelope {
    type Error = EnvelopeError;

    fn try_from(raw: RawEnvelope) -> Result<Self, EnvelopeError> {
        limit("payloadType", raw.payload_type.len(), MAXIMUM_PAYLOAD_TYPE_LENGTH)?;
        match raw.signatures.count {
            0 => return Err(EnvelopeError::NoSignature),
            1..=MAXIMUM_SIGNATURES => {}
            count => return Err(EnvelopeError::TooManySignatures { count }),
        }
        Ok(Self {
            payload_type: raw.payload_type,
            payload: decode("payload", &raw.payload)?,
            signatures: raw.signatures.first.into_iter().map(DsseSignature::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl DsseSignature {
    fn parse(raw: RawSignature) -> Result<Self, EnvelopeError> {
        limit("keyid", raw.keyid.len(), MAXIMUM_KEY_ID_LENGTH)?;
        let bytes = decode("sig", &raw.sig)?;
        limit("sig", bytes.len(), MAXIMUM_SIGNATURE_LENGTH)?;
        Ok(Self { key_id: raw.keyid, bytes })
    }
}

/// The pre-authentication encoding of DSSE v1: what is signed in place of the bare payload.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = pae_before(payload_type, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// The prefix that the pre-authentication encoding puts before a payload of `length` bytes.
pub(crate) fn pae_before(payload_type: &str, length: usize) -> Vec<u8> {
    format!("DSSEv1 {} {payload_type} {length} ", payload_type.len()).into_bytes()
}

fn decode(member: &'static str, text: &str) -> Result<Vec<u8>, EnvelopeError> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| EnvelopeError::Base64 { member })
}

fn limit(member: &'static str, length: usize, limit: usize) -> Result<(), EnvelopeError> {
    if length > limit { Err(EnvelopeError::TooLong { member, length, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocols_own_example_encodes_as_it_says() {
        // protocol.md of DSSE v1.0, "Test vectors".
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn lengths_are_counted_in_bytes() {
        assert_eq!(pae("é", "ü!".as_bytes()), "DSSEv1 2 é 3 ü!".as_bytes());
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }

    #[test]
    fn an_envelope_survives_being_written_and_read() {
        let envelope = DsseEnvelope {
            payload_type: "text/plain".to_owned(),
            payload: b"\x00\xff\xfe".to_vec(),
            signatures: vec![
                DsseSignature { key_id: "a".to_owned(), bytes: vec![0xfb, 0xff] },
                DsseSignature { key_id: String::new(), bytes: vec![1; 64] },
            ],
        };
        let bytes = envelope.encode();
        assert!(
            bytes.starts_with(br#"{"payload":"AP/+","payloadType":"text/plain","signatures":[{"keyid":"a","sig":"#)
        );
        assert_eq!(DsseEnvelope::parse(&bytes).unwrap(), envelope);
    }

    fn parse(text: &str) -> Result<DsseEnvelope, EnvelopeError> {
        DsseEnvelope::parse(text.as_bytes())
    }

    #[test]
    fn both_alphabets_are_read_and_unknown_members_ignored() {
        for payload in ["-_8=", "+/8="] {
            let text =
                format!(r#"{{"payloadType":"t","payload":"{payload}","signatures":[{{"sig":"","x":1}}],"y":2}}"#);
            assert_eq!(parse(&text).unwrap().payload, [0xfb, 0xff]);
        }
    }

    #[test]
    fn loose_base64_is_refused() {
        for payload in ["+_8=", "+/8", "+/9=", "+/8= ", "+/8=\\n", "%"] {
            let text = format!(r#"{{"payloadType":"t","payload":"{payload}","signatures":[{{"sig":""}}]}}"#);
            assert!(matches!(parse(&text), Err(EnvelopeError::Base64 { member: "payload" })), "{payload}");
        }
    }

    #[test]
    fn an_envelope_needs_its_members_and_a_signature() {
        assert!(matches!(parse("[]"), Err(EnvelopeError::Json(_))));
        assert!(matches!(parse(r#"{"payload":"","signatures":[]}"#), Err(EnvelopeError::Json(_))));
        let empty = r#"{"payload":"","payloadType":"t","signatures":[]}"#;
        assert!(matches!(parse(empty), Err(EnvelopeError::NoSignature)));
        let twice = r#"{"payload":"","payload":"","payloadType":"t","signatures":[{"sig":""}]}"#;
        assert!(matches!(parse(twice), Err(EnvelopeError::Json(_))));
    }

    #[test]
    fn what_is_passed_over_is_strict_json_too() {
        let with =
            |more: &str| parse(&format!(r#"{{"payload":"","payloadType":"t","signatures":[{{"sig":""}}]{more}}}"#));
        with(r#","x":[{"a":[1,null,true,1.5,"é",{}]}]"#).unwrap();
        let deep = format!(r#","x":{}{}"#, "[".repeat(100), "]".repeat(100));
        for more in [r#","x":1,"x":2"#, r#","x":[{"a":1,"\u0061":2}]"#, r#","x":1e999"#, r#","x":NaN"#, "}{", &deep] {
            assert!(matches!(with(more), Err(EnvelopeError::Json(JsonError::NotStrict(_)))), "{more}");
        }
    }

    #[test]
    fn an_array_of_its_members_is_no_envelope_and_no_signature() {
        for text in [
            r#"["","t",[{"sig":""}]]"#,
            r#"{"payload":"","payloadType":"t","signatures":[["a",""]]}"#,
            r#"{"payload":"","payloadType":"t","signatures":{"sig":""}}"#,
        ] {
            assert!(matches!(parse(text), Err(EnvelopeError::Json(JsonError::Form(_)))), "{text}");
        }
    }

    #[test]
    fn signatures_are_limited_in_number_and_length() {
        let signed = |signatures: &str| format!(r#"{{"payload":"","payloadType":"t","signatures":[{signatures}]}}"#);
        let many = vec![r#"{"sig":""}"#; MAXIMUM_SIGNATURES + 1].join(",");
        assert!(matches!(parse(&signed(&many)), Err(EnvelopeError::TooManySignatures { count: 65 })));
        let long = format!(r#"{{"sig":"{}"}}"#, STANDARD.encode([0; MAXIMUM_SIGNATURE_LENGTH + 1]));
        assert!(matches!(parse(&signed(&long)), Err(EnvelopeError::TooLong { member: "sig", .. })));
        let label = format!(r#"{{"keyid":"{}","sig":""}}"#, "k".repeat(MAXIMUM_KEY_ID_LENGTH + 1));
        assert!(matches!(parse(&signed(&label)), Err(EnvelopeError::TooLong { member: "keyid", .. })));
    }
}
