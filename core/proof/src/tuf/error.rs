//! What can be wrong with a repository: one variant for each rule of TUF 1.0.34 §5 that can be broken.

use jiff::Timestamp;

use super::dialect::{DialectName, NotaryError};
use super::envelope::MAXIMUM_SIGNATURES;
use super::hashes::MismatchError;
use super::key::MAXIMUM_ROLE_KEYS;
use super::provider::ProviderError;
use super::role_name::RoleName;
use crate::canonical_json::CanonicalJsonError;
use crate::signature::ThresholdError;
use sealift_archive_format::strict_json::JsonError;

/// Why bytes are not metadata of the expected kind.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// They are not strict JSON, or a field is missing or has a wrong value.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// What was signed has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalJsonError),
    /// One key id signs twice (§4.2.1).
    #[error("key id {0:?} occurs twice among the signatures")]
    RepeatedSignature(String),
    /// There are more signatures than the limit.
    #[error("it carries {count} signatures; the limit is {MAXIMUM_SIGNATURES}")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// A role is given more keys than one may have.
    #[error("it has {count} keys for one role; the limit is {MAXIMUM_ROLE_KEYS}")]
    TooManyKeys {
        /// How many key ids it lists.
        count: usize,
    },
    /// `_type` names another kind.
    #[error("it states that it is {found:?} metadata, not {expected:?}")]
    Type {
        /// The kind that was asked for.
        expected: &'static str,
        /// The value of `_type`.
        found: String,
    },
    /// It is written in another dialect than the one that was pinned for its repository.
    #[error("it is metadata of {found}, but the repository is pinned as {expected}")]
    Dialect {
        /// The dialect of the repository.
        expected: DialectName,
        /// The dialect that it states.
        found: DialectName,
    },
    /// A rule of Notary's metadata is broken.
    #[error(transparent)]
    Notary(#[from] NotaryError),
    /// It follows a version of the specification that is not supported.
    #[error("it follows version {0:?} of the TUF specification; versions 1.x are supported")]
    SpecVersion(String),
}

/// Why a repository is refused.
#[derive(Debug, thiserror::Error)]
pub enum TufError {
    /// A metadata file is not metadata of its kind.
    #[error("{role} metadata is malformed")]
    Malformed {
        /// The role.
        role: RoleName,
        /// What is wrong with it.
        source: MetadataError,
    },
    /// Too few keys signed (§5.3.4, §5.4.2, §5.5.3, §5.6.3: arbitrary software).
    #[error(
        "{role} metadata carries {} of the {} signatures that {delegator} version {delegator_version} asks for",
        .source.valid.len(), .source.required
    )]
    Signatures {
        /// The role.
        role: RoleName,
        /// Who says which keys sign for it.
        delegator: RoleName,
        /// The version of the delegator's metadata.
        delegator_version: u64,
        /// Which keys did sign.
        source: ThresholdError,
    },
    /// A required metadata file is missing.
    #[error("the repository has no file {file_name}")]
    Missing {
        /// The role.
        role: RoleName,
        /// The file, as it stands in a URL.
        file_name: String,
    },
    /// The version is not the one that was asked for or that is listed (§5.3.5, §5.5.4, §5.6.4).
    #[error("{role} metadata has version {found}, not {expected}")]
    Version {
        /// The role.
        role: RoleName,
        /// The version that was asked for.
        expected: u64,
        /// The version it has.
        found: u64,
    },
    /// A version is lower than one that was accepted before (§5.4.3, §5.5.5: rollback).
    #[error(
        "version {found} of {role}, in {listed_by} metadata, is older than version {trusted}, which was accepted before"
    )]
    Rollback {
        /// The role whose version went back.
        role: RoleName,
        /// The metadata that states the version.
        listed_by: RoleName,
        /// The version accepted before.
        trusted: u64,
        /// The version now.
        found: u64,
    },
    /// Snapshot metadata no longer lists a role that it listed before (§5.5.5: rollback).
    #[error("snapshot metadata no longer lists {0:?}, which an accepted version listed")]
    Removed(String),
    /// The bytes are not those that timestamp or snapshot metadata describes (§5.5.2, §5.6.2: mix and match).
    #[error("{role} metadata is not the file that {listed_by} metadata describes")]
    Mismatch {
        /// The role.
        role: RoleName,
        /// The metadata that describes it.
        listed_by: RoleName,
        /// What differs.
        source: MismatchError,
    },
    /// The metadata has expired (§5.3.10, §5.4.4, §5.5.6, §5.6.5: freeze).
    #[error("{role} version {version} expired at {expires}; expiry was judged at {reference_time}")]
    Expired {
        /// The role.
        role: RoleName,
        /// Its version.
        version: u64,
        /// When it expired.
        expires: Timestamp,
        /// The instant at which that was judged.
        reference_time: Timestamp,
    },
    /// Too few of the certificates of the keys that signed the newest root are valid yet.
    #[error(
        "too few of the certificates that signed root version {version} are valid yet; that was judged at {reference_time}"
    )]
    CertificatesNotYetValid {
        /// The version of the root.
        version: u64,
        /// The instant at which that was judged.
        reference_time: Timestamp,
    },
    /// The certificates of the keys that signed the newest root have expired.
    #[error(
        "the certificates that signed root version {version} were valid until {expires}; expiry was judged at {reference_time}"
    )]
    CertificatesExpired {
        /// The version of the root.
        version: u64,
        /// Until when enough of them were valid.
        expires: Timestamp,
        /// The instant at which that was judged.
        reference_time: Timestamp,
    },
    /// A certificate of a root is made out to other repositories as well, and none of the root before it is.
    #[error(
        "root version {version} has a certificate for {name:?}, which other repositories may have too, and the root before it has none like that"
    )]
    SharedCertificate {
        /// The version of the root.
        version: u64,
        /// The name in the certificate.
        name: String,
    },
    /// A role is delegated to, or needed, but snapshot metadata does not list it.
    #[error("snapshot metadata does not list {role}")]
    NotInSnapshot {
        /// The role.
        role: RoleName,
    },
    /// There are more root versions than one update walks. Those walked are kept.
    #[error("the root chain has more than {limit} new versions")]
    TooManyRoots {
        /// How many are walked.
        limit: u64,
    },
    /// More roles would be visited than allowed.
    #[error("more than {limit} roles would have to be visited")]
    TooManyRoles {
        /// How many may be visited.
        limit: usize,
    },
    /// Comparing names with delegations takes more work than allowed.
    #[error("comparing names with what is delegated takes more than {limit} steps")]
    TooMuchMatching {
        /// How many it may take.
        limit: u64,
    },
    /// Delegations are nested deeper than allowed.
    #[error("delegations nest deeper than {limit} levels at {role}")]
    TooDeep {
        /// The role that is too deep.
        role: RoleName,
        /// How deep delegations may nest.
        limit: usize,
    },
    /// A target is described by hashes of unknown algorithms only.
    #[error("{role} describes target {target:?} without a hash that can be checked")]
    Unprovable {
        /// The role.
        role: RoleName,
        /// The target's name.
        target: String,
        /// What differs.
        source: MismatchError,
    },
    /// A metadata file could not be fetched, or its actual or stated length exceeds the limit (endless data).
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The pinned root, or a root remembered from before, is not a root.
    #[error("the trusted root is unusable")]
    TrustedRoot {
        /// What is wrong with it.
        source: Box<TufError>,
    },
    /// What this side remembers cannot be read.
    #[error("the remembered {role} metadata is damaged")]
    DamagedState {
        /// The role.
        role: RoleName,
        /// What is wrong with it.
        source: MetadataError,
    },
}
