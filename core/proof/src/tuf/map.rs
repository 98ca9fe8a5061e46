//! Which repositories speak for a target name: the map of TAP 4, `map.json`.
//!
//! Mappings are tried in order. The first whose pattern matches the name asks its repositories, in order, until a
//! threshold of them agrees on the target: on length, hashes, and also `custom`, because in-toto metadata depends on it
//! (TAP 4 leaves it out). Failing that, a terminating mapping ends the search and any other passes it on.
//!
//! A pattern is a path pattern, and `*` alone matches every name, with or without `/`, as in the examples of TAP 4. A
//! domain at its beginning means what it means in a name: `EXAMPLE.com:443/*` is `example.com/*`.
//!
//! Names of plain files begin with `file:/`, and so do their patterns: behind it stands a pattern of paths of targets, which is compared
//! as it is written. Nothing but `*` is a pattern of both, so no mapping of files speaks for an image, and none of images for a file.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use sealift_archive_format::strict_json::{self, JsonError};
use sealift_archive_format::{RepositoryName, file_name};
use serde::Deserialize;

use super::error::TufError;
use super::path_pattern::PathPattern;
use super::target::VerifiedTarget;
use crate::domain::pattern_in_one_form;

/// The repositories, and which of them speak for which names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "MapObject")]
pub struct RepositoryMap {
    repositories: BTreeMap<RepositoryName, Vec<String>>,
    mappings: Vec<Mapping>,
}

/// Which repositories are asked about the names that some patterns match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    written: Vec<String>,
    paths: Vec<MappedPattern>,
    repositories: Vec<RepositoryName>,
    threshold: NonZeroUsize,
    terminating: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MappedPattern {
    Everything,
    /// Names of bundles and images.
    References(PathPattern),
    /// Paths of plain files.
    Files(PathPattern),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapObject {
    repositories: BTreeMap<RepositoryName, Vec<String>>,
    mapping: Vec<MappingObject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingObject {
    paths: Vec<String>,
    repositories: Vec<RepositoryName>,
    threshold: NonZeroUsize,
    terminating: bool,
}

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// It is not strict JSON of the form that TAP 4 describes.
    #[error("the map of repositories is malformed")]
    Malformed(#[from] JsonError),
}

/// What makes a map contradict itself; it ends up in a [`MapError::Malformed`].
#[derive(Debug, thiserror::Error)]
enum Contradiction {
    #[error("a mapping names repository {0:?}, which is not in the map")]
    Unknown(RepositoryName),
    #[error("a mapping names repository {0:?} twice")]
    Repeated(RepositoryName),
    #[error("a mapping requires {threshold} repositories to agree, but names {named}")]
    Threshold { threshold: NonZeroUsize, named: usize },
}

/// Why a search that should have found a target failed; `E` is why one repository gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum MapSearchError<E = TufError> {
    /// Repositories know the target, but too few agree on it.
    #[error("{} of the repositories {} know target {target:?}, but {threshold} of them must agree on it", .known_to.len(), listed(.asked))]
    NoAgreement {
        /// The target's name.
        target: String,
        /// The repositories that were asked.
        asked: Vec<RepositoryName>,
        /// Those that know the target.
        known_to: Vec<RepositoryName>,
        /// How many must agree.
        threshold: NonZeroUsize,
    },
    /// A repository is refused, and too few agree without it.
    #[error("repository {repository} cannot say whether it has target {target:?}")]
    Repository {
        /// The repository.
        repository: RepositoryName,
        /// The target's name.
        target: String,
        /// Why it cannot.
        source: Box<E>,
    },
}

fn listed(names: &[RepositoryName]) -> String {
    names.iter().map(RepositoryName::as_str).collect::<Vec<_>>().join(", ")
}

/// A target on which enough repositories agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedTarget {
    first: VerifiedTarget,
    witnesses: Vec<(RepositoryName, VerifiedTarget)>,
}

impl AgreedTarget {
    /// What they all agree on: as stated by the first of them in the mapping's order.
    pub fn target(&self) -> &VerifiedTarget {
        &self.first
    }

