//! Keys of layouts and functionaries, in every form that in-toto implementations write them.
//!
//! JSON objects as securesystemslib, python in-toto 2 and 3 and in-toto-golang put them into layouts, and the files
//! that CNAB-Sec 301 distributes as `.pub`: PEM, the same JSON, or a bare hexadecimal ed25519 key. A key's id is a
//! label. Promise: a key that cannot be used is kept with the reason, and never signs anything.

use sealift_archive_format::strict_json;
use serde_json::Value;

use crate::signature::{KeyError, KeyIdentity, PublicKey, Scheme};

use super::metadata::{Signature, SignatureValue, SignedDocument};

/// The longest key file that is read, in bytes. An OpenPGP key with many subkeys stays far below it.
const MAXIMUM_KEY_FILE_LENGTH: usize = 256 * 1024;

/// A key, usable or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    material: Material,
}

#[derive(Debug, Clone, PartialEq)]
enum Material {
    Plain(PublicKey),
    Unusable(UnusableKey),
}

/// Why a key cannot verify anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableKey {
    /// The object has no `keyval.public` text.
    #[error("the key has no public part")]
    NoPublicPart,
    /// The key's type is not one that is understood.
    #[error("key type {0:?} is not supported")]
    Type(String),
    /// The key's signature scheme is not one that is understood.
    #[error("signature scheme {0:?} is not supported")]
    Scheme(String),
    /// The public part is not a key of its type and scheme.
    #[error("the key cannot be read")]
    Public(#[from] KeyError),
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
    /// It is not text.
    #[error("the key file is not UTF-8 text")]
    NotText,
    /// It is in none of the known forms.
    #[error("the key file is neither PEM, nor a securesystemslib JSON key, nor a hexadecimal ed25519 key")]
    UnknownForm,
    /// It is JSON, but not strict JSON.
    #[error("the key file is not a JSON key")]
    Json(#[from] strict_json::JsonError),
    /// It is a key that cannot be used.
    #[error("the key in the file cannot be used")]
    Unusable(#[from] UnusableKey),
}

/// Why a document does not bear a key's signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// None of the signatures names the key, and none verifies under it.
    #[error("it has no signature of this key")]
    NoSignature,
    /// A signature names the key and does not verify under it.
    #[error("the signature that names this key does not verify")]
    BadSignature,
    /// The key cannot verify anything.
    #[error("the key cannot be used")]
    Unusable(#[source] UnusableKey),
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Self {
        Self { material: Material::Plain(key) }
    }
}

impl Key {
    /// Reads a `.pub` file as CNAB-Sec 301 distributes them.
    ///
    /// # Errors
    /// [`KeyFileError`]; a key that cannot be used is an error here, because a layout key must be usable.
    pub fn from_file(bytes: &[u8]) -> Result<Self, KeyFileError> {
        if bytes.len() > MAXIMUM_KEY_FILE_LENGTH {
            return Err(KeyFileError::TooLong { length: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| KeyFileError::NotText)?.trim();
        let key = if text.starts_with("-----BEGIN ") {
            Self::from(PublicKey::from_pem(text, None).map_err(UnusableKey::from)?)
        } else if text.starts_with('{') {
            Self::from_json(&strict_json::parse(bytes)?)
        } else if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Self::from(ed25519_from_hex(text).map_err(UnusableKey::from)?)
        } else {
            return Err(KeyFileError::UnknownForm);
        };
        match key.material {
            Material::Unusable(reason) => Err(reason.into()),
            _ => Ok(key),
        }
    }

    /// Reads a key object of a layout (in-toto 1.0 §4.2.1). A key that cannot be used is kept, with the reason.
    pub fn from_json(object: &Value) -> Self {
        let material = match plain_from_json(object) {
            Ok(key) => Material::Plain(key),
            Err(reason) => Material::Unusable(reason),
        };
        Self { material }
    }

    /// What tells this key from others; `None` for a key that cannot be used.
    pub fn identity(&self) -> Option<KeyIdentity> {
        match &self.material {
            Material::Plain(key) => Some(key.identity()),
            Material::Unusable(_) => None,
        }
    }

    /// The key for people: its scheme and the beginning of its fingerprint (SHA-256 of SPKI), or why it is unusable.
    pub fn describe(&self) -> String {
        match &self.material {
            Material::Plain(key) => {
                let fingerprint = key.fingerprint().map_or_else(|error| error.to_string(), |it| it.short().to_owned());
                format!("{} {fingerprint}", key.scheme().name())
            }
            Material::Unusable(reason) => reason.to_string(),
        }
    }

    /// Looks for this key's signature on a document: first among those that name the key `key_id`, then among all,
    /// because implementations call one key by different ids.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn find_signature<'d>(&self, key_id: &str, document: &'d SignedDocument) -> Result<&'d Signature, NotSigned> {
        let key = match &self.material {
            Material::Plain(key) => key,
            Material::Unusable(reason) => return Err(NotSigned::Unusable(reason.clone())),
        };
        let made = |signature: &&Signature| match &signature.value {
            SignatureValue::Plain(bytes) => key.verify(document.signed_bytes(), bytes).is_ok(),
            SignatureValue::OpenPgp { .. } => false,
        };
        let names = |signature: &&Signature| signature.key_id == key_id;
        let (naming, others): (Vec<_>, Vec<_>) = document.signatures().iter().partition(names);
        let failure = if naming.is_empty() { NotSigned::NoSignature } else { NotSigned::BadSignature };
        naming.into_iter().chain(others).find(made).ok_or(failure)
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
            Key::from_file(pem.as_bytes()).unwrap(),
            Key::from_file(format!("{hex}\n").as_bytes()).unwrap(),
            Key::from_file(json(&hex).to_string().as_bytes()).unwrap(),
            Key::from_json(&json(&hex.to_uppercase())),
            Key::from_json(&json(&pem)),
        ];
        for form in &forms {
            assert_eq!(form, &forms[0]);
            assert!(form.identity().is_some());
        }
    }

    #[test]
    fn a_key_that_cannot_be_used_is_kept_and_has_no_identity() {
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
            assert_eq!(Key::from_json(&object).identity(), None, "{object}");
            assert!(Key::from_file(object.to_string().as_bytes()).is_err());
        }
    }

    #[test]
    fn files_in_other_forms_are_refused() {
        assert!(matches!(Key::from_file(b"\xff"), Err(KeyFileError::NotText)));
        assert!(matches!(Key::from_file(b"hello"), Err(KeyFileError::UnknownForm)));
        assert!(matches!(Key::from_file(b"{\"a\":1,\"a\":2}"), Err(KeyFileError::Json(_))));
        assert!(matches!(Key::from_file(&vec![b' '; 300_000]), Err(KeyFileError::TooLong { .. })));
    }
}
