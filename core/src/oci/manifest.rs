//! Manifests and indexes, read from the bytes that their digest is of.
//!
//! Promise: one document has one meaning. A document that could be read as both a manifest and an index, that has
//! duplicate keys, or whose own `mediaType` is not the one it was announced with, is refused. Unknown fields are fine.
//! OCI Image Specification 1.1, "Image Manifest" and "Image Index"; Docker image manifest version 2, schema 2.

use std::collections::BTreeMap;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError};
use serde::Deserialize;
use serde_json::Value;

use super::descriptor::{Descriptor, null_as_default};
use super::media_type::{self, ManifestKind};

/// The longest manifest or index, in bytes. Registries agree on this limit (OCI Distribution 1.1, "Pushing Manifests").
pub const MAXIMUM_LENGTH: u64 = 4 * 1024 * 1024;
/// The most layers of an image, or manifests of an index.
pub const MAXIMUM_CHILDREN: usize = 10_000;

/// A manifest's bytes, proven to be what their descriptor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBytes {
    descriptor: Descriptor,
    bytes: Vec<u8>,
}

/// A manifest of an image or artifact, or an index of such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image, or one artifact.
    Image(Box<ImageManifest>),
    /// A list of manifests.
    Index(Box<ImageIndex>),
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first. CNAB's configuration manifests have none, and write `null`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about, for a referrer.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// What the artifact is, if it is not an image.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// Free remarks.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
}

/// An image index, or a Docker manifest list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// What is listed.
    #[serde(default, deserialize_with = "null_as_default")]
    pub manifests: Vec<Descriptor>,
    /// The manifest that this index is about, for a referrer.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// What the artifact is, if it is not an image.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// Free remarks.
    #[serde(default, deserialize_with = "null_as_default")]
    pub annotations: BTreeMap<String, String>,
}

/// Why bytes are not a manifest that is understood.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Longer than a manifest may be.
    #[error("a manifest of {length} bytes: the limit is {MAXIMUM_LENGTH}")]
    Length {
        /// The length, in bytes.
        length: u64,
    },
    /// More layers or manifests than there may be.
    #[error("a manifest that lists {count} items: the limit is {MAXIMUM_CHILDREN}")]
    Children {
        /// How many there are.
        count: usize,
    },
    /// Not strict JSON, or not of a manifest's shape.
    #[error("the manifest cannot be read")]
    Json(#[from] JsonError),
    /// A media type that is neither a manifest's nor an index's; schema 1 is among these.
    #[error("a manifest of media type {0:?} is not supported")]
    MediaType(String),
    /// The type that the document has and the type that it was announced with differ.
    #[error("announced as {announced:?}, but the manifest calls itself {found:?}")]
    MediaTypeDiffers {
        /// What the descriptor or the registry says.
        announced: String,
        /// What the document says.
        found: String,
    },
    /// Fields of a manifest and of an index together: readers would disagree about what it lists.
    #[error("the document is both a manifest and an index")]
    Ambiguous,
    /// Neither a media type nor fields that tell what it is.
    #[error("the document does not say whether it is a manifest or an index")]
    Undeclared,
    /// Not the bytes that were described.
    #[error("expected a manifest of {size} bytes with digest {digest}, found {length} bytes with digest {found}")]
    Mismatch {
        /// The expected digest.
        digest: Digest,
        /// The expected length, in bytes.
        size: u64,
        /// The digest of what was found, by SHA-256.
        found: Digest,
        /// The length of what was found, in bytes.
        length: u64,
    },
}

impl ManifestBytes {
    /// Takes `bytes` when they are what `descriptor` describes.
    ///
    /// # Errors
    /// [`ManifestError::Mismatch`], [`ManifestError::Length`].
    pub fn new(descriptor: Descriptor, bytes: Vec<u8>) -> Result<Self, ManifestError> {
        let length = within_limit(&bytes)?;
        if !descriptor.matches(&bytes) {
            let (digest, size) = (descriptor.digest, descriptor.size);
            return Err(ManifestError::Mismatch { digest, size, found: Digest::sha256(&bytes), length });
        }
        Ok(Self { descriptor, bytes })
    }

