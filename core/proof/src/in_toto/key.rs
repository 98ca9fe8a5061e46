//! Keys of layouts and functionaries, in every form that in-toto implementations write.
//!
//! JSON objects as securesystemslib, python in-toto 2 and 3 and in-toto-golang put them into layouts, OpenPGP keys
//! among them, and the files that CNAB-Sec 301 distributes as `.pub`: PEM, the same JSON, a bare hexadecimal ed25519
//! key, or what `gpg --export` writes. A key's id is a label. Promise: a key that cannot be used is kept with the
//! reason, and never signs anything.

use jiff::Timestamp;
use sealift_archive_format::strict_json::{self, ByteOrderMark, JsonError};
use serde_json::Value;

use crate::signature::openpgp::{Fingerprint, OpenPgpError, OpenPgpKey};
use crate::signature::{KeyError, KeyIdentity, PublicKey, Scheme};

use super::metadata::{InTotoSignature, SignatureValue, SignedDocument};
use super::work::{Work, WorkExceeded};

/// The longest key file that is read, in bytes. An OpenPGP key with many subkeys stays far below it.
const MAXIMUM_KEY_FILE_LENGTH: usize = 256 * 1024;
/// What one verification with RSA of 2,048 bits costs, in steps of the budget.
const VERIFICATION_COST: u64 = 20_000;
/// How many bytes are hashed for one step of the budget.
const BYTES_HASHED_IN_A_STEP: u64 = 4;

/// A key, usable or not.
#[derive(Debug, Clone, PartialEq)]
pub struct InTotoKey {
    material: InTotoKeyMaterial,
}

#[derive(Debug, Clone, PartialEq)]
enum InTotoKeyMaterial {
    Plain(PublicKey),
    OpenPgp(Box<OpenPgpKey>),
    Unusable(UnusableKey),
}

