//! Names of TUF repositories: one rule, from the map of repositories to the names of entries.
//!
//! Promise: a name is safe as the name of a file or a folder, on every file system and in every locale, and no two names
//! are one where letters have no case. The trust store keeps its other names to the same rule.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes.
pub const MAXIMUM_LENGTH: usize = 64;

/// The name of a TUF repository.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a name: expected 1 to {MAXIMUM_LENGTH} of the characters a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
)]
pub struct NameError(String);

/// Passes a text that is a valid name.
///
/// # Errors
/// [`NameError`].
pub fn check(text: &str) -> Result<(), NameError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = text.len() <= MAXIMUM_LENGTH
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
    if fits { Ok(()) } else { Err(NameError(text.chars().take(140).collect())) }
}

impl RepositoryName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl serde::Serialize for RepositoryName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for RepositoryName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_are_taken() {
        for text in ["a", "0", "example.com", "shop-1_2", &"r".repeat(MAXIMUM_LENGTH)] {
            assert_eq!(text.parse::<RepositoryName>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn names_that_leave_the_folder_hide_in_it_or_differ_in_case_alone_are_refused() {
        for text in ["", ".", "..", "../a", "a/b", "a\\b", ".hidden", "-a", "_a", "A", "ü", "a b", "a~", "a\0", "a\n"]
        {
            assert!(text.parse::<RepositoryName>().is_err(), "{text:?}");
        }
        assert!("r".repeat(MAXIMUM_LENGTH + 1).parse::<RepositoryName>().is_err());
    }
}
