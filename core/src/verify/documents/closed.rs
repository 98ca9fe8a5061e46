//! Consistent documents, and everything that they refer to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::entry_name::Place;
use sealift_archive_format::inventory::Inventory;

use super::DocumentError;
use crate::cnab::Bundle;
use crate::oci::attestation::Attached;
use crate::oci::{Descriptor, Document, Graph, ManifestBytes};

/// The most things that one attestation is attached to.
pub(super) const MAXIMUM_SUBJECTS: usize = 32;

/// Consistent documents, and everything that they refer to.
#[derive(Debug, Default)]
pub struct Closed {
    /// The bytes of each `bundle.json`.
    pub bundle_files: BTreeMap<Digest, Arc<[u8]>>,
    /// The bundles, in the order of the inventory.
    pub bundles: Vec<ClosedBundle>,
    /// The images that belong to no bundle, in the order of the inventory.
    pub images: Vec<ClosedImage>,
}

/// A bundle and its graph.
#[derive(Debug)]
pub struct ClosedBundle {
    /// The digest of its `bundle.json`.
    pub digest: Digest,
    /// What `bundle.json` says.
    pub bundle: Arc<Bundle>,
    /// The index that holds it in a registry, where there is one.
    pub index: Option<Arc<Graph>>,
    /// Its images, in the order of the inventory.
    pub images: Vec<ClosedImage>,
}

/// An image, its graph, and its referrers.
#[derive(Debug)]
pub struct ClosedImage {
    /// The image and everything below it.
    pub graph: Arc<Graph>,
    /// Its referrers, each after its subject.
    pub referrers: Vec<Arc<Graph>>,
}

/// A blob of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a> {
    /// The digest.
    pub digest: &'a Digest,
    /// The size, in bytes.
    pub size: u64,
}

impl<'a> From<&'a Descriptor> for Blob<'a> {
    fn from(descriptor: &'a Descriptor) -> Self {
        Self { digest: &descriptor.digest, size: descriptor.size }
    }
}

/// Blobs, each at its first position.
#[derive(Default)]
struct Unique<'a> {
    blobs: Vec<Blob<'a>>,
    seen: HashSet<&'a Digest>,
}

impl<'a> Unique<'a> {
    fn add(&mut self, blob: Blob<'a>) {
        if self.seen.insert(blob.digest) {
            self.blobs.push(blob);
        }
    }
}

impl ClosedImage {
    /// The image and its referrers.
    pub fn graphs(&self) -> impl Iterator<Item = &Arc<Graph>> {
        std::iter::once(&self.graph).chain(&self.referrers)
    }

    /// The attestations that are attached to it or to its referrers.
    pub fn attestations(&self) -> impl Iterator<Item = &Attached> {
        self.graphs().flat_map(|graph| graph.attestations())
    }
}

impl Closed {
    /// Every image: those of the bundles, and those that belong to no bundle.
    pub fn all_images(&self) -> impl Iterator<Item = &ClosedImage> {
        self.bundles.iter().flat_map(|bundle| &bundle.images).chain(&self.images)
    }

