//! The in-toto documents that a TUF target lists, fetched as targets themselves, and the verification that they drive
//! (CNAB-Sec 301 and 303).
//!
//! Promise: the layout and its keys come from the top-level targets role, whose keys are offline; every file is a
//! target and was checked as one; and a target that lists a supply chain is held to it: if a listed file is missing,
//! the supply chain is refused. Where the policy names the layout, it is that one, whatever the target lists: in-toto leaves
//! the choice to the verifier (in-toto 1.0 §5.2).

use std::collections::BTreeMap;

use sealift_proof::in_toto::verify::LayoutKey;
use sealift_proof::in_toto::{
    self, BindingRule, Cause, FinalProduct, InTotoKey, KeyFileError, ProductFile, Refusal, SupplyChain,
    VerifiedSupplyChain, Work, WorkExceeded,
};
use sealift_proof::tuf::map::AgreedTarget;
use sealift_proof::tuf::{FetchError, VerifiedTarget};
use serde::Serialize;
use serde_json::Value;

use super::item::Item;
use super::parameters::parameters;
use super::question::{Brought, Question};
use super::repositories::{Repositories, RepositoryError};
use crate::remedy::{PublisherMatter, Remediable, Remedy};
use crate::trust_store::RepositoryName;
use crate::trust_store::policy::{InspectionPolicy, Policy};
use crate::trust_store::requirement::LayoutPath;

/// The most files that a target may list.
const MAXIMUM_FILES: usize = 10_000;
/// What looking for a listed file costs of an archive's budget, in steps, beside one step for each of its bytes.
pub(super) const FILE_COST: u64 = 1_000;

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
            | Self::DuplicateLink { .. }
            | Self::Key { .. } => Remedy::AskPublisher { about: PublisherMatter::SupplyChain },
            Self::LayoutNotListed { .. } | Self::LayoutNotThere { .. } => Remedy::CheckLayoutOfPolicy,
            Self::NotFromTopLevel { .. } => Remedy::AskPublisher { about: PublisherMatter::OfflineKeys },
            Self::Repository(error) => error.remedy(),
            Self::Work(_) => Remedy::ExportLessProof,
            Self::Refused(refusal) => match refusal.innermost_cause() {
                Cause::InspectionNotRun { .. } => Remedy::InspectElsewhere,
                _ => Remedy::AskPublisher { about: PublisherMatter::Step },
            },
            Self::InspectionsNotRun { .. } => Remedy::RunOrWaiveInspections,
        }
    }
}

/// Who said by which layout a supply chain is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The target of the item lists it.
    Target,
    /// The policy names it, in place of the one that the target lists.
    Policy,
}

/// By which layout a supply chain is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedLayout {
    /// The target that it is.
    pub target: String,
    /// Who said so.
    pub named_by: NamedBy,
}

/// The supply chain of an item, verified.
#[derive(Debug)]
pub struct ItemSupplyChain {
    /// The layout.
    pub layout: NamedLayout,
    /// What was verified by it.
    pub verified: VerifiedSupplyChain,
}

/// What the policy says about the supply chain of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demands<'a> {
    layout: Option<&'a LayoutPath>,
    inspections: InspectionPolicy,
}

impl<'a> Demands<'a> {
    /// What it says about that of one item.
    pub(super) fn of(policy: &'a Policy, item: &Item) -> Self {
        Self { layout: policy.asked_of(&item.full_name()).layout, inspections: policy.inspections }
    }
}

/// Verifies the supply chain that a target lists; `None` if it lists none.
pub(super) fn verify(
    item: &Item,
    brought: &Brought<'_>,
    agreed: &AgreedTarget,
    repositories: &mut Repositories<'_>,
    question: &Question<'_>,
    demands: Demands<'_>,
    work: &mut Work,
) -> Result<Option<ItemSupplyChain>, SupplyChainError> {
    // All witnesses agree on the target; the first one supplies the files that it lists.
    let Some((name, target)) = agreed.witnesses().first() else { return Ok(None) };
    let Some(listing) = Listing::of(target, demands)? else { return Ok(None) };
    let mut files = Files { name, repositories, work };
    let (layout_target, layout) = files.layout(&listing.layout)?;
    let layout_keys = files.keys(&layout_target)?;
    let links = files.links(&listing.links)?;
    let chain = SupplyChain { layout: &layout, layout_keys, links, parameters: parameters(item) };
    let product = FinalProduct {
        files: vec![ProductFile {
            name: item.product_name().to_owned(),
            digests: brought.measured.digests().to_vec(),
            content: brought.content,
        }],
        binding: BindingRule::EveryFile,
    };
    let judged_at = question.terms.judged_at();
    let verified = in_toto::verify(&chain, &product, judged_at, question.inspections, work)?;
    if demands.inspections == InspectionPolicy::Required && !verified.inspections_not_run().is_empty() {
        let names = verified.inspections_not_run().to_vec();
        return Err(SupplyChainError::InspectionsNotRun { names });
    }
    Ok(Some(ItemSupplyChain { layout: listing.layout, verified }))
}

/// What makes up a supply chain: what `custom.in-toto` lists, with the layout that the policy may name.
#[derive(Debug)]
struct Listing {
    layout: NamedLayout,
    links: Vec<String>,
}

