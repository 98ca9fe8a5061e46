//! Why something is refused by judgement.

use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::level::{Level, MinimumLevel};
use sealift_proof::tuf::MismatchError;
use sealift_proof::tuf::map::MapSearchError;

use super::evidence::{Finding, Unlisted};
use super::item::{Item, ItemKind};
use super::repositories::RepositoryError;
use super::supply_chain::SupplyChainError;
use crate::oci::Reference;
use crate::remedy::{ExporterMatter, PublisherMatter, Remediable, Remedy};
use crate::trust_store::requirement::{InBundles, Rule};
use crate::trust_store::{RepositoryName, Trust};

/// Why something is refused.
#[derive(Debug, thiserror::Error)]
pub enum JudgementError {
    /// Nothing says which repositories speak for which names.
    #[error("{} roots are pinned, but no map says which repository speaks for which names", .pinned.len())]
    NoMap {
        /// The repositories whose roots are pinned.
        pinned: Vec<RepositoryName>,
        /// The first name about which it would have to say so, where one is asked about.
        name: Option<String>,
    },
    /// A repository cannot be used.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The archive says that the target of another name vouches for it.
    #[error("the archive names target {target} to vouch for {reference}; only the target with its own name can")]
    OtherTarget {
        /// The reference.
        reference: String,
        /// The target that the archive names.
        target: String,
    },
    /// The repositories do not agree.
    #[error("the repositories do not settle what {reference} is")]
    Search {
        /// The reference.
        reference: String,
        /// Why they do not agree.
        source: MapSearchError,
    },
    /// A repository lists two contents for one name, in two spellings.
    #[error("repository {name} lists {first} and {second} with different contents, and both mean {reference}")]
    TwoTargets {
        /// The reference.
        reference: String,
        /// The repository.
        name: RepositoryName,
        /// One of the targets.
        first: String,
        /// The other.
        second: String,
    },
    /// The content is not what the target describes.
    #[error("{reference} is not the target that TUF vouches for: {} bytes with digest {}, but {target} lists {} bytes with {}", .item.length, .item.digest, .listed_length, .listed.iter().map(Digest::to_string).collect::<Vec<_>>().join(" and "))]
    Binding {
        /// The reference.
        reference: String,
        /// The item.
        item: Arc<Item>,
        /// The target under whose name it was found.
        target: String,
        /// The length that the target lists, in bytes.
        listed_length: u64,
        /// The digests that it lists.
        listed: Vec<Digest>,
        /// What differs.
        source: MismatchError,
    },
    /// A target vouches for it, but the archive has no bytes to compare with the target.
    #[error("{reference} is not in the archive: there are no {} bytes with digest {}", .item.length, .item.digest)]
    NotBrought {
        /// The reference.
        reference: String,
        /// The item that has no bytes.
        item: Arc<Item>,
    },
    /// The supply chain is refused.
    #[error("the supply chain of {reference} is refused")]
    SupplyChain {
        /// The reference.
        reference: String,
        /// Why it is refused.
        source: SupplyChainError,
    },
    /// The level is too low.
    #[error("{reference} reaches level {level}, but {rule} requires level {minimum}")]
    Level {
        /// The reference.
        reference: String,
        /// The level that it reaches.
        level: Level,
        /// The level that is required.
        minimum: MinimumLevel,
        /// The part of the policy that requires it.
        rule: Rule,
        /// Why it reaches no more, if not for want of proof alone.
        source: Option<Shortfall>,
    },
    /// A repository that the policy names does not vouch for it.
    #[error("{reference} is vouched for by {}, but {rule} requires {repository}", listed(.vouching))]
    NotVouchedFor {
        /// The reference.
        reference: String,
        /// The required repository.
        repository: RepositoryName,
        /// Those that vouch.
        vouching: Vec<RepositoryName>,
        /// The part of the policy that requires it.
        rule: Rule,
    },
    /// A repository that the policy names has no pinned root, and is called much like one that has.
    #[error("{rule} requires {repository} to vouch for {reference}, but no root is pinned for {repository}")]
    UnpinnedRequired {
        /// The reference.
        reference: String,
        /// The required repository.
        repository: RepositoryName,
        /// The pinned repository that was probably meant.
        meant: RepositoryName,
        /// The part of the policy that requires it.
        rule: Rule,
    },
    /// A later export was accepted before, and what was accepted with it does not vouch for all of the archive.
    #[error(
        "the archive was exported at {exported_at}, before the last accepted export from repository {repository} ({later_export}), \
         and the metadata that was accepted since does not vouch for all of it"
    )]
    Late {
        /// The repository.
        repository: RepositoryName,
        /// When the archive was exported.
        exported_at: Timestamp,
        /// The last accepted export from the repository.
        later_export: Timestamp,
        /// What is not vouched for, or why.
        source: Box<Self>,
    },
    /// Nobody vouches for it, in an archive that comes after a later export.
    #[error("nobody vouches for {reference}, so nothing shows that it was not replaced since")]
    Undated {
        /// The reference.
        reference: String,
    },
}

