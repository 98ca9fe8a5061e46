//! The documents of an archive: `bundle.json` and manifests, read before any layer and checked against each other.
//!
//! Promise: each document is read once. [`Documents::bind`] takes time proportional to the documents' length, and
//! checks that every bundle's images are exactly those that its `bundle.json` names, with the digests that it promises;
//! after that, they can be judged. Names are held to what they promise. After [`Bound::close`], every reference in a
//! bundle or image of the inventory resolves to a blob that the inventory lists, in the one order, and every listed
//! blob is referred to; the index of a bundle is the one that follows from the bundle; every referrer refers to a
//! manifest of its image, or to another referrer of it, and referrers are in their one order.

mod closed;
mod error;
mod names;
mod packed;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{self, BundleRecord, Completeness, ImageRecord, Inventory, ItemRecord};

pub use closed::{Blob, Closed, ClosedBundle, ClosedImage, ClosedItem};
pub use error::{DocumentError, NotCarried};
pub(crate) use names::check as check_names;

use crate::cnab::Bundle;
use crate::cnab::registry_form;
use crate::oci::manifest::{Document, ManifestBytes};
use crate::oci::media_type::{self, Announced};
use crate::oci::referrer::{self, MAXIMUM_REFERRERS};
use crate::oci::{Choice, Companions, Descriptor, ForeignLayers, Graph, GraphError, Graphs, Platforms, TaggedGraph};

/// The longest that all held documents may be together, in bytes.
pub const MAXIMUM_HELD: u64 = 32 * 1024 * 1024;

/// Documents, as they are gathered from the head of an archive.
#[derive(Debug, Default)]
pub struct Documents {
    expected: BTreeMap<Digest, ExpectedDocument>,
    bundles: BTreeMap<Digest, (Arc<[u8]>, Arc<Bundle>)>,
    manifests: BTreeMap<Digest, ManifestBytes>,
    held: u64,
}

/// What a document is expected to be.
#[derive(Debug, Clone, Default)]
struct ExpectedDocument {
    /// The reference of the bundle whose `bundle.json` it is.
    bundle: Option<String>,
    /// The media type with which it was first listed as a manifest.
    manifest: Option<String>,
}

impl Documents {
    /// Expects the documents that an inventory names.
    pub fn expected_by(inventory: &Inventory) -> Self {
        let mut documents = Self::default();
        for bundle in inventory.bundles() {
            let expected = documents.expected.entry(bundle.descriptor.digest.clone()).or_default();
            expected.bundle.get_or_insert_with(|| bundle.reference.clone());
        }
        for root in roots(inventory) {
            documents.expect(&root.digest, &root.media_type);
        }
        documents
    }

    fn expect(&mut self, digest: &Digest, media_type: &str) {
        let is_manifest = match Announced::by(media_type) {
            Announced::Nothing => true,
            Announced::Type(essence) => media_type::manifest(&essence).is_some(),
        };
        if is_manifest {
            let expected = self.expected.entry(digest.clone()).or_default();
            expected.manifest.get_or_insert_with(|| media_type.to_owned());
        }
    }

    /// Whether a blob is a document, as far as is known so far.
    pub fn expects(&self, digest: &Digest) -> bool {
        self.expected.contains_key(digest)
    }

    /// Checks that a document of this many bytes may be held besides those that are, before any byte of it is read.
    ///
    /// # Errors
    /// [`DocumentError::TooMuch`].
    pub fn check_room(&self, length: u64) -> Result<(), DocumentError> {
        if self.held.saturating_add(length) > MAXIMUM_HELD { Err(DocumentError::TooMuch) } else { Ok(()) }
    }

    /// Adds a document whose digest has been checked.
    ///
    /// # Errors
    /// [`DocumentError`] when too much is held, or the document cannot be read.
    pub fn add(&mut self, digest: &Digest, bytes: Vec<u8>) -> Result<(), DocumentError> {
        self.check_room(bytes.len() as u64)?;
        self.held = self.held.saturating_add(bytes.len() as u64);
        let ExpectedDocument { bundle, manifest } = self.expected.get(digest).cloned().unwrap_or_default();
        if let Some(reference) = bundle {
            let bundle = Bundle::parse(&bytes).map_err(|source| DocumentError::Bundle { bundle: reference, source })?;
            self.bundles.insert(digest.clone(), (bytes.as_slice().into(), Arc::new(bundle)));
        }
        if let Some(media_type) = manifest {
            let descriptor = Descriptor::new(&media_type, digest.clone(), bytes.len() as u64);
            let manifest = ManifestBytes::new(descriptor, bytes)
                .map_err(|source| DocumentError::Manifest { digest: digest.clone(), source })?;
            if let Document::Index(index) = manifest.document() {
                index.manifests.iter().for_each(|child| self.expect(&child.digest, &child.media_type));
            }
            self.manifests.insert(digest.clone(), manifest);
        }
        Ok(())
    }

