//! An OpenPGP key with its subkeys, and the one way to verify with it.

use jiff::Timestamp;
use serde_json::Value;

use super::header::SignatureHeader;
use super::material::{OpenPgpMaterial, SignatureNumbers};
use super::{Fingerprint, OpenPgpError};
use crate::signature::KeyIdentity;

/// A signature over a binary document (RFC 4880 §5.2.1).
const BINARY_DOCUMENT: u8 = 0x00;
/// The number of SHA-256 (RFC 4880 §9.4): the one hash for which in-toto uses OpenPGP.
const SHA256: u8 = 8;
/// The most subkeys that a key may have.
pub(super) const MAXIMUM_SUBKEYS: usize = 32;
/// Longest hexadecimal text of a signature: 8192 bits, or the header's greatest length.
const MAXIMUM_SIGNATURE_HEX: usize = 2048;
const MAXIMUM_HEADER_HEX: usize = 2 * (6 + 0xffff);

/// An OpenPGP public key: a primary key and its subkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpKey {
    pub(super) primary: Part,
    pub(super) subkeys: Vec<Part>,
}

/// A primary key or a subkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) key_id: Fingerprint,
    pub(super) material: OpenPgpMaterial,
    /// Seconds since 1970; `None` where the JSON form does not say.
    pub(super) created: Option<u32>,
    /// Seconds after `created`; `None` for a key that does not expire.
    pub(super) validity: Option<u32>,
    pub(super) may_sign: bool,
}

/// An OpenPGP signature in securesystemslib's form. It has not been verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpSignature {
    key_id: Fingerprint,
    header: SignatureHeader,
    value: Vec<u8>,
}

/// Who made a signature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpSigner {
    /// The person: the primary key.
    pub primary: KeyIdentity,
    /// The key that made the signature: the primary key or a subkey of it.
    pub made_by: KeyIdentity,
    /// The fingerprint of the key that made the signature, for reports.
    pub key_id: Fingerprint,
}

fn field(object: &Value, name: &'static str, expected: &'static str) -> Result<String, OpenPgpError> {
    object.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(OpenPgpError::Field { field: name, expected })
}

fn key_id(object: &Value) -> Result<Fingerprint, OpenPgpError> {
    let expected = "a fingerprint of 40 hexadecimal characters";
    let text = field(object, "keyid", expected)?;
    Fingerprint::from_hex(&text).ok_or(OpenPgpError::Field { field: "keyid", expected })
}

fn seconds(object: &Value, name: &'static str) -> Result<Option<u32>, OpenPgpError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .map(Some)
            .ok_or(OpenPgpError::Field { field: name, expected: "a number of seconds" }),
    }
}

/// An instant of OpenPGP: unsigned 32-bit seconds since 1970, and some seconds after it.
fn instant(since_1970: u32, after: u32) -> Timestamp {
    Timestamp::from_second(i64::from(since_1970) + i64::from(after)).unwrap_or(Timestamp::MAX)
}

impl OpenPgpKey {
    /// Whether a key in a layout is of this kind: its `method` begins with `pgp+`.
    pub fn describes(key: &Value) -> bool {
        key.get("method").and_then(Value::as_str).is_some_and(|method| method.starts_with("pgp+"))
    }

    /// Reads securesystemslib's JSON form of a key.
    ///
    /// A key id must be the fingerprint of its key, which `creation_time` makes checkable; without one (and then
    /// without a `validity_period`) the key id is a label. Subkeys need no proof that they belong to the key: whoever
    /// signed the document that contains this form vouches for all of it.
    ///
    /// # Errors
    /// [`OpenPgpError`] when the form, a number or a key id is wrong. A key that is too weak is read, and refused by
    /// [`OpenPgpKey::verify`].
    pub fn from_json(key: &Value) -> Result<Self, OpenPgpError> {
        let primary = Part::from_json(key)?;
        let mut subkeys = Vec::new();
        if let Some(listed) = key.get("subkeys") {
            let listed = listed.as_object().ok_or(OpenPgpError::Field { field: "subkeys", expected: "an object" })?;
            if listed.len() > MAXIMUM_SUBKEYS {
                return Err(OpenPgpError::TooMany { what: "subkeys", limit: MAXIMUM_SUBKEYS });
            }
            for (name, subkey) in listed {
                let subkey = Part::from_json(subkey)?;
                if Fingerprint::from_hex(name) != Some(subkey.key_id) {
                    return Err(OpenPgpError::Field { field: "subkeys", expected: "named by each subkey's keyid" });
                }
                subkeys.push(subkey);
            }
        }
        Ok(Self { primary, subkeys })
    }

