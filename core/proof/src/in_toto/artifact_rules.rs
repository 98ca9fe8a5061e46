//! Artifact rules as layouts write them (in-toto 1.0 §4.3.3): parsed once, parameters filled in, patterns compiled.
//!
//! Keywords are read without regard to case, as the reference does, and *before* parameters are filled in, so that no
//! parameter can turn one rule into another.

use std::fmt;

use super::glob::{Pattern, PatternError};
use super::substitution::{Parameters, SubstitutionError};

/// A rule over the materials or products of a step or an inspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactRule {
    /// `MATCH`: consumes artifacts that another item reports with the same hashes.
    Match(MatchRule),
    /// `CREATE`: consumes products that are not materials.
    Create(Pattern),
    /// `DELETE`: consumes materials that are not products.
    Delete(Pattern),
    /// `MODIFY`: consumes artifacts that are both, with different hashes.
    Modify(Pattern),
    /// `ALLOW`: consumes whatever it matches.
    Allow(Pattern),
    /// `DISALLOW`: fails on artifacts that nothing consumed.
    Disallow(Pattern),
    /// `REQUIRE`: fails unless the artifact of exactly this name is there and not consumed.
    Require(String),
}

/// `MATCH pattern [IN prefix] WITH (MATERIALS|PRODUCTS) [IN prefix] FROM step`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchRule {
    /// The pattern, applied to what follows the source prefix.
    pub pattern: Pattern,
    /// The prefix on this item's side; empty for none.
    pub source_prefix: String,
    /// Which list of the other item is looked at.
    pub with: ArtifactList,
    /// The prefix on the other item's side; empty for none.
    pub destination_prefix: String,
    /// The other item.
    pub from: String,
}

/// Which of an item's two lists of artifacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactList {
    /// What a step or inspection found before it ran.
    Materials,
    /// What was there after it ran.
    Products,
}

/// Why a list of words is not a valid rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The words do not make a rule.
    #[error("{0:?} is not an artifact rule")]
    Form(String),
    /// The pattern cannot be read.
    #[error("the rule {rule:?} cannot be applied")]
    Pattern {
        /// The rule, as written.
        rule: String,
        /// What is wrong with its pattern.
        source: PatternError,
    },
    /// The parameters cannot be filled in.
    #[error("the rule {rule:?} cannot be filled in")]
    Substitution {
        /// The rule, as written.
        rule: String,
        /// What is wrong.
        source: SubstitutionError,
    },
}

impl ArtifactRule {
    /// Reads a rule, and fills in its parameters.
    ///
    /// # Errors
    /// [`RuleError`].
    pub fn parse(words: &[String], parameters: &Parameters) -> Result<Self, RuleError> {
        let written = || words.join(" ").chars().take(300).collect::<String>();
        let fill_in = |text: &String| {
            parameters.fill_in_rule(text).map_err(|source| RuleError::Substitution { rule: written(), source })
        };
        let pattern = |text: &String| {
            Pattern::parse(&fill_in(text)?).map_err(|source| RuleError::Pattern { rule: written(), source })
        };
        let keywords: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let keywords: Vec<&str> = keywords.iter().map(String::as_str).collect();
        match (keywords.as_slice(), words) {
            (["create", _], [_, text]) => Ok(Self::Create(pattern(text)?)),
            (["delete", _], [_, text]) => Ok(Self::Delete(pattern(text)?)),
            (["modify", _], [_, text]) => Ok(Self::Modify(pattern(text)?)),
            (["allow", _], [_, text]) => Ok(Self::Allow(pattern(text)?)),
            (["disallow", _], [_, text]) => Ok(Self::Disallow(pattern(text)?)),
            (["require", _], [_, name]) => Ok(Self::Require(fill_in(name)?)),
            (["match", ..], _) => {
                let words = MatchWords::read(&keywords, words).ok_or_else(|| RuleError::Form(written()))?;
                Ok(Self::Match(MatchRule {
                    pattern: pattern(words.pattern)?,
                    source_prefix: words.source_prefix.map_or_else(|| Ok(String::new()), fill_in)?,
                    with: words.with,
                    destination_prefix: words.destination_prefix.map_or_else(|| Ok(String::new()), fill_in)?,
                    from: fill_in(words.from)?,
                }))
            }
            _ => Err(RuleError::Form(written())),
        }
    }
}

/// The words of a `MATCH` rule, by position.
struct MatchWords<'a> {
    pattern: &'a String,
    source_prefix: Option<&'a String>,
    with: ArtifactList,
    destination_prefix: Option<&'a String>,
    from: &'a String,
}

