//! Lengths and hashes that one metadata file states about another file, or about a target (TUF 1.0.34 §4.4, §4.5).
//!
//! Promise: every hash of a known algorithm is compared. Unknown ones beside it are ignored; alone, they prove nothing
//! and are an error.

use std::collections::BTreeMap;

use sealift_archive_format::digest::{Digest, DigestAlgorithm};
use serde::Deserialize;

/// The hashes of a file, those of known algorithms. At least one is stated; if none is known, nothing can be checked
/// against them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Hashes(Vec<Digest>);

/// Why bytes are not the file that metadata describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MismatchError {
    /// The length differs.
    #[error("it is {found} bytes long, not {expected}")]
    Length {
        /// The stated length, in bytes.
        expected: u64,
        /// The length of the bytes.
        found: u64,
    },
    /// A hash differs.
    #[error("it does not have the digest {0}")]
    Hash(Digest),
    /// Only hashes of unknown algorithms are stated.
    #[error("no hash of a supported algorithm is stated for it; sha256 and sha512 are supported")]
    NoKnownHash,
}

impl TryFrom<BTreeMap<String, String>> for Hashes {
    type Error = String;

    fn try_from(stated: BTreeMap<String, String>) -> Result<Self, String> {
        if stated.is_empty() {
            return Err("no hash is stated".to_owned());
        }
        let known = |(name, hex): (&String, &String)| {
            DigestAlgorithm::from_name(name).map(|algorithm| Digest::from_hex(algorithm, hex))
        };
        stated.iter().filter_map(known).collect::<Result<_, _>>().map(Self).map_err(|error| error.to_string())
    }
}

impl Hashes {
    /// Hashes of known algorithms, of which at least one is stated.
    pub(crate) fn of_known(known: Vec<Digest>) -> Self {
        Self(known)
    }

    /// The known hashes, by the name of their algorithm. At least one in a [`super::VerifiedTarget`].
    pub fn known(&self) -> &[Digest] {
        &self.0
    }

    /// Requires a known hash, and that `bytes` match every known one.
    ///
    /// # Errors
    /// [`MismatchError::NoKnownHash`], [`MismatchError::Hash`].
    pub fn check(&self, bytes: &[u8]) -> Result<(), MismatchError> {
        self.require_each(|digest| digest.matches(bytes))
    }

    /// Requires a known hash, and that each known hash is among the measured digests.
    ///
    /// # Errors
    /// [`MismatchError::NoKnownHash`], [`MismatchError::Hash`].
    pub fn check_measured(&self, measured: &Measured) -> Result<(), MismatchError> {
        self.require_each(|digest| measured.digests.contains(digest))
    }

    fn require_each(&self, holds: impl Fn(&Digest) -> bool) -> Result<(), MismatchError> {
        self.require_known()?;
        match self.0.iter().find(|digest| !holds(digest)) {
            Some(digest) => Err(MismatchError::Hash(digest.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn require_known(&self) -> Result<(), MismatchError> {
        if self.0.is_empty() { Err(MismatchError::NoKnownHash) } else { Ok(()) }
    }
}

/// What bytes are compared by: their length, and their digest by every supported algorithm. Computed once for bytes
/// that many names may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    length: u64,
    digests: Vec<Digest>,
}

impl Measured {
    /// Measures bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digests = DigestAlgorithm::ALL.map(|algorithm| Digest::of(algorithm, bytes));
        Self { length: length(bytes), digests: digests.to_vec() }
    }

    /// What is said about bytes that are measured later.
    pub fn stated(length: u64, digests: Vec<Digest>) -> Self {
        Self { length, digests }
    }

    /// The length, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The digest by each algorithm.
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }
}

/// Requires that what was found has the stated length, in bytes.
pub(crate) fn check_length(expected: u64, found: u64) -> Result<(), MismatchError> {
    if found == expected { Ok(()) } else { Err(MismatchError::Length { expected, found }) }
}

/// The length of `bytes`; no memory holds more than 64 bits can count.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(json: &str) -> Result<Hashes, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn every_known_hash_is_compared_and_unknown_ones_are_passed_over() {
        let (right, wrong) = (Digest::sha256(b"x"), Digest::sha256(b"y"));
        let mixed = hashes(&format!(r#"{{"sha256":"{}","sha3":"00"}}"#, right.hex())).unwrap();
        assert_eq!(mixed.check(b"x"), Ok(()));
        assert_eq!(mixed.check(b"y"), Err(MismatchError::Hash(right.clone())));
        let one_wrong = Hashes(vec![right, wrong.clone()]);
        assert_eq!(one_wrong.check(b"x"), Err(MismatchError::Hash(wrong)));
    }

    #[test]
    fn unknown_hashes_alone_prove_nothing() {
        assert_eq!(hashes(r#"{"blake3":"00"}"#).unwrap().check(b""), Err(MismatchError::NoKnownHash));
        assert!(hashes("{}").is_err());
        assert!(hashes(r#"{"sha256":"E3"}"#).is_err());
    }
}
