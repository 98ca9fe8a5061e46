//! The in-toto documents that a target lists by their names, which are targets themselves (CNAB-Sec 301).

use sealift_proof::tuf::VerifiedTarget;
use sealift_proof::tuf::map::AgreedTarget;
use serde_json::Value;

use super::{Demands, MAXIMUM_FILES, NamedBy, SupplyChainError};
use crate::trust::item::Item;
use crate::trust_store::RepositoryName;
use crate::trust_store::policy::Policy;

/// What makes up a supply chain: what `custom.in-toto` lists, with the layout that the policy may name.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) layout: String,
    pub(super) named_by: NamedBy,
    pub(super) links: Vec<String>,
}

impl Listing {
    pub(super) fn of(target: &VerifiedTarget, demands: Demands<'_>) -> Result<Option<Self>, SupplyChainError> {
        let Some(names) = listed(target)? else { return Ok(None) };
        let (layouts, links): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name.ends_with(".layout"));
        if let Some(file) = links.iter().find(|name| !name.ends_with(".link")) {
            return Err(SupplyChainError::Unexpected { target: target.path().to_owned(), file: file.clone() });
        }
        if let Some(layout) = demands.layout {
            return Ok(Some(Self { layout: layout.as_str().to_owned(), named_by: NamedBy::Policy, links }));
        }
        match <[String; 1]>::try_from(layouts) {
            Ok([layout]) => Ok(Some(Self { layout, named_by: NamedBy::Target, links })),
            Err(layouts) => Err(SupplyChainError::Layouts { target: target.path().to_owned(), count: layouts.len() }),
        }
    }
}

/// The files that the supply chain of an item needs, as far as its target says so, and the repository that supplies them: the layout and
/// the links. What a layout lists is [`listed`] by its own target.
pub(crate) fn needed(item: &Item, agreed: &AgreedTarget, policy: &Policy) -> Vec<(RepositoryName, String)> {
    let demands = Demands::of(policy, item);
    let Some((name, target)) = demands.supplier(agreed) else { return Vec::new() };
    let listing = Listing::of(target, demands).ok().flatten();
    let files = listing.into_iter().flat_map(|Listing { layout, links, .. }| std::iter::once(layout).chain(links));
    files.map(|path| (name.clone(), path)).collect()
}

/// The names in a target's `custom.in-toto`.
pub(crate) fn listed(target: &VerifiedTarget) -> Result<Option<Vec<String>>, SupplyChainError> {
    let Some(listing) = target.custom().and_then(|custom| custom.get("in-toto")) else { return Ok(None) };
    let malformed = || SupplyChainError::Listing { target: target.path().to_owned() };
    let items = listing.as_array().filter(|items| items.len() <= MAXIMUM_FILES).ok_or_else(malformed)?;
    let name = |item: &Value| item.as_str().map(str::to_owned).ok_or_else(malformed);
    items.iter().map(name).collect::<Result<_, _>>().map(Some)
}
