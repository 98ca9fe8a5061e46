//! Artifacts: names and hashes, as links report them (in-toto 1.0 §4.2.3, §4.4).
//!
//! Names are compared as they are written: no case folding, no Unicode normalisation, and URIs (ITE-4) stay whole.

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;
use serde::{Deserialize, Serialize};

/// The most artifacts one list may hold.
const MAXIMUM_ARTIFACTS: usize = 500_000;

/// The hashes of one artifact: algorithm name to hexadecimal value, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactHashes(BTreeMap<String, String>);

/// A list of artifacts: name to hashes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Artifacts(BTreeMap<String, ArtifactHashes>);

/// Why a list of artifacts is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// A hash is not hexadecimal.
    #[error("the {algorithm} hash of artifact {name:?} is not hexadecimal")]
    NotHexadecimal {
        /// The artifact.
        name: String,
        /// The hash algorithm.
        algorithm: String,
    },
    /// Two names mean the same path, so rules could be applied to either.
    #[error("artifacts {first:?} and {second:?} are two names for one path")]
    TwoNamesForOnePath {
        /// The one name.
        first: String,
        /// The other name.
        second: String,
    },
    /// There are more than any real step has.
    #[error("there are {count} artifacts; the limit is {MAXIMUM_ARTIFACTS}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

impl ArtifactHashes {
    /// These digests, as hashes.
    pub fn of(digests: &[Digest]) -> Self {
        Self(digests.iter().map(|digest| (digest.algorithm().name().to_owned(), digest.hex().to_owned())).collect())
    }

    /// Whether both lists are equal, as in the reference, and not empty.
    pub fn prove_equal(&self, other: &Self) -> bool {
        !self.0.is_empty() && self == other
    }

    /// Whether this list vouches for a file with these digests: at least one is listed, and none is contradicted.
    pub fn vouch_for(&self, digests: &[Digest]) -> bool {
        let listed = |digest: &&Digest| self.0.contains_key(digest.algorithm().name());
        let agrees = |digest: &Digest| {
            self.0.get(digest.algorithm().name()).is_none_or(|hex| hex.eq_ignore_ascii_case(digest.hex()))
        };
        digests.iter().any(|digest| listed(&digest)) && digests.iter().all(agrees)
    }
}

impl std::fmt::Display for ArtifactHashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no hash");
        }
        for (index, (algorithm, hex)) in self.0.iter().enumerate() {
            let separator = if index > 0 { " " } else { "" };
            write!(f, "{separator}{algorithm}:{hex}")?;
        }
        Ok(())
    }
}

impl FromIterator<(String, String)> for ArtifactHashes {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(hashes: I) -> Self {
        Self(hashes.into_iter().collect())
    }
}

impl FromIterator<(String, ArtifactHashes)> for Artifacts {
    fn from_iter<I: IntoIterator<Item = (String, ArtifactHashes)>>(artifacts: I) -> Self {
        Self(artifacts.into_iter().collect())
    }
}

impl Artifacts {
    /// The hashes of the artifact of that name.
    pub fn hashes(&self, name: &str) -> Option<&ArtifactHashes> {
        self.0.get(name)
    }

    /// All artifacts in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArtifactHashes)> {
        self.0.iter().map(|(name, hashes)| (name.as_str(), hashes))
    }

    /// All names, in order.
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks a list that came from outside.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn check(&self) -> Result<(), ArtifactError> {
        if self.len() > MAXIMUM_ARTIFACTS {
            return Err(ArtifactError::TooMany { count: self.len() });
        }
        let mut paths: BTreeMap<String, &str> = BTreeMap::new();
        for (name, hashes) in &self.0 {
            for (algorithm, hex) in &hashes.0 {
                if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(ArtifactError::NotHexadecimal { name: name.clone(), algorithm: algorithm.clone() });
                }
            }
            if let Some(first) = paths.insert(plain_path(name), name) {
                return Err(ArtifactError::TwoNamesForOnePath { first: first.to_owned(), second: name.clone() });
            }
        }
        Ok(())
    }
}

/// The path that a name means: without empty and `.` segments, `..` resolved. A URI (ITE-4) is left as it is.
pub(super) fn plain_path(name: &str) -> String {
    let scheme = name.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_uri = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '+' | '-' | '.'));
    if is_uri {
        return name.to_owned();
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in name.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let root = if name.starts_with('/') { "/" } else { "" };
    format!("{root}{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifacts(names: &[&str]) -> Artifacts {
        names.iter().map(|name| ((*name).to_owned(), ArtifactHashes::of(&[Digest::sha256(b"x")]))).collect()
    }

    #[test]
    fn two_names_for_one_path_are_refused() {
        for pair in [["foo", "./foo"], ["a/b", "a//b"], ["a/b", "a/c/../b"], ["a", "a/"]] {
            let error = artifacts(&pair).check().unwrap_err();
            assert!(matches!(error, ArtifactError::TwoNamesForOnePath { .. }), "{pair:?}");
        }
    }

    #[test]
    fn names_that_differ_are_kept_apart() {
        artifacts(&["foo", "Foo", "/foo", "../foo", "e\u{301}", "\u{e9}"]).check().unwrap();
        artifacts(&["oci://a//b", "oci://a/b", "git+https://a/./b", "git+https://a/b", "pkg:deb/a@1", "pkg:deb/./a@1"])
            .check()
            .unwrap();
    }

    #[test]
    fn no_hashes_prove_nothing() {
        let none = ArtifactHashes::default();
        assert!(!none.prove_equal(&none));
        let digest = Digest::sha256(b"x");
        assert!(!none.vouch_for(std::slice::from_ref(&digest)));
        assert!(!ArtifactHashes::of(std::slice::from_ref(&digest)).vouch_for(&[]));
        assert!(!ArtifactHashes::of(&[Digest::sha256(b"y")]).vouch_for(&[digest]));
    }

    #[test]
    fn hashes_must_be_hexadecimal() {
        for value in ["", "xyz", "0x00", "é"] {
            let hashes = ArtifactHashes::from_iter([("sha256".to_owned(), value.to_owned())]);
            let list = Artifacts::from_iter([("foo".to_owned(), hashes)]);
            assert!(matches!(list.check(), Err(ArtifactError::NotHexadecimal { .. })), "{value}");
        }
    }
}
