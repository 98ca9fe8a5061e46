//! The signed envelope around all metadata (TUF 1.0.34 §4.2.1), and the one way through it.
//!
//! Promise: a [`VerifiedMetadata`] value was read from the very bytes whose canonical form a threshold of the right keys
//! signed, unknown fields included. Nothing but the threshold check makes one.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, Names};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};

use super::dialect::{Dialect, notary, tuf};
use super::error::{MetadataError, TufError};
use super::key::{Keys, RoleKeys};
use super::metadata::{Metadata, RoleHeader};
use super::role_name::RoleName;
use crate::canonical_json::Canonical;
use crate::signature::{PublicKey, Scheme, Signer, ThresholdError, require_threshold_of};

/// The most signatures that a metadata file may carry: enough for a root signed by as many keys as a role may have, and
/// by all the keys that they replace.
pub const MAXIMUM_SIGNATURES: usize = 1_024;

/// The proof of a role's metadata, for reports.
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
pub struct VerifiedMetadata<T> {
    value: T,
    evidence: Arc<RoleEvidence>,
}

impl<T> VerifiedMetadata<T> {
    /// The proof.
    pub fn evidence(&self) -> &Arc<RoleEvidence> {
        &self.evidence
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.evidence.version
    }

    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// The same metadata with another date of expiry than the one that it states.
    pub(crate) fn expiring_at(mut self, expires: Timestamp) -> Self {
        Arc::make_mut(&mut self.evidence).expires = expires;
        self
    }

    /// Requires that the metadata expires after `reference_time`.
    pub(crate) fn require_fresh(&self, reference_time: Timestamp) -> Result<(), TufError> {
        let RoleEvidence { role, version, expires, .. } = &*self.evidence;
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

/// Metadata of which only the form is known so far. No tree is made of it: until it is verified, only its signed part
/// is kept, in canonical form; after that, its type is read from the original bytes.
#[derive(Debug)]
pub(crate) struct UnverifiedMetadata<'b> {
    dialect: &'b Dialect,
    role: RoleName,
    bytes: &'b [u8],
    opened: OpenedEnvelope,
}

/// What was read of an envelope so far.
#[derive(Debug)]
pub(crate) struct OpenedEnvelope {
    digest: Digest,
    signatures: Vec<RoleSignature>,
    canonical: Vec<u8>,
}

/// A signature, as every dialect has it.
#[derive(Debug)]
pub(crate) struct RoleSignature {
    /// The key that claims to have made it.
    pub(crate) key_id: String,
    /// Its bytes, if they can be read.
    pub(crate) bytes: Option<Vec<u8>>,
    /// The schemes by one of which it was made, if it names any.
    pub(crate) schemes: Option<&'static [Scheme]>,
    /// By which key it was checked last, and whether it is that key's. A root is signed by the keys before it and by its own, and these
    /// are mostly the same.
    pub(crate) checked: Option<(PublicKey, bool)>,
}

impl RoleSignature {
    /// Whether a key made it over the message, which is always the same one.
    fn is_by(&mut self, key: &PublicKey, message: &[u8]) -> bool {
        if let Some((_, outcome)) = self.checked.as_ref().filter(|(known, _)| known == key) {
            return *outcome;
        }
        let is_of = |scheme| self.schemes.is_none_or(|schemes| schemes.contains(&scheme));
        let bytes = self.bytes.as_deref().filter(|_| is_of(key.scheme()));
        let outcome = bytes.is_some_and(|bytes| key.verify(message, bytes).is_ok());
        self.checked = Some((key.clone(), outcome));
        outcome
    }
}

#[derive(Deserialize)]
#[serde(bound = "S: DeserializeOwned + Into<RoleSignature>")]
struct EnvelopeObject<S> {
    signatures: Signatures<S>,
    signed: Canonical,
}

/// The first signatures, and how many there are; each is written as an `S`.
struct Signatures<S> {
    first: Vec<RoleSignature>,
    count: usize,
    written: PhantomData<S>,
}

impl<'de, S: DeserializeOwned + Into<RoleSignature>> Deserialize<'de> for Signatures<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SignaturesVisitor<S>(PhantomData<S>);
        impl<'de, S: DeserializeOwned + Into<RoleSignature>> Visitor<'de> for SignaturesVisitor<S> {
            type Value = Signatures<S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of signatures")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Signatures<S>, A::Error> {
                let (mut first, mut count) = (Vec::new(), 0);
                while let Some(signature) = access.next_element::<S>()? {
                    count += 1;
                    if first.len() < MAXIMUM_SIGNATURES {
                        first.push(signature.into());
                    }
                }
                Ok(Signatures { first, count, written: PhantomData })
            }
        }
        deserializer.deserialize_seq(SignaturesVisitor(PhantomData))
    }
}

/// The signatures of a document, and the canonical form of what is signed; each signature is written as an `S`.
fn open<S: DeserializeOwned + Into<RoleSignature>>(
    bytes: &[u8],
) -> Result<(Vec<RoleSignature>, Vec<u8>), MetadataError> {
    let EnvelopeObject::<S> { signatures, signed } = strict_json::read(bytes, Names::Exact)?;
    let Signatures { first: signatures, count, .. } = signatures;
    if count > MAXIMUM_SIGNATURES {
        return Err(MetadataError::TooManySignatures { count });
    }
    let mut key_ids = BTreeSet::new();
    if let Some(repeated) = signatures.iter().find(|signature| !key_ids.insert(&signature.key_id)) {
        return Err(MetadataError::RepeatedSignature(repeated.key_id.clone()));
    }
    Ok((signatures, signed.into_bytes()?))
}

