//! Path patterns (TUF 1.0.34 §4.5, PATHPATTERN): the target names that a delegated role may speak for.
//!
//! `*` matches any run of characters, `?` one character, `[a-z]` one of a set and `[!a-z]` one outside it; none of them
//! matches `/`. An opening bracket that is not closed within its path segment stands for itself, as does a backslash,
//! and a leading dot is a character like any other: this is how the reference implementation reads glob(7).
//!
//! Promise: matching takes at most pattern length times name length steps, whatever the pattern.

use super::matching::{MatchingSteps, OutOfSteps};

/// A parsed path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Box<[Box<[PatternToken]>]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternToken {
    /// Exactly this character.
    Literal(char),
    /// One character.
    Any,
    /// Any run of characters, including none.
    Run,
    /// One character that is in one of the ranges, or in none of them.
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl PathPattern {
    /// Reads a pattern. Every text is a valid pattern.
    pub fn new(pattern: &str) -> Self {
        Self { segments: pattern.split('/').map(tokens).collect() }
    }

    /// Whether a whole target name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.matches_within(&mut MatchingSteps::new(u64::MAX), name).unwrap_or(false)
    }

    /// The same, as long as there are steps left.
    pub(super) fn matches_within(&self, steps: &mut MatchingSteps, name: &str) -> Result<bool, OutOfSteps> {
        let mut names = name.split('/');
        for pattern in &self.segments {
            let Some(name) = names.next() else { return Ok(false) };
            if !segment_matches(pattern, name, steps)? {
                return Ok(false);
            }
        }
        Ok(names.next().is_none())
    }

    /// Whether this pattern surely matches every name that another one matches: in each segment it is the same, or it ends in
    /// `*` and the other one goes on where it is the same up to there.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|(this, other)| segment_covers(this, other))
    }
}

fn segment_covers(this: &[PatternToken], other: &[PatternToken]) -> bool {
    match this.split_last() {
        Some((PatternToken::Run, beginning)) => other.starts_with(beginning),
        _ => this == other,
    }
}

fn tokens(segment: &str) -> Box<[PatternToken]> {
    let mut tokens = Vec::new();
    let mut rest = segment.chars();
    while let Some(character) = rest.next() {
        tokens.push(match character {
            // Two stars match the same as one.
            '*' if tokens.last() == Some(&PatternToken::Run) => continue,
            '*' => PatternToken::Run,
            '?' => PatternToken::Any,
            '[' => match set(rest.as_str()) {
                Some((set, after)) => {
                    rest = after.chars();
                    set
                }
                None => PatternToken::Literal('['),
            },
            other => PatternToken::Literal(other),
        });
    }
    tokens.into()
}

/// Reads a set after its opening bracket, and yields what follows its closing one. A `]` in first position is a member.
fn set(text: &str) -> Option<(PatternToken, &str)> {
    let (negated, body) = match text.strip_prefix('!') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let first = body.chars().next()?.len_utf8();
    let end = first + body.get(first..)?.find(']')?;
    let (members, after) = (body.get(..end)?, body.get(end + 1..)?);
    let mut ranges = Vec::new();
    let mut rest = members.chars();
    while let Some(low) = rest.next() {
        let mut ahead = rest.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                ranges.push((low, high));
                rest = ahead;
            }
            _ => ranges.push((low, low)),
        }
    }
    Some((PatternToken::Set { negated, ranges }, after))
}

/// How many steps it takes to compare a token with a character.
fn cost(token: Option<&PatternToken>) -> usize {
    match token {
        Some(PatternToken::Set { ranges, .. }) => 1 + ranges.len(),
        _ => 1,
    }
}

fn token_matches(token: &PatternToken, character: char) -> bool {
    match token {
        PatternToken::Literal(literal) => *literal == character,
        PatternToken::Any => true,
        PatternToken::Run => false,
        PatternToken::Set { negated, ranges } => {
            ranges.iter().any(|&(low, high)| (low..=high).contains(&character)) != *negated
        }
    }
}

