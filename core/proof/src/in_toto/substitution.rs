//! Parameters: `{NAME}` in rules and commands, filled in by the verifier.
//!
//! As in the reference: with parameters given, `{NAME}` is replaced, `{{` and `}}` stand for single braces, and
//! anything else in braces is an error; with none given, texts stay as they are. Stricter here: a parameter never
//! changes a rule's keywords, a name, or a key, and a *rule* that still holds a `{NAME}` when no parameters were given
//! is an error, because `DISALLOW {NAME}` would otherwise disallow nothing.

use std::collections::BTreeMap;

/// The longest text that substitution may produce, in bytes.
const MAXIMUM_LENGTH: usize = 64 * 1024;

/// Parameters by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

/// Why parameters cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// A parameter's name has characters other than ASCII letters, digits, `_` and `-`.
    #[error("{0:?} is not a parameter name: letters, digits, _ and - are allowed")]
    Name(String),
    /// No value was given for a parameter.
    #[error("{text:?} needs the parameter {name:?}, but no value was given")]
    Missing {
        /// The text with the placeholder.
        text: String,
        /// The parameter.
        name: String,
    },
    /// A brace is neither part of a placeholder nor doubled.
    #[error("{0:?} has a brace that belongs to no parameter")]
    Brace(String),
    /// The result is longer than the limit.
    #[error("with parameters filled in, a text is longer than {MAXIMUM_LENGTH} bytes")]
    TooLong,
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl Parameters {
    /// Checks the parameters' names.
    ///
    /// # Errors
    /// [`SubstitutionError::Name`].
    pub fn new(parameters: BTreeMap<String, String>) -> Result<Self, SubstitutionError> {
        match parameters.keys().find(|name| !is_name(name)) {
            Some(name) => Err(SubstitutionError::Name(name.chars().take(80).collect())),
            None => Ok(Self(parameters)),
        }
    }

    /// Fills in a word of a command.
    ///
    /// # Errors
    /// [`SubstitutionError`].
    pub fn fill_in_command(&self, text: &str) -> Result<String, SubstitutionError> {
        if self.0.is_empty() { Ok(text.to_owned()) } else { self.fill_in(text) }
    }

    /// Fills in a pattern, prefix or step name of a rule.
    ///
    /// # Errors
    /// [`SubstitutionError`], including when no parameters were given and the text needs one.
    pub fn fill_in_rule(&self, text: &str) -> Result<String, SubstitutionError> {
        if !self.0.is_empty() {
            return self.fill_in(text);
        }
        let asked = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).find(|(name, _)| is_name(name));
        match asked {
            Some((name, _)) => Err(SubstitutionError::Missing { text: text.to_owned(), name: name.to_owned() }),
            None => Ok(text.to_owned()),
        }
    }

    fn fill_in(&self, text: &str) -> Result<String, SubstitutionError> {
        let stray = || SubstitutionError::Brace(text.chars().take(200).collect());
        let mut filled = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            filled.push_str(before);
            rest = if let Some(after) = from.strip_prefix("{{") {
                filled.push('{');
                after
            } else if let Some(after) = from.strip_prefix("}}") {
                filled.push('}');
                after
            } else {
                let (name, after) = from.strip_prefix('{').and_then(|it| it.split_once('}')).ok_or_else(stray)?;
                if !is_name(name) {
                    return Err(stray());
                }
                let missing = || SubstitutionError::Missing { text: text.to_owned(), name: name.to_owned() };
                filled.push_str(self.0.get(name).ok_or_else(missing)?);
                after
            };
            if filled.len() > MAXIMUM_LENGTH {
                return Err(SubstitutionError::TooLong);
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()).unwrap()
    }

    #[test]
    fn parameters_are_filled_in_once() {
        let given = parameters(&[("A", "{B}"), ("B", "x"), ("v-1_", "2")]);
        assert_eq!(given.fill_in_rule("{B}.{v-1_}").unwrap(), "x.2");
        // A value is not looked at again.
        assert_eq!(given.fill_in_rule("{A}").unwrap(), "{B}");
        assert_eq!(given.fill_in_command("{{B}} {B}").unwrap(), "{B} x");
    }

    #[test]
    fn a_parameter_without_a_value_is_an_error() {
        let given = parameters(&[("A", "1")]);
        assert!(matches!(given.fill_in_rule("{C}"), Err(SubstitutionError::Missing { .. })));
        assert!(matches!(given.fill_in_command("${C}"), Err(SubstitutionError::Missing { .. })));
        for text in ["{", "}", "{}", "{A", "{A.x}", "{A!r}", "{A:>9}", "{ A }"] {
            assert!(matches!(given.fill_in_rule(text), Err(SubstitutionError::Brace(_))), "{text}");
        }
    }

    #[test]
    fn without_parameters_commands_stay_and_rules_may_not_ask() {
        let none = Parameters::default();
        assert_eq!(none.fill_in_command("echo ${HOME} {{").unwrap(), "echo ${HOME} {{");
        assert_eq!(none.fill_in_rule("a{1,2}{").unwrap(), "a{1,2}{");
        assert!(matches!(none.fill_in_rule("x{A}"), Err(SubstitutionError::Missing { .. })));
    }

    #[test]
    fn names_are_plain() {
        for name in ["", "a b", "a.b", "é", "{"] {
            let given = BTreeMap::from([(name.to_owned(), String::new())]);
            assert!(matches!(Parameters::new(given), Err(SubstitutionError::Name(_))), "{name}");
        }
    }

    #[test]
    fn the_result_has_a_limit() {
        let given = parameters(&[("A", &"x".repeat(1000))]);
        assert_eq!(given.fill_in_rule(&"{A}".repeat(100)), Err(SubstitutionError::TooLong));
    }
}
