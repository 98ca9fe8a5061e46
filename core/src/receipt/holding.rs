//! What a registry or a layout holds.

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;

use super::statement::HeldRepository;
use crate::oci::Repository;

/// A layer that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The repository, as the registry or layout calls it.
    pub repository: Repository,
    /// The layer.
    pub layer: Digest,
}

/// The layers that are held, each once: in the first repository, by the bytes of its name, that has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    layers: BTreeMap<Digest, Repository>,
}

impl Holdings {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Adds what else is held.
    pub fn join(&mut self, other: Self) {
        self.extend(other.layers.into_iter().map(|(layer, repository)| Holding { repository, layer }));
    }

    /// The layers by repository.
    pub(super) fn into_repositories(self) -> Vec<HeldRepository> {
        let mut repositories: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
        for (layer, repository) in self.layers {
            repositories.entry(repository.path().to_owned()).or_default().insert(layer);
        }
        let held =
            |(name, blobs): (String, BTreeSet<Digest>)| HeldRepository { name, blobs: blobs.into_iter().collect() };
        repositories.into_iter().map(held).collect()
    }
}

impl Extend<Holding> for Holdings {
    fn extend<I: IntoIterator<Item = Holding>>(&mut self, held: I) {
        for Holding { repository, layer } in held {
            let first = self.layers.entry(layer).or_insert_with(|| repository.clone());
            if repository < *first {
                *first = repository;
            }
        }
    }
}

impl FromIterator<Holding> for Holdings {
    fn from_iter<I: IntoIterator<Item = Holding>>(held: I) -> Self {
        let mut holdings = Self::default();
        holdings.extend(held);
        holdings
    }
}
