//! Why a rule is not one, and why it chooses nothing.

use super::{MAXIMUM_CHOSEN, MAXIMUM_IN_ALL, MAXIMUM_LENGTH};
use crate::remedy::{Remediable, Remedy};

/// Why something is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagRuleError {
    /// It says nothing about tags.
    #[error("the rule needs `versions` or `pattern`")]
    Neither,
    /// A range of versions cannot be read.
    #[error("{range:?} is not a range of versions that is supported")]
    Range {
        /// The range.
        range: String,
    },
    /// A pattern has something that no tag has.
    #[error("{pattern:?} is not a pattern: it has the characters of a tag, * for any text and ? for one character")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// With versions, the place of the version in the tag is not said.
    #[error("with `versions`, `pattern` has exactly one *, which stands for the version")]
    Star,
    /// Only versions have pre-releases.
    #[error("`prereleases` goes with `versions`")]
    PrereleasesOfNothing,
    /// It asks for a number of tags that cannot be.
    #[error("`newest` is a number from 1 to {MAXIMUM_CHOSEN}")]
    Newest,
    /// It is too long.
    #[error("`versions` or `pattern` is longer than {MAXIMUM_LENGTH} bytes")]
    TooLong,
}

impl Remediable for TagRuleError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Neither
            | Self::Range { .. }
            | Self::Pattern { .. }
            | Self::Star
            | Self::PrereleasesOfNothing
            | Self::Newest
            | Self::TooLong => Remedy::CorrectShipment,
        }
    }
}

/// Why a rule chooses no tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagsError {
    /// None fits.
    #[error("no tag of {repository} fits the rule ({rule}); {}", listing(*.count, .there))]
    NothingFits {
        /// The repository.
        repository: String,
        /// The rule.
        rule: String,
        /// How many tags it was chosen from.
        count: usize,
        /// Some of them.
        there: Vec<String>,
    },
    /// Too many fit.
    #[error("{count} tags of {repository} fit the rule ({rule}); the limit is {MAXIMUM_CHOSEN}")]
    TooMany {
        /// The repository.
        repository: String,
        /// The rule.
        rule: String,
        /// How many.
        count: usize,
    },
    /// The rules together choose too many.
    #[error("the rules choose more than {MAXIMUM_IN_ALL} tags in all")]
    TooManyInAll,
}

fn listing(count: usize, there: &[String]) -> String {
    match count {
        0 => "no tags are listed there".to_owned(),
        1 => format!("the only one there is {}", there.join(", ")),
        _ => format!("among the {count} there are {}", there.join(", ")),
    }
}

impl Remediable for TagsError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NothingFits { .. } | Self::TooMany { .. } | Self::TooManyInAll => Remedy::CorrectTagRule,
        }
    }
}
