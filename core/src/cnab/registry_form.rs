//! The form that a bundle has in a registry: a config manifest around `bundle.json`, and an index over it and the
//! images (CNAB Registries 1.0 §201, as cnab-to-oci writes it).

use std::collections::BTreeMap;

use sealift_archive_format::Digest;
use serde_json::{Value, json};

use super::{Bundle, BundleImage};
use crate::canonical_json;
use crate::oci::manifest::ImageIndex;
use crate::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use crate::oci::{Descriptor, ManifestBytes, ManifestError};

/// The media type of `bundle.json` in a registry.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.cnab.bundle.config.v1+json";

const KIND: &str = "io.cnab.manifest.type";
const COMPONENT: &str = "io.cnab.component.name";

/// Why an index is not that of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFormError {
    /// It is the index of something else.
    #[error("the index lists no manifest of type \"config\", so it is not the index of a CNAB bundle")]
    NotABundle,
    /// An image that the bundle names is not listed.
    #[error("the bundle names image {reference}, and its index does not list it")]
    ImageNotListed {
        /// The reference.
        reference: String,
    },
    /// The index lists an image with another digest than the bundle states.
    #[error("the bundle states that image {reference} has digest {stated}, and its index does not list that digest")]
    DigestNotListed {
        /// The reference.
        reference: String,
        /// The digest that the bundle states.
        stated: Digest,
    },
}

/// The descriptor of the manifest whose configuration is `bundle.json`.
///
/// # Errors
/// [`RegistryFormError::NotABundle`].
pub fn config_manifest(index: &ImageIndex) -> Result<&Descriptor, RegistryFormError> {
    let mut configs = index.manifests.iter().filter(|manifest| is(manifest, "config"));
    configs.next().ok_or(RegistryFormError::NotABundle)
}

/// The descriptors of a bundle's images in its index, in the order of the bundle's images. An image whose digest the
/// bundle states is found by it; others by their annotations.
///
/// # Errors
/// [`RegistryFormError`] when an image is not listed.
pub fn images<'a>(index: &'a ImageIndex, bundle: &Bundle) -> Result<Vec<&'a Descriptor>, RegistryFormError> {
    let mut invocation = index.manifests.iter().filter(|manifest| is(manifest, "invocation"));
    let mut find = |image: &BundleImage| {
        let by_order = if image.component.is_none() { invocation.next() } else { None };
        let reference = image.reference.clone();
        match (&image.content_digest, &image.component) {
            (Some(stated), _) => {
                let found = index.manifests.iter().find(|manifest| manifest.digest == *stated);
                found.ok_or_else(|| RegistryFormError::DigestNotListed { reference, stated: stated.clone() })
            }
            (None, None) => by_order.ok_or(RegistryFormError::ImageNotListed { reference }),
            (None, Some(component)) => {
                let named = |manifest: &&Descriptor| {
                    is(manifest, "component") && manifest.annotations.get(COMPONENT) == Some(component)
                };
                index.manifests.iter().find(named).ok_or(RegistryFormError::ImageNotListed { reference })
            }
        }
    };
    bundle.images.iter().map(&mut find).collect()
}

fn is(manifest: &Descriptor, kind: &str) -> bool {
    manifest.annotations.get(KIND).is_some_and(|found| found == kind)
}