/// Why a key cannot verify anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// The object has no `keyval.public` text.
    #[error("the key has no public part")]
    NoPublicPart,
    /// The key's type is not supported.
    #[error("key type {0:?} is not supported")]
    Type(String),
    /// The key's signature scheme is not supported.
    #[error("signature scheme {0:?} is not supported")]
    Scheme(String),
    /// The public part is not a key of its type and scheme.
    #[error("the key cannot be read")]
    Public(#[from] KeyError),
    /// It is not a supported OpenPGP key.
    #[error("the OpenPGP key cannot be read")]
    OpenPgp(#[from] OpenPgpError),
}

/// Why a file is not a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file is longer than any key.
    #[error("the key file is {length} bytes long; the limit is {MAXIMUM_KEY_FILE_LENGTH}")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
    /// It is in none of the known forms.
    #[error("the key file is not PEM, a JSON key, a hexadecimal ed25519 key, or an OpenPGP key")]
    UnknownForm,
    /// It is JSON, but not strict JSON, or a text with a byte order mark.
    #[error("the key file is not a JSON key")]
    Json(#[from] JsonError),
    /// It is a key that cannot be used.
    #[error("the key in the file cannot be used")]
    Unusable(#[from] UnusableKey),
}

/// Why a document does not have a valid signature by a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// None of the signatures names the key, and none verifies under it.
    #[error("it has no signature by this key")]
    NoSignature,
    /// A signature names the key and does not verify under it.
    #[error("the signature that names this key does not verify")]
    BadSignature,
    /// An OpenPGP signature names the key and does not count.
    #[error("the OpenPGP signature that names this key does not count: {0}")]
    OpenPgp(OpenPgpError),
    /// The key cannot verify anything.
    #[error("the key cannot be used: {0}")]
    Unusable(UnusableKey),
    /// Checking the signatures would exceed the budget.
    #[error(transparent)]
    Work(#[from] WorkExceeded),
}

/// The fact that a key signed a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// What the signer is: the key; for OpenPGP the primary key and the subkey that signed. Two signers that share one
    /// of these are one signer.
    pub identities: Vec<KeyIdentity>,
    /// For OpenPGP: the primary key or subkey that signed.
    pub openpgp_key_id: Option<Fingerprint>,
}

impl From<PublicKey> for InTotoKey {
    fn from(key: PublicKey) -> Self {
        Self { material: InTotoKeyMaterial::Plain(key) }
    }
}

impl InTotoKey {
    /// Reads a `.pub` file as CNAB-Sec 301 distributes them.
    ///
    /// # Errors
    /// [`KeyFileError`]; a key that cannot be used is an error here, because a layout key must be usable.
    pub fn from_file(bytes: &[u8]) -> Result<Self, KeyFileError> {
        if bytes.len() > MAXIMUM_KEY_FILE_LENGTH {
            return Err(KeyFileError::TooLong { length: bytes.len() });
        }
        if let Some(mark) = ByteOrderMark::at_beginning_of(bytes) {
            return Err(JsonError::from(mark).into());
        }
        let openpgp = || OpenPgpKey::from_certificate(bytes).map(|key| InTotoKeyMaterial::OpenPgp(Box::new(key)));
        let text = std::str::from_utf8(bytes).unwrap_or_default().trim();
        let material = if text.is_empty() || text.starts_with("-----BEGIN PGP ") {
            openpgp().map_err(UnusableKey::from)?
        } else if text.starts_with("-----BEGIN ") {
            InTotoKeyMaterial::Plain(PublicKey::from_pem(text, None).map_err(UnusableKey::from)?)
        } else if text.starts_with('{') {
            Self::from_json(&strict_json::parse(bytes)?).material
        } else if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            InTotoKeyMaterial::Plain(ed25519_from_hex(text).map_err(UnusableKey::from)?)
        } else {
            return Err(KeyFileError::UnknownForm);
        };
        match material {
            InTotoKeyMaterial::Unusable(reason) => Err(reason.into()),
            material => Ok(Self { material }),
        }
    }

    /// Reads a key object of a layout (in-toto 1.0 §4.2.1). A key that cannot be used is kept, with the reason.
    pub fn from_json(object: &Value) -> Self {
        let material = if OpenPgpKey::describes(object) {
            OpenPgpKey::from_json(object)
                .map(|key| InTotoKeyMaterial::OpenPgp(Box::new(key)))
                .map_err(UnusableKey::from)
        } else {
            plain_from_json(object).map(InTotoKeyMaterial::Plain)
        };
        Self { material: material.unwrap_or_else(InTotoKeyMaterial::Unusable) }
    }

    /// Whether the key can verify anything.
    pub fn is_usable(&self) -> bool {
        !matches!(self.material, InTotoKeyMaterial::Unusable(_))
    }

    /// Whether this is an OpenPGP key with a subkey of that id.
    pub fn has_subkey(&self, key_id: Fingerprint) -> bool {
        let InTotoKeyMaterial::OpenPgp(key) = &self.material else { return false };
        key.key_ids().skip(1).any(|subkey| subkey == key_id)
    }

    /// Whether it, or a part of it, is one of these, under any id and scheme.
    pub(super) fn is_among(&self, identities: &[KeyIdentity]) -> bool {
        match &self.material {
            InTotoKeyMaterial::Plain(key) => identities.contains(&key.identity()),
            InTotoKeyMaterial::OpenPgp(key) => key.identities().any(|identity| identities.contains(&identity)),
            InTotoKeyMaterial::Unusable(_) => false,
        }
    }

    /// The key for people: its scheme and the beginning of its fingerprint (SHA-256 of SPKI; for OpenPGP its own), or
    /// why it cannot be used.
    pub fn describe(&self) -> String {
        match &self.material {
            InTotoKeyMaterial::Plain(key) => {
                let fingerprint = key.fingerprint().map_or_else(|error| error.to_string(), |it| it.short().to_owned());
                format!("{} {fingerprint}", key.scheme().name())
            }
            InTotoKeyMaterial::OpenPgp(key) => format!("OpenPGP {}", key.key_id()),
            InTotoKeyMaterial::Unusable(reason) => reason.to_string(),
        }
    }

    /// Looks for this key's signature on a document: first among those that name the key `key_id`, then among all,
    /// because implementations call one key by different ids. The expiry of an OpenPGP key is judged at `at`. Every
    /// verification is paid for from `work` before it is done, according to the kind and length of the key and the
    /// length of the document.
    ///
    /// # Errors
    /// [`NotSigned`]; [`NotSigned::Work`] says nothing about the signatures that were not checked.
    pub fn find_signature(
        &self,
        key_id: &str,
        document: &SignedDocument,
        at: Timestamp,
        work: &mut Work,
    ) -> Result<SignedBy, NotSigned> {
        let names = |signature: &&InTotoSignature| signature.key_id == key_id;
        let (naming, others): (Vec<_>, Vec<_>) = document.signatures().iter().partition(names);
        let mut failure = NotSigned::NoSignature;
        for signature in naming {
            match self.verify(signature, document, at, work) {
                Err(NotSigned::Work(exceeded)) => return Err(exceeded.into()),
                Err(why) => failure = why,
                signed => return signed,
            }
        }
        for signature in others {
            match self.verify(signature, document, at, work) {
                Err(NotSigned::Work(exceeded)) => return Err(exceeded.into()),
                // Among signatures by others, only one that names this key's own fingerprint says more than "not
                // signed".
                Err(NotSigned::NoSignature | NotSigned::BadSignature) => {}
                Err(why) => failure = why,
                signed => return signed,
            }
        }
        Err(failure)
    }

    fn verify(
        &self,
        signature: &InTotoSignature,
        document: &SignedDocument,
        at: Timestamp,
        work: &mut Work,
    ) -> Result<SignedBy, NotSigned> {
        work.spend(self.cost(signature, document))?;
        match (&self.material, &signature.value) {
            (InTotoKeyMaterial::Unusable(reason), _) => Err(NotSigned::Unusable(reason.clone())),
            (InTotoKeyMaterial::Plain(key), SignatureValue::Plain(bytes)) => {
                match key.verify(document.signed_bytes(), bytes) {
                    Ok(()) => Ok(SignedBy { identities: vec![key.identity()], openpgp_key_id: None }),
                    Err(_) => Err(NotSigned::BadSignature),
                }
            }
            (InTotoKeyMaterial::OpenPgp(key), SignatureValue::OpenPgp(signature)) => {
                match key.verify(document.signed_bytes(), signature, at) {
                    Ok(by) => {
                        Ok(SignedBy { identities: vec![by.primary, by.made_by], openpgp_key_id: Some(by.key_id) })
                    }
                    Err(OpenPgpError::NotThisKey(_)) => Err(NotSigned::NoSignature),
                    Err(why) => Err(NotSigned::OpenPgp(why)),
                }
            }
            (InTotoKeyMaterial::OpenPgp(_), SignatureValue::Unreadable(why)) => Err(NotSigned::OpenPgp(why.clone())),
            _ => Err(NotSigned::BadSignature),
        }
    }
}

