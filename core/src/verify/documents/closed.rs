//! Consistent documents, and everything that they refer to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::{
    Completeness, DescriptorRecord, FileRecord, ImageRecord, ImageRole, Inventory, ItemRecord, LeftOutRecord,
    ReferrerChoice, ThickBundleRecord,
};

use super::DocumentError;
use crate::cnab::{Bundle, CarriedBundle};
use crate::oci::{Companions, Descriptor, Document, Graph, ManifestBytes};
use crate::report::{self, Warning};
use crate::trust::NamedGraphs;

/// The most things that one attestation is attached to.
pub(super) const MAXIMUM_SUBJECTS: usize = 32;

/// Consistent documents, and everything that they refer to.
#[derive(Debug, Default)]
pub struct Closed {
    /// The bytes of each `bundle.json`.
    pub bundle_files: BTreeMap<Digest, Arc<[u8]>>,
    /// The items, in the order of the inventory.
    pub items: Vec<ClosedItem>,
}

/// An item and its graphs.
#[derive(Debug, Clone)]
pub enum ClosedItem {
    /// A bundle, with its images.
    Bundle(ClosedBundle),
    /// An image that belongs to no bundle.
    Image(ClosedImage),
    /// A plain file, which has no graph.
    File(FileRecord),
}

/// A bundle and its graph.
#[derive(Debug, Clone)]
pub struct ClosedBundle {
    /// The digest of its `bundle.json`.
    pub digest: Digest,
    /// What `bundle.json` says.
    pub bundle: Arc<Bundle>,
    /// The index that holds it in a registry, where there is one.
    pub index: Option<Arc<Graph>>,
    /// Its images, in the order of the inventory.
    pub images: Vec<ClosedImage>,
    /// What hangs off the index.
    pub companions: Companions,
    /// The file that it came in, if that is what is vouched for: it has the layers that nothing else needs.
    pub thick_bundle: Option<ThickBundleRecord>,
}

/// An image, its graph, and what hangs off it.
#[derive(Debug, Clone)]
pub struct ClosedImage {
    /// The image and everything below it.
    pub graph: Arc<Graph>,
    /// What hangs off it.
    pub companions: Companions,
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

/// Whether everything that an image lists is carried.
pub(super) fn completeness(image: &Graph) -> Completeness {
    if image.is_partial() { Completeness::Selected } else { Completeness::AllPlatforms }
}

/// What an inventory says about what an image lists and is not carried.
pub(super) fn left_out(image: &Graph) -> LeftOutRecord {
    LeftOutRecord {
        foreign_layers: image.left_out_layers().into_iter().cloned().collect(),
        manifests: image.left_out_by_digest().into_iter().cloned().collect(),
        platforms: image.left_out_platforms().into_iter().collect(),
    }
}

/// Each graph once.
pub(super) fn distinct<'a>(graphs: impl Iterator<Item = &'a Arc<Graph>>) -> impl Iterator<Item = &'a Arc<Graph>> {
    let mut seen = HashSet::new();
    graphs.filter(move |graph| seen.insert(Arc::as_ptr(graph)))
}

impl ClosedImage {
    /// Its graph, and those of what hangs off it.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &Arc<Graph>> {
        std::iter::once(&self.graph).chain(self.companions.graphs())
    }

    /// What an inventory says about what it lists and is not carried.
    pub(crate) fn left_out(&self) -> LeftOutRecord {
        left_out(&self.graph)
    }

    /// What an inventory says about the image, if nothing else is known about where it comes from.
    pub fn record(&self, reference: &str, role: ImageRole) -> ImageRecord {
        ImageRecord {
            completeness: completeness(&self.graph),
            descriptor: self.graph.root().descriptor().into(),
            role,
            left_out: self.left_out(),
            made_from: None,
            platforms: self.graph.platforms().map(str::to_owned).collect(),
            reference: reference.to_owned(),
            referrer_choice: ReferrerChoice::default(),
            referrers: self.companions.referrer_records(),
            tagged: self.companions.tagged_records(),
            target: None,
        }
    }
}

