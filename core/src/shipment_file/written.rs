//! A text, and where it stands in its file.

use std::fmt;
use std::str::FromStr;

use super::{MAXIMUM_TEXT, ShipmentFileError};

/// Where something stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenAt {
    /// The line, counted from 1.
    pub line: usize,
    /// The key, where the file has keys.
    pub key: Option<String>,
}

impl fmt::Display for WrittenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "line {}, `{key}`", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

/// A text in the notation of an option, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenText {
    text: String,
    at: WrittenAt,
}

impl WrittenText {
    pub(super) fn new(text: &str, at: WrittenAt) -> Result<Self, ShipmentFileError> {
        if text.len() > MAXIMUM_TEXT {
            return Err(ShipmentFileError::TooLong { at, length: text.len() });
        }
        Ok(Self { text: text.to_owned(), at })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    pub fn at(&self) -> &WrittenAt {
        &self.at
    }

    /// What the text means.
    ///
    /// # Errors
    /// [`ShipmentFileError::Value`].
    pub fn read<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, ShipmentFileError> {
        self.text.parse().map_err(|error: T::Err| self.refused(&error))
    }

    /// Says that the text means nothing where it stands.
    pub fn refused(&self, reason: &dyn fmt::Display) -> ShipmentFileError {
        ShipmentFileError::Value { at: self.at.clone(), text: self.text.clone(), reason: reason.to_string() }
    }
}