    /// What comes with each reference of the inventory from which this was made: with a bundle its index, with an image
    /// its graph and its referrers.
    pub fn by_reference<'a>(&'a self, inventory: &'a Inventory) -> Vec<(&'a str, Vec<&'a Arc<Graph>>)> {
        let bundles = inventory.bundles.iter().zip(&self.bundles);
        let bundles = bundles.map(|(record, bundle)| (record.reference.as_str(), bundle.index.iter().collect()));
        let images = inventory.all_images().zip(self.all_images());
        let images = images.map(|(record, image)| (record.reference.as_str(), image.graphs().collect()));
        bundles.chain(images).collect()
    }

    /// Every graph once, in the order of their roots in an archive: for each bundle its index and then its images, then
    /// the images that belong to no bundle, then the referrers of all images.
    pub fn graphs(&self) -> Vec<&Arc<Graph>> {
        let bundles = self.bundles.iter();
        let bundles = bundles.flat_map(|bundle| bundle.index.iter().chain(bundle.images.iter().map(|it| &it.graph)));
        let images = self.images.iter().map(|image| &image.graph);
        let referrers = self.all_images().flat_map(|image| &image.referrers);
        let mut seen = HashSet::new();
        bundles.chain(images).chain(referrers).filter(|graph| seen.insert(Arc::as_ptr(graph))).collect()
    }

    /// Every manifest and index once, level by level: first the indexes of the bundles (or the images, if a bundle has
    /// no index), the images that belong to no bundle, and the referrers of all images; then what these list, in the
    /// order in which they list it, and so on.
    fn manifests(&self) -> Vec<&ManifestBytes> {
        let graphs = self.graphs();
        let carried = graphs.iter().flat_map(|graph| graph.manifests());
        let carried: HashMap<&Digest, &ManifestBytes> = carried.map(|it| (&it.descriptor().digest, it)).collect();
        let bundles = self.bundles.iter();
        let bundles = bundles.flat_map(|bundle| {
            let images = bundle.images.iter().map(|image| &image.graph).filter(|_| bundle.index.is_none());
            bundle.index.iter().chain(images)
        });
        let images = self.images.iter().map(|image| &image.graph);
        let referrers = self.all_images().flat_map(|image| &image.referrers);
        let roots = bundles.chain(images).chain(referrers).map(|graph| graph.root());
        let mut seen = HashSet::new();
        let mut manifests: Vec<&ManifestBytes> = roots.filter(|root| seen.insert(&root.descriptor().digest)).collect();
        let mut at = 0;
        while let Some(manifest) = manifests.get(at).copied() {
            if let Document::Index(index) = manifest.document() {
                let listed = index.manifests.iter().filter_map(|child| carried.get(&child.digest));
                manifests.extend(listed.filter(|child| seen.insert(&child.descriptor().digest)));
            }
            at += 1;
        }
        manifests
    }

    /// Every document by its digest: each `bundle.json`, manifest and index.
    pub fn documents(&self) -> HashMap<&Digest, &[u8]> {
        let mut documents: HashMap<&Digest, &[u8]> =
            self.bundle_files.iter().map(|(digest, bytes)| (digest, &**bytes)).collect();
        for graph in self.graphs() {
            documents.extend(graph.manifests().iter().map(|it| (&it.descriptor().digest, it.bytes())));
        }
        documents
    }

    /// Every blob once, in the one order in which an archive has them (`docs/format.md`, "The order of entries"): each
    /// `bundle.json`; manifests and indexes, level by level; then, in the order of these, configurations, attestations,
    /// and all other layers. A blob with several roles stands where the first of them puts it.
    pub fn blobs(&self) -> Vec<Blob<'_>> {
        let mut blobs = Unique::default();
        for bundle in &self.bundles {
            let size = self.bundle_files.get(&bundle.digest).map_or(0, |bytes| bytes.len() as u64);
            blobs.add(Blob { digest: &bundle.digest, size });
        }
        let manifests = self.manifests();
        manifests.iter().for_each(|manifest| blobs.add(manifest.descriptor().into()));
        let images = || {
            manifests.iter().filter_map(|manifest| match manifest.document() {
                Document::Image(image) => Some(image),
                Document::Index(_) => None,
            })
        };
        images().for_each(|image| blobs.add((&image.config).into()));
        let attestations = self.graphs().into_iter().flat_map(|graph| graph.attestations());
        let attestations: HashSet<&Digest> = attestations.map(|attached| &attached.layer.digest).collect();
        let layers = || images().flat_map(|image| &image.layers);
        layers().filter(|layer| attestations.contains(&layer.digest)).for_each(|layer| blobs.add(layer.into()));
        layers().for_each(|layer| blobs.add(layer.into()));
        blobs.blobs
    }

    /// The blobs of the inventory are exactly these, in this order.
    pub(super) fn check_blobs(&self, inventory: &Inventory) -> Result<(), DocumentError> {
        let listed: Vec<Blob<'_>> = inventory
            .entries
            .iter()
            .filter(|entry| matches!(entry.name.place(), Place::Blob(_)))
            .map(|entry| Blob { digest: &entry.digest, size: entry.size })
            .collect();
        let expected = self.blobs();
        if listed == expected {
            return Ok(());
        }
        let sizes: HashMap<&Digest, u64> = listed.iter().map(|blob| (blob.digest, blob.size)).collect();
        if let Some(missing) = expected.iter().find(|blob| sizes.get(blob.digest) != Some(&blob.size)) {
            return Err(DocumentError::Missing { digest: missing.digest.clone() });
        }
        let reached: HashSet<&Digest> = expected.iter().map(|blob| blob.digest).collect();
        if let Some(stray) = listed.iter().find(|blob| !reached.contains(blob.digest)) {
            return Err(DocumentError::Stray { digest: stray.digest.clone() });
        }
        match listed.iter().zip(&expected).find(|(found, expected)| found != expected) {
            Some((found, expected)) => {
                Err(DocumentError::Order { found: found.digest.clone(), expected: expected.digest.clone() })
            }
            None => Ok(()),
        }
    }

    /// An attestation is checked as it passes, but a `bundle.json` has already been read by then: a blob cannot be
    /// both.
    ///
    /// It is checked once for each thing that it is attached to, so their number has a limit.
    pub(super) fn check_attestations(&self) -> Result<(), DocumentError> {
        let mut subjects: HashMap<&Digest, HashSet<&Digest>> = HashMap::new();
        for attached in self.graphs().into_iter().flat_map(|graph| graph.attestations()) {
            let subjects = subjects.entry(&attached.layer.digest).or_default();
            subjects.insert(&attached.subject);
            if subjects.len() > MAXIMUM_SUBJECTS {
                return Err(DocumentError::TooManySubjects { attestation: attached.layer.digest.clone() });
            }
        }
        let mut attestations = self.graphs().into_iter().flat_map(|graph| graph.attestations());
        match attestations.find(|attached| self.bundle_files.contains_key(&attached.layer.digest)) {
            Some(attached) => Err(DocumentError::BundleAsAttestation { digest: attached.layer.digest.clone() }),
            None => Ok(()),
        }
    }
}
