//! Names of what a trust store holds. Each is also the name of a file, under the one rule for names.

use std::fmt;
use std::str::FromStr;

use sealift_archive_format::repository_name;
pub use sealift_archive_format::{NameError, RepositoryName};

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
                repository_name::check(text).map(|()| Self(text.to_owned()))
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
    /// The name under which this side knows an exporter.
    ExporterName
}

name! {
    /// The name under which this side knows an attester.
    AttesterName
}

name! {
    /// The name under which this side knows a receiver: a site that imports, and signs receipts.
    ReceiverName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_a_trust_store_is_safe_as_that_of_a_file() {
        assert!("a".repeat(repository_name::MAXIMUM_LENGTH).parse::<ExporterName>().is_ok());
        for text in ["", "../a", "A", &"a".repeat(repository_name::MAXIMUM_LENGTH + 1)] {
            assert!(text.parse::<ExporterName>().is_err() && text.parse::<AttesterName>().is_err(), "{text:?}");
        }
    }
}