impl<'a> MatchWords<'a> {
    fn read(keywords: &[&str], words: &'a [String]) -> Option<Self> {
        let (source_prefix, rest_keywords, rest) = match (keywords, words) {
            (["match", _, "in", _, keywords @ ..], [_, _, _, prefix, words @ ..]) => (Some(prefix), keywords, words),
            (["match", _, keywords @ ..], [_, _, words @ ..]) => (None, keywords, words),
            _ => return None,
        };
        let (list, destination_prefix, from) = match (rest_keywords, rest) {
            (["with", list, "in", _, "from", _], [_, _, _, prefix, _, from]) => (*list, Some(prefix), from),
            (["with", list, "from", _], [_, _, _, from]) => (*list, None, from),
            _ => return None,
        };
        let with = match list {
            "materials" => ArtifactList::Materials,
            "products" => ArtifactList::Products,
            _ => return None,
        };
        Some(Self { pattern: words.get(1)?, source_prefix, with, destination_prefix, from })
    }
}

impl fmt::Display for ArtifactList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Materials => "materials",
            Self::Products => "products",
        })
    }
}

impl fmt::Display for ArtifactRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(pattern) => write!(f, "CREATE {}", pattern.as_str()),
            Self::Delete(pattern) => write!(f, "DELETE {}", pattern.as_str()),
            Self::Modify(pattern) => write!(f, "MODIFY {}", pattern.as_str()),
            Self::Allow(pattern) => write!(f, "ALLOW {}", pattern.as_str()),
            Self::Disallow(pattern) => write!(f, "DISALLOW {}", pattern.as_str()),
            Self::Require(name) => write!(f, "REQUIRE {name}"),
            Self::Match(rule) => {
                write!(f, "MATCH {}", rule.pattern.as_str())?;
                if !rule.source_prefix.is_empty() {
                    write!(f, " IN {}", rule.source_prefix)?;
                }
                f.write_str(match rule.with {
                    ArtifactList::Materials => " WITH MATERIALS",
                    ArtifactList::Products => " WITH PRODUCTS",
                })?;
                if !rule.destination_prefix.is_empty() {
                    write!(f, " IN {}", rule.destination_prefix)?;
                }
                write!(f, " FROM {}", rule.from)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn parse_with(text: &str, parameters: &Parameters) -> Result<ArtifactRule, RuleError> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        ArtifactRule::parse(&words, parameters)
    }

    fn parse(text: &str) -> Result<ArtifactRule, RuleError> {
        parse_with(text, &Parameters::default())
    }

    #[test]
    fn the_lists_are_called_as_rules_call_them() {
        assert_eq!(
            [ArtifactList::Materials, ArtifactList::Products].map(|list| list.to_string()),
            ["materials", "products"]
        );
    }

    #[test]
    fn every_form_of_rule_is_read_and_written_back() {
        for text in [
            "CREATE a",
            "DELETE a*",
            "MODIFY [ab]",
            "ALLOW *",
            "DISALLOW *",
            "REQUIRE a[",
            "MATCH a WITH PRODUCTS FROM s",
            "MATCH a IN p WITH MATERIALS FROM s",
            "MATCH a WITH PRODUCTS IN q FROM s",
            "MATCH a IN p WITH PRODUCTS IN q/ FROM s",
            "MATCH in IN in WITH PRODUCTS IN with FROM from",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("mAtCh A wIth productS from S").unwrap().to_string(), "MATCH A WITH PRODUCTS FROM S");
    }

    #[test]
    fn what_is_not_a_rule_is_an_error() {
        for text in [
            "",
            "CREATE",
            "CREATE a b",
            "PERMIT a",
            "MATCH a",
            "MATCH a WITH PRODUCTS",
            "MATCH a WITH PRODUCTS FROM",
            "MATCH a WITH BYPRODUCTS FROM s",
            "MATCH a IN p WITH PRODUCTS FROM s x",
            "MATCH a FROM s WITH PRODUCTS",
        ] {
            assert!(matches!(parse(text), Err(RuleError::Form(_))), "{text}");
        }
        assert!(matches!(parse("ALLOW [a"), Err(RuleError::Pattern { .. })));
        assert!(matches!(parse("ALLOW {a}"), Err(RuleError::Substitution { .. })));
    }

    #[test]
    fn a_parameter_cannot_become_a_keyword() {
        let given = BTreeMap::from([("K".to_owned(), "ALLOW".to_owned()), ("V".to_owned(), "x y".to_owned())]);
        let given = Parameters::new(given).unwrap();
        assert!(matches!(parse_with("{K} *", &given), Err(RuleError::Form(_))));
        assert_eq!(parse_with("ALLOW {V}", &given).unwrap(), ArtifactRule::Allow(Pattern::parse("x y").unwrap()));
        let rule = parse_with("MATCH {V} IN {V} WITH PRODUCTS IN {K} FROM {K}", &given).unwrap();
        assert_eq!(rule.to_string(), "MATCH x y IN x y WITH PRODUCTS IN ALLOW FROM ALLOW");
    }
}