impl Listing {
    fn of(target: &VerifiedTarget, demands: Demands<'_>) -> Result<Option<Self>, SupplyChainError> {
        let Some(names) = listed(target)? else { return Ok(None) };
        let (layouts, links): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name.ends_with(".layout"));
        if let Some(file) = links.iter().find(|name| !name.ends_with(".link")) {
            return Err(SupplyChainError::Unexpected { target: target.path().to_owned(), file: file.clone() });
        }
        if let Some(layout) = demands.layout {
            let layout = NamedLayout { target: layout.as_str().to_owned(), named_by: NamedBy::Policy };
            return Ok(Some(Self { layout, links }));
        }
        match <[String; 1]>::try_from(layouts) {
            Ok([target]) => Ok(Some(Self { layout: NamedLayout { target, named_by: NamedBy::Target }, links })),
            Err(layouts) => Err(SupplyChainError::Layouts { target: target.path().to_owned(), count: layouts.len() }),
        }
    }
}

/// The files that the supply chain of an item needs, as far as its target says so: the layout and the links. What a layout lists is
/// [`listed`] by its own target.
pub(super) fn needed(item: &Item, target: &VerifiedTarget, policy: &Policy) -> Vec<String> {
    let listing = Listing::of(target, Demands::of(policy, item)).ok().flatten();
    listing.into_iter().flat_map(|Listing { layout, links }| std::iter::once(layout.target).chain(links)).collect()
}

/// The names in a target's `custom.in-toto`.
pub(super) fn listed(target: &VerifiedTarget) -> Result<Option<Vec<String>>, SupplyChainError> {
    let Some(listing) = target.custom().and_then(|custom| custom.get("in-toto")) else { return Ok(None) };
    let malformed = || SupplyChainError::Listing { target: target.path().to_owned() };
    let items = listing.as_array().filter(|items| items.len() <= MAXIMUM_FILES).ok_or_else(malformed)?;
    let name = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(malformed);
    items.iter().map(name).collect::<Result<_, _>>().map(Some)
}

/// Fetches listed files from one repository.
struct Files<'a, 'b> {
    name: &'a RepositoryName,
    repositories: &'a mut Repositories<'b>,
    work: &'a mut Work,
}

impl Files<'_, '_> {
    fn file(&mut self, path: &str) -> Result<(VerifiedTarget, Vec<u8>), SupplyChainError> {
        let target = self.repositories.resolve(self.name, path)?;
        let target = target.ok_or_else(|| SupplyChainError::NotATarget { file: path.to_owned() })?;
        self.work.spend(target.length().saturating_add(FILE_COST))?;
        let bytes = self.repositories.fetch(self.name, &target)?;
        Ok((target, bytes))
    }

    /// The layout, which must come from the top-level targets role.
    fn layout(&mut self, layout: &NamedLayout) -> Result<(VerifiedTarget, Vec<u8>), SupplyChainError> {
        let found = self.offline(&layout.target);
        if layout.named_by == NamedBy::Target {
            return found;
        }
        let (target, repository) = (layout.target.clone(), self.name.clone());
        found.map_err(|error| match error {
            SupplyChainError::NotATarget { .. } => SupplyChainError::LayoutNotListed { layout: target, repository },
            SupplyChainError::Repository(RepositoryError::Target { source: FetchError::Missing { .. }, .. }) => {
                SupplyChainError::LayoutNotThere { layout: target, repository }
            }
            error => error,
        })
    }

    /// A file that must come from the top-level targets role.
    fn offline(&mut self, path: &str) -> Result<(VerifiedTarget, Vec<u8>), SupplyChainError> {
        let (target, bytes) = self.file(path)?;
        if target.is_from_top_level() {
            return Ok((target, bytes));
        }
        let role = target.roles().last().map(ToString::to_string).unwrap_or_default();
        Err(SupplyChainError::NotFromTopLevel { file: path.to_owned(), role })
    }

    /// The keys that a layout's own target lists. All of them must have signed the layout.
    fn keys(&mut self, layout: &VerifiedTarget) -> Result<Vec<LayoutKey>, SupplyChainError> {
        let paths = listed(layout)?.unwrap_or_default();
        if paths.is_empty() {
            return Err(SupplyChainError::NoKeys { layout: layout.path().to_owned() });
        }
        let mut keys = Vec::new();
        for path in paths {
            if !path.ends_with(".pub") {
                return Err(SupplyChainError::Unexpected { target: layout.path().to_owned(), file: path });
            }
            let (_, bytes) = self.offline(&path)?;
            let file_name = path.rsplit('/').next().unwrap_or(&path);
            let label = file_name.strip_suffix(".pub").unwrap_or(file_name).to_owned();
            match InTotoKey::from_file(&bytes) {
                Ok(key) => keys.push(LayoutKey { label, key }),
                Err(source) => return Err(SupplyChainError::Key { file: path, source }),
            }
        }
        Ok(keys)
    }

    /// The links, by their names below their common folder. Those of sublayouts are in folders below it.
    fn links(&mut self, paths: &[String]) -> Result<BTreeMap<String, Vec<u8>>, SupplyChainError> {
        let folder = paths.iter().map(|path| path.rsplit_once('/').map_or("", |(folder, _)| folder));
        let folder = folder.min_by_key(|folder| folder.len()).unwrap_or_default();
        let mut links = BTreeMap::new();
        for path in paths {
            let below = path.strip_prefix(folder).unwrap_or(path).trim_start_matches('/');
            let (_, bytes) = self.file(path)?;
            if links.insert(below.to_owned(), bytes).is_some() {
                return Err(SupplyChainError::DuplicateLink { name: below.to_owned() });
            }
        }
        Ok(links)
    }
}
