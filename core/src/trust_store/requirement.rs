//! Requirements by name: what a policy requires of some names instead of its minimum level.
//!
//! They are an ordered list, and the first whose pattern matches a full name applies to it. Every item has one: the
//! bundle, each image in it, each image that belongs to no bundle, and each file. Where none matches, `minimum_level` applies.
//! Promise: a pattern that can match no name is refused, because a rule that is never applied looks like one that is.

use std::fmt;

use sealift_archive_format::{FileName, file_name};
use sealift_proof::domain::{Domain, has_wildcard, pattern_in_one_form};
use sealift_proof::level::{Level, MinimumLevel};
use sealift_proof::tuf::PathPattern;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{AttesterName, RepositoryName};
use crate::oci::{Reference, Tag};

/// What is required of the names that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The patterns.
    #[serde(deserialize_with = "at_least_one")]
    pub names: Vec<NamePattern>,
    /// The lowest level that is accepted.
    pub level: MinimumLevel,
    /// The repositories that must be among those that vouch for the name.
    #[serde(default)]
    pub vouched_by: Vec<RepositoryName>,
    /// The attesters of whom one must vouch for every referrer of the name. If it is absent, any pinned attester may
    /// vouch; if it is empty, nobody has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested_by: Option<Vec<AttesterName>>,
    /// How this combines with a bundle's requirement, if the name is that of an image in the bundle.
    #[serde(default)]
    pub in_bundles: InBundles,
    /// The in-toto layout that supply chains are verified by, in place of those that targets list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<LayoutPath>,
}

impl Requirement {
    /// Requires that nothing in it is without force: where no supply chain is asked for, a target that lists none is accepted, and a layout
    /// is for nothing.
    pub(super) fn check(&self) -> Result<(), String> {
        match (&self.layout, self.names.first()) {
            (Some(_), Some(name)) if Level::Two.meets(self.level) => Err(format!(
                "the requirement for {name} has a layout, but level \"{}\" asks for no supply chain; ask for 1b, 3a, 3b or 4",
                self.level
            )),
            _ => Ok(()),
        }
    }
}

/// How a bundle's requirement combines with that of an image in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InBundles {
    /// Both apply.
    #[default]
    Also,
    /// Only the image's own applies: it may be proven less well than its bundle requires.
    Instead,
}

/// The path of the TUF target that is an in-toto layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LayoutPath(String);

/// The text is not the path of a layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the path of a TUF target that ends in {end}", end = LayoutPath::END)]
pub struct LayoutPathError(String);

impl LayoutPath {
    /// How the paths of layouts end.
    pub const END: &str = ".layout";

    /// Reads a path.
    ///
    /// # Errors
    /// [`LayoutPathError`].
    pub fn new(text: &str) -> Result<Self, LayoutPathError> {
        let is_path = text.ends_with(Self::END) && FileName::of_target(text).is_ok();
        if is_path { Ok(Self(text.to_owned())) } else { Err(LayoutPathError(text.to_owned())) }
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for LayoutPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Which names a requirement is for: a name, with or without a tag, or a path pattern for full names; without a tag it
/// matches every tag. `file:/` and a path pattern is for the paths of files. `*` alone matches every name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
    form: PatternForm,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternForm {
    Everything,
    /// A repository, and every tag in it or this one.
    Name(String, Option<Tag>),
    /// A pattern of repositories.
    Repositories(PathPattern),
    /// A pattern of names with tags.
    Tags(PathPattern),
    /// A pattern of the paths of files.
    Files(PathPattern),
}

/// Why a text is not a pattern of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamePatternError {
    /// It can match no full name.
    #[error(
        "{0:?} can match no name: patterns are for full names, such as docker.io/library/* or example.com/org/*:1.*, or for files, such as file:/simple/*"
    )]
    MatchesNothing(String),
    /// It names a digest.
    #[error("{0:?} has a digest, but a requirement is for names")]
    Digest(String),
}