    /// Checks that bundles and images are what their names and the bundles say, before anything is judged.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn bind(self, inventory: &Inventory) -> Result<Bound, DocumentError> {
        for record in inventory.bundles() {
            let (_, bundle) = self.bundle(record)?;
            check_images(record, bundle)?;
        }
        names::check(&inventory.items)?;
        Ok(Bound { documents: self })
    }

    fn bundle(&self, record: &BundleRecord) -> Result<&(Arc<[u8]>, Arc<Bundle>), DocumentError> {
        let missing = || DocumentError::Missing { digest: record.descriptor.digest.clone() };
        self.bundles.get(&record.descriptor.digest).ok_or_else(missing)
    }
}

/// Documents whose bundles and images are what their names say.
#[derive(Debug)]
pub struct Bound {
    documents: Documents,
}

impl Bound {
    /// The bytes of each `bundle.json`, manifest and index.
    pub fn contents(&self) -> BTreeMap<Digest, Arc<[u8]>> {
        let Documents { bundles, manifests, .. } = &self.documents;
        let bundles = bundles.iter().map(|(digest, (bytes, _))| (digest.clone(), Arc::clone(bytes)));
        let manifests = manifests.iter().map(|(digest, manifest)| (digest.clone(), manifest.shared_bytes()));
        bundles.chain(manifests).collect()
    }

    /// Checks that every reference resolves within the archive.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn close(self, inventory: &Inventory) -> Result<Closed, DocumentError> {
        let mut closing = Closing { documents: &self.documents, graphs: Graphs::default() };
        for manifest in self.documents.manifests.values() {
            closing.graphs.hold(manifest.clone()).map_err(|_: GraphError<NotCarried>| DocumentError::TooMuch)?;
        }
        let items = inventory.items.iter().map(|record| closing.item(record)).collect::<Result<_, _>>()?;
        let bundle_files =
            self.documents.bundles.iter().map(|(digest, (bytes, _))| (digest.clone(), Arc::clone(bytes)));
        let closed = Closed { bundle_files: bundle_files.collect(), items };
        closed.check_thick_bundles()?;
        closed.check_files()?;
        closed.check_blobs(inventory)?;
        closed.check_attestations()?;
        Ok(closed)
    }
}

struct Closing<'a> {
    documents: &'a Documents,
    graphs: Graphs,
}

