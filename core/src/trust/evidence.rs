//! Evidence, and what it proves about an item: its assurance and its level.
//!
//! Promise: each kind of evidence holds what only its own check can make.

use std::fmt;
use std::sync::Arc;

use sealift_proof::level::{Assurance, Level};
use sealift_proof::tuf::map::AgreedTarget;
use serde::Serialize;

use super::attestations::CheckedAttestation;
use super::item::{Item, ItemKind};
use super::supply_chain::ItemSupplyChain;
use crate::trust_store::RepositoryName;

/// How many of the tags that a repository does list are named.
pub(super) const MAXIMUM_LISTED: usize = 6;

/// One fact that verification established about an item, with what it was established from.
#[derive(Debug)]
pub enum Evidence {
    /// Repositories that speak for its name agree on a TUF target, and the item is that target.
    Tuf(AgreedTarget),
    /// The in-toto supply chain of the target was verified, and the item is its product.
    InToto(ItemSupplyChain),
    /// An attestation that is attached to the item, or to one of its referrers, is about what it is attached to, and is
    /// signed as the policy asks.
    Attestation(Arc<CheckedAttestation>),
}

/// A repository that speaks for a name, and does not list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unlisted {
    /// The repository.
    pub repository: RepositoryName,
    /// The name without domain and folders.
    pub name: String,
    /// Some of the tags that the repository lists in place of it, in order; where it lists none, the full name that was probably meant.
    pub listed: Vec<String>,
}

impl fmt::Display for Unlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, name, listed } = self;
        write!(f, "{repository} lists no {name}")?;
        match listed.as_slice() {
            [] => Ok(()),
            [only] => write!(f, "; it lists {only}"),
            [others @ .., last] if listed.len() < MAXIMUM_LISTED => {
                write!(f, "; it lists {} and {last}", others.join(", "))
            }
            some => write!(f, "; it lists {} and others", some.join(", ")),
        }
    }
}

/// Why content counts as what its makers released, or that nobody says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Vouched {
    /// Repositories that speak for its own name list it.
    ByName,
    /// Nobody speaks for its name, but the bundle that it is a part of is vouched for, and states its digest.
    ByBundle,
    /// Nobody does: it is what the exporter packed.
    ByNobody,
}

/// What was proven about one item.
#[derive(Debug)]
pub struct Finding {
    /// The item.
    pub item: Arc<Item>,
    /// The evidence for it, in the order in which it was established.
    pub evidence: Vec<Evidence>,
    /// The repositories that speak for its name and do not list it, where none vouches for it.
    pub unlisted: Vec<Unlisted>,
    /// For a part: the repositories that vouch for the bundle, if the bundle states the part's digest.
    pub(super) through_bundle: Vec<RepositoryName>,
    /// What was proven about each of its parts.
    pub parts: Vec<Self>,
}

impl Finding {
    /// The target that vouches for it, and the repositories that agree on it.
    pub fn target(&self) -> Option<&AgreedTarget> {
        self.evidence.iter().find_map(|evidence| match evidence {
            Evidence::Tuf(agreed) => Some(agreed),
            Evidence::InToto(_) | Evidence::Attestation(_) => None,
        })
    }

    /// Its supply chain: how it was made.
    pub fn supply_chain(&self) -> Option<&ItemSupplyChain> {
        self.evidence.iter().find_map(|evidence| match evidence {
            Evidence::InToto(chain) => Some(chain),
            Evidence::Tuf(_) | Evidence::Attestation(_) => None,
        })
    }

    /// The attestations that are attached to it or to its referrers, in the order of the manifests. What is attached to a
    /// part is evidence about the part.
    pub fn attestations(&self) -> impl Iterator<Item = &CheckedAttestation> {
        self.evidence.iter().filter_map(|evidence| match evidence {
            Evidence::Attestation(checked) => Some(&**checked),
            Evidence::Tuf(_) | Evidence::InToto(_) => None,
        })
    }

    /// Why its content counts as what its makers released. A seal says only who packed it.
    pub fn vouched(&self) -> Vouched {
        match (self.target(), self.through_bundle.as_slice()) {
            (Some(_), _) => Vouched::ByName,
            (None, [_, ..]) => Vouched::ByBundle,
            (None, []) => Vouched::ByNobody,
        }
    }

    /// The repositories that vouch for its content: for its name, or else for the bundle that states its digest.
    pub fn makers(&self) -> Vec<RepositoryName> {
        match self.vouched() {
            Vouched::ByName => self.vouching().cloned().collect(),
            Vouched::ByBundle | Vouched::ByNobody => self.through_bundle.clone(),
        }
    }

    /// The repositories that vouch for its name.
    pub fn vouching(&self) -> impl Iterator<Item = &RepositoryName> {
        self.target().into_iter().flat_map(AgreedTarget::witnesses).map(|(name, _)| name)
    }

    /// How well the name is proven. In-toto counts only for what TUF vouches for (CNAB-Sec 300).
    pub fn assurance(&self) -> Assurance {
        match (self.target(), self.supply_chain()) {
            (None, _) => Assurance::Unsigned,
            (Some(_), None) => Assurance::Tuf,
            (Some(_), Some(_)) => Assurance::TufAndInToto,
        }
    }

    /// The level that an item and its parts reach together.
    pub fn level(&self) -> Level {
        Level::of(self.assurance(), self.images(&self.parts).unwrap_or(Assurance::Unsigned))
    }

    /// What is proven about the images, of which these parts count: the least that is proven about any of them. A
    /// bundle without images proves nothing about images. An image or a file is judged as a bundle of itself.
    pub(super) fn images<'a>(&self, counted: impl IntoIterator<Item = &'a Self>) -> Option<Assurance> {
        match self.item.kind {
            ItemKind::Bundle | ItemKind::ThickBundle if self.parts.is_empty() => Some(Assurance::Unsigned),
            ItemKind::Bundle | ItemKind::ThickBundle => counted.into_iter().map(Self::assurance).min(),
            ItemKind::Image | ItemKind::File => Some(self.assurance()),
        }
    }

    /// This finding, and then those about its parts.
    pub fn walk(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        Box::new(std::iter::once(self).chain(self.parts.iter().flat_map(Self::walk)))
    }
}
