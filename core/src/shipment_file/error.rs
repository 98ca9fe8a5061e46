//! Why a text does not say what is to be exported.

use super::{MAXIMUM_ENTRIES, MAXIMUM_TEXT, WrittenAt};
use crate::remedy::{Remediable, Remedy};

/// Why a text does not say what is to be exported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShipmentFileError {
    /// It is not UTF-8.
    #[error("it is not text in UTF-8")]
    NotUtf8,
    /// It is not TOML.
    #[error("line {line}, `{text}`: {reason}")]
    NotToml {
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It has a key that is not known.
    #[error("line {line}: `{key}` is not a key {of}; the nearest one is `{nearest}`")]
    UnknownKey {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// What has no such key.
        of: &'static str,
        /// The known key that is written most like it.
        nearest: &'static str,
    },
    /// A value is of another kind than its key asks for.
    #[error("{at}: the value is not {expected}")]
    OtherKind {
        /// Where it stands.
        at: WrittenAt,
        /// What the key asks for.
        expected: &'static str,
    },
    /// A list is too long.
    #[error("{at}: the list has more than {MAXIMUM_ENTRIES} entries")]
    TooManyEntries {
        /// Where the first entry stands that is too much.
        at: WrittenAt,
    },
    /// A text is too long.
    #[error("{at}: the text is {length} bytes long; the limit is {MAXIMUM_TEXT}")]
    TooLong {
        /// Where it stands.
        at: WrittenAt,
        /// How long it is, in bytes.
        length: usize,
    },
    /// A list has an entry twice.
    #[error("{at}: {text:?} is also in line {first}")]
    ListedTwice {
        /// Where it stands for the second time.
        at: WrittenAt,
        /// The entry.
        text: String,
        /// The line in which it stands for the first time.
        first: usize,
    },
    /// A text means nothing where it stands.
    #[error("{at}, {text:?}: {reason}")]
    Value {
        /// Where it stands.
        at: WrittenAt,
        /// The text.
        text: String,
        /// Why.
        reason: String,
    },
}

impl Remediable for ShipmentFileError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NotUtf8
            | Self::NotToml { .. }
            | Self::UnknownKey { .. }
            | Self::OtherKind { .. }
            | Self::TooManyEntries { .. }
            | Self::TooLong { .. }
            | Self::ListedTwice { .. }
            | Self::Value { .. } => Remedy::CorrectShipment,
        }
    }
}
