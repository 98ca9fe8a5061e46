//! Artifact patterns: Python's `fnmatch`, as the reference applies it to artifact names, with a bound on work.
//!
//! `*` stands for any run of characters (`/` included), `?` for one, `[abc]`, `[a-z]` and `[!a-z]` for one of a set;
//! everything else, including the backslash, stands for itself. in-toto 1.0 §4.3.3. Promise: a match takes at most
//! pattern × name steps, every step is counted, and a pattern that cannot be read is an error, never a rule that
//! silently matches nothing.

use super::work::{Work, WorkExceeded};

/// The longest pattern that is read, in bytes.
pub(crate) const MAXIMUM_PATTERN_LENGTH: usize = 4096;

/// A pattern over artifact names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<GlobToken>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum GlobToken {
    One(char),
    AnyOne,
    AnyRun,
    Set { negated: bool, ranges: Vec<(char, char)> },
}

/// Why a text is not a valid pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A `[` has no `]`.
    #[error("the pattern {0:?} has a [ without a ]")]
    UnclosedSet(String),
    /// A range runs backwards, so it can match nothing.
    #[error("the pattern {pattern:?} has the range {low}-{high}, which runs backwards")]
    BackwardRange {
        /// The pattern.
        pattern: String,
        /// The range's first character.
        low: char,
        /// The range's last character.
        high: char,
    },
    /// The pattern is longer than any real one.
    #[error("the pattern has {length} bytes; the limit is {MAXIMUM_PATTERN_LENGTH}")]
    TooLong {
        /// Its length, in bytes.
        length: usize,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAXIMUM_PATTERN_LENGTH {
            return Err(PatternError::TooLong { length: text.len() });
        }
        let mut tokens = Vec::new();
        let mut rest = text.chars();
        while let Some(next) = rest.next() {
            tokens.push(match next {
                // A run of stars matches what one star matches.
                '*' if tokens.last() == Some(&GlobToken::AnyRun) => continue,
                '*' => GlobToken::AnyRun,
                '?' => GlobToken::AnyOne,
                '[' => {
                    let (token, after) = parse_set(text, rest.as_str())?;
                    rest = after.chars();
                    token
                }
                other => GlobToken::One(other),
            });
        }
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole `name` matches the pattern.
    ///
    /// # Errors
    /// [`WorkExceeded`] when the budget does not cover the steps it takes.
    pub fn matches(&self, name: &str, work: &mut Work) -> Result<bool, WorkExceeded> {
        // The classic single-backtrack matcher: only the last star is ever reconsidered, because whatever an earlier
        // star could give up, the later one can take.
        let (mut tokens, mut rest) = (self.tokens.as_slice(), name);
        let mut retry: Option<(&[GlobToken], &str)> = None;
        loop {
            work.spend(1)?;
            if let Some((GlobToken::AnyRun, after)) = tokens.split_first() {
                tokens = after;
                retry = Some((tokens, rest));
                continue;
            }
            let mut characters = rest.chars();
            match (tokens.split_first(), characters.next()) {
                (None, None) => return Ok(true),
                (Some((token, after)), Some(character)) if token.accepts(character, work)? => {
                    tokens = after;
                    rest = characters.as_str();
                }
                _ => {
                    // Give the last star one more character, and try again after it.
                    let Some((after_star, behind)) = retry else { return Ok(false) };
                    let mut characters = behind.chars();
                    if characters.next().is_none() {
                        return Ok(false);
                    }
                    tokens = after_star;
                    rest = characters.as_str();
                    retry = Some((after_star, rest));
                }
            }
        }
    }
}

impl GlobToken {
    fn accepts(&self, character: char, work: &mut Work) -> Result<bool, WorkExceeded> {
        Ok(match self {
            Self::One(one) => *one == character,
            Self::AnyOne => true,
            Self::AnyRun => false,
            Self::Set { negated, ranges } => {
                work.spend(u64::try_from(ranges.len()).unwrap_or(u64::MAX))?;
                ranges.iter().any(|&(low, high)| (low..=high).contains(&character)) != *negated
            }
        })
    }
}

/// Reads a set after its `[`; returns what follows its `]`.
fn parse_set<'a>(pattern: &str, text: &'a str) -> Result<(GlobToken, &'a str), PatternError> {
    let unclosed = || PatternError::UnclosedSet(pattern.to_owned());
    let (negated, body) = text.strip_prefix('!').map_or((false, text), |body| (true, body));
    // A `]` in first position stands for itself.
    let skip = usize::from(body.starts_with(']'));
    let length = body.get(skip..).and_then(|tail| tail.find(']')).ok_or_else(unclosed)? + skip;
    let (Some(members), Some(after)) = (body.get(..length), body.get(length + 1..)) else { return Err(unclosed()) };
    let mut ranges = Vec::new();
    let mut members = members.chars();
    while let Some(low) = members.next() {
        let mut ahead = members.clone();
        let high = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                members = ahead;
                high
            }
            _ => low,
        };
        if low > high {
            return Err(PatternError::BackwardRange { pattern: pattern.to_owned(), low, high });
        }
        ranges.push((low, high));
    }
    Ok((GlobToken::Set { negated, ranges }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(name, &mut Work::new(1_000_000)).unwrap()
    }

    #[test]
    fn wildcards_match_as_fnmatch_does() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a/b/c"),
            ("foo*", "foo"),
            ("*.py", "dir/x.py"),
            ("a?c", "a/c"),
            ("a**b", "axxb"),
            ("*a*b*c", "zzazzbzzc"),
            ("", ""),
            ("\\*", "\\anything"),
            ("oci://*", "oci://example.com/x"),
            ("?", "é"),
            (".*", ".hidden"),
            ("*", ".hidden"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("a?c", "ac"), ("*.py", "x.pyc"), ("Foo", "foo"), ("", "a"), ("a*b", "ab "), ("foo", "./foo"), ("?", "")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn sets_match_as_fnmatch_does() {
        for (pattern, name) in [
            ("[abc]", "b"),
            ("[a-c]x", "bx"),
            ("[!a-c]", "d"),
            ("[]]", "]"),
            ("[!]]", "a"),
            ("[a-]", "-"),
            ("[-a]", "-"),
            ("[^a]", "^"),
            ("[a-c-e]", "-"),
            ("[--a]", "A"),
            ("[[]", "["),
            ("[!!]", "a"),
            ("[*]", "*"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("[abc]", "d"), ("[!a-c]", "b"), ("[a-c-e]", "d"), ("[*]", "a"), ("[abc]", "")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_an_error() {
        for pattern in ["[", "a[b", "[]", "[!]", "[!", "x[a-"] {
            assert!(matches!(Pattern::parse(pattern), Err(PatternError::UnclosedSet(_))), "{pattern}");
        }
        assert!(matches!(Pattern::parse("[z-a]"), Err(PatternError::BackwardRange { .. })));
        assert!(matches!(Pattern::parse(&"a".repeat(5000)), Err(PatternError::TooLong { length: 5000 })));
    }

    #[test]
    fn the_work_of_a_hostile_pattern_is_bounded() {
        let pattern = Pattern::parse(&format!("{}b", "*a".repeat(500))).unwrap();
        let name = "a".repeat(4000);
        let mut work = Work::new(u64::MAX);
        assert!(!pattern.matches(&name, &mut work).unwrap());
        assert!(work.spent() <= 2 * 1002 * 4002, "{}", work.spent());
        assert_eq!(pattern.matches(&name, &mut Work::new(1000)), Err(WorkExceeded { limit: 1000 }));
    }
}