    /// Describes `bytes` that were announced with a media type, or with one that says nothing (`application/json`).
    ///
    /// # Errors
    /// Any [`ManifestError`]: the document is read to know its type.
    pub fn describe(bytes: Vec<u8>, announced: &str, digest: Digest) -> Result<Self, ManifestError> {
        let length = within_limit(&bytes)?;
        let (media_type, _) = read(&bytes, announced)?;
        Self::new(Descriptor::new(&media_type, digest, length), bytes)
    }

    /// Type, digest and size.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The bytes, as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes alone.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the bytes say.
    ///
    /// # Errors
    /// Any [`ManifestError`].
    pub fn document(&self) -> Result<Document, ManifestError> {
        Document::parse(&self.bytes, &self.descriptor.media_type)
    }
}

impl Document {
    /// Reads a document that was announced with this media type.
    ///
    /// # Errors
    /// Any [`ManifestError`] but [`ManifestError::Mismatch`].
    pub fn parse(bytes: &[u8], announced: &str) -> Result<Self, ManifestError> {
        within_limit(bytes)?;
        read(bytes, announced).map(|(_, document)| document)
    }

    /// What the document lists, in its order: an index's manifests, or a manifest's configuration and layers.
    pub fn children(&self) -> Vec<&Descriptor> {
        match self {
            Self::Image(image) => std::iter::once(&image.config).chain(&image.layers).collect(),
            Self::Index(index) => index.manifests.iter().collect(),
        }
    }

    /// The manifest that this document is about, for a referrer.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }
}

fn within_limit(bytes: &[u8]) -> Result<u64, ManifestError> {
    let length = bytes.len() as u64;
    if length > MAXIMUM_LENGTH { Err(ManifestError::Length { length }) } else { Ok(length) }
}

/// Reads a document; returns its media type too.
fn read(bytes: &[u8], announced: &str) -> Result<(String, Document), ManifestError> {
    let value = strict_json::parse(bytes)?;
    let media_type = media_type_of(&value, announced)?;
    let kind = media_type::manifest_kind(&media_type).ok_or_else(|| ManifestError::MediaType(media_type.clone()))?;
    let has = |name: &str| value.get(name).is_some();
    let (like_image, like_index) = (has("config") || has("layers") || has("fsLayers"), has("manifests"));
    let document = match kind {
        ManifestKind::Image if like_index => return Err(ManifestError::Ambiguous),
        ManifestKind::Index if like_image => return Err(ManifestError::Ambiguous),
        ManifestKind::Image => Document::Image(Box::new(strict_json::into(value)?)),
        ManifestKind::Index => Document::Index(Box::new(strict_json::into(value)?)),
    };
    let count = document.children().len();
    if count > MAXIMUM_CHILDREN { Err(ManifestError::Children { count }) } else { Ok((media_type, document)) }
}

