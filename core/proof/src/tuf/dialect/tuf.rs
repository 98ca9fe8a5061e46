//! TUF 1.0.34 §4, as it is specified: metadata is read into the engine's types as it stands.

use std::num::NonZeroU64;

use jiff::Timestamp as Instant;
use sealift_archive_format::strict_json::{self, Names};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::freshness::parse_instant;
use crate::tuf::envelope::RoleSignature;
use crate::tuf::error::MetadataError;
use crate::tuf::metadata::{Kind, RoleHeader, is_understood};

/// The value of `_type`.
pub(crate) fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Root => "root",
        Kind::Timestamp => "timestamp",
        Kind::Snapshot => "snapshot",
        Kind::Targets => "targets",
    }
}

/// Only the signed part of the envelope.
#[derive(Deserialize)]
struct SignedPart<T> {
    signed: T,
}

/// The signed part of a document that has been read strictly before.
pub(crate) fn signed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, MetadataError> {
    let SignedPart { signed } = strict_json::read_again(bytes, Names::Exact)?;
    Ok(signed)
}

/// A signature (§4.2.1): in hexadecimal, and of whichever scheme its key is for.
#[derive(Deserialize)]
pub(crate) struct SignatureObject {
    keyid: String,
    sig: String,
}

impl From<SignatureObject> for RoleSignature {
    fn from(object: SignatureObject) -> Self {
        Self { key_id: object.keyid, bytes: hex::decode(object.sig).ok(), schemes: None }
    }
}

/// What all metadata has in common.
#[derive(Deserialize)]
struct HeaderObject {
    #[serde(rename = "_type")]
    kind: String,
    spec_version: String,
    version: NonZeroU64,
    #[serde(deserialize_with = "instant")]
    expires: Instant,
}

fn instant<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    parse_instant(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Reads what all metadata has in common.
pub(crate) fn header(kind: Kind, bytes: &[u8]) -> Result<RoleHeader, MetadataError> {
    let header: HeaderObject = signed(bytes)?;
    if header.kind != type_of(kind) {
        return Err(MetadataError::Type { expected: type_of(kind), found: header.kind });
    }
    if !is_understood(&header.spec_version) {
        return Err(MetadataError::SpecVersion(header.spec_version));
    }
    Ok(RoleHeader { version: header.version, expires: header.expires })
}
