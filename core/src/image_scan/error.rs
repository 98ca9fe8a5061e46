//! Why a file cannot be searched for images.

use super::{MAXIMUM_DEPTH, MAXIMUM_FOUND, MAXIMUM_VALUES};
use crate::remedy::{Remediable, Remedy};

/// Why a file cannot be searched for images.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageScanError {
    /// It is not UTF-8.
    #[error("it is not text in UTF-8")]
    NotUtf8,
    /// It is not YAML.
    #[error("line {line}: {reason}")]
    NotYaml {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is a template.
    #[error("line {line} has an expression of a template in it: this file is not rendered")]
    Template {
        /// The line, counted from 1.
        line: usize,
    },
    /// Lists and mappings nest too deep.
    #[error("line {line}: lists and mappings nest deeper than {MAXIMUM_DEPTH} levels")]
    TooDeep {
        /// The line, counted from 1.
        line: usize,
    },
    /// It has too many values.
    #[error("it has more than {MAXIMUM_VALUES} values, those that aliases repeat included")]
    TooManyValues,
    /// It names too many images, or too much that looks like one.
    #[error("line {line}: it names more than {MAXIMUM_FOUND} images, or texts that look like one")]
    TooManyFound {
        /// The line, counted from 1.
        line: usize,
    },
}

impl Remediable for ImageScanError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Template { .. } => Remedy::RenderTemplates,
            Self::NotUtf8 | Self::NotYaml { .. } | Self::TooDeep { .. } => Remedy::GiveManifests,
            Self::TooManyValues | Self::TooManyFound { .. } => Remedy::SplitManifests,
        }
    }
}