impl InTotoKey {
    /// What checking a signature costs, in steps: nothing if no arithmetic is needed.
    fn cost(&self, signature: &InTotoSignature, document: &SignedDocument) -> u64 {
        let weight = match (&self.material, &signature.value) {
            (InTotoKeyMaterial::Plain(key), SignatureValue::Plain(_)) => key.verification_weight(),
            (InTotoKeyMaterial::OpenPgp(key), SignatureValue::OpenPgp(signature)) => key.verification_weight(signature),
            _ => 0,
        };
        if weight == 0 {
            return 0;
        }
        let length = u64::try_from(document.signed_bytes().len()).unwrap_or(u64::MAX);
        weight.saturating_mul(VERIFICATION_COST).saturating_add(length / BYTES_HASHED_IN_A_STEP)
    }
}

fn plain_from_json(object: &Value) -> Result<PublicKey, UnusableKey> {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let public = object.pointer("/keyval/public").and_then(Value::as_str).ok_or(UnusableKey::NoPublicPart)?.trim();
    let kind = text("keytype").unwrap_or_default();
    let scheme = match text("scheme") {
        Some(name) => Some(Scheme::from_name(name).ok_or_else(|| UnusableKey::Scheme(shorten(name)))?),
        None => None,
    };
    match kind {
        "ed25519" if !public.starts_with("-----BEGIN ") && matches!(scheme, None | Some(Scheme::Ed25519)) => {
            Ok(ed25519_from_hex(public)?)
        }
        "ed25519" | "rsa" | "ecdsa" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" => {
            let key = PublicKey::from_pem(public, scheme)?;
            let family = kind.split('-').next().unwrap_or(kind);
            if key.scheme().name().starts_with(family) { Ok(key) } else { Err(UnusableKey::Type(shorten(kind))) }
        }
        other => Err(UnusableKey::Type(shorten(other))),
    }
}

fn ed25519_from_hex(text: &str) -> Result<PublicKey, KeyError> {
    let bytes = hex::decode(text).map_err(|error| KeyError::Malformed(error.to_string()))?;
    PublicKey::ed25519(&bytes)
}

