//! The dialects that metadata is written in. All of them are read into the same types, so that one workflow, one search, one
//! threshold and one memory serve them all.
//!
//! Promise: the person who pins a root states the dialect. A file of another dialect is refused, never guessed at, and no dialect
//! makes another one more lenient.

mod gun;
pub(crate) mod notary;
pub(crate) mod tuf;

use std::fmt;

use sealift_archive_format::strict_json::{self, Names};
use serde::Deserialize;

pub use gun::{Gun, GunError};
pub use notary::{
    CertificateError, FingerprintError, NotaryError, PinError, PinnedBy, RootCertificate, RootFingerprint, check_pin,
    root_certificates,
};

use super::error::MetadataError;
use super::metadata::Kind;

/// How the metadata of a repository is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// In the format of TUF 1.0.
    #[default]
    Tuf,
    /// In the format of Notary v1 (Docker Content Trust), for the repository of this name.
    Notary(Gun),
}

impl Dialect {
    /// The repository's own name, where the dialect has one.
    pub fn gun(&self) -> Option<&Gun> {
        match self {
            Self::Tuf => None,
            Self::Notary(gun) => Some(gun),
        }
    }

    /// The value of `_type` in the metadata of a role.
    pub fn type_of(&self, role: &str) -> &'static str {
        let kind = match role {
            "root" => Kind::Root,
            "timestamp" => Kind::Timestamp,
            "snapshot" => Kind::Snapshot,
            _ => Kind::Targets,
        };
        match self {
            Self::Tuf => tuf::type_of(kind),
            Self::Notary(_) => notary::type_of(kind),
        }
    }

    /// The dialect without the repository's name.
    pub fn name(&self) -> DialectName {
        match self {
            Self::Tuf => DialectName::Tuf,
            Self::Notary(_) => DialectName::Notary,
        }
    }

    /// What is wrong with bytes that state another dialect.
    pub(crate) fn other_than(&self, bytes: &[u8]) -> Option<MetadataError> {
        let found = DialectName::stated_by(bytes).filter(|found| *found != self.name())?;
        Some(MetadataError::Dialect { expected: self.name(), found })
    }

    /// The error about bytes that are refused: that they are of another dialect, if they are.
    pub(crate) fn refusal(&self, bytes: &[u8], error: MetadataError) -> MetadataError {
        self.other_than(bytes).unwrap_or(error)
    }

    /// Whether a search visits all roles that one role delegates to before those that they delegate to.
    pub(crate) fn searches_breadth_first(&self) -> bool {
        matches!(self, Self::Notary(_))
    }

    /// Whether a snapshot states the version of each file that it lists.
    pub(crate) fn lists_versions(&self) -> bool {
        matches!(self, Self::Tuf)
    }

    /// Whether a delegated role may have published nothing yet, so that no snapshot has ever listed it.
    pub(crate) fn allows_silent_roles(&self) -> bool {
        matches!(self, Self::Notary(_))
    }
}

/// As a person reads it: `TUF 1.0`, `Notary v1 (example.com/acme/web)`.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tuf => write!(f, "{}", self.name()),
            Self::Notary(gun) => write!(f, "{} ({gun})", self.name()),
        }
    }
}

/// A dialect, whichever repository it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialectName {
    /// TUF 1.0.
    Tuf,
    /// Notary v1.
    Notary,
}

impl DialectName {
    /// The dialect that a metadata file states: `_type` is written with a capital letter in one, and without in the other.
    /// Nothing is verified.
    pub fn stated_by(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct File {
            signed: StatedType,
        }
        #[derive(Deserialize)]
        struct StatedType {
            #[serde(rename = "_type")]
            kind: String,
        }
        let File { signed: StatedType { kind } } = strict_json::read(bytes, Names::Exact).ok()?;
        if Kind::ALL.iter().any(|known| tuf::type_of(*known) == kind) {
            return Some(Self::Tuf);
        }
        Kind::ALL.iter().any(|known| notary::type_of(*known) == kind).then_some(Self::Notary)
    }
}

impl fmt::Display for DialectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tuf => "TUF 1.0",
            Self::Notary => "Notary v1",
        })
    }
}

/// A root with which trust begins, and the dialect in which it is read. Bytes alone are TUF 1.0.
#[derive(Debug, Clone, Copy)]
pub struct TrustAnchor<'a> {
    /// The bytes of the root.
    pub root: &'a [u8],
    /// The dialect of the repository.
    pub dialect: &'a Dialect,
}

impl<'a> From<&'a [u8]> for TrustAnchor<'a> {
    fn from(root: &'a [u8]) -> Self {
        Self { root, dialect: &Dialect::Tuf }
    }
}

impl<'a> From<&'a Vec<u8>> for TrustAnchor<'a> {
    fn from(root: &'a Vec<u8>) -> Self {
        Self::from(root.as_slice())
    }
}
