//! Versions of the archive format, and which of them are newer than this reader.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::InventoryError;

/// A version of the archive format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    /// Readers refuse a major version that they do not know.
    pub major: u32,
    /// Readers accept a later minor version, and ignore what it added.
    pub minor: u32,
}

impl FormatVersion {
    /// The version that is written.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for FormatVersion {
    type Err = InventoryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shortened = || text.chars().take(40).collect::<String>();
        let malformed = || InventoryError::FormatVersion { found: shortened() };
        let (major, minor) = text.split_once('.').ok_or_else(malformed)?;
        if !is_number(major) || !is_number(minor) {
            return Err(malformed());
        }
        if is_newer_major(major) {
            return Err(InventoryError::NewerMajor { found: shortened() });
        }
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) if major == Self::CURRENT.major => Ok(Self { major, minor }),
            _ => Err(malformed()),
        }
    }
}

impl Serialize for FormatVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FormatVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether a text is a number without leading zeros.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() && (text == "0" || !text.starts_with('0'))
}

/// Whether a text is a major version that is newer than this one, however many digits it has.
pub(super) fn is_newer_major(text: &str) -> bool {
    is_number(text) && text.parse::<u32>().map_or(true, |major| major > FormatVersion::CURRENT.major)
}
