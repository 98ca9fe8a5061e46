//! The TUF repositories that speak for what an archive holds, opened for a judgement.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sealift_archive_format::{Digest, EntryName};
use sealift_proof::freshness::FreshnessError;
use sealift_proof::tuf::provider::{CarriedMetadata, CarriedTargets};
use sealift_proof::tuf::{
    FetchError, MetadataProvider, ProviderError, RoleEvidence, TargetProvider, TrustedRepository, TrustedState,
    TufError, VerifiedTarget, stray_metadata,
};

use super::terms::Terms;

use crate::remedy::{ExporterMatter, Remediable, Remedy};
use crate::trust_store::{RepositoryName, Trust};

fn outcome(error: &TufError) -> &'static str {
    match error {
        TufError::Provider(ProviderError::Unavailable { .. }) => "cannot be had",
        _ => "is refused",
    }
}

/// The longest in-toto layout, link or key that is read, in bytes.
const MAXIMUM_TARGET_LENGTH: u64 = 16 * 1024 * 1024;

/// How much an archive may carry of all repositories together, in bytes, because it is held in memory.
pub(crate) const MAXIMUM_TUF: u64 = 64 * 1024 * 1024;

/// Where the metadata and the target files of a repository come from.
pub struct Carrier<'a> {
    /// Metadata.
    pub metadata: &'a mut dyn MetadataProvider,
    /// Layouts, links and keys.
    pub targets: &'a mut dyn TargetProvider,
}

/// The TUF files that an archive carries, by repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// The repositories.
    pub repositories: BTreeMap<RepositoryName, CarriedRepository>,
}

/// The files that an archive carries of one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarriedRepository {
    /// Its metadata.
    pub metadata: CarriedMetadata,
    /// Its layouts, links and keys.
    pub targets: CarriedTargets,
}

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// No root is pinned under its name.
    #[error("no root is pinned for repository {name}")]
    NotPinned {
        /// The repository.
        name: RepositoryName,
    },
    /// It is needed, but none of its files was carried.
    #[error("repository {name} speaks for {target}, but no file of that repository was carried")]
    NotCarried {
        /// The repository.
        name: RepositoryName,
        /// The target that it would speak for.
        target: String,
    },
    /// There is no instant at which to judge an archive, whatever is remembered about its repositories.
    #[error("there is no instant at which the archive can be judged")]
    ArchiveTime(#[source] FreshnessError),
    /// There is no instant at which to judge it.
    #[error("there is no instant at which repository {name} can be judged")]
    Freshness {
        /// The repository.
        name: RepositoryName,
        /// Why there is none.
        source: FreshnessError,
    },
    /// Its metadata is refused.
    #[error("the metadata of repository {name} {}", outcome(.source))]
    Tuf {
        /// The repository.
        name: RepositoryName,
        /// The rule that is broken.
        source: TufError,
    },
    /// It was carried with a file that has no reason to be there.
    #[error("{entry} is carried, but nothing that was verified refers to it")]
    Stray {
        /// The name of its entry in the archive.
        entry: String,
    },
    /// A target file is missing or is not what the metadata says.
    #[error("repository {name} does not have a file that its metadata lists")]
    Target {
        /// The repository.
        name: RepositoryName,
        /// What is wrong with the file.
        source: FetchError,
    },
}

impl Remediable for RepositoryError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NotPinned { name } => Remedy::PinRoot { repository: name.clone() },
            Self::NotCarried { name, .. } => Remedy::CarryRepository { repository: name.clone() },
            Self::Stray { .. } => Remedy::AskExporter { about: ExporterMatter::Content },
            Self::ArchiveTime(source) => source.remedy(),
            Self::Freshness { name, source } => source.remedy().in_repository(name),
            Self::Tuf { name, source } => source.remedy().in_repository(name),
            Self::Target { source, .. } => source.remedy(),
        }
    }
}

/// What was proven about a repository.
#[derive(Debug, Clone)]
pub struct RepositoryEvidence {
    /// Its name.
    pub name: RepositoryName,
    /// SHA-256 of the pinned root.
    pub pinned_root: Digest,
    /// The roles that were verified.
    pub roles: Vec<RoleEvidence>,
    /// The instant at which expiry was judged.
    pub judged_at: Timestamp,
    /// Whether file names carry versions and hashes.
    pub consistent_snapshots: bool,
    /// The targets that were looked for and found.
    pub targets: Vec<VerifiedTarget>,
    /// What to remember about it once the archive is accepted.
    pub next_state: TrustedState,
}

/// A repository whose top-level roles are verified, and its source of further files.
struct OpenedRepository<'a> {
    carrier: Carrier<'a>,
    heard: Heard,
}

/// What a repository has answered.
struct Heard {
    repository: TrustedRepository,
    pinned_root: Digest,
    found: BTreeMap<String, VerifiedTarget>,
}

/// The repositories that were asked, after the last search.
pub(super) struct HeardRepositories(BTreeMap<RepositoryName, Heard>);

/// The repositories that are open, by name.
#[derive(Default)]
pub(super) struct Repositories<'a>(BTreeMap<RepositoryName, OpenedRepository<'a>>);

