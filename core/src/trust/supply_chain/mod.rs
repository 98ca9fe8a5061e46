//! The in-toto documents that a TUF target lists or has within it, and the verification that they drive (CNAB-Sec 301 and 303).
//!
//! Promise: the layout and its keys come from the top-level targets role, whose keys are offline; every document is a target, or
//! part of one, and was checked as such; and a target that has a supply chain is held to it: if a listed file is missing,
//! the supply chain is refused. Where the policy names the layout, it is that one, whatever the target lists: in-toto leaves
//! the choice to the verifier (in-toto 1.0 §5.2).

mod error;
mod listing;
mod within;

use std::collections::BTreeMap;

use sealift_proof::in_toto::verify::LayoutKey;
use sealift_proof::in_toto::{
    self, BindingRule, FinalProduct, InTotoKey, ProductFile, SupplyChain, VerifiedSupplyChain, Work,
};
use sealift_proof::tuf::map::AgreedTarget;
use sealift_proof::tuf::{FetchError, VerifiedTarget};
use serde::Serialize;

use super::item::Item;
use super::parameters::parameters;
use super::question::{Brought, Question};
use super::repositories::{Repositories, RepositoryError};
use crate::trust_store::RepositoryName;
use crate::trust_store::policy::{InspectionPolicy, Policy};
use crate::trust_store::requirement::{Asked, LayoutPath};

pub use error::SupplyChainError;
use listing::Listing;
pub(super) use listing::{listed, needed};

/// The most files that a target may list.
const MAXIMUM_FILES: usize = 10_000;
/// What looking for a listed file costs of an archive's budget, in steps, beside one step for each of its bytes.
pub(super) const FILE_COST: u64 = 1_000;

/// Who said by which layout a supply chain is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedBy {
    /// The target of the item lists it.
    Target,
    /// The policy names it, in place of the one that the target lists.
    Policy,
    /// The target of the item has it within it.
    Within,
}

/// By which layout a supply chain is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedLayout {
    /// The target that it is, or that has it within it.
    pub target: String,
    /// The repository that it comes from, with its keys and the links.
    pub repository: RepositoryName,
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
    /// The repositories that must vouch for the item.
    vouched_by: &'a [RepositoryName],
    inspections: InspectionPolicy,
}

impl<'a> Demands<'a> {
    /// What it says about that of one item.
    pub(super) fn of(policy: &'a Policy, item: &Item) -> Self {
        let Asked { layout, vouched_by, .. } = policy.asked_of(&item.full_name());
        Self { layout, vouched_by, inspections: policy.inspections }
    }

    /// Who supplies the documents, of those that agree on a target: one of whom the policy asks that they vouch, or else the first.
    fn supplier<'w>(&self, agreed: &'w AgreedTarget) -> Option<&'w (RepositoryName, VerifiedTarget)> {
        let witness = |asked: &RepositoryName| agreed.witnesses().iter().find(|(name, _)| name == asked);
        self.vouched_by.iter().find_map(witness).or(agreed.witnesses().first())
    }
}

/// Verifies the supply chain that a target has; `None` if it has none.
pub(super) fn verify(
    item: &Item,
    brought: &Brought<'_>,
    agreed: &AgreedTarget,
    repositories: &mut Repositories<'_>,
    question: &Question<'_>,
    demands: Demands<'_>,
    work: &mut Work,
) -> Result<Option<ItemSupplyChain>, SupplyChainError> {
    let Some(documents) = documents(agreed, demands, repositories, work)? else { return Ok(None) };
    let ChainDocuments { named, layout, layout_keys, links } = documents;
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
    Ok(Some(ItemSupplyChain { layout: named, verified }))
}

/// The documents of a supply chain.
struct ChainDocuments {
    named: NamedLayout,
    layout: Vec<u8>,
    layout_keys: Vec<LayoutKey>,
    /// By their names below their common folder.
    links: BTreeMap<String, Vec<u8>>,
}

/// Those that a target lists, or has within it; `None` if it does neither.
fn documents(
    agreed: &AgreedTarget,
    demands: Demands<'_>,
    repositories: &mut Repositories<'_>,
    work: &mut Work,
) -> Result<Option<ChainDocuments>, SupplyChainError> {
    // All witnesses agree on the target; but in one that has files, it could list them.
    let without_files = agreed.witnesses().iter().find(|(name, _)| !repositories.has_files(name));
    if let Some((name, target)) = without_files
        && let Some(documents) = within::documents(name, target, demands, work)?
    {
        return Ok(Some(documents));
    }
    let Some((name, target)) = demands.supplier(agreed) else { return Ok(None) };
    let Some(listing) = Listing::of(target, demands)? else { return Ok(None) };
    let mut files = Files { name, repositories, work };
    let (layout_target, layout) = files.layout(&listing)?;
    let (layout_keys, links) = (files.keys(&layout_target)?, files.links(&listing.links)?);
    let named = NamedLayout { target: listing.layout, repository: name.clone(), named_by: listing.named_by };
    Ok(Some(ChainDocuments { named, layout, layout_keys, links }))
}

/// Requires that the top-level targets role signs a target; `file` is what people call it.
fn require_top_level(target: &VerifiedTarget, file: impl FnOnce() -> String) -> Result<(), SupplyChainError> {
    if target.is_from_top_level() {
        return Ok(());
    }
    let role = target.roles().last().map(ToString::to_string).unwrap_or_default();
    Err(SupplyChainError::NotFromTopLevel { file: file(), role })
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
    fn layout(&mut self, listing: &Listing) -> Result<(VerifiedTarget, Vec<u8>), SupplyChainError> {
        let found = self.offline(&listing.layout);
        if listing.named_by == NamedBy::Target {
            return found;
        }
        let (layout, repository) = (listing.layout.clone(), self.name.clone());
        found.map_err(|error| match error {
            SupplyChainError::NotATarget { .. } => SupplyChainError::LayoutNotListed { layout, repository },
            SupplyChainError::Repository(RepositoryError::Target { source: FetchError::Missing { .. }, .. }) => {
                SupplyChainError::LayoutNotThere { layout, repository }
            }
            error => error,
        })
    }

    /// A file that must come from the top-level targets role.
    fn offline(&mut self, path: &str) -> Result<(VerifiedTarget, Vec<u8>), SupplyChainError> {
        let (target, bytes) = self.file(path)?;
        require_top_level(&target, || path.to_owned())?;
        Ok((target, bytes))
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