    /// The primary key's fingerprint, or the label that stands for it.
    pub fn key_id(&self) -> Fingerprint {
        self.primary.key_id
    }

    /// The key ids of the primary key and all subkeys: signatures by any of them are by this key.
    pub fn key_ids(&self) -> impl Iterator<Item = Fingerprint> {
        std::iter::once(&self.primary).chain(&self.subkeys).map(|part| part.key_id)
    }

    /// What the key is: the primary key's identity, for all its subkeys.
    pub fn identity(&self) -> KeyIdentity {
        self.primary.material.identity()
    }

    /// What the primary key and each of the subkeys are.
    pub(crate) fn identities(&self) -> impl Iterator<Item = KeyIdentity> {
        std::iter::once(&self.primary).chain(&self.subkeys).map(|part| part.material.identity())
    }

    /// How long it takes to verify a signature, as [`crate::signature::PublicKey`] states it; 0 for one that names
    /// another key, which is recognised at once.
    pub(crate) fn verification_weight(&self, signature: &OpenPgpSignature) -> u64 {
        let mut parts = std::iter::once(&self.primary).chain(&self.subkeys);
        let part = parts.find(|part| part.key_id == signature.key_id);
        part.map_or(0, |part| part.material.verification_weight())
    }

    /// Verifies a signature over `message`, with the primary key or the subkey that it names.
    ///
    /// Expiry is judged at `at`, as securesystemslib judges it by its clock: the time that the signature states does
    /// not help an expired key, because its holder can write any time. A subkey expires with its primary key at the
    /// latest.
    ///
    /// # Errors
    /// [`OpenPgpError`] when it is not a valid signature by this key, or the key does not count at `at`.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &OpenPgpSignature,
        at: Timestamp,
    ) -> Result<OpenPgpSigner, OpenPgpError> {
        let key_id = signature.key_id;
        let mut parts = std::iter::once(&self.primary).chain(&self.subkeys);
        let part = parts.find(|part| part.key_id == key_id).ok_or(OpenPgpError::NotThisKey(key_id))?;
        if !part.may_sign {
            return Err(OpenPgpError::NotForSigning(key_id));
        }
        self.primary.require_unexpired(at)?;
        part.require_unexpired(at)?;
        signature.require_fit(part, at)?;
        let value = SignatureNumbers::from_plain(part.material.algorithm(), &signature.value)?;
        let signed = signature.header.signed_bytes(message);
        part.material.verify(signature.header.hash()?, &signed, &value)?;
        Ok(OpenPgpSigner { primary: self.identity(), made_by: part.material.identity(), key_id })
    }
}

impl Part {
    fn from_json(key: &Value) -> Result<Self, OpenPgpError> {
        let material = OpenPgpMaterial::from_json(key)?;
        let hashes = key.get("hashes").and_then(Value::as_array);
        if hashes.is_some_and(|hashes| !hashes.iter().any(|hash| hash == "pgp+SHA2")) {
            return Err(OpenPgpError::Field { field: "hashes", expected: "a list with \"pgp+SHA2\"" });
        }
        let declared = key_id(key)?;
        let created = seconds(key, "creation_time")?;
        // Zero means that the key does not expire (RFC 4880 §5.2.3.6).
        let validity = seconds(key, "validity_period")?.filter(|&validity| validity != 0);
        match created {
            None if validity.is_some() => {
                return Err(OpenPgpError::Field { field: "creation_time", expected: "there, as validity_period is" });
            }
            None => {}
            Some(created) => {
                let computed = Fingerprint::of_key_body(&material.packet_body(created));
                if computed != declared {
                    return Err(OpenPgpError::KeyIdMismatch { declared, computed });
                }
            }
        }
        Ok(Self { key_id: declared, material, created, validity, may_sign: true })
    }

