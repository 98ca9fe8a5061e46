//! `bundle.json`: what Sealift needs to know of it (CNAB Core 1.2 §101), read strictly from the raw bytes.
//!
//! Promise: a [`Bundle`] has a name, a version and at least one invocation image; every image reference in it is valid,
//! and promises one digest or none; and it has one meaning, even to readers that ignore case. The bytes themselves
//! travel untouched; this is only a view of them.

use sealift_archive_format::inventory::ImageRole;
use sealift_archive_format::strict_json::{self, Names};
use sealift_archive_format::{Digest, DigestError};
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::oci::descriptor::null_as_default;
use crate::oci::{Reference, ReferenceError};

/// The largest `bundle.json` that is read, in bytes.
pub const MAXIMUM_LENGTH: usize = 4 * 1024 * 1024;
/// The most images that a bundle may name.
pub const MAXIMUM_IMAGES: usize = 10_000;

/// Why bytes are not a bundle that can be carried.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is longer than any real bundle.
    #[error("bundle.json is {length} bytes long; the limit is {MAXIMUM_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It is not strict JSON of the bundle's shape.
    #[error("bundle.json cannot be read")]
    Json(#[source] strict_json::JsonError),
    /// It follows a schema that is not CNAB Core 1.
    #[error("bundle.json has schema version {0:?}; only CNAB Core v1 is supported")]
    SchemaVersion(String),
    /// A field that every bundle has is empty.
    #[error("bundle.json has an empty {0}")]
    Empty(&'static str),
    /// An image states a `contentDigest` that is not a digest.
    #[error("bundle.json states a contentDigest for {reference} that is not a digest")]
    ContentDigest {
        /// The image's reference.
        reference: String,
        /// What is wrong with the digest.
        source: DigestError,
    },
    /// An image has a reference that cannot be read, so what it promises is unknown.
    #[error("bundle.json names image {reference:?}, which is not a valid reference")]
    Reference {
        /// The text.
        reference: String,
        /// What is wrong with the reference.
        source: ReferenceError,
    },
    /// An image's reference and its `contentDigest` promise different content.
    #[error("bundle.json names image {reference} with one digest but states contentDigest {stated}")]
    TwoDigests {
        /// The image's reference.
        reference: String,
        /// The `contentDigest`.
        stated: Digest,
    },
    /// It names too many images.
    #[error("bundle.json names {count} images; the limit is {MAXIMUM_IMAGES}")]
    TooManyImages {
        /// How many images it names.
        count: usize,
    },
}

/// The view of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// `name`, with its name space.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `schemaVersion`, as it is written.
    pub schema_version: String,
    /// `description`; empty where there is none.
    pub description: String,
    /// The invocation images, then the component images in the order of their names.
    pub images: Vec<BundleImage>,
}

/// One image that a bundle names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleImage {
    /// The name of the component; `None` for an invocation image.
    pub component: Option<String>,
    /// `image`: the reference, exactly as the bundle writes it.
    pub reference: String,
    /// The digest of the image's manifest or index that the bundle promises: its `contentDigest`, or the one in its
    /// reference. Where there are both, they are equal.
    pub digest: Option<Digest>,
}