impl<'a> Repositories<'a> {
    /// Opens those that were carried and are pinned here. Others are ignored, because this side does not know them.
    pub(super) fn open(
        trust: &Trust,
        carriers: BTreeMap<RepositoryName, Carrier<'a>>,
        terms: &Terms,
    ) -> Result<Self, RepositoryError> {
        let judged_at = terms.judged_at();
        let mut opened = BTreeMap::new();
        for (name, carrier) in carriers {
            let Some(pinned) = trust.repositories.get(&name) else { continue };
            let (root, state) = (&pinned.root.bytes, &pinned.state);
            let repository =
                sealift_proof::tuf::update(root, state, carrier.metadata, judged_at, &trust.policy.limits.tuf())
                    .map_err(|source| RepositoryError::Tuf { name: name.clone(), source })?;
            let (pinned_root, found) = (pinned.root.digest.clone(), BTreeMap::new());
            opened.insert(name, OpenedRepository { carrier, heard: Heard { repository, pinned_root, found } });
        }
        Ok(Self(opened))
    }

    /// What a repository says about a target.
    pub(super) fn resolve(
        &mut self,
        name: &RepositoryName,
        target: &str,
    ) -> Result<Option<VerifiedTarget>, RepositoryError> {
        let opened = self.opened(name, target)?;
        let OpenedRepository { carrier, heard } = opened;
        let found = heard
            .repository
            .resolve(carrier.metadata, target)
            .map_err(|source| RepositoryError::Tuf { name: name.clone(), source })?;
        if let Some(found) = &found {
            heard.found.insert(target.to_owned(), found.clone());
        }
        Ok(found)
    }

    /// The bytes of a target file.
    pub(super) fn fetch(&mut self, name: &RepositoryName, target: &VerifiedTarget) -> Result<Vec<u8>, RepositoryError> {
        let opened = self.opened(name, target.path())?;
        let failed = |source| RepositoryError::Target { name: name.clone(), source };
        if target.length() > MAXIMUM_TARGET_LENGTH {
            let file_name = target.path().to_owned();
            return Err(failed(ProviderError::TooLong { file_name, limit: MAXIMUM_TARGET_LENGTH }.into()));
        }
        let consistent = opened.heard.repository.has_consistent_snapshots();
        target.fetch(opened.carrier.targets, consistent).map_err(failed)
    }

    fn opened(&mut self, name: &RepositoryName, target: &str) -> Result<&mut OpenedRepository<'a>, RepositoryError> {
        let missing = || RepositoryError::NotCarried { name: name.clone(), target: target.to_owned() };
        self.0.get_mut(name).ok_or_else(missing)
    }

    /// Ends the searches, and releases the carriers.
    pub(super) fn into_heard(self) -> HeardRepositories {
        HeardRepositories(self.0.into_iter().map(|(name, opened)| (name, opened.heard)).collect())
    }
}

impl HeardRepositories {
    /// Requires that every carried file of these repositories has a reason to be there: metadata belongs to what was
    /// verified, and target files were needed.
    pub(super) fn require_no_stray(&self, trust: &Trust, carried: &Carried) -> Result<(), RepositoryError> {
        for (name, Heard { repository, .. }) in &self.0 {
            let Some(CarriedRepository { metadata, targets }) = carried.repositories.get(name) else { continue };
            let Some(pinned) = trust.repositories.get(name) else { continue };
            let stray = stray_metadata(metadata, repository, &pinned.root.bytes)
                .map_err(|source| RepositoryError::Tuf { name: name.clone(), source })?;
            let entry = match (stray, targets.stray()) {
                (Some(file), _) => format!("sealift/tuf/{name}/metadata/{file}"),
                (None, Some(path)) => target_entry(name, path),
                (None, None) => continue,
            };
            return Err(RepositoryError::Stray { entry });
        }
        Ok(())
    }

    /// The evidence, and what to remember.
    pub(super) fn into_evidence(self, exported_at: Option<Timestamp>) -> Vec<RepositoryEvidence> {
        let evidence = |(name, heard): (RepositoryName, Heard)| RepositoryEvidence {
            name,
            pinned_root: heard.pinned_root,
            roles: heard.repository.roles().to_vec(),
            judged_at: heard.repository.reference_time(),
            consistent_snapshots: heard.repository.has_consistent_snapshots(),
            targets: heard.found.into_values().collect(),
            next_state: heard.repository.into_state(exported_at),
        };
        self.0.into_iter().map(evidence).collect()
    }
}

/// The name of a target file's entry.
fn target_entry(name: &RepositoryName, path: &str) -> String {
    let entry = EntryName::tuf_target(name, path).map(|entry| entry.as_str().to_owned());
    entry.unwrap_or_else(|_| format!("sealift/tuf/{name}/targets/{path}"))
}

impl Carried {
    /// The repositories as carriers, for a judgement.
    pub fn carriers(&mut self) -> BTreeMap<RepositoryName, Carrier<'_>> {
        self.repositories
            .iter_mut()
            .map(|(name, repository)| {
                let carrier = Carrier { metadata: &mut repository.metadata, targets: &mut repository.targets };
                (name.clone(), carrier)
            })
            .collect()
    }

    /// The names.
    pub fn names(&self) -> BTreeSet<&RepositoryName> {
        self.repositories.keys().collect()
    }
}