/// Keeps a text from outside short enough for a message.
fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    fn ed25519() -> SigningKey {
        SigningKey::from_seed(&[1; 32])
    }

    #[test]
    fn one_key_is_the_same_in_every_form() {
        let key = ed25519();
        let (hex, pem) = (hex::encode(key.public_bytes()), key.public_key().unwrap().to_pem().unwrap());
        let json = |public: &str| serde_json::json!({"keyid": "a", "keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
        let forms = [
            InTotoKey::from_file(pem.as_bytes()).unwrap(),
            InTotoKey::from_file(format!("{hex}\n").as_bytes()).unwrap(),
            InTotoKey::from_file(json(&hex).to_string().as_bytes()).unwrap(),
            InTotoKey::from_json(&json(&hex.to_uppercase())),
            InTotoKey::from_json(&json(&pem)),
        ];
        for form in &forms {
            assert_eq!(form, &forms[0]);
            assert!(form.is_usable());
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_is_kept_and_marked() {
        let pem = ed25519().public_key().unwrap().to_pem().unwrap();
        for object in [
            serde_json::json!({}),
            serde_json::json!({"keytype": "sphincs", "scheme": "ed25519", "keyval": {"public": pem}}),
            serde_json::json!({"keytype": "ed25519", "scheme": "new", "keyval": {"public": pem}}),
            serde_json::json!({"keytype": "rsa", "scheme": "ed25519", "keyval": {"public": pem}}),
            serde_json::json!({"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": pem}}),
            serde_json::json!({"keytype": "ed25519", "scheme": "rsassa-pss-sha256", "keyval": {"public": "00"}}),
            serde_json::json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00".repeat(32)}}),
        ] {
            assert!(!InTotoKey::from_json(&object).is_usable(), "{object}");
            assert!(InTotoKey::from_file(object.to_string().as_bytes()).is_err());
        }
    }

    #[test]
    fn a_verification_is_paid_for_by_key_and_length_and_not_made_otherwise() {
        let signed = |length: usize, signature: Value| {
            let text = "x".repeat(length);
            let document = serde_json::json!({"signed": text, "signatures": [signature]});
            SignedDocument::parse(document.to_string().as_bytes()).unwrap()
        };
        let spent = |key: &InTotoKey, document: &SignedDocument| {
            let mut work = Work::new(u64::MAX);
            key.find_signature("", document, Timestamp::UNIX_EPOCH, &mut work).unwrap_err();
            work.spent()
        };
        let plain = serde_json::json!({"keyid": "", "sig": "00"});
        let key = InTotoKey::from(ed25519().public_key().unwrap());
        assert_eq!(spent(&key, &signed(38, plain.clone())), 20_010);
        assert_eq!(spent(&key, &signed(399_998, plain.clone())), 120_000);
        // A long RSA key takes longer, a DSA key much longer, and a signature for another kind of key no time.
        let weights = [256, 384, 512, 1024].map(|length| {
            let modulus = vec![0xff; length];
            crate::signature::public_key::rsa_verification_weight(&modulus)
        });
        assert_eq!(weights, [1, 4, 4, 16]);
        let openpgp =
            serde_json::json!({"keyid": "00".repeat(20), "other_headers": "0400010800000000", "signature": "00"});
        assert_eq!(spent(&key, &signed(38, openpgp)), 0);
        let keyid = "aa42777b62df8ccb59ea2f9e6d0375e03961bae5";
        let openpgp_key = InTotoKey::from_json(&serde_json::json!({
            "creation_time": 1767225600, "hashes": ["pgp+SHA2"], "keyid": keyid, "method": "pgp+eddsa-ed25519", "type": "eddsa",
            "keyval": {"private": "", "public": {"q": "dfc77d2b98ed0351fb49d56e3ac0c28e3c89b5033eea6dc27845daca379fffc9"}},
        }));
        let by_it =
            |keyid: &str| serde_json::json!({"keyid": keyid, "other_headers": "040001080000", "signature": "00"});
        assert_eq!(spent(&openpgp_key, &signed(38, by_it(keyid))), 20_010);
        assert_eq!(spent(&openpgp_key, &signed(38, by_it(&"00".repeat(20)))), 0);
        let error =
            key.find_signature("", &signed(38, plain), Timestamp::UNIX_EPOCH, &mut Work::new(20_009)).unwrap_err();
        assert_eq!(error, NotSigned::Work(WorkExceeded { limit: 20_009 }));
    }

    #[test]
    fn files_in_other_forms_are_refused() {
        assert!(matches!(InTotoKey::from_file(b"\xff"), Err(KeyFileError::Unusable(UnusableKey::OpenPgp(_)))));
        assert!(matches!(InTotoKey::from_file(b"hello"), Err(KeyFileError::UnknownForm)));
        assert!(matches!(InTotoKey::from_file(b"{\"a\":1,\"a\":2}"), Err(KeyFileError::Json(_))));
        assert!(matches!(InTotoKey::from_file(&vec![b' '; 300_000]), Err(KeyFileError::TooLong { .. })));
    }
}