/// Why an item reaches no higher level, if not for want of proof alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Shortfall {
    /// No root is pinned here, so nobody can vouch for anything.
    #[error("no root is pinned here, so nobody can vouch for anything")]
    NothingPinned,
    /// A repository speaks for its name, or for that of a part, and does not list it.
    #[error("{unlisted}")]
    NotListed {
        /// The repository, and what it lists in place of it.
        unlisted: Unlisted,
        /// The name.
        name: String,
        /// The part of the policy that is for this name.
        rule: Rule,
        /// Whether it is the name of a part.
        in_bundle: bool,
    },
    /// No repository speaks for its name, or for that of a part.
    #[error("the map names no repository that speaks for {name}")]
    NoRepository {
        /// The name.
        name: String,
        /// The repositories whose roots are pinned.
        pinned: Vec<RepositoryName>,
        /// The part of the policy that is for this name.
        rule: Rule,
        /// Whether it is the name of a part.
        in_bundle: bool,
    },
}

impl Shortfall {
    /// Why an item reaches no more than was found; `None` where everything is vouched for.
    pub(super) fn of(finding: &Finding, trust: &Trust) -> Option<Self> {
        let asked_of = |finding: &Finding| trust.policy.asked_of(&finding.item.full_name());
        // A part that is held to its own name alone lacks nothing of what the whole has to have.
        let counts = |part: &&Finding| asked_of(part).in_bundles == InBundles::Also;
        let first = std::iter::once(finding)
            .chain(finding.parts.iter().filter(counts))
            .find(|finding| finding.target().is_none())?;
        let (name, rule) = (first.item.reference.clone(), asked_of(first).rule());
        let in_bundle = !Arc::ptr_eq(&first.item, &finding.item);
        Some(match first.unlisted.first() {
            _ if trust.repositories.is_empty() => Self::NothingPinned,
            Some(unlisted) => Self::NotListed { unlisted: unlisted.clone(), name, rule, in_bundle },
            None => Self::NoRepository { name, pinned: trust.repositories.keys().cloned().collect(), rule, in_bundle },
        })
    }
}

/// The pattern of the requirement that applies now: another one for the same name has to stand above it.
fn pattern_of(rule: &Rule) -> Option<String> {
    match rule {
        Rule::MinimumLevel => None,
        Rule::Requirement(pattern) => Some(pattern.to_string()),
    }
}

/// The full name of what a reference means, without its tag: what a rule is for.
fn name_without_tag(reference: &str) -> String {
    reference.parse::<Reference>().map_or_else(|_| reference.to_owned(), |it| it.repository().to_string())
}