impl BundleImage {
    /// Its role in the bundle.
    pub fn role(&self) -> ImageRole {
        self.component.clone().map_or(ImageRole::Invocation, ImageRole::Component)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundle {
    schema_version: String,
    name: String,
    version: String,
    #[serde(default, deserialize_with = "null_as_default")]
    description: String,
    invocation_images: Vec<RawBundleImage>,
    #[serde(default)]
    images: Option<BTreeMap<String, RawBundleImage>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundleImage {
    image: String,
    #[serde(default)]
    content_digest: Option<String>,
}

impl Bundle {
    /// Reads a `bundle.json`.
    ///
    /// # Errors
    /// [`BundleError`] when it is not strict JSON, not of schema v1, or names no invocation image.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAXIMUM_LENGTH {
            return Err(BundleError::TooLong { length: bytes.len() });
        }
        let raw: RawBundle = strict_json::read(bytes, Names::Folded).map_err(BundleError::Json)?;
        // The specification writes both `v1` and `v1.2.0`; older tools wrote no `v`.
        let schema = raw.schema_version.trim_start_matches('v');
        if schema != "1" && !schema.starts_with("1.") {
            return Err(BundleError::SchemaVersion(raw.schema_version));
        }
        for (field, value) in [("name", &raw.name), ("version", &raw.version)] {
            if value.is_empty() {
                return Err(BundleError::Empty(field));
            }
        }
        if raw.invocation_images.is_empty() {
            return Err(BundleError::Empty("list of invocation images"));
        }
        let components = raw.images.unwrap_or_default();
        let count = raw.invocation_images.len() + components.len();
        if count > MAXIMUM_IMAGES {
            return Err(BundleError::TooManyImages { count });
        }
        let invocation = raw.invocation_images.into_iter().map(|image| (None, image));
        let components = components.into_iter().map(|(name, image)| (Some(name), image));
        let images = invocation.chain(components).map(|(component, image)| image.read(component));
        Ok(Self {
            name: raw.name,
            version: raw.version,
            schema_version: raw.schema_version,
            description: raw.description,
            images: images.collect::<Result<_, _>>()?,
        })
    }
}

impl RawBundleImage {
    fn read(self, component: Option<String>) -> Result<BundleImage, BundleError> {
        if self.image.is_empty() {
            return Err(BundleError::Empty("image reference"));
        }
        let named: Reference =
            self.image.parse().map_err(|source| BundleError::Reference { reference: self.image.clone(), source })?;
        // Some tools write an empty string where they do not know the digest.
        let stated = self.content_digest.filter(|text| !text.is_empty());
        let stated: Option<Digest> = stated
            .map(|text| text.parse())
            .transpose()
            .map_err(|source| BundleError::ContentDigest { reference: self.image.clone(), source })?;
        match (named.digest(), stated) {
            (Some(named), Some(stated)) if *named != stated => {
                Err(BundleError::TwoDigests { reference: self.image, stated })
            }
            (named, stated) => {
                let digest = stated.or_else(|| named.cloned());
                Ok(BundleImage { component, reference: self.image, digest })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Bundle, BundleError> {
        Bundle::parse(text.as_bytes())
    }

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn invocation_images_come_before_components() {
        let bundle = parse(&format!(
            r#"{{"schemaVersion":"v1.2.0","name":"a","version":"1.0.0","other":{{}},
                "images":{{"b":{{"image":"e/b:1","contentDigest":""}},"a":{{"image":"e/a:1"}}}},
                "invocationImages":[{{"image":"e/i:1","contentDigest":"{DIGEST}"}}]}}"#
        ))
        .unwrap();
        let names: Vec<_> = bundle.images.iter().map(|image| image.reference.as_str()).collect();
        assert_eq!(names, ["e/i:1", "e/a:1", "e/b:1"]);
        assert_eq!(bundle.images[0].digest, Some(Digest::sha256(b"")));
        assert_eq!(bundle.images[2].digest, None);
    }

    #[test]
    fn what_is_not_a_bundle_is_refused_for_its_reason() {
        let with = |schema: &str, name: &str, images: &str| {
            parse(&format!(
                r#"{{"schemaVersion":"{schema}","name":"{name}","version":"1","images":null,"invocationImages":{images}}}"#
            ))
        };
        assert!(with("v1", "a", r#"[{"image":"x"}]"#).is_ok());
        assert!(matches!(with("v2.0.0", "a", r#"[{"image":"x"}]"#), Err(BundleError::SchemaVersion(_))));
        assert!(matches!(with("v1", "", r#"[{"image":"x"}]"#), Err(BundleError::Empty("name"))));
        assert!(matches!(with("v1", "a", "[]"), Err(BundleError::Empty(_))));
        assert!(matches!(with("v1", "a", r#"[{"image":""}]"#), Err(BundleError::Empty(_))));
        assert!(matches!(
            with("v1", "a", r#"[{"image":"x","contentDigest":"sha256:00"}]"#),
            Err(BundleError::ContentDigest { .. })
        ));
        assert!(matches!(parse(r#"{"name":"a","name":"b"}"#), Err(BundleError::Json(_))));
    }
}