    /// The repositories that agree, and what each says, in the mapping's order.
    pub fn witnesses(&self) -> &[(RepositoryName, VerifiedTarget)] {
        &self.witnesses
    }
}

impl TryFrom<MapObject> for RepositoryMap {
    type Error = Contradiction;

    fn try_from(object: MapObject) -> Result<Self, Contradiction> {
        let mappings =
            object.mapping.into_iter().map(|mapping| mapping.check(&object.repositories)).collect::<Result<_, _>>()?;
        Ok(Self { repositories: object.repositories, mappings })
    }
}

impl MappingObject {
    fn check(self, known: &BTreeMap<RepositoryName, Vec<String>>) -> Result<Mapping, Contradiction> {
        let Self { paths, repositories, threshold, terminating } = self;
        for (place, name) in repositories.iter().enumerate() {
            if !known.contains_key(name) {
                return Err(Contradiction::Unknown(name.clone()));
            }
            if repositories.iter().take(place).any(|earlier| earlier == name) {
                return Err(Contradiction::Repeated(name.clone()));
            }
        }
        if threshold.get() > repositories.len() {
            return Err(Contradiction::Threshold { threshold, named: repositories.len() });
        }
        let patterns = paths.iter().map(|path| MappedPattern::new(path)).collect();
        Ok(Mapping { written: paths, paths: patterns, repositories, threshold, terminating })
    }
}

impl MappedPattern {
    fn new(pattern: &str) -> Self {
        if pattern == "*" {
            return Self::Everything;
        }
        match pattern.strip_prefix(file_name::PREFIX) {
            Some(path) => Self::Files(PathPattern::new(path)),
            None => Self::References(PathPattern::new(&pattern_in_one_form(pattern))),
        }
    }

    fn matches(&self, name: &str) -> bool {
        match (self, name.strip_prefix(file_name::PREFIX)) {
            (Self::Everything, _) => true,
            (Self::References(pattern), None) => pattern.matches(name),
            (Self::Files(pattern), Some(path)) => pattern.matches(path),
            (Self::References(_), Some(_)) | (Self::Files(_), None) => false,
        }
    }

    /// Whether it surely matches every name that another one matches.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::References(this), Self::References(other)) | (Self::Files(this), Self::Files(other)) => {
                this.covers(other)
            }
            (Self::References(_), Self::Everything | Self::Files(_))
            | (Self::Files(_), Self::Everything | Self::References(_)) => false,
        }
    }
}

impl RepositoryMap {
    /// Reads `map.json`. Fields that are not in TAP 4 are refused: this is a policy, and a misspelt field would
    /// silently not apply.
    ///
    /// # Errors
    /// [`MapError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, MapError> {
        Ok(strict_json::parse_into(bytes)?)
    }

    /// The map of a single repository that speaks for every name.
    pub fn of_one(name: &RepositoryName, urls: Vec<String>) -> Self {
        let mapping = Mapping {
            written: vec!["*".to_owned()],
            paths: vec![MappedPattern::Everything],
            repositories: vec![name.clone()],
            threshold: NonZeroUsize::MIN,
            terminating: true,
        };
        Self { repositories: BTreeMap::from([(name.clone(), urls)]), mappings: vec![mapping] }
    }

    /// The repositories by name, and the URLs at which each is served.
    pub fn repositories(&self) -> &BTreeMap<RepositoryName, Vec<String>> {
        &self.repositories
    }

    /// Who is asked about which names, in the order in which they are asked.
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// Looks for a target by the full name of what it is, a plain file's with `file:/`; `ask` resolves it in one repository. `Ok(None)` when no repository that speaks for the name
    /// has it.
    ///
    /// # Errors
    /// [`MapSearchError`]. When a repository is refused, no other may speak in its place, in this mapping or in a later
    /// one: otherwise anyone who can break it could choose who speaks.
    pub fn resolve<E>(
        &self,
        target: &str,
        mut ask: impl FnMut(&RepositoryName) -> Result<Option<VerifiedTarget>, E>,
    ) -> Result<Option<AgreedTarget>, MapSearchError<E>> {
        let mut disagreement = None;
        for mapping in &self.mappings {
            if !mapping.paths.iter().any(|pattern| pattern.matches(target)) {
                continue;
            }
            match mapping.ask(target, &mut ask)? {
                MappingAnswer::Agreed(agreed) => return Ok(Some(agreed)),
                MappingAnswer::Disagreed(known_to) => {
                    disagreement.get_or_insert_with(|| MapSearchError::NoAgreement {
                        target: target.to_owned(),
                        asked: mapping.repositories.clone(),
                        known_to,
                        threshold: mapping.threshold,
                    });
                }
                MappingAnswer::Unknown => {}
            }
            if mapping.terminating {
                break;
            }
        }
        // If repositories know a target and do not agree, the target is not unknown.
        disagreement.map_or(Ok(None), Err)
    }
}

