//! The documents of an archive: `bundle.json` and manifests, read before any layer and checked against each other.
//!
//! Promise: after [`Documents::close`], every bundle and image that the inventory names leads, reference by reference, to
//! blobs that the inventory lists; no blob is listed that nothing leads to; and every bundle's images are exactly those
//! that its `bundle.json` names, with the digests that it states. Every referrer refers to a manifest of its image, or to
//! another referrer of it, and attestations come before all other layers.

mod closed;
mod error;

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;
use sealift_archive_format::inventory::{self, BundleRecord, Completeness, ImageRecord, ImageRole, Inventory};

pub use closed::{Closed, ClosedBundle, ClosedImage, Tree};
pub use error::{DocumentError, NotCarried};

use crate::cnab::registry_form::{self, RegistryFormError};
use crate::cnab::{Bundle, BundleImage};
use crate::export::plan::MAXIMUM_REFERRERS;
use crate::oci::manifest::{Document, ManifestBytes};
use crate::oci::media_type::manifest_kind;
use crate::oci::{Descriptor, ForeignLayers, Graph, GraphError, Platform, Platforms};

/// The most bytes of documents that are held, in bytes.
pub const MAXIMUM_HELD: u64 = 32 * 1024 * 1024;

/// Documents, as they are gathered from the head of an archive.
#[derive(Debug)]
pub struct Documents {
    expected: BTreeMap<Digest, Expected>,
    bytes: BTreeMap<Digest, Vec<u8>>,
    held: u64,
}

#[derive(Debug, Clone)]
enum Expected {
    Bundle,
    Manifest { media_type: String },
}

impl Documents {
    /// Expects the documents that an inventory names.
    pub fn expected_by(inventory: &Inventory) -> Self {
        let mut expected = BTreeMap::new();
        for bundle in &inventory.bundles {
            expected.insert(bundle.descriptor.digest.clone(), Expected::Bundle);
        }
        let mut documents = Self { expected, bytes: BTreeMap::new(), held: 0 };
        for root in roots(inventory) {
            documents.expect(&root.digest, &root.media_type);
        }
        documents
    }

    fn expect(&mut self, digest: &Digest, media_type: &str) {
        if manifest_kind(media_type).is_some() {
            let manifest = Expected::Manifest { media_type: media_type.to_owned() };
            self.expected.entry(digest.clone()).or_insert(manifest);
        }
    }

    /// Whether a blob is a document, as far as is known by now.
    pub fn expects(&self, digest: &Digest) -> bool {
        self.expected.contains_key(digest)
    }

    /// Takes in a document whose digest has been checked.
    ///
    /// # Errors
    /// [`DocumentError`] when too much is held, or a manifest cannot be read.
    pub fn add(&mut self, digest: &Digest, bytes: Vec<u8>) -> Result<(), DocumentError> {
        self.held = self.held.saturating_add(bytes.len() as u64);
        if self.held > MAXIMUM_HELD {
            return Err(DocumentError::TooMuch);
        }
        if let Some(Expected::Manifest { media_type }) = self.expected.get(digest).cloned() {
            let document = Document::parse(&bytes, &media_type)
                .map_err(|source| DocumentError::Manifest { digest: digest.clone(), source })?;
            if let Document::Index(index) = document {
                for child in &index.manifests {
                    self.expect(&child.digest, &child.media_type);
                }
            }
        }
        self.bytes.insert(digest.clone(), bytes);
        Ok(())
    }

