//! Content digests as OCI writes them: `algorithm:hex`, lower case, of the exact length.
//!
//! Promise: a [`Digest`] cannot hold a wrong value. OCI Image Specification 1.1, "Descriptors", section Digests.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::str::FromStr;
use std::sync::Arc;

use sha2::Digest as _;

/// A registered digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DigestAlgorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl DigestAlgorithm {
    /// Every algorithm that is understood.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The registered name: `sha256` or `sha512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm with that registered name, if it is supported.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Requires the value of one of its digests: lower-case hexadecimal of its length.
    ///
    /// # Errors
    /// [`DigestError::Value`].
    pub fn require_value(self, hex: &str) -> Result<(), DigestError> {
        let lower_case = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        // Each byte is looked at, which takes less time than to stop at a wrong one.
        if hex.len() != self.length() * 2 || !hex.bytes().fold(true, |all, byte| all & lower_case(byte)) {
            return Err(DigestError::Value { algorithm: self, value: shorten(hex) });
        }
        Ok(())
    }

    /// The length of the digest, in bytes.
    pub fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A digest: an algorithm and a value of exactly its length. Clones share the text.
#[derive(Clone)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    /// The text ends with the value; it may be the name of a blob, which ends with its digest.
    text: Arc<str>,
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Digest {}

impl Ord for Digest {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.algorithm, self.hex()).cmp(&(other.algorithm, other.hex()))
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.algorithm, self.hex()).hash(state);
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no `:` between an algorithm and a value.
    #[error("{0:?} is not a digest: expected the form algorithm:hex")]
    Form(String),
    /// The algorithm is not one that is understood.
    #[error("digest algorithm {0:?} is not supported; sha256 and sha512 are")]
    Algorithm(String),
    /// The value is not lower-case hexadecimal of the algorithm's length.
    #[error("{value:?} is not a {} digest: expected {} lower-case hexadecimal characters", .algorithm.name(), .algorithm.length() * 2)]
    Value {
        /// The algorithm that was named.
        algorithm: DigestAlgorithm,
        /// The text that was found.
        value: String,
    },
}

impl Digest {
    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(DigestAlgorithm::Sha256, bytes)
    }

    /// The digest of `bytes` by an algorithm.
    pub fn of(algorithm: DigestAlgorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// A digest from its algorithm and its hexadecimal value.
    ///
    /// # Errors
    /// [`DigestError::Value`] when `hex` is not lower-case hexadecimal of the algorithm's length.
    pub fn from_hex(algorithm: DigestAlgorithm, hex: &str) -> Result<Self, DigestError> {
        algorithm.require_value(hex)?;
        Ok(Self { algorithm, text: hex.into() })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The value in lower-case hexadecimal.
    pub fn hex(&self) -> &str {
        let start = self.text.len().saturating_sub(self.algorithm.length() * 2);
        self.text.get(start..).unwrap_or_default()
    }

    /// The same digest, sharing a text that ends with its value.
    pub(crate) fn within(&self, text: &Arc<str>) -> Self {
        if text.ends_with(self.hex()) {
            Self { algorithm: self.algorithm, text: Arc::clone(text) }
        } else {
            self.clone()
        }
    }

    /// The first twelve hexadecimal characters, for people.
    pub fn short(&self) -> &str {
        self.hex().get(..12).unwrap_or_default()
    }

    /// Whether `bytes` have this digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        Self::of(self.algorithm, bytes) == *self
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestError::Form(shorten(text)))?;
        let algorithm = DigestAlgorithm::from_name(name).ok_or_else(|| DigestError::Algorithm(shorten(name)))?;
        Self::from_hex(algorithm, hex)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Keeps a text from outside short enough for an error message.
fn shorten(text: &str) -> String {
    text.chars().take(140).collect()
}

/// Computes a [`Digest`] over bytes that come in pieces.
#[derive(Clone)]
pub struct Hasher(HasherState);

#[derive(Clone)]
enum HasherState {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha256 => HasherState::Sha256(sha2::Sha256::new()),
            DigestAlgorithm::Sha512 => HasherState::Sha512(sha2::Sha512::new()),
        })
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            HasherState::Sha256(hasher) => hasher.update(bytes),
            HasherState::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(self) -> Digest {
        let of = |algorithm, bytes: &[u8]| Digest { algorithm, text: hex::encode(bytes).into() };
        match self.0 {
            HasherState::Sha256(hasher) => of(DigestAlgorithm::Sha256, &hasher.finalize()),
            HasherState::Sha512(hasher) => of(DigestAlgorithm::Sha512, &hasher.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().unwrap(), Digest::sha256(b""));
    }

    #[test]
    fn upper_case_short_and_unknown_forms_are_refused() {
        assert!(matches!(EMPTY.to_uppercase().parse::<Digest>(), Err(DigestError::Algorithm(_))));
        assert!(matches!(EMPTY.replace('e', "E").parse::<Digest>(), Err(DigestError::Value { .. })));
        assert!(matches!("sha256:00".parse::<Digest>(), Err(DigestError::Value { .. })));
        assert!(matches!("md5:00".parse::<Digest>(), Err(DigestError::Algorithm(_))));
        assert!(matches!("00".parse::<Digest>(), Err(DigestError::Form(_))));
    }
}
