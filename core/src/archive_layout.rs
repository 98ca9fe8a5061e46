//! The two files that make an archive an OCI image layout: `oci-layout` and `index.json`.
//!
//! They are derived from the inventory, written and checked in the same way: another tool that reads the archive as an
//! `oci-archive` finds exactly the bundles and images that were judged, under the same names.

use sealift_archive_format::inventory::{Descriptor, Inventory};
use serde_json::{Value, json};

use crate::canonical_json;

/// `oci-layout` (OCI Image Specification 1.1, "Image Layout Specification").
pub const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Why the layout files do not fit the inventory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// `oci-layout` is not the one that version 1 of the format has.
    #[error("oci-layout is not that of an OCI image layout 1.0.0")]
    Marker,
    /// `index.json` lists something other than the inventory.
    #[error("index.json does not list the bundles and images of the inventory, and nothing else")]
    Index,
}

/// `index.json`: every bundle's index and every image, under the reference that the inventory gives it.
pub fn index(inventory: &Inventory) -> Vec<u8> {
    let bundles = inventory.bundles.iter().flat_map(|bundle| {
        let index = bundle.index.iter().map(move |index| (&bundle.reference, index));
        index.chain(bundle.images.iter().map(|image| (&image.reference, &image.descriptor)))
    });
    let images = inventory.images.iter().map(|image| (&image.reference, &image.descriptor));
    let mut manifests: Vec<Value> = Vec::new();
    for (reference, descriptor) in bundles.chain(images) {
        let named = named(reference, descriptor);
        // Two bundles may share an image under one name.
        if !manifests.contains(&named) {
            manifests.push(named);
        }
    }
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests,
    });
    canonical_json::encode(&index).unwrap_or_default()
}

fn named(reference: &str, descriptor: &Descriptor) -> Value {
    json!({
        "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
        "annotations": { "org.opencontainers.image.ref.name": reference },
    })
}

/// Checks `oci-layout`.
///
/// # Errors
/// [`LayoutError::Marker`].
pub fn check_marker(bytes: &[u8]) -> Result<(), LayoutError> {
    if bytes == MARKER { Ok(()) } else { Err(LayoutError::Marker) }
}

/// Checks `index.json` against the inventory.
///
/// # Errors
/// [`LayoutError::Index`].
pub fn check_index(bytes: &[u8], inventory: &Inventory) -> Result<(), LayoutError> {
    if bytes == index(inventory) { Ok(()) } else { Err(LayoutError::Index) }
}