impl Closing<'_> {
    fn item(&mut self, record: &ItemRecord) -> Result<ClosedItem, DocumentError> {
        match record {
            ItemRecord::Bundle(bundle) => self.bundle(bundle).map(ClosedItem::Bundle),
            ItemRecord::Image(image) => self.image(image).map(ClosedItem::Image),
            ItemRecord::File(file) => Ok(ClosedItem::File(file.clone())),
        }
    }

    fn bundle(&mut self, record: &BundleRecord) -> Result<ClosedBundle, DocumentError> {
        let bundle = Arc::clone(&self.documents.bundle(record)?.1);
        let images = record.images.iter().map(|image| self.image(image)).collect::<Result<_, _>>()?;
        let index = match &record.index {
            None => None,
            Some(index) => {
                let graph = self.walk(&record.reference, &carried(&record.images.iter().collect::<Vec<_>>()), index)?;
                self.check_index(record, &graph)?;
                Some(graph)
            }
        };
        let manifests = index.as_ref().map(|index| registry_form::own_manifests(index)).unwrap_or_default();
        let companions = self.companions(&record.reference, &manifests, &record.referrers, &record.tagged)?;
        let (digest, thick_bundle) = (record.descriptor.digest.clone(), record.thick_bundle.clone());
        Ok(ClosedBundle { digest, bundle, index, images, companions, thick_bundle })
    }

    /// A bundle's index leads anyone who pulls it to this `bundle.json` and these images, and to nothing else.
    fn check_index(&self, record: &BundleRecord, index: &Graph) -> Result<(), DocumentError> {
        let (bytes, bundle) = self.documents.bundle(record)?;
        let images: Vec<Descriptor> = record.images.iter().map(|image| (&image.descriptor).into()).collect();
        let held = |digest: &Digest| self.graphs.held(digest);
        registry_form::check(index.root(), bundle, (&(&record.descriptor).into(), bytes), &images, held)
            .map_err(|source| DocumentError::BundleIndexForm { bundle: record.reference.clone(), source })
    }

    fn image(&mut self, record: &ImageRecord) -> Result<ClosedImage, DocumentError> {
        let graph = self.walk(&record.reference, &carried(&[record]), &record.descriptor)?;
        check_platforms(record, &graph)?;
        let manifests: Vec<&Digest> = graph.manifests().iter().map(|manifest| &manifest.descriptor().digest).collect();
        let companions = self.companions(&record.reference, &manifests, &record.referrers, &record.tagged)?;
        Ok(ClosedImage { graph: Arc::clone(&graph), companions })
    }

    /// What hangs off these manifests.
    fn companions(
        &mut self,
        reference: &str,
        manifests: &[&Digest],
        referrers: &[inventory::DescriptorRecord],
        tagged: &[inventory::TaggedRecord],
    ) -> Result<Companions, DocumentError> {
        let count = referrers.len().saturating_add(tagged.len());
        if count > MAXIMUM_REFERRERS {
            return Err(DocumentError::TooManyReferrers { reference: reference.to_owned(), count });
        }
        let mut companions = Companions::default();
        for referrer in referrers {
            companions.referrers.push(self.walk(reference, &Choice::everything(), referrer)?);
        }
        for inventory::TaggedRecord { descriptor, tag } in tagged {
            let (reference, name) = (reference.to_owned(), tag.clone());
            let tag = tag.parse().map_err(|_| DocumentError::Tagged { reference: reference.clone(), tag: name })?;
            companions
                .tagged
                .push(TaggedGraph { tag, graph: self.walk(&reference, &Choice::everything(), descriptor)? });
        }
        check_referrers(reference, manifests, &companions.referrers)?;
        check_tagged(reference, manifests, &companions)?;
        Ok(companions)
    }

    fn walk(
        &mut self,
        reference: &str,
        choice: &Choice,
        root: &inventory::DescriptorRecord,
    ) -> Result<Arc<Graph>, DocumentError> {
        let incomplete = |source| DocumentError::Graph { reference: reference.to_owned(), source };
        // Everything that is carried is already in memory.
        let fetch = |_: &Descriptor| Err(NotCarried);
        self.graphs.walk(&root.into(), choice, fetch, |_, _| false).map_err(incomplete)
    }
}

/// What is carried of images, as their records say.
pub(crate) fn carried(images: &[&ImageRecord]) -> Choice {
    let without = images.iter().flat_map(|image| &image.left_out.manifests).cloned().collect();
    Choice { without, ..Choice::of(&platforms(images), foreign_layers(images)) }
}

/// Whether layers that registries are not meant to distribute are carried: they are, unless the exporter left some out.
fn foreign_layers(images: &[&ImageRecord]) -> ForeignLayers {
    let is_whole = images.iter().all(|image| image.left_out.foreign_layers.is_empty());
    if is_whole { ForeignLayers::Carry } else { ForeignLayers::LeaveOut }
}

/// The platforms to walk: all, unless the exporter chose.
fn platforms(images: &[&ImageRecord]) -> Platforms {
    if images.iter().all(|image| image.completeness == Completeness::AllPlatforms) {
        return Platforms::All;
    }
    Platforms::Named(images.iter().flat_map(|image| &image.platforms).cloned().collect())
}

/// The platforms of an image are those that its index states for the carried manifests, it is complete if everything is carried, and
/// what was left out is what its inventory says.
fn check_platforms(record: &ImageRecord, graph: &Graph) -> Result<(), DocumentError> {
    let same_platforms = record.platforms.iter().map(String::as_str).eq(graph.platforms());
    if record.completeness == closed::completeness(graph)
        && same_platforms
        && record.left_out == closed::left_out(graph)
    {
        return Ok(());
    }
    let found = graph.platforms().map(str::to_owned).collect();
    Err(DocumentError::Platforms { reference: record.reference.clone(), found })
}

