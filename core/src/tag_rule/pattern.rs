//! Patterns of tags.

use super::TagRuleError;

const ANY_TEXT: char = '*';
const ANY_CHARACTER: char = '?';

/// A tag in which `*` stands for any text, also for an empty one, and `?` for one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagPattern(String);

impl TagPattern {
    pub(super) fn parse(text: &str) -> Result<Self, TagRuleError> {
        let is_known =
            |it: char| it.is_ascii_alphanumeric() || "._-".contains(it) || it == ANY_TEXT || it == ANY_CHARACTER;
        match text.chars().all(is_known) && !text.is_empty() {
            true => Ok(Self(text.to_owned())),
            false => Err(TagRuleError::Pattern { pattern: text.to_owned() }),
        }
    }

    pub(super) fn has_one_star(&self) -> bool {
        self.0.matches(ANY_TEXT).count() == 1
    }

    /// If a text fits: what stands for the first `*`, up to the fixed end of the pattern; without a `*`, all of it.
    pub(super) fn fit<'t>(&self, text: &'t str) -> Option<&'t str> {
        let Some((before, after)) = self.0.split_once(ANY_TEXT) else {
            return same(&self.0, text).then_some(text);
        };
        let (begin, rest) = text.split_at_checked(before.len())?;
        if !same(before, begin) {
            return None;
        }
        let (middle, last) = after.rsplit_once(ANY_TEXT).unwrap_or(("", after));
        let (inside, end) = rest.split_at_checked(rest.len().checked_sub(last.len())?)?;
        if !same(last, end) {
            return None;
        }
        // Each part is taken where it first fits, so what follows has as much left as possible.
        let mut left = inside;
        for part in middle.split(ANY_TEXT).filter(|part| !part.is_empty()) {
            let found = (0..left.len()).filter_map(|at| left.get(at..)).find_map(|from| {
                let (found, after) = from.split_at_checked(part.len())?;
                same(part, found).then_some(after)
            });
            left = found?;
        }
        Some(inside)
    }
}

/// Whether a part without `*` fits a text.
fn same(part: &str, text: &str) -> bool {
    let fits = |(one, other): (char, char)| one == ANY_CHARACTER || one == other;
    part.len() == text.len() && part.chars().zip(text.chars()).all(fits)
}