impl NamePattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Reads a pattern.
    ///
    /// # Errors
    /// [`NamePatternError`].
    pub fn new(text: &str) -> Result<Self, NamePatternError> {
        Ok(Self { text: text.to_owned(), form: PatternForm::of(text)? })
    }

    /// The same as a map writes it. A map's patterns match names with their tags, so what stands here for every tag says so.
    pub(super) fn in_a_map(&self) -> String {
        match &self.form {
            PatternForm::Name(repository, tag) => format!("{repository}:{}", tag.as_ref().map_or("*", Tag::as_str)),
            PatternForm::Repositories(_) if !self.text.ends_with('*') => format!("{}:*", self.text),
            PatternForm::Everything
            | PatternForm::Repositories(_)
            | PatternForm::Tags(_)
            // Without what it begins with, it would match names of images as well.
            | PatternForm::Files(_) => self.text.clone(),
        }
    }

    /// Whether a full name matches: `domain/path:tag`, or with a digest where it has no tag; or a file's, `file:/path`.
    pub fn matches(&self, name: &str) -> bool {
        if let Some(path) = name.strip_prefix(file_name::PREFIX) {
            return match &self.form {
                PatternForm::Everything => true,
                PatternForm::Files(pattern) => pattern.matches(path),
                PatternForm::Name(..) | PatternForm::Repositories(_) | PatternForm::Tags(_) => false,
            };
        }
        let last = name.rfind('/').unwrap_or_default();
        let (_, behind) = name.split_at_checked(last).unwrap_or_default();
        let end = behind.find([':', '@']).map_or(name.len(), |place| last + place);
        let (repository, named) = name.split_at_checked(end).unwrap_or((name, ""));
        match &self.form {
            PatternForm::Everything => true,
            PatternForm::Name(of, None) => repository == of,
            PatternForm::Name(of, Some(tag)) => repository == of && named.strip_prefix(':') == Some(tag.as_str()),
            PatternForm::Repositories(pattern) => pattern.matches(repository),
            PatternForm::Tags(pattern) => pattern.matches(name),
            PatternForm::Files(_) => false,
        }
    }
}

impl PatternForm {
    fn of(text: &str) -> Result<Self, NamePatternError> {
        if text == "*" {
            return Ok(Self::Everything);
        }
        if let Some(path) = text.strip_prefix(file_name::PREFIX) {
            // A path that no file has is matched by nothing.
            FileName::of_target(path).map_err(|_| NamePatternError::MatchesNothing(text.to_owned()))?;
            return Ok(Self::Files(PathPattern::new(path)));
        }
        // A plain name means what it means everywhere else: `nginx` is docker.io/library/nginx.
        if let Ok(reference) = text.parse::<Reference>() {
            return match reference.digest() {
                Some(_) => Err(NamePatternError::Digest(text.to_owned())),
                None => Ok(Self::Name(reference.repository().to_string(), reference.tag().cloned())),
            };
        }
        let begins_with_domain =
            |(domain, _): &(&str, &str)| Domain::is_meant_by(domain) || domain.contains(['*', '?']);
        // No domain has an empty port. So nothing is taken for a pattern of files that is not one.
        let has_empty_port = text.split_once('/').is_some_and(|(domain, _)| domain.ends_with(':'));
        let in_full = has_wildcard(text) && text.split_once('/').filter(begins_with_domain).is_some();
        let pattern = pattern_in_one_form(text);
        // No full name has a single component behind docker.io.
        let is_short =
            pattern.split_once('/').is_some_and(|(domain, path)| domain == Domain::DEFAULT && !path.contains('/'));
        if !in_full || is_short || has_empty_port {
            return Err(NamePatternError::MatchesNothing(text.to_owned()));
        }
        let pattern = PathPattern::new(&pattern);
        let has_tag = text.rsplit('/').next().is_some_and(|last| last.contains(':'));
        Ok(if has_tag { Self::Tags(pattern) } else { Self::Repositories(pattern) })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for NamePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NamePattern>, D::Error> {
    let names: Vec<NamePattern> = Vec::deserialize(deserializer)?;
    if names.is_empty() { Err(serde::de::Error::custom("a requirement has no names")) } else { Ok(names) }
}

/// What a policy requires of one name.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The lowest level that is accepted.
    pub level: MinimumLevel,
    /// The repositories that must be among those that vouch for it.
    pub vouched_by: &'a [RepositoryName],
    /// The attesters of whom one must vouch for its referrers; `None` if any pinned attester may.
    pub attested_by: Option<&'a [AttesterName]>,
    /// How this combines with a bundle's requirement.
    pub in_bundles: InBundles,
    /// The layout that its supply chain is verified by; `None` where its target says which.
    pub layout: Option<&'a LayoutPath>,
    /// The pattern that matched; `None` where it is the minimum level of the policy.
    pub pattern: Option<&'a NamePattern>,
}

/// The part of a policy that requires something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// `minimum_level`.
    MinimumLevel,
    /// The requirement that has this pattern.
    Requirement(NamePattern),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinimumLevel => f.write_str("the policy's minimum_level"),
            Self::Requirement(pattern) => write!(f, "the policy's requirement for {pattern}"),
        }
    }
}

