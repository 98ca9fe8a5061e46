//! What live repositories list under the names of files, before these are carried: their lengths and digests are signed there.
//!
//! Promise: nothing is decided here that the judgement would not decide again, from only what is carried.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_archive_format::FileName;
use sealift_proof::tuf::VerifiedTarget;

use super::error::JudgementError;
use super::evidence::{MAXIMUM_LISTED, Unlisted};
use super::judgement::map;
use super::repositories::{Carrier, Repositories};
use super::terms::Terms;
use crate::remedy::{Remediable, Remedy};
use crate::trust_store::{RepositoryName, Trust};

/// A file that a repository lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUpFile {
    /// What is signed about it.
    pub target: VerifiedTarget,
    /// The first of the repositories that list it.
    pub repository: RepositoryName,
    /// Whether the names of its repository's files carry versions and hashes.
    pub has_consistent_snapshots: bool,
}

/// Why it cannot be told what a file is.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The metadata proves nothing.
    #[error("the metadata does not prove what {name} is")]
    Judgement {
        /// The file.
        name: FileName,
        /// What the judgement found.
        source: Box<JudgementError>,
    },
    /// No repository speaks for its name.
    #[error("the map names no repository that speaks for {name}")]
    NoRepository {
        /// The file.
        name: FileName,
        /// The repositories whose roots are pinned.
        pinned: Vec<RepositoryName>,
    },
    /// The repositories that speak for its name do not list it.
    #[error("nobody says what {name} is: {unlisted}")]
    NotListed {
        /// The file.
        name: FileName,
        /// The first of them, and what it lists in the same folder.
        unlisted: Unlisted,
    },
}

impl Remediable for LookupError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Judgement { source, .. } => source.remedy(),
            Self::NoRepository { name, pinned } => {
                Remedy::MapOrAllow { name: name.to_string(), pinned: pinned.clone(), above: None, in_bundle: false }
            }
            Self::NotListed { unlisted: Unlisted { repository, listed, .. }, .. } => {
                Remedy::CheckName { repository: repository.clone(), listed: listed.clone() }
            }
        }
    }
}

/// Looks files up in live repositories, by what this side trusts.
///
/// # Errors
/// [`LookupError`], for the first file of which it cannot be told what it is.
pub fn look_up(
    names: &[FileName],
    trust: &Trust,
    live: BTreeMap<RepositoryName, Carrier<'_>>,
    now: Timestamp,
) -> Result<Vec<LookedUpFile>, LookupError> {
    let Some(first) = names.first() else { return Ok(Vec::new()) };
    let unproven = |name: &FileName, source: JudgementError| LookupError::Judgement {
        name: name.clone(),
        source: Box::new(source),
    };
    let map = map(trust, Some(first.to_string())).map_err(|error| unproven(first, error))?;
    let opened = Repositories::open(trust, live, &Terms::live(trust, now));
    let mut repositories = opened.map_err(|error| unproven(first, error.into()))?;
    let mut found = Vec::new();
    for name in names {
        let mut asked = Vec::new();
        let resolved = map.as_ref().map(|map| {
            map.resolve(name.as_str(), |repository| {
                asked.push(repository.clone());
                match repositories.has_files(repository) {
                    true => Ok(repositories.resolve(repository, name.path())?),
                    false => Ok(None),
                }
            })
        });
        let agreed = resolved.transpose();
        let agreed = agreed.map_err(|error| unproven(name, JudgementError::of_search(error, name.as_str())))?.flatten();
        match (agreed.as_ref().and_then(|agreed| agreed.witnesses().first()), asked.into_iter().next()) {
            (Some((repository, target)), _) => found.push(LookedUpFile {
                target: target.clone(),
                repository: repository.clone(),
                has_consistent_snapshots: repositories.has_consistent_snapshots(repository),
            }),
            (None, None) => {
                let pinned = trust.repositories.keys().cloned().collect();
                return Err(LookupError::NoRepository { name: name.clone(), pinned });
            }
            (None, Some(repository)) => {
                let listed = repositories.files_beside(&repository, name, MAXIMUM_LISTED);
                let unlisted = Unlisted { repository, name: name.last_part().to_owned(), listed };
                return Err(LookupError::NotListed { name: name.clone(), unlisted });
            }
        }
    }
    Ok(found)
}
