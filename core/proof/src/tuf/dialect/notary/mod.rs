//! Notary v1, which Docker Content Trust uses: TUF as it was in 2015, in JSON of its own.
//!
//! | | TUF 1.0 | Notary v1 |
//! |---|---|---|
//! | `_type` | `root` | `Root`, with a capital letter |
//! | `spec_version` | there | not there |
//! | `expires` | whole seconds, `Z` | fractions of a second, and an offset |
//! | signatures | hexadecimal; ECDSA in ASN.1 | base64, with a `method`; ECDSA as r and s, each as long as the curve's field; RSA-PSS with a salt of 32 bytes |
//! | keys | `scheme`; any key id | no `scheme`; the key id is computed; certificates for the root role |
//! | what a file says of another | a version, and perhaps a length and hashes | a length and hashes, in base64, no version |
//! | names of metadata files | `targets.json` | `targets` |
//! | the snapshot | lists targets roles | lists the root as well |
//! | file names | by version, if snapshots are consistent | without version, but for roots |
//! | delegations | patterns, or prefixes of hashes | prefixes of names, and only within the delegator's own |
//! | a search | depth first | breadth first |
//! | `custom` | an object | any value |
//!
//! Promise: what is read is what Notary's client reads, or less. Where it passes something over with a warning, this is an error
//! (`docs/adr/0019-notary-v1-as-a-dialect.md`).

mod certificate;
mod error;
mod key;
mod metadata;
mod pin;
mod text;

use std::num::NonZeroU64;

use jiff::Timestamp as Instant;
use serde::Deserialize;

pub use certificate::CertificateError;
pub(crate) use certificate::Validity;
pub use error::NotaryError;
pub(crate) use metadata::{root, snapshot, targets, timestamp};
pub use pin::{FingerprintError, PinError, PinnedBy, RootCertificate, RootFingerprint, check_pin, root_certificates};

use super::tuf::signed;
use crate::signature::Scheme;
use crate::tuf::envelope::RoleSignature;
use crate::tuf::error::MetadataError;
use crate::tuf::metadata::{Kind, RoleHeader};
use text::{Base64, instant};

/// The value of `_type`.
pub(crate) fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Root => "Root",
        Kind::Timestamp => "Timestamp",
        Kind::Snapshot => "Snapshot",
        Kind::Targets => "Targets",
    }
}

/// A signature: in base64, and of the method that it names.
#[derive(Deserialize)]
pub(crate) struct NotarySignatureObject {
    keyid: String,
    method: String,
    sig: Base64,
}

impl From<NotarySignatureObject> for RoleSignature {
    fn from(object: NotarySignatureObject) -> Self {
        // A signature by another method does not count, as one by an unknown key.
        let schemes: &[Scheme] = match object.method.as_str() {
            "eddsa" => &[Scheme::Ed25519],
            "ecdsa" => &[Scheme::EcdsaP256Sha256Fixed, Scheme::EcdsaP384Sha256Fixed],
            "rsapss" => &[Scheme::RsaPssSha256Salt32],
            _ => &[],
        };
        Self { key_id: object.keyid, bytes: Some(object.sig.0), schemes: Some(schemes), checked: None }
    }
}

/// What all metadata has in common.
#[derive(Deserialize)]
struct NotaryHeaderObject {
    #[serde(rename = "_type")]
    kind: String,
    version: NonZeroU64,
    #[serde(deserialize_with = "instant")]
    expires: Instant,
}

/// Reads what all metadata has in common.
pub(crate) fn header(kind: Kind, bytes: &[u8]) -> Result<RoleHeader, MetadataError> {
    let header: NotaryHeaderObject = signed(bytes)?;
    if header.kind != type_of(kind) {
        return Err(MetadataError::Type { expected: type_of(kind), found: header.kind });
    }
    Ok(RoleHeader { version: header.version, expires: header.expires })
}
