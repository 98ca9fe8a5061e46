//! What each kind of file can hold.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

use sealift_archive_format::Digest;

use super::DeliveryFileError;
use crate::oci::manifest::Document;
use crate::oci::media_type::{DOCKER_CONFIG, OCI_CONFIG};
use crate::oci::{Graph, ImageManifest, ManifestBytes};
use crate::thick_bundle::LAYOUT_FOLDER;
use crate::verify::Selected;
use crate::verify::documents::{Closed, ClosedBundle, ClosedItem};

/// What kind of file is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryForm {
    /// An OCI image layout in a tar file, with everything that a folder would have.
    LayoutArchive,
    /// What Docker writes since version 25: an OCI image layout in a tar file with `manifest.json`, which names one platform of each
    /// image. It has images only: no bundles, and nothing that refers to an image.
    DockerArchive,
    /// One bundle, with its images in a layout (CNAB Core 1.2 §104), compressed with gzip.
    ThickBundle,
}

impl fmt::Display for DeliveryForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LayoutArchive => "an OCI image layout in a tar file",
            Self::DockerArchive => "a docker-archive",
            Self::ThickBundle => "a thick bundle",
        })
    }
}

impl DeliveryForm {
    /// Before the names of the layout's files.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::LayoutArchive | Self::DockerArchive => "",
            Self::ThickBundle => LAYOUT_FOLDER,
        }
    }

    /// Whether the index that holds a bundle in a registry is in it.
    pub(crate) fn has_bundle_indexes(self) -> bool {
        match self {
            Self::LayoutArchive => true,
            Self::DockerArchive | Self::ThickBundle => false,
        }
    }

    /// Whether it has a place for plain files.
    fn has_files(self) -> bool {
        match self {
            Self::LayoutArchive => true,
            Self::DockerArchive | Self::ThickBundle => false,
        }
    }

    /// Requires that it has a place for what was selected.
    ///
    /// # Errors
    /// [`DeliveryFileError::HoldsNoFile`].
    pub(super) fn require_place(self, selected: &[Selected<'_>]) -> Result<(), DeliveryFileError> {
        let mut files = selected.iter().filter(|it| matches!(it.item, ClosedItem::File(_)) && !self.has_files());
        files.next().map_or(Ok(()), |it| {
            Err(DeliveryFileError::HoldsNoFile { name: it.finding.item.reference.clone(), form: self })
        })
    }

    /// Whether it has a place for what refers to images.
    pub(crate) fn has_referrers(self) -> bool {
        match self {
            Self::LayoutArchive | Self::ThickBundle => true,
            Self::DockerArchive => false,
        }
    }
}

/// The bundle that a thick bundle is made of, with its file.
pub(super) fn only_bundle<'j>(
    selected: &'j [Selected<'_>],
    closed: &'j Closed,
) -> Result<(&'j ClosedBundle, &'j [u8]), DeliveryFileError> {
    let count =
        |is_bundle: bool| selected.iter().filter(|it| matches!(it.item, ClosedItem::Bundle(_)) == is_bundle).count();
    let none = || DeliveryFileError::NotOneBundle { bundles: count(true), images: count(false) };
    let [Selected { item: ClosedItem::Bundle(bundle), .. }] = selected else { return Err(none()) };
    let bundle_json = closed.bundle_files.get(&bundle.digest).ok_or_else(none)?;
    Ok((bundle, bundle_json))
}

