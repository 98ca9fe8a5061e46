//! Names of what a trust store holds: safe as file names, on every file system, in every locale.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes.
pub(crate) const MAXIMUM_LENGTH: usize = 64;

/// Why a text cannot be a name in a trust store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a name: expected 1 to {MAXIMUM_LENGTH} of the characters a-z, 0-9, '.', '_' and '-', the first a letter or a digit"
)]
pub struct NameError(String);

fn check(text: &str) -> Result<String, NameError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = text.len() <= MAXIMUM_LENGTH
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|byte| plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
    if fits { Ok(text.to_owned()) } else { Err(NameError(text.chars().take(140).collect())) }
}

macro_rules! name {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

name! {
    /// The name under which this side knows a TUF repository. Every such name can also be used in an archive.
    RepositoryName
}

name! {
    /// The name under which this side knows an exporter.
    ExporterName
}

name! {
    /// The name under which this side knows an attester.
    AttesterName
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
    fn names_that_leave_the_folder_or_hide_in_it_are_refused() {
        for text in ["", ".", "..", "../a", "a/b", "a\\b", ".hidden", "-a", "_a", "A", "ü", "a b", "a\0", "a\n"] {
            assert!(text.parse::<RepositoryName>().is_err(), "{text:?}");
        }
        assert!("r".repeat(MAXIMUM_LENGTH + 1).parse::<ExporterName>().is_err());
    }
}