impl Asked<'_> {
    /// The part of the policy that requires it.
    pub fn rule(&self) -> Rule {
        self.pattern.map_or(Rule::MinimumLevel, |pattern| Rule::Requirement(pattern.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        NamePattern::new(pattern).unwrap().matches(name)
    }

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_pattern_matches_names_in_full_and_without_a_tag_every_tag() {
        let by_digest = format!("example.com/org/app@{DIGEST}");
        for (pattern, matching, others) in [
            ("example.com/org/app", &["example.com/org/app:1", &by_digest][..], &["example.com/org/app2:1"][..]),
            ("EXAMPLE.com:443/org/app:1", &["example.com/org/app:1"], &["example.com/org/app:2", &by_digest]),
            (
                "example.com/org/*",
                &["example.com/org/app:1", &by_digest],
                &["example.com/org/a/b:1", "example.com/a:1"],
            ),
            ("Example.COM/org/*", &["example.com/org/app:1"], &["example.com:80/org/app:1"]),
            ("example.com/*/*:1.*", &["example.com/org/app:1.2"], &["example.com/org/app:2", &by_digest]),
            ("*.example.com/*", &["a.example.com/app:1"], &["example.com/app:1", "a.example.com/b/app:1"]),
            ("nginx", &["docker.io/library/nginx:1"], &["docker.io/nginx/nginx:1"]),
            ("docker.io/nginx:1", &["docker.io/library/nginx:1"], &["docker.io/library/nginx:2"]),
            ("docker.io/nginx", &["docker.io/library/nginx:1"], &["docker.io/nginx/nginx:1"]),
            (
                "docker.io/nginx:1.*",
                &["docker.io/library/nginx:1.27"],
                &["docker.io/library/nginx:2", "docker.io/library/nginx2:1.1", "docker.io/nginx/nginx:1.1"],
            ),
            ("localhost:5000/*", &["localhost:5000/app:1"], &["localhost:5001/app:1", "localhost/app:1"]),
            ("[::1]:5000/app", &["[::1]:5000/app:1"], &["[::2]:5000/app:1"]),
            ("[0:0::1]:5000/*", &["[::1]:5000/app:1"], &["[::2]:5000/app:1", ":/app:1"]),
            ("*", &["docker.io/library/nginx:1", &by_digest], &[]),
            ("*/*/*", &["docker.io/library/nginx:1"], &["example.com/app:1", "file:/a/b/c"]),
            ("file:/simple/*", &["file:/simple/a.whl"], &["file:/simple/a/b.whl", "simple/a:1", "file:/other/a.whl"]),
            ("file:/2024/report.pdf", &["file:/2024/report.pdf"], &["file:/2024/report.txt"]),
            ("*", &["file:/simple/a.whl"], &[]),
            ("*.example/*", &["a.example/app:1"], &["file:/a.example/app:1"]),
        ] {
            for name in matching {
                assert!(matches(pattern, name), "{pattern} {name}");
            }
            for name in others {
                assert!(!matches(pattern, name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn a_pattern_says_in_a_map_that_it_is_for_every_tag() {
        for (pattern, in_a_map) in [
            ("*", "*"),
            ("nginx", "docker.io/library/nginx:*"),
            ("EXAMPLE.com/org/app:1", "example.com/org/app:1"),
            ("example.com/org/*", "example.com/org/*"),
            ("example.com/*/web", "example.com/*/web:*"),
            ("example.com/a?", "example.com/a?:*"),
            ("example.com/[ab]", "example.com/[ab]:*"),
            ("example.com/*/*:1.*", "example.com/*/*:1.*"),
            ("file:/*", "file:/*"),
            ("file:/simple/*", "file:/simple/*"),
            ("file:/file:/*", "file:/file:/*"),
            ("file:/Py-Wheels/*", "file:/Py-Wheels/*"),
        ] {
            assert_eq!(NamePattern::new(pattern).unwrap().in_a_map(), in_a_map);
        }
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_refused() {
        for text in [
            "",
            "library/*",
            "org/app/*",
            "**",
            "nginx*",
            "A",
            "a b",
            "example.com/",
            "example.com/UPPER",
            "docker.io/*",
            "docker.io/ngin?:1",
            "index.docker.io/[mn]ginx:*",
            "file:/",
            "file://a",
            "file:/../a",
            "File:/*",
            "*:/*",
        ] {
            assert_eq!(NamePattern::new(text), Err(NamePatternError::MatchesNothing(text.to_owned())), "{text}");
        }
        let text = format!("example.com/app@{DIGEST}");
        assert_eq!(NamePattern::new(&text), Err(NamePatternError::Digest(text)));
    }
}
