//! What of an archive is in thick bundles that travel as they are, and in which (`docs/format.md`, "Thick bundles").

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sealift_archive_format::inventory::ItemRecord;
use sealift_archive_format::{Digest, FileName};

use super::closed::{ClosedBundle, ClosedImage, ClosedItem, distinct};
use super::{Closed, DocumentError};
use crate::oci::ManifestBytes;
use crate::tarball::FREE_EXPANSION;
use crate::thick_bundle::ThickContent;

/// The most blobs that must be in thick bundles, counted for each of them.
const MAXIMUM_PACKED: usize = 1_000_000;

impl Closed {
    /// The thick bundles that travel as they are.
    pub(crate) fn thick_bundles(&self) -> HashSet<&Digest> {
        self.items.iter().filter_map(ClosedItem::thick_bundle).map(|thick| &thick.descriptor.digest).collect()
    }

    /// What must be in a thick bundle: what is packed of its images, and their manifests, which so belong to the file.
    pub(crate) fn thick_content<'a>(
        &'a self,
        file: &Digest,
        items: &'a [ItemRecord],
        packed: &HashSet<&Digest>,
    ) -> Option<ThickContent<'a>> {
        let mut found: Option<ThickContent<'_>> = None;
        let free_expansion = FREE_EXPANSION.checked_div(self.thick_bundles().len() as u64)?;
        for (record, item) in items.iter().zip(&self.items) {
            let ClosedItem::Bundle(ClosedBundle { digest, thick_bundle: Some(thick), .. }) = item else { continue };
            if thick.descriptor.digest != *file {
                continue;
            }
            let (reference, sha512) = (record.reference(), &thick.sha512);
            let empty =
                || ThickContent { reference, sha512, bundles: BTreeSet::new(), blobs: BTreeMap::new(), free_expansion };
            let content = found.get_or_insert_with(empty);
            content.bundles.insert(digest);
            let of_images = item.images().iter().flat_map(ClosedImage::graphs);
            let manifests = of_images.flat_map(|graph| graph.manifests()).map(ManifestBytes::descriptor);
            let layers = distinct(item.graphs()).flat_map(|graph| graph.layers());
            let layers = layers.filter(|layer| packed.contains(&layer.digest));
            content.blobs.extend(manifests.chain(layers).map(|blob| (&blob.digest, blob.size)));
        }
        found
    }

    /// What is in thick bundles and is no entry of its own: the layers that no other item needs. What is read before layers is never only
    /// there: documents, configurations and attestations.
    pub(crate) fn packed(&self) -> HashSet<&Digest> {
        let (packed, whole): (Vec<_>, Vec<_>) = self.items.iter().partition(|item| item.thick_bundle().is_some());
        if packed.is_empty() {
            return HashSet::new();
        }
        fn layers(items: Vec<&ClosedItem>) -> HashSet<&Digest> {
            let graphs = distinct(items.into_iter().flat_map(ClosedItem::graphs));
            graphs.flat_map(|graph| graph.layers()).map(|layer| &layer.digest).collect()
        }
        let configurations = self.graphs().into_iter().flat_map(|graph| graph.configs());
        let configurations: HashSet<&Digest> = configurations.map(|configuration| &configuration.digest).collect();
        let (elsewhere, attestations, documents) = (layers(whole), self.attestations(), self.documents());
        let is_entry = |digest: &Digest| {
            [&elsewhere, &attestations, &configurations].iter().any(|entries| entries.contains(digest))
                || documents.contains_key(digest)
        };
        layers(packed).into_iter().filter(|digest| !is_entry(digest)).collect()
    }

    /// What is in a thick bundle is checked as that passes, once, so it is nothing else besides; and what must be in all of them together
    /// has a limit, because each has to have all of its own.
    pub(super) fn check_thick_bundles(&self) -> Result<(), DocumentError> {
        let files = self.thick_bundles();
        if files.is_empty() {
            return Ok(());
        }
        let documents = self.documents();
        let graphs = self.graphs();
        let parts = graphs.iter().flat_map(|graph| graph.blobs()).map(|blob| &blob.digest);
        if let Some(digest) = parts.chain(documents.into_keys()).find(|digest| files.contains(digest)) {
            return Err(DocumentError::ThickBundleElsewhere { digest: digest.clone() });
        }
        let packed = self.items.iter().filter(|item| item.thick_bundle().is_some());
        let of_each =
            packed.flat_map(ClosedItem::graphs).flat_map(|graph| [graph.blobs().len(), graph.manifests().len()]);
        if of_each.fold(0, usize::saturating_add) > MAXIMUM_PACKED { Err(DocumentError::TooMuch) } else { Ok(()) }
    }

    /// A plain file has a place of its own among the entries, so it is nothing else besides.
    pub(super) fn check_files(&self) -> Result<(), DocumentError> {
        let files: HashMap<&Digest, &FileName> =
            self.files().map(|file| (&file.descriptor.digest, &file.name)).collect();
        if files.is_empty() {
            return Ok(());
        }
        let graphs = self.graphs();
        let parts = graphs.iter().flat_map(|graph| graph.blobs()).map(|blob| &blob.digest);
        let others = parts.chain(self.documents().into_keys()).chain(self.thick_bundles());
        match { others }.find_map(|digest| files.get(digest)) {
            None => Ok(()),
            Some(name) => Err(DocumentError::FileElsewhere { name: (*name).clone() }),
        }
    }
}