/// Makes the config manifest and the index for a `bundle.json` that comes from a file. The same bundle and images give
/// the same bytes.
///
/// # Errors
/// [`ManifestError`] when there are more images than an index may list.
pub fn build(
    bundle: &Bundle,
    bundle_json: &[u8],
    images: &[Descriptor],
) -> Result<(ManifestBytes, ManifestBytes), ManifestError> {
    let config = Descriptor::of(BUNDLE_MEDIA_TYPE, bundle_json);
    let config_manifest = encode(
        OCI_MANIFEST,
        &json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": listed(&config, &[]), "layers": [] }),
    )?;
    let mut manifests = vec![listed(config_manifest.descriptor(), &[(KIND, "config")])];
    for (image, descriptor) in bundle.images.iter().zip(images) {
        manifests.push(match &image.component {
            None => listed(descriptor, &[(KIND, "invocation")]),
            Some(name) => listed(descriptor, &[(KIND, "component"), (COMPONENT, name)]),
        });
    }
    let annotations = json!({
        "org.opencontainers.artifactType": "application/vnd.cnab.manifest.v1",
        "org.opencontainers.image.title": bundle.name,
        "org.opencontainers.image.version": bundle.version,
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests, "annotations": annotations,
    });
    Ok((config_manifest, encode(OCI_INDEX, &index)?))
}

fn encode(media_type: &str, document: &Value) -> Result<ManifestBytes, ManifestError> {
    // These documents have integers only, so they have a canonical form.
    let bytes = canonical_json::encode(document).unwrap_or_default();
    ManifestBytes::new(Descriptor::of(media_type, &bytes), bytes)
}

fn listed(descriptor: &Descriptor, annotations: &[(&str, &str)]) -> Value {
    let mut object = json!({
        "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
    });
    if let (false, Some(fields)) = (annotations.is_empty(), object.as_object_mut()) {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().collect();
        fields.insert("annotations".to_owned(), json!(annotations));
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::manifest::Document;

    fn bundle(images: &[(Option<&str>, &str, Option<&Digest>)]) -> Bundle {
        let images = images.iter().map(|(component, reference, digest)| BundleImage {
            component: component.map(str::to_owned),
            reference: (*reference).to_owned(),
            content_digest: digest.cloned(),
        });
        Bundle { name: "shop".to_owned(), version: "1.0.0".to_owned(), images: images.collect() }
    }

    fn index_of(bundle: &Bundle, images: &[Descriptor]) -> ImageIndex {
        let (_, index) = build(bundle, b"{}", images).unwrap();
        match index.document().unwrap() {
            Document::Index(index) => *index,
            Document::Image(_) => panic!("not an index"),
        }
    }

    fn image(content: &[u8]) -> Descriptor {
        Descriptor::of(OCI_INDEX, content)
    }

    #[test]
    fn what_is_built_is_read_back() {
        let bundle = bundle(&[(None, "e/installer:1", None), (Some("web"), "e/web:1", None)]);
        let descriptors = [image(b"installer"), image(b"web")];
        let index = index_of(&bundle, &descriptors);
        assert_eq!(config_manifest(&index).unwrap().media_type, OCI_MANIFEST);
        let found: Vec<_> = images(&index, &bundle).unwrap().into_iter().map(|found| &found.digest).collect();
        assert_eq!(found, descriptors.iter().map(|descriptor| &descriptor.digest).collect::<Vec<_>>());
    }

    #[test]
    fn a_stated_digest_goes_before_annotations() {
        let descriptors = [image(b"installer"), image(b"web")];
        let built = bundle(&[(None, "e/installer:1", None), (Some("web"), "e/web:1", None)]);
        let index = index_of(&built, &descriptors);
        let stated = bundle(&[(None, "e/installer:1", None), (Some("web"), "e/web:1", Some(&Digest::sha256(b"x")))]);
        assert!(matches!(images(&index, &stated), Err(RegistryFormError::DigestNotListed { .. })));
        let other = bundle(&[(None, "e/installer:1", None), (Some("api"), "e/api:1", None)]);
        assert!(matches!(images(&index, &other), Err(RegistryFormError::ImageNotListed { .. })));
    }

    #[test]
    fn an_index_of_something_else_is_not_a_bundle() {
        let index = ImageIndex {
            manifests: vec![image(b"a")],
            subject: None,
            artifact_type: None,
            annotations: BTreeMap::new(),
        };
        assert_eq!(config_manifest(&index), Err(RegistryFormError::NotABundle));
    }
}