impl<'b> UnverifiedMetadata<'b> {
    pub(crate) fn parse(dialect: &'b Dialect, role: &RoleName, bytes: &'b [u8]) -> Result<Self, TufError> {
        let opened = match dialect {
            Dialect::Tuf => open::<tuf::SignatureObject>(bytes),
            Dialect::Notary(_) => open::<notary::NotarySignatureObject>(bytes),
        };
        let (signatures, canonical) = opened.map_err(|source| {
            let source = dialect.refusal(bytes, source);
            TufError::Malformed { role: role.clone(), source }
        })?;
        let opened = OpenedEnvelope { digest: Digest::sha256(bytes), signatures, canonical };
        Ok(Self { dialect, role: role.clone(), bytes, opened })
    }

    /// What was read of the envelope.
    pub(crate) fn into_opened(self) -> OpenedEnvelope {
        self.opened
    }

    /// The metadata again of which this was read; the caller has compared the bytes.
    pub(crate) fn reopen(dialect: &'b Dialect, role: &RoleName, bytes: &'b [u8], opened: OpenedEnvelope) -> Self {
        Self { dialect, role: role.clone(), bytes, opened }
    }

    /// Requires a threshold of the authority's keys to have signed.
    pub(crate) fn require_signatures(&mut self, authority: Authority<'_>) -> Result<Vec<Signer>, TufError> {
        self.signers(authority).map_err(|source| match self.dialect.other_than(self.bytes) {
            Some(other) => TufError::Malformed { role: self.role.clone(), source: other },
            None => TufError::Signatures {
                role: self.role.clone(),
                delegator: authority.delegator.clone(),
                delegator_version: authority.delegator_version,
                source,
            },
        })
    }

    fn signers(&mut self, authority: Authority<'_>) -> Result<Vec<Signer>, ThresholdError> {
        let Authority { keys, role_keys: RoleKeys { keyids, threshold }, .. } = authority;
        let OpenedEnvelope { signatures, canonical, .. } = &mut self.opened;
        let canonical = canonical.as_slice();
        let candidates = signatures.iter_mut().filter_map(|signature| {
            let key_id = keyids.get(&signature.key_id)?;
            let key = keys.get(key_id)?.0.as_ref()?;
            Some((key_id, key, move || signature.is_by(key, canonical)))
        });
        require_threshold_of(*threshold, candidates)
    }

    /// Reads the signed part without checking who signed it.
    pub(crate) fn read_signed<T: Metadata>(&self) -> Result<(RoleHeader, T), MetadataError> {
        let read = T::read(self.dialect, &self.role, self.bytes);
        let (header, value) = read.map_err(|error| self.dialect.refusal(self.bytes, error))?;
        value.role_keys().try_for_each(RoleKeys::require_few)?;
        Ok((header, value))
    }

    /// Whether both have the same signed part, whoever signed it and with however many signatures.
    pub(crate) fn signs_the_same_as(&self, other: &Self) -> bool {
        self.opened.canonical == other.opened.canonical
    }

    /// Reads what all metadata has in common, without checking who signed it.
    pub(crate) fn header<T: Metadata>(&self) -> Result<RoleHeader, MetadataError> {
        let header = match self.dialect {
            Dialect::Tuf => tuf::header(T::KIND, self.bytes),
            Dialect::Notary(_) => notary::header(T::KIND, self.bytes),
        };
        header.map_err(|error| self.dialect.refusal(self.bytes, error))
    }

    /// Requires the authority's signatures, and only then reads what was signed.
    pub(crate) fn verify<T: Metadata>(mut self, authority: Authority<'_>) -> Result<VerifiedMetadata<T>, TufError> {
        let signers = self.require_signatures(authority)?;
        // It is as long as everything that was read, and no longer needed.
        self.opened.canonical = Vec::new();
        let (header, value) = self.read_signed().map_err(|source| self.malformed(source))?;
        Ok(VerifiedMetadata { value, evidence: self.evidence(&header, authority, signers) })
    }

    /// The same where the metadata itself names whose signatures count, as a root does. So it is read before it is verified; nothing of it
    /// is returned unless it verifies.
    pub(crate) fn verify_by_itself<T: Metadata>(
        &mut self,
        named: impl FnOnce(&T) -> (&Keys, &RoleKeys),
    ) -> Result<VerifiedMetadata<T>, TufError> {
        let (header, value) = self.read_signed().map_err(|source| self.malformed(source))?;
        let (delegator, delegator_version) = (&self.role.clone(), header.version.get());
        let (keys, role_keys) = named(&value);
        let authority = Authority { delegator, delegator_version, keys, role_keys };
        let signers = self.require_signatures(authority)?;
        let evidence = self.evidence(&header, authority, signers);
        Ok(VerifiedMetadata { value, evidence })
    }

    fn malformed(&self, source: MetadataError) -> TufError {
        TufError::Malformed { role: self.role.clone(), source }
    }

    fn evidence(&self, header: &RoleHeader, authority: Authority<'_>, signers: Vec<Signer>) -> Arc<RoleEvidence> {
        Arc::new(RoleEvidence {
            role: self.role.clone(),
            version: header.version.get(),
            expires: header.expires,
            digest: self.opened.digest.clone(),
            delegator: authority.delegator.clone(),
            threshold: authority.role_keys.threshold.get(),
            signed_by: signers.into_iter().map(|signer| signer.key_id).collect(),
        })
    }
}
