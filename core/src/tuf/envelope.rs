//! The signed envelope around all metadata (TUF 1.0.34 §4.2.1), and the one way through it.
//!
//! Promise: a [`Verified`] value was read from the very bytes whose canonical form a threshold of the right keys
//! signed, unknown fields included. Nothing but the threshold check makes one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError};
use serde::Deserialize;
use serde_json::Value;

use super::error::{MetadataError, TufError};
use super::key::{Keys, RoleKeys};
use super::metadata::{Header, Metadata, is_understood};
use super::role_name::RoleName;
use crate::canonical_json;
use crate::signature::{Candidate, Signer, ThresholdError, require_threshold};

/// The most signatures that a metadata file may carry: more than a root needs that as many keys signed as a role may have,
/// and as many of those that they replace.
pub const MAXIMUM_SIGNATURES: usize = 1_024;

/// What proves a role's metadata, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleEvidence {
    /// The role.
    pub role: RoleName,
    /// The version of its metadata.
    pub version: u64,
    /// When the metadata expires.
    pub expires: Timestamp,
    /// The SHA-256 digest of the metadata file.
    pub digest: Digest,
    /// The role that says whose signatures count.
    pub delegator: RoleName,
    /// How many different keys must sign.
    pub threshold: u32,
    /// The key ids, as the metadata calls them, of all keys that did sign.
    pub signed_by: Vec<String>,
}

/// Metadata that a threshold of the right keys signed.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: T,
    evidence: RoleEvidence,
}

impl<T> Verified<T> {
    /// The proof.
    pub fn evidence(&self) -> &RoleEvidence {
        &self.evidence
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.evidence.version
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// Requires that the metadata expires after `reference_time`.
    pub(crate) fn require_fresh(&self, reference_time: Timestamp) -> Result<(), TufError> {
        let RoleEvidence { role, version, expires, .. } = &self.evidence;
        if *expires > reference_time {
            return Ok(());
        }
        Err(TufError::Expired { role: role.clone(), version: *version, expires: *expires, reference_time })
    }
}

/// Who may sign for a role, and who says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authority<'a> {
    pub(crate) delegator: &'a RoleName,
    pub(crate) delegator_version: u64,
    pub(crate) keys: &'a Keys,
    pub(crate) role_keys: &'a RoleKeys,
}

/// Metadata of which nothing is known yet but its form.
#[derive(Debug)]
pub(crate) struct Envelope {
    role: RoleName,
    digest: Digest,
    signatures: Vec<Signature>,
    canonical: Vec<u8>,
    signed: Value,
}

#[derive(Debug, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

#[derive(Deserialize)]
struct EnvelopeObject {
    signatures: Vec<Signature>,
    signed: Value,
}

impl Envelope {
    pub(crate) fn parse(role: &RoleName, bytes: &[u8]) -> Result<Self, TufError> {
        Self::read(role, bytes).map_err(|source| TufError::Malformed { role: role.clone(), source })
    }

    fn read(role: &RoleName, bytes: &[u8]) -> Result<Self, MetadataError> {
        let EnvelopeObject { signatures, signed } = strict_json::parse_into(bytes)?;
        if signatures.len() > MAXIMUM_SIGNATURES {
            return Err(MetadataError::TooManySignatures { count: signatures.len() });
        }
        let mut key_ids = BTreeSet::new();
        if let Some(repeated) = signatures.iter().find(|signature| !key_ids.insert(&signature.keyid)) {
            return Err(MetadataError::RepeatedSignature(repeated.keyid.clone()));
        }
        let canonical = canonical_json::encode(&signed)?;
        Ok(Self { role: role.clone(), digest: Digest::sha256(bytes), signatures, canonical, signed })
    }

    /// Requires a threshold of the authority's keys to have signed.
    pub(crate) fn require_signatures(&self, authority: Authority<'_>) -> Result<Vec<Signer>, TufError> {
        self.signers(authority).map_err(|source| TufError::Signatures {
            role: self.role.clone(),
            delegator: authority.delegator.clone(),
            delegator_version: authority.delegator_version,
            source,
        })
    }

    fn signers(&self, authority: Authority<'_>) -> Result<Vec<Signer>, ThresholdError> {
        let RoleKeys { keyids, threshold } = authority.role_keys;
        let candidates: Vec<_> = self
            .signatures
            .iter()
            .filter(|signature| keyids.contains(&signature.keyid))
            .filter_map(|signature| {
                let key = authority.keys.get(&signature.keyid)?.0.as_ref()?;
                Some((signature.keyid.as_str(), key, hex::decode(&signature.sig).ok()?))
            })
            .collect();
        let candidates = candidates.iter().map(|(key_id, key, signature)| Candidate {
            key_id,
            key,
            signature: signature.as_slice(),
        });
        require_threshold(*threshold, &self.canonical, candidates)
    }

    /// Reads what was signed, without having asked by whom.
    pub(crate) fn read_signed<T: Metadata>(&self) -> Result<(Header, T), MetadataError> {
        Ok((self.header::<T>()?, read_value(self.signed.clone())?))
    }

    fn header<T: Metadata>(&self) -> Result<Header, MetadataError> {
        let header = Header::deserialize(&self.signed).map_err(JsonError::from)?;
        if header.kind != T::TYPE {
            return Err(MetadataError::Type { expected: T::TYPE, found: header.kind });
        }
        if !is_understood(&header.spec_version) {
            return Err(MetadataError::SpecVersion(header.spec_version));
        }
        Ok(header)
    }

    /// Requires the authority's signatures, and only then reads what was signed.
    pub(crate) fn verify<T: Metadata>(mut self, authority: Authority<'_>) -> Result<Verified<T>, TufError> {
        let signers = self.require_signatures(authority)?;
        // As long as all that was read, and of no more use.
        self.canonical = Vec::new();
        let malformed = |source| TufError::Malformed { role: self.role.clone(), source };
        let header = self.header::<T>().map_err(malformed)?;
        let value = read_value(self.signed).map_err(malformed)?;
        let evidence = RoleEvidence {
            role: self.role,
            version: header.version.get(),
            expires: header.expires,
            digest: self.digest,
            delegator: authority.delegator.clone(),
            threshold: authority.role_keys.threshold.get(),
            signed_by: signers.into_iter().map(|signer| signer.key_id).collect(),
        };
        Ok(Verified { value, evidence })
    }
}

fn read_value<T: Metadata>(signed: Value) -> Result<T, MetadataError> {
    let value: T = strict_json::into(signed)?;
    value.role_keys().try_for_each(RoleKeys::require_few)?;
    Ok(value)
}
