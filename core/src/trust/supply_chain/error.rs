//! Why a supply chain is refused.

use sealift_proof::in_toto::{Cause, KeyFileError, Refusal, WorkExceeded};

use super::MAXIMUM_FILES;
use crate::remedy::{PublisherMatter, Remediable, Remedy};
use crate::trust::RepositoryError;
use crate::trust_store::RepositoryName;

/// Why a supply chain is refused.
#[derive(Debug, thiserror::Error)]
pub enum SupplyChainError {
    /// `custom.in-toto` is not a list of target names.
    #[error("the custom.in-toto of target {target} is not a list of at most {MAXIMUM_FILES} target names")]
    Listing {
        /// The target.
        target: String,
    },
    /// There is not exactly one layout.
    #[error("target {target} lists {count} layouts; exactly one is needed")]
    Layouts {
        /// The target.
        target: String,
        /// How many layouts it lists.
        count: usize,
    },
    /// A file is listed that is not a layout, a link or a key.
    #[error("target {target} lists {file}, which is not a .layout, .link or .pub file")]
    Unexpected {
        /// The target.
        target: String,
        /// The file.
        file: String,
    },
    /// The layout lists no keys.
    #[error("layout {layout} lists no public keys to verify it with")]
    NoKeys {
        /// The layout.
        layout: String,
    },
    /// The documents within a target cannot be read.
    #[error("target {target} has a supply chain within it that cannot be read: {reason}")]
    Within {
        /// The target.
        target: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The target has its layout within it, and the policy names another one.
    #[error("the policy asks for layout {layout}, but target {target} has a layout within it")]
    LayoutElsewhere {
        /// The layout that the policy names.
        layout: String,
        /// The target.
        target: String,
    },
    /// The repository does not list the layout that the policy names.
    #[error("the policy asks for layout {layout}, which repository {repository} does not list")]
    LayoutNotListed {
        /// The layout.
        layout: String,
        /// The repository.
        repository: RepositoryName,
    },
    /// The file of the layout that the policy names is not there.
    #[error("the policy asks for layout {layout}; repository {repository} lists it, but its file is not there")]
    LayoutNotThere {
        /// The layout.
        layout: String,
        /// The repository.
        repository: RepositoryName,
    },
    /// A listed file is not a target.
    #[error("{file} is listed, but no role signs it as a target")]
    NotATarget {
        /// The file.
        file: String,
    },
    /// The layout or a key comes from a delegated role, which may be online.
    #[error("{file} must come from the top-level targets role, but role {role} signs it")]
    NotFromTopLevel {
        /// The file.
        file: String,
        /// The role that signs it.
        role: String,
    },
    /// Two links have the same name.
    #[error("two links are called {name}")]
    DuplicateLink {
        /// The name.
        name: String,
    },
    /// A key cannot be used.
    #[error("{file} is not a usable public key")]
    Key {
        /// The file.
        file: String,
        /// What is wrong with the key.
        source: KeyFileError,
    },
    /// A file cannot be fetched.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// The supply chains of the archive list more than the budget covers.
    #[error("the supply chains of this archive take too much work")]
    Work(#[from] WorkExceeded),
    /// The verification fails.
    #[error("the in-toto verification failed")]
    Refused(#[from] Refusal),
    /// Inspections were not run, and the policy requires them.
    #[error("the layout asks for the inspections {}, which were not run although the policy requires them", .names.join(", "))]
    InspectionsNotRun {
        /// The inspections.
        names: Vec<String>,
    },
}

impl Remediable for SupplyChainError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Listing { .. }
            | Self::Layouts { .. }
            | Self::Unexpected { .. }
            | Self::NoKeys { .. }
            | Self::NotATarget { .. }
            | Self::Within { .. }
            | Self::DuplicateLink { .. }
            | Self::Key { .. } => Remedy::AskPublisher { about: PublisherMatter::SupplyChain },
            Self::LayoutElsewhere { .. } => Remedy::RequireWithoutLayout,
            Self::LayoutNotListed { .. } => Remedy::CheckLayoutOfPolicy,
            Self::LayoutNotThere { .. } => Remedy::ExportByThisLayout,
            Self::NotFromTopLevel { .. } => Remedy::AskPublisher { about: PublisherMatter::OfflineKeys },
            Self::Repository(error) => error.remedy(),
            Self::Work(_) => Remedy::ExportLessProof,
            Self::Refused(refusal) => match refusal.innermost_cause() {
                Cause::InspectionNotRun { .. } => Remedy::InspectElsewhere,
                Cause::Expired { .. } => Remedy::RenewMetadata,
                _ => Remedy::AskPublisher { about: PublisherMatter::Step },
            },
            Self::InspectionsNotRun { .. } => Remedy::RunOrWaiveInspections,
        }
    }
}