impl ClosedBundle {
    /// Whether its index leads to its images. Otherwise they are found by their own names.
    pub(crate) fn index_lists_images(&self) -> bool {
        // One index lists all of them or none.
        let first = self.images.first().map(|image| image.graph.root().descriptor());
        let listed = |index: &Arc<Graph>| {
            first.is_none_or(|first| index.manifests().iter().any(|it| it.descriptor().digest == first.digest))
        };
        self.index.as_ref().is_some_and(listed)
    }
}

impl ClosedItem {
    /// The index that holds a bundle in a registry, where there is one.
    pub fn index(&self) -> Option<&Arc<Graph>> {
        match self {
            Self::Bundle(bundle) => bundle.index.as_ref(),
            Self::Image(_) | Self::File(_) => None,
        }
    }

    /// The digest of what its name means in a registry; `None` for a bundle without an index.
    pub(crate) fn named_digest(&self) -> Option<&Digest> {
        let graph = match self {
            Self::Bundle(bundle) => bundle.index.as_ref()?,
            Self::Image(image) => &image.graph,
            Self::File(file) => return Some(&file.descriptor.digest),
        };
        Some(&graph.root().descriptor().digest)
    }

    /// Its images: those of a bundle, or the image itself. A file has none.
    pub fn images(&self) -> &[ClosedImage] {
        match self {
            Self::Bundle(bundle) => &bundle.images,
            Self::Image(image) => std::slice::from_ref(image),
            Self::File(_) => &[],
        }
    }

    /// Whether it is a bundle that states the digest of an image, by the image's place in it. That images are what a bundle states
    /// has been checked by then; this says which images it says nothing about.
    fn states(&self, at: usize, image: &ImageRecord) -> bool {
        let Self::Bundle(bundle) = self else { return false };
        let stated = bundle.bundle.images.get(at);
        stated.is_some_and(|it| it.reference == image.reference && it.digest.as_ref() == Some(&image.descriptor.digest))
    }

    /// What hangs off it and its images: a bundle's own first.
    fn companions(&self) -> impl Iterator<Item = &Companions> {
        let own = match self {
            Self::Bundle(bundle) => Some(&bundle.companions),
            Self::Image(_) | Self::File(_) => None,
        };
        own.into_iter().chain(self.images().iter().map(|image| &image.companions))
    }

    /// The file that a bundle came in, where that travels as it is.
    pub(crate) fn thick_bundle(&self) -> Option<&ThickBundleRecord> {
        match self {
            Self::Bundle(bundle) => bundle.thick_bundle.as_ref(),
            Self::Image(_) | Self::File(_) => None,
        }
    }

    /// What travels as it is, and is no document, configuration or layer: a thick bundle or a plain file.
    pub(super) fn whole_file(&self) -> Option<&DescriptorRecord> {
        match self {
            Self::Bundle(bundle) => bundle.thick_bundle.as_ref().map(|thick| &thick.descriptor),
            Self::Image(_) => None,
            Self::File(file) => Some(&file.descriptor),
        }
    }

    /// Every graph of it, with what hangs off it.
    pub(super) fn graphs(&self) -> impl Iterator<Item = &Arc<Graph>> {
        let images = self.images().iter().map(|image| &image.graph);
        self.index().into_iter().chain(images).chain(self.companions().flat_map(Companions::graphs))
    }

    /// Everything that it consists of and that hangs off it, each once.
    pub(crate) fn contents(&self) -> HashMap<&Digest, u64> {
        let graphs: Vec<_> = self.graphs().collect();
        let manifests = graphs.iter().flat_map(|graph| graph.manifests()).map(ManifestBytes::descriptor);
        let blobs = graphs.iter().flat_map(|graph| graph.blobs());
        let contents = manifests.chain(blobs).map(|it| (&it.digest, it.size));
        contents.chain(self.whole_file().map(|file| (&file.digest, file.size))).collect()
    }