    /// Checks that everything fits together.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn close(self, inventory: &Inventory) -> Result<Closed, DocumentError> {
        let bundles = inventory.bundles.iter().map(|record| self.close_bundle(record)).collect::<Result<_, _>>()?;
        let images = inventory.images.iter().map(|record| self.close_image(record)).collect::<Result<_, _>>()?;
        let closed = Closed { documents: self.bytes, bundles, images };
        closed.check_blobs(inventory)?;
        closed.check_order(inventory)?;
        Ok(closed)
    }

    fn close_bundle(&self, record: &BundleRecord) -> Result<ClosedBundle, DocumentError> {
        let bytes = self.bytes.get(&record.descriptor.digest).map(Vec::as_slice).unwrap_or_default();
        let bundle = Bundle::parse(bytes)
            .map_err(|source| DocumentError::Bundle { bundle: record.reference.clone(), source })?;
        check_images(record, &bundle)?;
        let images = record.images.iter().map(|image| self.close_image(image)).collect::<Result<_, _>>()?;
        let index = match &record.index {
            None => None,
            Some(index) => {
                let tree = self.walk(&record.reference, &platforms(&record.images)?, index)?;
                self.check_index(record, &bundle, index)?;
                Some(tree)
            }
        };
        Ok(ClosedBundle { bundle, index, images })
    }

    fn close_image(&self, record: &ImageRecord) -> Result<ClosedImage, DocumentError> {
        let tree = self.walk(&record.reference, &platforms(std::slice::from_ref(record))?, &record.descriptor)?;
        let count = record.referrers.len();
        if count > MAXIMUM_REFERRERS {
            return Err(DocumentError::TooManyReferrers { reference: record.reference.clone(), count });
        }
        let mut subjects: BTreeSet<&Digest> = tree.manifests.iter().map(|manifest| &manifest.digest).collect();
        let mut referrers = Vec::new();
        for referrer in &record.referrers {
            let subject = self.subject(referrer)?;
            if !subject.as_ref().is_some_and(|subject| subjects.contains(subject)) {
                let (reference, referrer) = (record.reference.clone(), referrer.digest.clone());
                return Err(DocumentError::NotAReferrer { reference, referrer, subject });
            }
            referrers.push(self.walk(&record.reference, &Platforms::All, referrer)?);
            subjects.insert(&referrer.digest);
        }
        Ok(ClosedImage { tree, referrers })
    }

    /// What a manifest refers to.
    fn subject(&self, manifest: &inventory::Descriptor) -> Result<Option<Digest>, DocumentError> {
        let bytes = self.bytes.get(&manifest.digest).map(Vec::as_slice).unwrap_or_default();
        let document = Document::parse(bytes, &manifest.media_type)
            .map_err(|source| DocumentError::Manifest { digest: manifest.digest.clone(), source })?;
        Ok(document.subject().map(|subject| subject.digest.clone()))
    }

    fn walk(
        &self,
        reference: &str,
        platforms: &Platforms,
        root: &inventory::Descriptor,
    ) -> Result<Tree, DocumentError> {
        let fetch = |descriptor: &Descriptor| {
            let bytes = self.bytes.get(&descriptor.digest).ok_or(NotCarried)?;
            ManifestBytes::new(descriptor.clone(), bytes.clone()).map_err(|_| NotCarried)
        };
        let incomplete = |source| DocumentError::Graph { reference: reference.to_owned(), source };
        let descriptor = Descriptor::new(&root.media_type, root.digest.clone(), root.size);
        let unfetched = |source| incomplete(GraphError::Fetch { digest: root.digest.clone(), source });
        let root = fetch(&descriptor).map_err(unfetched)?;
        Graph::walk(root, platforms, ForeignLayers::Carry, fetch).map(|graph| Tree::of(&graph)).map_err(incomplete)
    }
}