enum MappingAnswer {
    Agreed(AgreedTarget),
    /// The target is known to these repositories.
    Disagreed(Vec<RepositoryName>),
    Unknown,
}

impl Mapping {
    /// The patterns, as they are written.
    pub fn patterns(&self) -> &[String] {
        &self.written
    }

    /// The repositories, in the order in which they are asked.
    pub fn repositories(&self) -> &[RepositoryName] {
        &self.repositories
    }

    /// How many of them must agree.
    pub fn threshold(&self) -> NonZeroUsize {
        self.threshold
    }

    /// Whether no later mapping is asked about these names.
    pub fn is_terminating(&self) -> bool {
        self.terminating
    }

    /// Whether one of its patterns surely matches everything that another one matches: it is the same, or it ends in `*` and
    /// the other one begins as it does.
    pub fn covers(&self, pattern: &str) -> bool {
        let pattern = MappedPattern::new(pattern);
        self.paths.iter().any(|path| path.covers(&pattern))
    }

    fn ask<E>(
        &self,
        target: &str,
        ask: &mut impl FnMut(&RepositoryName) -> Result<Option<VerifiedTarget>, E>,
    ) -> Result<MappingAnswer, MapSearchError<E>> {
        let mut known: Vec<(RepositoryName, VerifiedTarget)> = Vec::new();
        let mut refused = Vec::new();
        for repository in &self.repositories {
            let found = match ask(repository) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(source) => {
                    refused.push((repository, source));
                    continue;
                }
            };
            known.push((repository.clone(), found.clone()));
            let same = known.iter().filter(|(_, other)| other.agrees_with(&found));
            if same.clone().count() >= self.threshold.get() {
                if self.could_have_agreed_otherwise(&known, &found, refused.len()) {
                    break;
                }
                let witnesses: Vec<_> = same.cloned().collect();
                let first = witnesses.first().map_or(found, |(_, first)| first.clone());
                return Ok(MappingAnswer::Agreed(AgreedTarget { first, witnesses }));
            }
        }
        if let Some((repository, source)) = refused.into_iter().next() {
            let (repository, target, source) = (repository.clone(), target.to_owned(), Box::new(source));
            return Err(MapSearchError::Repository { repository, target, source });
        }
        if known.is_empty() {
            return Ok(MappingAnswer::Unknown);
        }
        Ok(MappingAnswer::Disagreed(known.into_iter().map(|(repository, _)| repository).collect()))
    }

    /// Whether the refused repositories, had they been available, could have reached a threshold for something other
    /// than `agreed` before it was agreed on: together with others that say so, or by themselves.
    fn could_have_agreed_otherwise(
        &self,
        known: &[(RepositoryName, VerifiedTarget)],
        agreed: &VerifiedTarget,
        refused: usize,
    ) -> bool {
        let others = known.iter().filter(|(_, other)| !other.agrees_with(agreed));
        let support = others.map(|(_, other)| known.iter().filter(|(_, known)| known.agrees_with(other)).count());
        refused > 0 && support.max().unwrap_or(0) + refused >= self.threshold.get()
    }
}