impl Remediable for JudgementError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NoMap { pinned, name } => {
                Remedy::SetMap { name: name.as_deref().map(name_without_tag), pinned: pinned.clone() }
            }
            Self::Repository(error) => error.remedy(),
            Self::OtherTarget { .. } => Remedy::AskExporter { about: ExporterMatter::SignedName },
            Self::TwoTargets { .. } => Remedy::AskPublisher { about: PublisherMatter::TwoTargets },
            Self::Search { source, .. } => source.remedy(),
            Self::Binding { item, .. } if item.kind == ItemKind::ThickBundle => Remedy::ExportItsContent,
            // A thick bundle is longer than the `bundle.json` in it.
            Self::Binding { item, listed_length, .. }
                if item.kind == ItemKind::Bundle && *listed_length > item.length =>
            {
                Remedy::ExportThickBundle { name: item.reference.clone(), file: None }
            }
            Self::Binding { item, .. } if item.made_from.is_some() => {
                Remedy::ExportSignedManifest { name: item.reference.clone() }
            }
            Self::Binding { .. } => Remedy::ExportBoth,
            Self::NotBrought { .. } => Remedy::ExportSigned,
            Self::SupplyChain { source, .. } => source.remedy(),
            Self::Level { reference, rule, source, .. } => match (source, rule) {
                (Some(Shortfall::NothingPinned), rule) => {
                    Remedy::PinOrAllow { name: name_without_tag(reference), above: pattern_of(rule) }
                }
                (
                    Some(Shortfall::NotListed { unlisted: Unlisted { repository, listed, .. }, name, rule, in_bundle }),
                    _,
                ) => {
                    let repository = repository.clone();
                    let sign_or_allow = |repository, meant| Remedy::SignOrAllow {
                        repository,
                        meant,
                        name: name_without_tag(name),
                        above: pattern_of(rule),
                        in_bundle: *in_bundle,
                    };
                    match listed.as_slice() {
                        [] => sign_or_allow(repository, None),
                        [meant] if meant.contains('/') => sign_or_allow(repository, Some(meant.clone())),
                        listed => Remedy::CheckName { repository, listed: listed.to_vec() },
                    }
                }
                (Some(Shortfall::NoRepository { name, pinned, rule, in_bundle }), _) => Remedy::MapOrAllow {
                    name: name_without_tag(name),
                    pinned: pinned.clone(),
                    above: pattern_of(rule),
                    in_bundle: *in_bundle,
                },
                (None, Rule::MinimumLevel) => Remedy::LowerMinimumLevel,
                (None, Rule::Requirement(_)) => Remedy::LowerRequiredLevel,
            },
            Self::NotVouchedFor { repository, .. } => Remedy::ChangeVouching { repository: repository.clone() },
            Self::Late { repository, .. } => Remedy::ImportInOrder { repository: Some(repository.clone()) },
            Self::Undated { .. } => Remedy::ImportInOrder { repository: None },
            Self::UnpinnedRequired { repository, meant, .. } => {
                Remedy::PinRoot { repository: repository.clone(), meant: Some(meant.clone()) }
            }
        }
    }
}

fn listed(vouching: &[RepositoryName]) -> String {
    match vouching {
        [] => "nobody".to_owned(),
        names => names.iter().map(RepositoryName::as_str).collect::<Vec<_>>().join(", "),
    }
}

impl JudgementError {
    /// Why a search failed. Only metadata that is refused keeps a repository from answering; any other error already
    /// says all.
    pub(super) fn of_search(error: MapSearchError<Self>, reference: &str) -> Self {
        let source = match error {
            MapSearchError::NoAgreement { target, asked, known_to, threshold } => {
                MapSearchError::NoAgreement { target, asked, known_to, threshold }
            }
            MapSearchError::Repository { repository, target, source } => match *source {
                Self::Repository(RepositoryError::Tuf { source, .. }) => {
                    MapSearchError::Repository { repository, target, source: Box::new(source) }
                }
                other => return other,
            },
        };
        Self::Search { reference: reference.to_owned(), source }
    }
}
