//! Lengths and hashes that one metadata file states about another file, or about a target (TUF 1.0.34 §4.4, §4.5).
//!
//! Promise: every hash of a known algorithm is compared. Unknown ones beside it are ignored; alone, they prove nothing
//! and are an error.

use std::fmt;

use sealift_archive_format::digest::{Digest, DigestAlgorithm, DigestError};
use sealift_archive_format::strict_json::Name;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// The hashes of a file, those of known algorithms. At least one is stated; if none is known, nothing can be checked
/// against them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hashes {
    sha256: Option<[u8; 32]>,
    /// Elsewhere, because most files have only the other one.
    sha512: Option<Box<[u8; 64]>>,
}

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

impl<'de> Deserialize<'de> for Hashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HashesVisitor;
        impl<'de> Visitor<'de> for HashesVisitor {
            type Value = Hashes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Hashes, A::Error> {
                let (mut hashes, mut stated) = (Hashes::default(), 0_usize);
                while let Some((Name(name), Name(hex))) = access.next_entry()? {
                    stated += 1;
                    let Some(algorithm) = DigestAlgorithm::from_name(&name) else { continue };
                    hashes.add(algorithm, &hex).map_err(A::Error::custom)?;
                }
                if stated == 0 { Err(A::Error::custom("no hash is stated")) } else { Ok(hashes) }
            }
        }
        deserializer.deserialize_map(HashesVisitor)
    }
}

impl Hashes {
    /// Adds a hash of a known algorithm.
    pub(crate) fn add(&mut self, algorithm: DigestAlgorithm, hex: &str) -> Result<(), DigestError> {
        algorithm.require_value(hex)?;
        // What is known is never left out: the other hash alone would count then.
        let other_length = || DigestError::Value { algorithm, value: hex.to_owned() };
        match algorithm {
            DigestAlgorithm::Sha256 => self.sha256 = Some(decoded(hex).ok_or_else(other_length)?),
            DigestAlgorithm::Sha512 => self.sha512 = Some(Box::new(decoded(hex).ok_or_else(other_length)?)),
        }
        Ok(())
    }

    /// The known hashes, by the name of their algorithm. At least one in a [`super::VerifiedTarget`].
    pub fn known(&self) -> Vec<Digest> {
        let of = |algorithm, value: &[u8]| Digest::from_hex(algorithm, &hex::encode(value)).ok();
        let sha256 = self.sha256.as_ref().and_then(|value| of(DigestAlgorithm::Sha256, value));
        let sha512 = self.sha512.as_ref().and_then(|value| of(DigestAlgorithm::Sha512, &value[..]));
        sha256.into_iter().chain(sha512).collect()
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
        match self.known().into_iter().find(|digest| !holds(digest)) {
            Some(digest) => Err(MismatchError::Hash(digest)),
            None => Ok(()),
        }
    }

    pub(crate) fn require_known(&self) -> Result<(), MismatchError> {
        if self.sha256.is_none() && self.sha512.is_none() { Err(MismatchError::NoKnownHash) } else { Ok(()) }
    }
}

/// The bytes that lower-case hexadecimal stands for; `None` if there are not as many.
fn decoded<const LENGTH: usize>(hex: &str) -> Option<[u8; LENGTH]> {
    // 0 to 9 are 0x30 to 0x39, a to f are 0x61 to 0x66: the low half counts from 0 or from 1, and only letters have the bit 0x40.
    let half = |digit: u8| (digit & 0x0f) + 9 * (digit >> 6);
    let mut value = [0; LENGTH];
    let pairs = hex.as_bytes().as_chunks().0;
    value.iter_mut().zip(pairs).for_each(|(byte, &[high, low])| *byte = half(high) << 4 | half(low));
    (pairs.len() == LENGTH).then_some(value)
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
        let (right, wrong) = (Digest::sha256(b"x"), Digest::of(DigestAlgorithm::Sha512, b"y"));
        let mixed = hashes(&format!(r#"{{"sha256":"{}","sha3":"00"}}"#, right.hex())).unwrap();
        assert_eq!(mixed.check(b"x"), Ok(()));
        assert_eq!(mixed.check(b"y"), Err(MismatchError::Hash(right.clone())));
        let one_wrong = hashes(&format!(r#"{{"sha512":"{}","sha256":"{}"}}"#, wrong.hex(), right.hex())).unwrap();
        assert_eq!(one_wrong.known(), [right, wrong.clone()]);
        assert_eq!(one_wrong.check(b"x"), Err(MismatchError::Hash(wrong)));
    }

    #[test]
    fn unknown_hashes_alone_prove_nothing() {
        assert_eq!(hashes(r#"{"blake3":"00"}"#).unwrap().check(b""), Err(MismatchError::NoKnownHash));
        assert!(hashes("{}").is_err());
        assert!(hashes(r#"{"sha256":"E3"}"#).is_err());
    }
}
