//! The TUF repositories that speak for what an archive holds, opened for a judgement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::{Digest, EntryName, FileName};
use sealift_proof::freshness::FreshnessError;
use sealift_proof::tuf::provider::{CarriedMetadata, CarriedTargets};
use sealift_proof::tuf::{
    Dialect, FetchError, MetadataProvider, ProviderError, RoleEvidence, RolePassedOver, TargetProvider,
    TrustedRepository, TrustedState, TufError, VerifiedTarget, stray_metadata,
};

use super::item::Item;
use super::memory::{Regression, RepositoryByMemory, walk};
use super::terms::Terms;

use crate::nearness;
use crate::remedy::{ExporterMatter, Remediable, Remedy};
use crate::trust_store::{PinnedRepository, RepositoryName, Trust};

/// The most names of a repository that are compared with one that it does not list.
const MAXIMUM_NAMES_COMPARED: usize = 1_000;

fn outcome(error: &TufError) -> &'static str {
    match error {
        TufError::Provider(ProviderError::Unavailable { .. }) => "cannot be had",
        _ => "is refused",
    }
}

/// The longest in-toto layout, link or key that is read, in bytes.
pub(super) const MAXIMUM_TARGET_LENGTH: u64 = 16 * 1024 * 1024;

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
        /// The pinned repository that was probably meant.
        meant: Option<RepositoryName>,
    },
    /// It is needed, but none of its files was carried.
    #[error("repository {name} speaks for {target}, but no file of that repository was carried")]
    NotCarried {
        /// The repository.
        name: RepositoryName,
        /// The target that it would speak for.
        target: String,
        /// The repositories that were carried, and are not pinned here.
        unknown: Vec<RepositoryName>,
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
    /// The archive comes late, and the metadata that this side has accepted cannot decide about it.
    #[error("what was accepted from repository {name} before cannot decide")]
    Remembered {
        /// The repository.
        name: RepositoryName,
        /// Why not.
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
            Self::NotPinned { name, meant } => Remedy::PinRoot { repository: name.clone(), meant: meant.clone() },
            Self::NotCarried { name, unknown, .. } => {
                Remedy::CarryRepository { repository: name.clone(), unknown: unknown.clone() }
            }
            Self::Stray { .. } => Remedy::AskExporter { about: ExporterMatter::Content },
            Self::ArchiveTime(source) => source.remedy(),
            Self::Freshness { name, source } => source.remedy().in_repository(name),
            Self::Tuf { name, source } | Self::Remembered { name, source } => source.remedy().in_repository(name),
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
    /// How it is written.
    pub dialect: Dialect,
    /// The name in a certificate of its root that is made out to other repositories as well.
    pub shared_certificate: Option<String>,
    /// The roles that were verified.
    pub roles: Vec<Arc<RoleEvidence>>,
    /// The delegated roles that could not be verified, and that nothing which was looked for needs.
    pub roles_passed_over: Vec<RolePassedOver>,
    /// The instant at which expiry was judged.
    pub judged_at: Timestamp,
    /// Whether file names carry versions and hashes.
    pub consistent_snapshots: bool,
    /// The targets that were looked for and found.
    pub targets: Vec<VerifiedTarget>,
    /// What contradicts what was accepted before; only in an audit.
    pub contradictions: Vec<Regression>,
    /// The later export that was accepted before, if the metadata that judged is from there.
    pub later_export: Option<Timestamp>,
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
    /// By what its names are looked up.
    repository: TrustedRepository,
    /// What was carried, as it was when it was exported, where something later looks names up.
    as_exported: Option<TrustedRepository>,
    pinned_root: Digest,
    contradictions: Vec<Regression>,
    later_export: Option<Timestamp>,
    found: BTreeMap<String, VerifiedTarget>,
}

impl Heard {
    fn of(walked: RepositoryByMemory, pinned: &PinnedRepository) -> Self {
        let RepositoryByMemory { repository, as_exported, contradictions } = walked;
        let later_export = pinned.state.last_export.filter(|_| as_exported.is_some());
        let pinned_root = pinned.root.digest.clone();
        Self { repository, as_exported, pinned_root, contradictions, later_export, found: BTreeMap::new() }
    }
}

/// The repositories that were asked, after the last search.
pub(super) struct HeardRepositories(BTreeMap<RepositoryName, Heard>);

/// The repositories that are open, by name.
#[derive(Default)]
pub(super) struct Repositories<'a> {
    opened: BTreeMap<RepositoryName, OpenedRepository<'a>>,
    /// Those that were carried, and are not pinned here.
    unknown: Vec<RepositoryName>,
    /// How each repository that is pinned here is written.
    dialects: BTreeMap<RepositoryName, Dialect>,
}

