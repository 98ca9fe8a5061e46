//! Beginnings of names. A rule about one applies to every repository whose name begins with it.
//!
//! Promise: a beginning is a registry, or a registry and the first components of a path; it ends where a component ends, and is in the one
//! form in which registries are compared. Of several that fit a repository, the longest counts ([`Repository::beginnings`]).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use super::reference::{Reference, Repository};

/// A registry, or the beginning of the names of repositories in one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameBeginning(String);

/// Why a text is not the beginning of a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a registry nor the beginning of a repository's name, in full")]
pub struct NameBeginningError(pub String);

impl NameBeginning {
    /// The beginning as a text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The entry that counts for a repository, out of those for several beginnings, and the part of its path after that beginning.
    pub(crate) fn longest<T>(repository: &Repository, said: impl Fn(&Self) -> Option<T>) -> Option<(T, &str)> {
        repository.beginnings().find_map(|(beginning, rest)| Some((said(&Self(beginning))?, rest)))
    }
}

/// Compared by its text, which is in one form.
impl Borrow<str> for NameBeginning {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for NameBeginning {
    type Err = NameBeginningError;

    /// Reads `host[:port][/component…]`. The first component always has to be a registry, so `library/nginx` is not a beginning.
    fn from_str(text: &str) -> Result<Self, NameBeginningError> {
        let first = text.split('/').next().unwrap_or_default();
        let is_registry = first.contains(['.', ':']) || first.eq_ignore_ascii_case("localhost");
        // With two more components it is the name of a repository, also in docker.io.
        let named: Option<Reference> = format!("{text}/x/x").parse().ok().filter(|_| is_registry);
        let full = named.map(|named| named.repository().to_string());
        let full = full.and_then(|full| full.strip_suffix("/x/x").map(str::to_owned));
        full.map(Self).ok_or_else(|| NameBeginningError(text.chars().take(200).collect()))
    }
}

impl fmt::Display for NameBeginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