    /// From where everything of it is reached, except for what hangs off it: the index of a bundle, and the images that it does
    /// not list.
    fn roots(&self) -> impl Iterator<Item = &Arc<Graph>> {
        let lists_images = matches!(self, Self::Bundle(bundle) if bundle.index_lists_images());
        let images = self.images().iter().map(|image| &image.graph).filter(move |_| !lists_images);
        self.index().into_iter().chain(images)
    }
}

impl Closed {
    /// Every image, item by item: those of a bundle, or the image itself.
    pub fn all_images(&self) -> impl Iterator<Item = &ClosedImage> {
        self.items.iter().flat_map(ClosedItem::images)
    }

    /// What is carried under each name of the inventory from which this was made: each item, followed by its parts.
    pub(crate) fn named_graphs<'a>(&'a self, inventory: &'a Inventory) -> Vec<NamedGraphs<'a>> {
        let mut named = Vec::new();
        for (record, item) in inventory.items.iter().zip(&self.items) {
            let own = match item {
                ClosedItem::Bundle(bundle) => Some((bundle.index.as_ref(), &bundle.companions)),
                // Nothing hangs off it.
                ClosedItem::File(_) => Some((None, Companions::NONE)),
                ClosedItem::Image(_) => None,
            };
            let reference = record.reference();
            named.extend(own.map(|(graph, companions)| NamedGraphs {
                reference,
                graph,
                companions,
                is_stated_by_bundle: false,
            }));
            let images = record.images().iter().zip(item.images());
            named.extend(images.enumerate().map(|(at, (record, image))| NamedGraphs {
                reference: &record.reference,
                graph: Some(&image.graph),
                companions: &image.companions,
                is_stated_by_bundle: item.states(at, record),
            }));
        }
        named
    }

    /// What should be known about the bundles of the inventory from which this was made.
    pub(crate) fn bundle_warnings(&self, items: &[ItemRecord]) -> Vec<Warning> {
        let carried = CarriedBundle::among(items);
        let mut warnings = Vec::new();
        for (record, item) in items.iter().zip(&self.items) {
            let ClosedItem::Bundle(ClosedBundle { digest, bundle, images, .. }) = item else { continue };
            let bundle_json = self.bundle_files.get(digest).map_or(&[][..], |bytes| bytes);
            let images = images.iter().map(|image| image.graph.root().descriptor());
            let images = images.map(|image| (image.media_type.as_str(), image.size));
            warnings.extend(report::of_bundle(record.reference(), (bundle, bundle_json), images, &carried));
        }
        warnings
    }