/// The one manifest of an image that can be run, among those that are held.
pub(super) fn runnable<'m>(
    name: &str,
    root: &'m ManifestBytes,
    held: impl Fn(&Digest) -> Option<&'m ManifestBytes>,
) -> Result<&'m ManifestBytes, DeliveryFileError> {
    let mut found: BTreeMap<&Digest, (&ManifestBytes, String)> = BTreeMap::new();
    let mut open = vec![(root, String::new())];
    // An index may list the same manifest as often as it likes.
    let mut seen: HashSet<&Digest> = HashSet::new();
    while let Some((manifest, platform)) = open.pop() {
        if !seen.insert(&manifest.descriptor().digest) {
            continue;
        }
        match manifest.document() {
            Document::Image(image) if is_image(image) => {
                found.insert(&manifest.descriptor().digest, (manifest, platform));
            }
            Document::Image(_) => {}
            Document::Index(index) => open.extend(index.manifests.iter().filter_map(|child| {
                let platform = child.platform.as_ref().map(ToString::to_string).unwrap_or_default();
                // What says something about another manifest is listed as an image for no platform.
                let is_about =
                    child.annotations.get("vnd.docker.reference.type").is_some() || platform == "unknown/unknown";
                held(&child.digest).filter(|_| !is_about).map(|child| (child, platform))
            })),
        }
    }
    match found.values().collect::<Vec<_>>().as_slice() {
        [] => Err(DeliveryFileError::NotAnImage { name: name.to_owned() }),
        [(manifest, _)] => Ok(manifest),
        several => {
            let stated = |platform: &String| match platform.as_str() {
                "" => "one that no index states".to_owned(),
                platform => platform.to_owned(),
            };
            let mut platforms: Vec<String> = several.iter().map(|(_, platform)| stated(platform)).collect();
            platforms.sort();
            Err(DeliveryFileError::SeveralPlatforms { name: name.to_owned(), platforms })
        }
    }
}

/// Requires that all of an image is there: the index of a layout in a thick bundle lists everything, and its readers look for it.
pub(super) fn require_whole(name: &str, image: &Graph) -> Result<(), DeliveryFileError> {
    let digests = image.left_out_by_digest().into_iter().chain(image.left_out_layers()).map(Digest::to_string);
    let left_out: Vec<String> = image.left_out_platforms().into_iter().chain(digests).collect();
    if left_out.is_empty() && !image.is_partial() {
        return Ok(());
    }
    Err(DeliveryFileError::NotWhole { name: name.to_owned(), left_out })
}

/// Requires that each layer of one manifest of an image is there.
pub(super) fn require_layers(name: &str, image: &Graph, manifest: &ManifestBytes) -> Result<(), DeliveryFileError> {
    let absent = image.left_out_layers();
    let Document::Image(document) = manifest.document() else { return Ok(()) };
    let layers = document.layers.iter().map(|layer| &layer.digest).filter(|digest| absent.contains(digest));
    let left_out: BTreeSet<String> = layers.map(Digest::to_string).collect();
    if left_out.is_empty() {
        return Ok(());
    }
    Err(DeliveryFileError::NotWhole { name: name.to_owned(), left_out: left_out.into_iter().collect() })
}

fn is_image(image: &ImageManifest) -> bool {
    [OCI_CONFIG, DOCKER_CONFIG].contains(&image.config.media_type.as_str()) && image.artifact_type.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Descriptor;

    const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    fn manifest(media_type: &str, document: &serde_json::Value) -> ManifestBytes {
        let bytes = document.to_string().into_bytes();
        ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes).unwrap()
    }

    #[test]
    fn an_index_that_lists_the_same_again_and_again_is_read_once() {
        let entry = |of: &ManifestBytes| {
            let Descriptor { media_type, digest, size, .. } = of.descriptor();
            serde_json::json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
        };
        let config = serde_json::json!({
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Descriptor::of("a/b", b"{}").digest.to_string(),
            "size": 2,
        });
        let mut all = vec![manifest(
            IMAGE,
            &serde_json::json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": []}),
        )];
        for _ in 0..4 {
            let entries = vec![entry(&all[all.len() - 1]); 1_000];
            all.push(manifest(
                INDEX,
                &serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}),
            ));
        }
        let held = |digest: &Digest| all.iter().find(|it| it.descriptor().digest == *digest);
        let found = runnable("app", &all[4], held).unwrap();
        assert_eq!(found.descriptor().digest, all[0].descriptor().digest);
    }
}