impl Documents {
    /// A bundle's index leads whoever pulls it to this `bundle.json` and these images, and to nothing else.
    fn check_index(
        &self,
        record: &BundleRecord,
        bundle: &Bundle,
        root: &inventory::Descriptor,
    ) -> Result<(), DocumentError> {
        let reference = || record.reference.clone();
        let missing = |digest: &Digest| DocumentError::BundleIndex { bundle: reference(), digest: digest.clone() };
        let extra = |digest: &Digest| DocumentError::BundleIndexExtra { bundle: reference(), digest: digest.clone() };
        let form = |source| DocumentError::BundleIndexForm { bundle: reference(), source };
        let Some(Document::Index(index)) = self.document(&root.digest, &root.media_type) else {
            return Err(form(RegistryFormError::NotABundle));
        };
        let bundle_json = &record.descriptor.digest;
        let holds_bundle = |child: &Descriptor| match self.document(&child.digest, &child.media_type) {
            Some(Document::Image(manifest)) if manifest.config.digest == *bundle_json => Some(manifest),
            _ => None,
        };
        for child in &index.manifests {
            match holds_bundle(child) {
                // Where a registry takes no manifest without layers, bundle.json is also the one layer.
                Some(manifest) => {
                    if let Some(layer) = manifest.layers.iter().find(|layer| layer.digest != *bundle_json) {
                        return Err(extra(&layer.digest));
                    }
                }
                None if record.images.iter().any(|image| image.descriptor.digest == child.digest) => {}
                None => return Err(extra(&child.digest)),
            }
        }
        let config_manifest = registry_form::config_manifest(&index).map_err(form)?;
        holds_bundle(config_manifest).ok_or_else(|| missing(bundle_json))?;
        let listed = registry_form::images(&index, bundle).map_err(form)?;
        for (image, listed) in bundle.images.iter().zip(listed) {
            let named = record.images.iter().filter(|carried| carried.role == role(image));
            if let Some(other) = named.clone().find(|carried| carried.reference == image.reference)
                && !named.clone().any(|carried| carried.descriptor.digest == listed.digest)
            {
                return Err(missing(&other.descriptor.digest));
            }
        }
        Ok(())
    }

    fn document(&self, digest: &Digest, media_type: &str) -> Option<Document> {
        Document::parse(self.bytes.get(digest)?, media_type).ok()
    }
}

/// What an image is to its bundle.
fn role(image: &BundleImage) -> ImageRole {
    image.component.clone().map_or(ImageRole::Invocation, ImageRole::Component)
}

/// The platforms to walk: all, unless the exporter chose.
fn platforms(images: &[ImageRecord]) -> Result<Platforms, DocumentError> {
    if images.iter().all(|image| image.completeness == Completeness::AllPlatforms) {
        return Ok(Platforms::All);
    }
    let names: BTreeSet<&String> = images.iter().flat_map(|image| &image.platforms).collect();
    let parse = |name: &String| name.parse::<Platform>().map_err(|_| DocumentError::Platform(name.clone()));
    Ok(Platforms::Only(names.into_iter().map(parse).collect::<Result<_, _>>()?))
}

/// The roots of all graphs: the index of each bundle, each image, and what refers to these.
fn roots(inventory: &Inventory) -> impl Iterator<Item = &inventory::Descriptor> {
    let indexes = inventory.bundles.iter().filter_map(|bundle| bundle.index.as_ref());
    let images = inventory.bundles.iter().flat_map(|bundle| &bundle.images).chain(&inventory.images);
    indexes.chain(images.flat_map(|image| std::iter::once(&image.descriptor).chain(&image.referrers)))
}

/// A bundle's images are exactly those that its `bundle.json` names.
fn check_images(record: &BundleRecord, bundle: &Bundle) -> Result<(), DocumentError> {
    let mut carried: Vec<&ImageRecord> = record.images.iter().collect();
    for image in &bundle.images {
        let role = role(image);
        let fits = |record: &&ImageRecord| {
            record.role == role
                && record.reference == image.reference
                && image.content_digest.as_ref().is_none_or(|stated| *stated == record.descriptor.digest)
        };
        match carried.iter().position(fits) {
            Some(at) => drop(carried.swap_remove(at)),
            None => {
                let (bundle, reference) = (record.reference.clone(), image.reference.clone());
                return Err(DocumentError::BundleImage { bundle, reference });
            }
        }
    }
    match carried.first() {
        None => Ok(()),
        Some(extra) => {
            let (bundle, reference) = (record.reference.clone(), extra.reference.clone());
            Err(DocumentError::ExtraImage { bundle, reference })
        }
    }
}