/// Matches greedily and, on a mismatch, lets the last run swallow one character more. Earlier runs need not be
/// reconsidered: whatever a later run can reach from further left, it can also reach from further right.
fn segment_matches(pattern: &[PatternToken], name: &str, steps: &mut MatchingSteps) -> Result<bool, OutOfSteps> {
    let (mut position, mut rest) = (0, name.chars());
    let mut last_run = None;
    loop {
        let token = pattern.get(position);
        steps.take(cost(token))?;
        match (token, rest.clone().next()) {
            (None, None) => return Ok(true),
            (Some(PatternToken::Run), _) => {
                position += 1;
                last_run = Some((position, rest.clone()));
            }
            (Some(token), Some(character)) if token_matches(token, character) => {
                position += 1;
                rest.next();
            }
            _ => {
                let Some((after_run, swallowed)) = &mut last_run else { return Ok(false) };
                if swallowed.next().is_none() {
                    return Ok(false);
                }
                (position, rest) = (*after_run, swallowed.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        PathPattern::new(pattern).matches(name)
    }

    #[test]
    fn the_examples_of_the_specification() {
        assert!(matches("targets/*.tgz", "targets/foo.tgz"));
        assert!(!matches("targets/*.tgz", "targets/foo.txt"));
        assert!(matches("foo-version-?.tgz", "foo-version-2.tgz"));
        assert!(!matches("foo-version-?.tgz", "foo-version-alpha.tgz"));
        assert!(matches("*.tgz", "bar.tgz"));
        assert!(!matches("*.tgz", "targets/foo.tgz"));
        assert!(matches("foo.tgz", "foo.tgz"));
        assert!(!matches("foo.tgz", "foo.tgz.sig"));
    }

    #[test]
    fn no_wildcard_matches_a_separator() {
        for pattern in ["a*b", "a?b", "a[/]b", "a[!x]b", "a[.-0]b", "*", "**"] {
            assert!(!matches(pattern, "a/b"), "{pattern}");
        }
        assert!(matches("*/*", "a/b"));
        assert!(matches("*/*", "/b"));
        assert!(!matches("*/*", "a/b/c"));
    }

    #[test]
    fn sets_ranges_and_their_odd_forms() {
        assert!(matches("v[0-9].[!a-c]", "v7.d"));
        assert!(!matches("v[0-9].[!a-c]", "v7.b"));
        assert!(matches("[]x]", "]"));
        assert!(matches("[!]x]", "a"));
        assert!(!matches("[!]x]", "]"));
        assert!(matches("[a-]", "-"));
        assert!(!matches("[z-a]", "m"));
        assert!(matches("[ab", "[ab"));
        assert!(matches("[]", "[]"));
        assert!(matches("[!]", "[!]"));
        assert!(matches("[^a]", "^"));
    }

    #[test]
    fn unusual_names_are_compared_as_they_are() {
        assert!(matches("example.com/org/*:latest", "example.com/org/shop:latest"));
        assert!(matches("a b@?%2f\\", "a b@\u{1F600}%2f\\"));
        assert!(!matches("README.md", "README.MD"));
        assert!(matches("*.md", ".md"));
        assert!(matches("", ""));
        assert!(!matches("", "a"));
    }

    #[test]
    fn a_pattern_covers_one_that_matches_no_more() {
        let covers = |this: &str, other: &str| PathPattern::new(this).covers(&PathPattern::new(other));
        for (this, other) in [
            ("a/b", "a/b"),
            ("a/*", "a/b:1"),
            ("a/*", "a/*"),
            ("a/*", "a/b?:*"),
            ("*/*", "a/b"),
            ("a/?:*", "a/?:1.*"),
            ("a/b*", "a/b*c"),
        ] {
            assert!(covers(this, other), "{this} {other}");
        }
        for (this, other) in [
            ("a/?", "a/*"),
            ("a/[!a]", "a/*"),
            ("a/b", "a/*"),
            ("a/b", "a/b*"),
            ("a/*b", "a/*"),
            ("a/b?*", "a/b*"),
            ("a/*", "a/b/c"),
            ("a/*", "*/b"),
        ] {
            assert!(!covers(this, other), "{this} {other}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_bounded_work() {
        let pattern = "*a".repeat(2_000);
        assert!(!matches(&pattern, &"a".repeat(1_999)));
        assert!(matches(&pattern, &"a".repeat(2_000)));
    }
}
