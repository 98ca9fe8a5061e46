//! Rules by which tags of a repository are chosen: by ranges of versions, by a pattern, and only the newest.
//!
//! Promise: a rule chooses from a list and looks nothing up; the same list in another order gives the same tags. A rule that chooses
//! nothing is an error. Tags that are made from digests, under which signatures are stored, are never chosen.

mod chosen;
mod error;
mod order;
mod pattern;

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;

pub use chosen::ChosenTags;
pub use error::{TagRuleError, TagsError};
use order::Natural;
use pattern::TagPattern;

use crate::oci::{Repository, Tag, is_made_from_a_digest};
use crate::version_range::{VersionRange, version_in};

/// The most tags that one rule may choose.
pub const MAXIMUM_CHOSEN: usize = 10_000;
/// The most tags that all rules together may choose.
pub const MAXIMUM_IN_ALL: usize = 50_000;
/// The longest range or pattern, in bytes.
const MAXIMUM_LENGTH: usize = 1_000;
/// How many tags are named where none fits.
const SHOWN: usize = 4;

/// What is said about tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagWish {
    /// Ranges of versions (Semantic Versioning 2.0) with `||` between them, in the notation of Porter: `1.*`, `>=1.2 <2`, `^1.4`.
    pub versions: Option<String>,
    /// A tag in which `*` stands for any text and `?` for one character. With versions, its one `*` stands for the version.
    pub pattern: Option<String>,
    /// How many of the newest are chosen; `None` for all.
    pub newest: Option<usize>,
    /// Whether versions that are not yet released are chosen too.
    pub prereleases: bool,
}

/// A rule by which tags are chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    wish: TagWish,
    ranges: Vec<VersionRange>,
    pattern: Option<TagPattern>,
}

/// How new a tag is, beside others that the same rule fits.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Age<'t> {
    Version(Version),
    Text(Natural<'t>),
}

impl TagRule {
    /// The rule that a wish makes.
    ///
    /// # Errors
    /// [`TagRuleError`].
    pub fn new(wish: TagWish) -> Result<Self, TagRuleError> {
        if [&wish.versions, &wish.pattern].into_iter().flatten().any(|text| text.len() > MAXIMUM_LENGTH) {
            return Err(TagRuleError::TooLong);
        }
        if wish.newest.is_some_and(|newest| newest == 0 || newest > MAXIMUM_CHOSEN) {
            return Err(TagRuleError::Newest);
        }
        let read = |range: &str| {
            VersionRange::parse(range.trim()).ok_or_else(|| TagRuleError::Range { range: range.trim().to_owned() })
        };
        let ranges: Vec<_> = wish.versions.iter().flat_map(|it| it.split("||")).map(read).collect::<Result<_, _>>()?;
        let pattern = wish.pattern.as_deref().map(TagPattern::parse).transpose()?;
        match (&wish.versions, &pattern) {
            (None, None) => Err(TagRuleError::Neither),
            (None, _) if wish.prereleases => Err(TagRuleError::PrereleasesOfNothing),
            (Some(_), Some(pattern)) if !pattern.has_one_star() => Err(TagRuleError::Star),
            _ => Ok(Self { wish, ranges, pattern }),
        }
    }

    /// The tags that are chosen from these, the newest first. Two tags of one version count as one.
    ///
    /// # Errors
    /// [`TagsError::NothingFits`] and [`TagsError::TooMany`].
    pub fn choose(&self, repository: &Repository, tags: &[Tag]) -> Result<Vec<Tag>, TagsError> {
        let tags: BTreeSet<&Tag> = tags.iter().filter(|tag| !is_made_from_a_digest(tag)).collect();
        let mut fitting: Vec<_> = tags.iter().filter_map(|tag| Some((self.age(tag)?, *tag))).collect();
        fitting.sort_by(|(one, _), (other, _)| other.cmp(one));
        let ages = fitting.chunk_by(|(one, _), (other, _)| one == other);
        let chosen = ages.take(self.wish.newest.unwrap_or(usize::MAX)).flatten();
        let chosen: Vec<Tag> = chosen.map(|(_, tag)| (*tag).clone()).collect();
        let (repository, rule) = (repository.to_string(), self.to_string());
        match chosen.len() {
            0 => Err(TagsError::NothingFits { repository, rule, count: tags.len(), there: newest_of(&tags) }),
            count if count > MAXIMUM_CHOSEN => Err(TagsError::TooMany { repository, rule, count }),
            _ => Ok(chosen),
        }
    }

    /// How new a tag is, if it fits.
    fn age<'t>(&self, tag: &'t Tag) -> Option<Age<'t>> {
        let part = match &self.pattern {
            None => tag.as_str(),
            Some(pattern) => pattern.fit(tag.as_str())?,
        };
        if self.wish.versions.is_none() {
            return Some(Age::Text(Natural::of(tag.as_str())));
        }
        let version = version_in(part)?;
        let is_wanted = version.pre.is_empty() || self.wish.prereleases;
        (is_wanted && self.ranges.iter().any(|range| range.has(&version))).then_some(Age::Version(version))
    }
}

/// Some of these tags: versions before others, the newest first.
fn newest_of(tags: &BTreeSet<&Tag>) -> Vec<String> {
    let mut tags: Vec<_> = tags.iter().map(|tag| (version_in(tag.as_str()), Natural::of(tag.as_str()), tag)).collect();
    tags.sort_by(|(one, text, _), (other, other_text, _)| (other, other_text).cmp(&(one, text)));
    tags.into_iter().take(SHOWN).map(|(_, _, tag)| tag.to_string()).collect()
}

impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TagWish { versions, pattern, newest, prereleases } = &self.wish;
        let mut parts = Vec::new();
        parts.extend(versions.as_ref().map(|versions| format!("versions {versions}")));
        parts.extend(prereleases.then(|| "with pre-releases".to_owned()));
        parts.extend(pattern.as_ref().map(|pattern| format!("pattern {pattern}")));
        parts.extend(newest.map(|newest| format!("newest {newest}")));
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests;
