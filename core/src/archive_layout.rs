//! The two files that make an archive an OCI image layout: `oci-layout` and `index.json`.
//!
//! They are derived from the inventory, written and checked in the same way: another tool that reads the archive as an
//! `oci-archive` finds exactly the bundles and images that were judged, under the same names, and their referrers.

use std::collections::BTreeSet;

use sealift_archive_format::inventory::{DescriptorRecord, Inventory, TaggedRecord};
use sealift_proof::canonical_json;
use serde_json::{Value, json};

use crate::oci::Reference;
use crate::oci::manifest::{MAXIMUM_CHILDREN, MAXIMUM_LENGTH};

/// `oci-layout` (OCI Image Specification 1.1, "Image Layout Specification").
pub const MARKER: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Why the layout files do not fit the inventory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveLayoutError {
    /// `oci-layout` is not that of version 1 of the format.
    #[error("oci-layout is not that of an OCI image layout 1.0.0")]
    Marker,
    /// `index.json` lists something other than the inventory.
    #[error("index.json does not list exactly the bundles, images and referrers of the inventory")]
    Index,
    /// There are so many names that nobody could read the index, or write it into a layout on the far side.
    #[error(
        "{count} bundles, images and referrers, listed in {length} bytes: an index has at most {MAXIMUM_CHILDREN} entries and {MAXIMUM_LENGTH} bytes"
    )]
    TooMany {
        /// How many are listed.
        count: usize,
        /// The length of `index.json`, in bytes.
        length: usize,
    },
}

/// `index.json`: every bundle's index and every image, under the reference that the inventory gives it, each
/// followed by its referrers, which are listed without a name, and by what has a tag of its own.
///
/// # Errors
/// [`ArchiveLayoutError::Index`] if what the inventory holds cannot be listed as canonical JSON.
pub fn index(inventory: &Inventory) -> Result<Vec<u8>, ArchiveLayoutError> {
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries(inventory)?,
    });
    canonical_json::encode(&index).map_err(|_| ArchiveLayoutError::Index)
}

fn entries(inventory: &Inventory) -> Result<Vec<Value>, ArchiveLayoutError> {
    let mut manifests: Vec<Value> = Vec::new();
    // Two bundles may share an image with one name, and two images may share a referrer.
    let mut listed = BTreeSet::new();
    let mut list = |name: Option<&str>, descriptor: &DescriptorRecord| {
        if listed.insert((name.map(str::to_owned), descriptor.digest.clone(), descriptor.media_type.clone())) {
            manifests.push(entry(name, descriptor));
        }
    };
    for item in &inventory.items {
        if let Some(index) = item.index() {
            list(Some(item.reference()), index);
        }
        if let Some(bundle) = item.as_bundle() {
            bundle.referrers.iter().for_each(|referrer| list(None, referrer));
            for tagged in &bundle.tagged {
                list(Some(&tagged_name(&bundle.reference, tagged)?), &tagged.descriptor);
            }
        }
        for image in item.images() {
            list(Some(&image.reference), &image.descriptor);
            image.referrers.iter().for_each(|referrer| list(None, referrer));
            for tagged in &image.tagged {
                list(Some(&tagged_name(&image.reference, tagged)?), &tagged.descriptor);
            }
        }
    }
    Ok(manifests)
}

/// The name of what has a tag that is made from the digest of something with this reference.
fn tagged_name(reference: &str, tagged: &TaggedRecord) -> Result<String, ArchiveLayoutError> {
    let reference: Reference = reference.parse().map_err(|_| ArchiveLayoutError::Index)?;
    Ok(format!("{}:{}", reference.repository(), tagged.tag))
}

fn entry(name: Option<&str>, descriptor: &DescriptorRecord) -> Value {
    let DescriptorRecord { media_type, digest, size } = descriptor;
    match name {
        Some(name) => json!({
            "mediaType": media_type, "digest": digest, "size": size,
            "annotations": { "org.opencontainers.image.ref.name": name },
        }),
        None => json!({ "mediaType": media_type, "digest": digest, "size": size }),
    }
}

/// Checks `oci-layout`.
///
/// # Errors
/// [`ArchiveLayoutError::Marker`].
pub(crate) fn check_marker(bytes: &[u8]) -> Result<(), ArchiveLayoutError> {
    if bytes == MARKER { Ok(()) } else { Err(ArchiveLayoutError::Marker) }
}

/// Checks `index.json` against the inventory, and against what an index may be.
///
/// # Errors
/// [`ArchiveLayoutError::Index`] and [`ArchiveLayoutError::TooMany`].
pub(crate) fn check_index(bytes: &[u8], inventory: &Inventory) -> Result<(), ArchiveLayoutError> {
    if bytes != index(inventory)? {
        return Err(ArchiveLayoutError::Index);
    }
    let (count, length) = (entries(inventory)?.len(), bytes.len());
    if count > MAXIMUM_CHILDREN || length as u64 > MAXIMUM_LENGTH {
        return Err(ArchiveLayoutError::TooMany { count, length });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sealift_archive_format::Digest;
    use sealift_archive_format::inventory::{
        Completeness, Exporter, FormatVersion, ImageRecord, ImageRole, ItemRecord, LeftOutRecord, ReferrerChoice,
    };

    use super::*;

    fn inventory(count: usize) -> Inventory {
        let digest = Digest::sha256(b"");
        let image = |number: usize| ImageRecord {
            completeness: Completeness::AllPlatforms,
            descriptor: DescriptorRecord { digest: digest.clone(), media_type: "a/b".to_owned(), size: 0 },
            role: ImageRole::StandAlone,
            left_out: LeftOutRecord::default(),
            made_from: None,
            platforms: Vec::new(),
            reference: format!("e.example/{number}:1"),
            referrer_choice: ReferrerChoice::default(),
            referrers: Vec::new(),
            tagged: Vec::new(),
            target: None,
        };
        Inventory {
            base: None,
            entries: Vec::new(),
            exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: (0..count).map(image).map(ItemRecord::Image).collect(),
            repositories: Vec::new(),
        }
    }

    #[test]
    fn an_index_has_no_more_entries_than_one_may_have() {
        let most = inventory(MAXIMUM_CHILDREN);
        check_index(&index(&most).unwrap(), &most).unwrap();
        let more = inventory(MAXIMUM_CHILDREN + 1);
        let refused = check_index(&index(&more).unwrap(), &more);
        assert!(matches!(refused, Err(ArchiveLayoutError::TooMany { count: 10_001, .. })), "{refused:?}");
        assert_eq!(check_index(b"{}", &most), Err(ArchiveLayoutError::Index));
    }
}