/// The one media type of a document: as announced, as it says itself, or as OCI's fields imply.
fn media_type_of(value: &Value, announced: &str) -> Result<String, ManifestError> {
    let announced = media_type::essence(announced);
    let says_nothing =
        matches!(announced.as_str(), "" | "application/json" | "text/plain" | "application/octet-stream");
    match value.get("mediaType") {
        Some(Value::String(own)) if says_nothing || *own == announced => Ok(own.clone()),
        None if !says_nothing => Ok(announced),
        None => match (value.get("config").is_some(), value.get("manifests").is_some()) {
            (true, true) => Err(ManifestError::Ambiguous),
            (true, false) => Ok(media_type::OCI_MANIFEST.to_owned()),
            (false, true) => Ok(media_type::OCI_INDEX.to_owned()),
            (false, false) => Err(ManifestError::Undeclared),
        },
        Some(other) => {
            let found = other.as_str().map_or_else(|| other.to_string(), ToOwned::to_owned);
            Err(ManifestError::MediaTypeDiffers { announced, found: found.chars().take(200).collect() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::media_type::{DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn descriptor() -> String {
        format!(r#"{{"mediaType":"a/b","digest":"{DIGEST}","size":0,"annotations":null,"else":[1]}}"#)
    }

    fn image(extra: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{0},"layers":[{0},{0}]{extra}}}"#, descriptor())
    }

    fn index(extra: &str) -> String {
        format!(r#"{{"schemaVersion":2,"manifests":[{}]{extra}}}"#, descriptor())
    }

    fn parse(text: &str, announced: &str) -> Result<Document, ManifestError> {
        Document::parse(text.as_bytes(), announced)
    }

    #[test]
    fn both_vendors_manifests_and_indexes_are_read() {
        for media_type in [OCI_MANIFEST, DOCKER_MANIFEST] {
            assert_eq!(parse(&image(""), media_type).unwrap().children().len(), 3);
            let own = image(&format!(r#","mediaType":"{media_type}""#));
            assert!(matches!(parse(&own, "application/json; charset=utf-8"), Ok(Document::Image(_))));
        }
        for media_type in [OCI_INDEX, DOCKER_INDEX] {
            assert_eq!(parse(&index(""), media_type).unwrap().children().len(), 1);
        }
        assert!(matches!(parse(&image(""), ""), Ok(Document::Image(_))));
        assert!(matches!(parse(&index(""), ""), Ok(Document::Index(_))));
    }

    #[test]
    fn a_cnab_configuration_manifest_has_null_layers() {
        let text = format!(r#"{{"schemaVersion":2,"config":{},"layers":null}}"#, descriptor());
        assert_eq!(parse(&text, OCI_MANIFEST).unwrap().children().len(), 1);
    }

    #[test]
    fn a_document_cannot_be_two_things() {
        let both = image(&format!(r#","manifests":[{}]"#, descriptor()));
        for announced in [OCI_MANIFEST, OCI_INDEX, ""] {
            assert!(matches!(parse(&both, announced), Err(ManifestError::Ambiguous)), "{announced}");
        }
        let index_with_layers = index(r#","layers":[]"#);
        assert!(matches!(parse(&index_with_layers, OCI_INDEX), Err(ManifestError::Ambiguous)));
        let disguised = image(&format!(r#","mediaType":"{OCI_INDEX}""#));
        assert!(matches!(parse(&disguised, OCI_MANIFEST), Err(ManifestError::MediaTypeDiffers { .. })));
        let numbered = image(r#","mediaType":7"#);
        assert!(matches!(parse(&numbered, OCI_MANIFEST), Err(ManifestError::MediaTypeDiffers { .. })));
    }

    #[test]
    fn schema_1_and_other_documents_are_not_supported() {
        let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert!(matches!(parse(r#"{"fsLayers":[]}"#, schema_1), Err(ManifestError::MediaType(_))));
        assert!(matches!(parse("{}", ""), Err(ManifestError::Undeclared)));
        assert!(matches!(parse("[[],[]]", OCI_INDEX), Err(ManifestError::Json(JsonError::Form(_)))));
        let listed = format!(r#"{{"manifests":[["a/b","{DIGEST}",0]]}}"#);
        assert!(matches!(parse(&listed, OCI_INDEX), Err(ManifestError::Json(JsonError::Form(_)))));
        assert!(matches!(parse(r#"{"manifests":[],"manifests":[]}"#, OCI_INDEX), Err(ManifestError::Json(_))));
    }

    #[test]
    fn lengths_and_counts_have_limits() {
        let long = vec![b' '; usize::try_from(MAXIMUM_LENGTH).unwrap() + 1];
        assert!(matches!(Document::parse(&long, OCI_INDEX), Err(ManifestError::Length { .. })));
        let short = format!(r#"{{"mediaType":"","digest":"{DIGEST}","size":0}}"#);
        let many = format!(r#"{{"manifests":[{}]}}"#, vec![short; MAXIMUM_CHILDREN + 1].join(","));
        assert!(matches!(parse(&many, OCI_INDEX), Err(ManifestError::Children { .. })));
        let negative = index("").replace(r#""size":0"#, r#""size":-1"#);
        assert!(matches!(parse(&negative, OCI_INDEX), Err(ManifestError::Json(_))));
    }

    #[test]
    fn other_bytes_than_those_described_are_refused() {
        let bytes = index("").into_bytes();
        let described = ManifestBytes::describe(bytes.clone(), "", Digest::sha256(&bytes)).unwrap();
        assert_eq!(described.descriptor(), &Descriptor::of(OCI_INDEX, &bytes));
        let other = Descriptor::of(OCI_INDEX, b"{}");
        assert!(matches!(ManifestBytes::new(other, bytes.clone()), Err(ManifestError::Mismatch { .. })));
        let too_short = Descriptor { size: 1, ..described.descriptor().clone() };
        assert!(matches!(ManifestBytes::new(too_short, bytes), Err(ManifestError::Mismatch { .. })));
    }
}