    /// The reference of the item or part that each blob belongs to first, in the inventory from which this was made.
    pub fn names<'a>(&'a self, inventory: &'a Inventory) -> HashMap<&'a Digest, &'a str> {
        let mut names = HashMap::new();
        for named in self.named_graphs(inventory) {
            for blob in named.graphs().flat_map(|graph| graph.blobs()) {
                names.entry(&blob.digest).or_insert(named.reference);
            }
        }
        for (record, item) in inventory.items.iter().zip(&self.items) {
            if let Some(file) = item.whole_file() {
                names.entry(&file.digest).or_insert(record.reference());
            }
        }
        names
    }

    /// Every graph once, in the order of their roots in an archive: for each item its index and its images, then what
    /// hangs off them.
    pub fn graphs(&self) -> Vec<&Arc<Graph>> {
        let items = self.items.iter();
        let items = items.flat_map(|item| item.index().into_iter().chain(item.images().iter().map(|it| &it.graph)));
        distinct(items.chain(self.companions())).collect()
    }

    /// What hangs off every item and its images, in the order of the inventory.
    fn companions(&self) -> impl Iterator<Item = &Arc<Graph>> {
        self.items.iter().flat_map(ClosedItem::companions).flat_map(Companions::graphs)
    }

    /// Every manifest and index once, level by level: first, for each item, its index (or its images, if it has none),
    /// and what hangs off them; then what these list, in the order in which they list it, and so on.
    fn manifests(&self) -> Vec<&ManifestBytes> {
        let graphs = self.graphs();
        let carried = graphs.iter().flat_map(|graph| graph.manifests());
        let carried: HashMap<&Digest, &ManifestBytes> = carried.map(|it| (&it.descriptor().digest, it)).collect();
        let items = self.items.iter().flat_map(ClosedItem::roots);
        let roots = items.chain(self.companions()).map(|graph| graph.root());
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

    /// The plain files, in the order of the inventory.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileRecord> {
        self.items.iter().filter_map(|item| match item {
            ClosedItem::File(file) => Some(file),
            ClosedItem::Bundle(_) | ClosedItem::Image(_) => None,
        })
    }

    /// The layers that are attestations.
    pub(super) fn attestations(&self) -> HashSet<&Digest> {
        let attestations = self.graphs().into_iter().flat_map(|graph| graph.attestations());
        attestations.map(|attached| &attached.layer.digest).collect()
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
    /// `bundle.json`; manifests and indexes, level by level; then, in the order of these, configurations and attestations;
    /// then plain files; then all other layers; and last, thick bundles. What is in a thick bundle, and nowhere else, is not one of them. A blob with several
    /// roles stands where the first of them puts it.
    pub fn blobs(&self) -> Vec<Blob<'_>> {
        self.in_order().0
    }

    /// The blobs that no judgement needs: the layers that are neither documents, configurations, attestations nor files.
    pub(crate) fn other_layers(&self) -> HashSet<&Digest> {
        let (blobs, layers) = self.in_order();
        blobs.get(layers).unwrap_or_default().iter().map(|blob| blob.digest).collect()
    }

    /// Every blob once, in order, and which of them are the other layers.
    fn in_order(&self) -> (Vec<Blob<'_>>, Range<usize>) {
        let mut blobs = Unique::default();
        let bundles = self.items.iter().filter_map(|item| match item {
            ClosedItem::Bundle(bundle) => Some(bundle),
            ClosedItem::Image(_) | ClosedItem::File(_) => None,
        });
        for bundle in bundles {
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
        let attestations = self.attestations();
        // What one graph leaves out may be carried because of another.
        let graphs = self.graphs();
        let leaves_out = graphs.iter().any(|graph| !graph.left_out().is_empty());
        let carried: Option<HashSet<&Digest>> =
            leaves_out.then(|| graphs.iter().flat_map(|graph| graph.blobs()).map(|blob| &blob.digest).collect());
        let is_carried = |layer: &&Descriptor| carried.as_ref().is_none_or(|carried| carried.contains(&layer.digest));
        let layers = || manifests.iter().flat_map(|manifest| manifest.document().layers()).filter(is_carried);
        layers().filter(|layer| attestations.contains(&layer.digest)).for_each(|layer| blobs.add(layer.into()));
        self.files().for_each(|file| blobs.add(Blob { digest: &file.descriptor.digest, size: file.descriptor.size }));
        let packed = self.packed();
        let begin = blobs.blobs.len();
        layers().filter(|layer| !packed.contains(&layer.digest)).for_each(|layer| blobs.add(layer.into()));
        let other_layers = begin..blobs.blobs.len();
        let thick_bundles = self.items.iter().filter_map(ClosedItem::thick_bundle).map(|thick| &thick.descriptor);
        thick_bundles.for_each(|file| blobs.add(Blob { digest: &file.digest, size: file.size }));
        (blobs.blobs, other_layers)
    }

    /// The blobs of the inventory are exactly these, in this order.
    pub(super) fn check_blobs(&self, inventory: &Inventory) -> Result<(), DocumentError> {
        let listed: Vec<Blob<'_>> = inventory
            .entries
            .iter()
            .filter(|entry| matches!(entry.name.place(), EntryPlace::Blob(_)))
            .map(|entry| Blob { digest: &entry.digest, size: entry.size })
            .collect();
        let expected = self.blobs();
        if listed == expected {
            let layers = self.other_layers();
            return match inventory.absent().find(|entry| !layers.contains(&entry.digest)) {
                None => Ok(()),
                Some(entry) => Err(DocumentError::Absent { digest: entry.digest.clone() }),
            };
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