/// Everything that is carried as a referrer refers to the image, directly or through another referrer, and referrers
/// are in their one order.
fn check_referrers(reference: &str, manifests: &[&Digest], referrers: &[Arc<Graph>]) -> Result<(), DocumentError> {
    if referrers.is_empty() {
        return Ok(());
    }
    let about = |referrer: &Graph| referrer.root().document().subject().map(|subject| subject.digest.clone());
    referrers.iter().try_for_each(|referrer| check_inner_subjects(reference, referrer, about(referrer).as_ref()))?;
    let digest = |graph: &Graph| graph.root().descriptor().digest.clone();
    let expected = referrer::in_order(manifests, referrers.iter().map(Arc::as_ref));
    let reached: HashSet<Digest> = expected.iter().copied().map(digest).collect();
    let of_image: HashSet<&Digest> = manifests.iter().copied().collect();
    for (at, found) in referrers.iter().enumerate() {
        let (reference, referrer) = (reference.to_owned(), digest(found));
        let expected = expected.get(at).copied().map(digest);
        if expected.as_ref() == Some(&referrer) {
            continue;
        }
        let subject = found.root().document().subject().map(|subject| subject.digest.clone());
        let is_listed = |subject: &Digest| referrers.iter().any(|other| digest(other) == *subject);
        return Err(if reached.contains(&referrer) {
            DocumentError::ReferrerOrder { reference, found: referrer, expected }
        } else if subject.as_ref().is_some_and(is_listed) && !of_image.contains(&referrer) {
            DocumentError::ReferrerTooDeep { reference, referrer }
        } else {
            DocumentError::NotAReferrer { reference, referrer, subject }
        });
    }
    Ok(())
}

/// What has a tag of cosign's is about something that is carried, says nothing else in its `subject`, and is in its one place.
fn check_tagged(reference: &str, manifests: &[&Digest], companions: &Companions) -> Result<(), DocumentError> {
    for TaggedGraph { tag, graph } in &companions.tagged {
        check_inner_subjects(reference, graph, Some(tag.subject()))?;
    }
    let expected = companions.tags_in_order(manifests);
    let listed = companions.tagged.iter().map(|tagged| &tagged.tag);
    match listed.enumerate().find(|(at, tag)| expected.get(*at) != Some(tag)) {
        None => Ok(()),
        Some((_, tag)) => Err(DocumentError::Tagged { reference: reference.to_owned(), tag: tag.to_string() }),
    }
}

/// Every manifest below a referrer has the same subject as the referrer, or none. Otherwise it would become a referrer
/// of something else where it is delivered, and a statement about one thing could be mistaken for one about another.
fn check_inner_subjects(reference: &str, referrer: &Graph, about: Option<&Digest>) -> Result<(), DocumentError> {
    let subject = |manifest: &ManifestBytes| manifest.document().subject().map(|subject| subject.digest.clone());
    let elsewhere = |manifest: &&ManifestBytes| subject(manifest).is_some_and(|subject| Some(&subject) != about);
    match referrer.manifests().iter().find(elsewhere) {
        None => Ok(()),
        Some(manifest) => Err(DocumentError::NotAReferrer {
            reference: reference.to_owned(),
            referrer: manifest.descriptor().digest.clone(),
            subject: subject(manifest),
        }),
    }
}

/// The roots of all graphs: the index of each bundle, each image, and what hangs off them.
fn roots(inventory: &Inventory) -> impl Iterator<Item = &inventory::DescriptorRecord> {
    let indexes = inventory.items.iter().filter_map(ItemRecord::index);
    indexes.chain(inventory.all_images().map(|image| &image.descriptor)).chain(inventory.companions())
}

/// A bundle's images are exactly those that its `bundle.json` names, in its order.
fn check_images(record: &BundleRecord, bundle: &Bundle) -> Result<(), DocumentError> {
    for (at, image) in bundle.images.iter().enumerate() {
        let fits = |record: &&ImageRecord| {
            record.role == image.role()
                && record.reference == image.reference
                && image.digest.as_ref().is_none_or(|promised| *promised == record.descriptor.digest)
        };
        if record.images.get(at).filter(fits).is_none() {
            let (bundle, reference) = (record.reference.clone(), image.reference.clone());
            return Err(DocumentError::BundleImage { bundle, reference });
        }
    }
    match record.images.get(bundle.images.len()) {
        None => Ok(()),
        Some(extra) => {
            let (bundle, reference) = (record.reference.clone(), extra.reference.clone());
            Err(DocumentError::ExtraImage { bundle, reference })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_may_be_held_is_held_and_no_byte_more() {
        let mut documents = Documents { held: MAXIMUM_HELD - 3, ..Documents::default() };
        assert!(matches!(documents.check_room(4), Err(DocumentError::TooMuch)));
        assert!(matches!(documents.check_room(u64::MAX), Err(DocumentError::TooMuch)));
        documents.add(&Digest::sha256(b"abc"), b"abc".to_vec()).unwrap();
        assert!(matches!(documents.add(&Digest::sha256(b"d"), b"d".to_vec()), Err(DocumentError::TooMuch)));
    }
}