impl<'a> Repositories<'a> {
    /// Opens those that were carried and are pinned here. Others are ignored, because this side does not know them.
    pub(super) fn open(
        trust: &Trust,
        carriers: BTreeMap<RepositoryName, Carrier<'a>>,
        terms: &Terms,
    ) -> Result<Self, RepositoryError> {
        let (mut opened, mut unknown) = (BTreeMap::new(), Vec::new());
        for (name, carrier) in carriers {
            let Some(pinned) = trust.repositories.get(&name) else {
                unknown.push(name);
                continue;
            };
            let limits = trust.policy.limits.tuf();
            let walked = walk(pinned, carrier.metadata, terms, &limits).map_err(|error| error.of(&name))?;
            let heard = Heard::of(walked, pinned);
            opened.insert(name, OpenedRepository { carrier, heard });
        }
        let dialect =
            |(name, pinned): (&RepositoryName, &PinnedRepository)| (name.clone(), pinned.root.dialect.clone());
        Ok(Self { opened, unknown, dialects: trust.repositories.iter().map(dialect).collect() })
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

    /// The targets that would vouch for an item in a repository: the item's names, as the repository writes them.
    pub(super) fn targets_for(&self, name: &RepositoryName, item: &Item) -> Vec<String> {
        item.targets_in(self.dialects.get(name).unwrap_or(&Dialect::Tuf))
    }

    /// Some of the tags that a repository lists beside that of an item.
    pub(super) fn tags_beside(&self, name: &RepositoryName, item: &Item, limit: usize) -> Vec<String> {
        let Some(opened) = self.opened.get(name) else { return Vec::new() };
        if let dialect @ Dialect::Notary(_) = opened.heard.repository.dialect() {
            let speaks = !item.targets_in(dialect).is_empty();
            return if speaks { opened.heard.repository.names_beside("", limit) } else { Vec::new() };
        }
        let tags = |spelling: String| {
            let (prefix, _) = spelling.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
            let prefix = format!("{prefix}:");
            let names = opened.heard.repository.names_beside(&prefix, limit);
            Some(names.into_iter().filter_map(move |name| name.strip_prefix(&prefix).map(str::to_owned)))
        };
        let tags: BTreeSet<String> = item.spellings().into_iter().filter_map(tags).flatten().collect();
        tags.into_iter().take(limit).collect()
    }

    /// The name that was probably meant by one that a repository does not list under any tag: one that it lists in full.
    pub(super) fn name_meant(&self, name: &RepositoryName, full_name: &str) -> Option<String> {
        let opened = self.opened.get(name).filter(|_| self.has_files(name))?;
        nearness::meant_in_full(full_name, opened.heard.repository.names_beside("", MAXIMUM_NAMES_COMPARED))
    }

    /// Some of the files that a repository lists in the folder of another one.
    pub(super) fn files_beside(&self, name: &RepositoryName, file: &FileName, limit: usize) -> Vec<String> {
        let Some(opened) = self.opened.get(name) else { return Vec::new() };
        let folder = file.folder().map(|folder| format!("{folder}/")).unwrap_or_default();
        let names = opened.heard.repository.names_beside(&folder, limit);
        names.into_iter().filter_map(|name| name.strip_prefix(&folder).map(str::to_owned)).collect()
    }

    /// Whether the targets of a repository are files: Notary's are tags of images.
    pub(super) fn has_files(&self, name: &RepositoryName) -> bool {
        self.dialects.get(name).is_none_or(|dialect| *dialect == Dialect::Tuf)
    }

    /// Whether the names of a repository's files carry versions and hashes.
    pub(super) fn has_consistent_snapshots(&self, name: &RepositoryName) -> bool {
        self.opened.get(name).is_some_and(|opened| opened.heard.repository.has_consistent_snapshots())
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
        let Self { opened, unknown, dialects } = self;
        let missing = || {
            let is_pinned = dialects.contains_key(name);
            let meant = nearness::meant(name.as_str(), dialects.keys()).filter(|_| !is_pinned).cloned();
            let (name, target, unknown) = (name.clone(), target.to_owned(), unknown.clone());
            match meant {
                Some(_) => RepositoryError::NotPinned { name, meant },
                None => RepositoryError::NotCarried { name, target, unknown },
            }
        };
        opened.get_mut(name).ok_or_else(missing)
    }

    /// Ends the searches, and releases the carriers.
    pub(super) fn into_heard(self) -> HeardRepositories {
        HeardRepositories(self.opened.into_iter().map(|(name, opened)| (name, opened.heard)).collect())
    }
}

impl HeardRepositories {
    /// Requires that every carried file of these repositories has a reason to be there: metadata belongs to what was
    /// verified, and target files were needed.
    pub(super) fn require_no_stray(&self, trust: &Trust, carried: &Carried) -> Result<(), RepositoryError> {
        for (name, Heard { repository, as_exported, .. }) in &self.0 {
            let carried_with = as_exported.as_ref().unwrap_or(repository);
            let Some(CarriedRepository { metadata, targets }) = carried.repositories.get(name) else { continue };
            let Some(pinned) = trust.repositories.get(name) else { continue };
            let stray = stray_metadata(metadata, carried_with, &pinned.root.bytes)
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
            dialect: heard.repository.dialect().clone(),
            shared_certificate: heard.repository.shared_certificate().map(str::to_owned),
            roles: heard.repository.roles().to_vec(),
            roles_passed_over: heard.repository.roles_passed_over().to_vec(),
            judged_at: heard.repository.reference_time(),
            consistent_snapshots: heard.repository.has_consistent_snapshots(),
            targets: heard.found.into_values().collect(),
            contradictions: heard.contradictions,
            later_export: heard.later_export,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_that_cannot_be_had_is_not_said_to_be_refused() {
        let says = |source| RepositoryError::Tuf { name: "demo".parse().unwrap(), source }.to_string();
        let unavailable =
            ProviderError::Unavailable { file_name: "root".to_owned(), source: std::io::Error::other("down").into() };
        assert_eq!(says(TufError::Provider(unavailable)), "the metadata of repository demo cannot be had");
        assert_eq!(says(TufError::Removed("a.json".to_owned())), "the metadata of repository demo is refused");
    }
}
