//! A target that a chain of trusted roles describes.

use sealift_archive_format::Digest;
use serde_json::Value;

use super::error::TufError;
use super::hashes::{Hashes, Measured, MismatchError, check_length, length};
use super::metadata::TargetDescription;
use super::provider::{ProviderError, TargetProvider};
use super::role_name::RoleName;
use crate::canonical_json::CanonicalValue;

/// What trusted metadata says about a target. Only a search through verified roles makes one.
///
/// Nothing else makes one:
///
/// ```compile_fail,E0451
/// # use sealift_proof::tuf::VerifiedTarget;
/// # fn forge() -> VerifiedTarget {
/// VerifiedTarget {
///     path: "example.com/shop:1.0".to_owned(),
///     length: 1,
///     hashes: unreachable!(),
///     digests: Vec::new(),
///     custom: None,
///     roles: Vec::new(),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTarget {
    path: String,
    length: u64,
    hashes: Hashes,
    digests: Vec<Digest>,
    custom: Option<Value>,
    roles: Vec<RoleName>,
}

/// Why a target file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The repository does not have it.
    #[error("the repository has no file for target {path:?}")]
    Missing {
        /// The target's name.
        path: String,
    },
    /// The file is not what the target describes.
    #[error("the file for target {path:?} is not the one that the metadata describes")]
    Mismatch {
        /// The target's name.
        path: String,
        /// What differs.
        source: MismatchError,
    },
    /// The file could not be read.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl VerifiedTarget {
    /// A target as the last of `roles` describes it.
    pub(crate) fn new(path: &str, described: &TargetDescription, roles: Vec<RoleName>) -> Result<Self, TufError> {
        let role = || roles.last().cloned().unwrap_or_else(RoleName::targets);
        described.hashes.require_known().map_err(|source| TufError::Unprovable {
            role: role(),
            target: path.to_owned(),
            source,
        })?;
        let TargetDescription { length, hashes, custom } = described;
        Ok(Self {
            path: path.to_owned(),
            length: *length,
            hashes: hashes.clone(),
            digests: hashes.known(),
            custom: custom.as_ref().map(CanonicalValue::read),
            roles,
        })
    }

    /// The target's name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its length, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its hashes, those of known algorithms: at least one.
    pub fn hashes(&self) -> &[Digest] {
        &self.digests
    }

    /// The `custom` object, if there is one. It is signed; its meaning is up to the application.
    pub fn custom(&self) -> Option<&Value> {
        self.custom.as_ref()
    }

    /// The roles from the top-level targets role to the one that describes the target, each delegating to the next.
    pub fn roles(&self) -> &[RoleName] {
        &self.roles
    }

    /// Whether the top-level targets role itself describes the target.
    pub fn is_from_top_level(&self) -> bool {
        self.roles.len() == 1
    }

    /// Requires that `bytes` are the target: its length, and every known hash (TUF 1.0.34 §5.7.3).
    ///
    /// # Errors
    /// [`MismatchError`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), MismatchError> {
        check_length(self.length, length(bytes))?;
        self.hashes.check(bytes)
    }

    /// Fetches the target and checks it (TUF 1.0.34 §5.7): under each listed hash where snapshots are consistent.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn fetch(&self, provider: &mut dyn TargetProvider, consistent_snapshots: bool) -> Result<Vec<u8>, FetchError> {
        let prefixes: Vec<_> = match consistent_snapshots {
            true => self.hashes().iter().map(Some).collect(),
            false => vec![None],
        };
        let mut unavailable = None;
        for prefix in prefixes {
            match provider.target(&self.path, prefix, self.length) {
                Ok(Some(bytes)) => {
                    self.check(&bytes).map_err(|source| FetchError::Mismatch { path: self.path.clone(), source })?;
                    return Ok(bytes);
                }
                Ok(None) => {}
                // It may exist under another hash.
                Err(error) => unavailable = unavailable.or(Some(error)),
            }
        }
        Err(unavailable.map_or_else(|| FetchError::Missing { path: self.path.clone() }, FetchError::Provider))
    }

    /// Requires the same of bytes that have already been measured.
    ///
    /// # Errors
    /// [`MismatchError`].
    pub fn check_measured(&self, measured: &Measured) -> Result<(), MismatchError> {
        check_length(self.length, measured.length())?;
        self.hashes.check_measured(measured)
    }

    /// Whether two repositories agree on a target: length, hashes and `custom`.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (self.length, &self.hashes, &self.custom) == (other.length, &other.hashes, &other.custom)
    }
}
