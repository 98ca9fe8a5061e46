//! Documents that fit together, and everything that they lead to.

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;
use sealift_archive_format::entry_name::Place;
use sealift_archive_format::inventory::Inventory;

use super::DocumentError;
use crate::cnab::Bundle;
use crate::oci::attestation::{self, Attached};
use crate::oci::{Descriptor, Graph};

/// Documents that fit together, and everything that they lead to.
#[derive(Debug)]
pub struct Closed {
    /// The bytes of each `bundle.json`, manifest and index.
    pub documents: BTreeMap<Digest, Vec<u8>>,
    /// The bundles, in the order of the inventory.
    pub bundles: Vec<ClosedBundle>,
    /// The images that stand alone, in the order of the inventory.
    pub images: Vec<ClosedImage>,
}

/// A bundle and what it leads to.
#[derive(Debug)]
pub struct ClosedBundle {
    /// What `bundle.json` says.
    pub bundle: Bundle,
    /// The index that holds it in a registry, where there is one.
    pub index: Option<Tree>,
    /// Its images, in the order of the inventory.
    pub images: Vec<ClosedImage>,
}

/// An image, what it leads to, and what refers to it.
#[derive(Debug)]
pub struct ClosedImage {
    /// The image.
    pub tree: Tree,
    /// Its referrers, subjects before what refers to them.
    pub referrers: Vec<Tree>,
}

/// Everything below a manifest or index, as descriptors.
#[derive(Debug)]
pub struct Tree {
    /// The manifest or index itself.
    pub root: Descriptor,
    /// All manifests and indexes, children before parents, the root last.
    pub manifests: Vec<Descriptor>,
    /// All configurations.
    pub configs: Vec<Descriptor>,
    /// All layers that are not configurations too.
    pub layers: Vec<Descriptor>,
    /// The layers that are attestations, and what they are attached to.
    pub attestations: Vec<Attached>,
    /// The platforms of the manifests, whatever the inventory says of them.
    pub platforms: Vec<String>,
}

impl ClosedImage {
    /// The image and its referrers.
    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        std::iter::once(&self.tree).chain(&self.referrers)
    }

    /// The attestations that are attached to it or to its referrers.
    pub fn attestations(&self) -> impl Iterator<Item = &Attached> {
        self.trees().flat_map(|tree| &tree.attestations)
    }
}

impl Tree {
    pub(super) fn of(graph: &Graph) -> Self {
        Self {
            root: graph.root().clone(),
            manifests: graph.manifests().iter().map(|manifest| manifest.descriptor().clone()).collect(),
            configs: graph.configs().to_vec(),
            layers: graph.layers().to_vec(),
            attestations: attestation::attached(graph),
            platforms: graph.platforms(),
        }
    }

    /// The configurations and the layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.configs.iter().chain(&self.layers)
    }

    /// The manifests and the blobs.
    pub fn descriptors(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().chain(self.blobs())
    }
}

impl Closed {
    /// Every image: those of the bundles, and those that stand alone.
    pub fn all_images(&self) -> impl Iterator<Item = &ClosedImage> {
        self.bundles.iter().flat_map(|bundle| &bundle.images).chain(&self.images)
    }

    /// Every tree: those of the bundles' indexes, of all images, and of what refers to these.
    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        let indexes = self.bundles.iter().filter_map(|bundle| bundle.index.as_ref());
        indexes.chain(self.all_images().flat_map(ClosedImage::trees))
    }

    /// The blobs of the inventory are what the trees lead to, no more and no less.
    pub(super) fn check_blobs(&self, inventory: &Inventory) -> Result<(), DocumentError> {
        let blobs = inventory.entries.iter().filter(|entry| matches!(entry.name.place(), Place::Blob(_)));
        let listed: BTreeMap<&Digest, u64> = blobs.map(|entry| (&entry.digest, entry.size)).collect();
        let mut reached: BTreeSet<&Digest> = inventory.bundles.iter().map(|bundle| &bundle.descriptor.digest).collect();
        for tree in self.trees() {
            for descriptor in tree.descriptors() {
                if listed.get(&descriptor.digest) != Some(&descriptor.size) {
                    let (reference, digest) = (tree.root.digest.to_string(), descriptor.digest.clone());
                    return Err(DocumentError::Missing { reference, digest });
                }
                reached.insert(&descriptor.digest);
            }
        }
        match listed.keys().find(|digest| !reached.contains(*digest)) {
            Some(stray) => Err(DocumentError::Stray { digest: (*stray).clone() }),
            None => Ok(()),
        }
    }

    /// Attestations come before all layers that are none, so that they are checked before any of these is delivered.
    pub(super) fn check_order(&self, inventory: &Inventory) -> Result<(), DocumentError> {
        let attestations: BTreeSet<&Digest> =
            self.trees().flat_map(|tree| &tree.attestations).map(|attached| &attached.layer.digest).collect();
        let misplaced = |attestation: &Digest| DocumentError::AttestationOrder { attestation: attestation.clone() };
        if let Some(document) = attestations.iter().find(|attestation| self.documents.contains_key(**attestation)) {
            return Err(misplaced(document));
        }
        let configs: BTreeSet<&Digest> =
            self.trees().flat_map(|tree| &tree.configs).map(|config| &config.digest).collect();
        let comes_first = |digest: &Digest| self.documents.contains_key(digest) || configs.contains(digest);
        let mut layers_began = false;
        for entry in inventory.entries.iter().filter(|entry| matches!(entry.name.place(), Place::Blob(_))) {
            if attestations.contains(&entry.digest) && layers_began {
                return Err(misplaced(&entry.digest));
            }
            layers_began |= !attestations.contains(&entry.digest) && !comes_first(&entry.digest);
        }
        Ok(())
    }
}