    fn require_unexpired(&self, at: Timestamp) -> Result<(), OpenPgpError> {
        if let (Some(created), Some(validity)) = (self.created, self.validity) {
            let expired = instant(created, validity);
            if at >= expired {
                return Err(OpenPgpError::KeyExpired { key_id: self.key_id, expired, judged: at });
            }
        }
        Ok(())
    }
}

impl OpenPgpSignature {
    /// Whether a signature in a link or layout is of this kind: it has `other_headers`.
    pub fn describes(signature: &Value) -> bool {
        signature.get("other_headers").is_some()
    }

    /// Reads securesystemslib's JSON form: `keyid`, `signature` and `other_headers`, in hexadecimal.
    ///
    /// # Errors
    /// [`OpenPgpError`] when a field is missing or malformed, or the header does not parse.
    pub fn from_json(signature: &Value) -> Result<Self, OpenPgpError> {
        let bytes = |name: &'static str, limit: usize| {
            let expected = "a hexadecimal string of bounded length";
            let text = field(signature, name, expected)?;
            let decoded = if text.len() <= limit { hex::decode(&text).ok() } else { None };
            decoded.ok_or(OpenPgpError::Field { field: name, expected })
        };
        let header = SignatureHeader::parse(&bytes("other_headers", MAXIMUM_HEADER_HEX)?)?;
        Ok(Self { key_id: key_id(signature)?, header, value: bytes("signature", MAXIMUM_SIGNATURE_HEX)? })
    }

    /// The fingerprint of the key that claims to have made it.
    pub fn key_id(&self) -> Fingerprint {
        self.key_id
    }

    /// What it states about itself must match the key, the purpose and the time.
    fn require_fit(&self, part: &Part, at: Timestamp) -> Result<(), OpenPgpError> {
        let header = &self.header;
        if header.kind != BINARY_DOCUMENT {
            return Err(OpenPgpError::SignatureType(header.kind));
        }
        if header.hash_number != SHA256 {
            return Err(OpenPgpError::UnsupportedHash(header.hash_number));
        }
        let key = part.material.algorithm();
        if header.key_algorithm != key {
            return Err(OpenPgpError::AlgorithmMismatch { signature: header.key_algorithm, key });
        }
        header.require_issuer(&part.key_id)?;
        let signed = header.claims.created.ok_or(OpenPgpError::NoSignatureTime)?;
        if let Some(created) = part.created.filter(|&created| signed < created) {
            let (signed, created) = (instant(signed, 0), instant(created, 0));
            return Err(OpenPgpError::SignedBeforeKey { key_id: part.key_id, signed, created });
        }
        match header.claims.signature_validity {
            Some(validity) if validity != 0 && at >= instant(signed, validity) => {
                Err(OpenPgpError::SignatureExpired { expired: instant(signed, validity), judged: at })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verification_is_as_much_work_as_the_key_that_the_signature_names() {
        let part = |number: u8, material| Part {
            key_id: Fingerprint::from_bytes(&[number; 20]).unwrap(),
            material,
            created: None,
            validity: None,
            may_sign: true,
        };
        let dsa = |length| OpenPgpMaterial::Dsa { p: vec![0xff; length], q: Vec::new(), g: Vec::new(), y: Vec::new() };
        let rsa = OpenPgpMaterial::Rsa { modulus: vec![0xff; 512], exponent: Vec::new() };
        let subkeys = vec![part(1, rsa), part(2, dsa(256)), part(3, dsa(384))];
        let key = OpenPgpKey { primary: part(0, OpenPgpMaterial::Ed25519([0; 32])), subkeys };
        let weight = |number: u8| {
            let signature = serde_json::json!({
                "keyid": hex::encode([number; 20]), "other_headers": "040001080000", "signature": "00",
            });
            key.verification_weight(&OpenPgpSignature::from_json(&signature).unwrap())
        };
        assert_eq!([0, 1, 2, 3, 4].map(weight), [1, 4, 88, 297, 0]);
    }
}
