//! Manifests and indexes, read from the bytes that were hashed.
//!
//! Promise: one document has one meaning, for us and for everyone. A document is refused if it could be read as both a
//! manifest and an index, if it lacks a member that its kind must have, if it has two members with the same name (even
//! only to readers that ignore case), or if its own `mediaType` is not the one that it was announced with. Unknown
//! members are fine. OCI Image Specification 1.1, "Image Manifest" and "Image Index"; Docker image manifest version 2,
//! schema 2.

use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::descriptor::{Annotations, Descriptor, null_as_default};
use super::media_type::{self, Announced, DOCKER_CONFIG, ManifestKind, OCI_CONFIG};
use crate::remedy::{Remediable, Remedy};

/// The longest manifest or index, in bytes. Registries agree on this limit (OCI Distribution 1.1, "Pushing Manifests").
pub const MAXIMUM_LENGTH: u64 = 4 * 1024 * 1024;
/// The most layers of an image, or manifests of an index.
pub const MAXIMUM_CHILDREN: usize = 10_000;

/// A manifest or an index: its bytes, proven to match their descriptor, and their meaning. Read once, and cheap to
/// clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBytes(Arc<Read>);

#[derive(Debug, PartialEq, Eq)]
struct Read {
    descriptor: Descriptor,
    bytes: Arc<[u8]>,
    document: Document,
}

/// A manifest of an image or artifact, or an index of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// One image, or one artifact.
    Image(Box<ImageManifest>),
    /// A list of manifests.
    Index(Box<ImageIndex>),
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first. CNAB's configuration manifests have none, and write `null`.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about, for a referrer.
    pub subject: Option<Descriptor>,
    /// The artifact's type, if it is not an image.
    pub artifact_type: Option<String>,
    /// Free remarks.
    pub annotations: Annotations,
}

/// An image index, or a Docker manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIndex {
    /// What is listed.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this index is about, for a referrer.
    pub subject: Option<Descriptor>,
    /// The artifact's type, if it is not an image.
    pub artifact_type: Option<String>,
    /// Free remarks.
    pub annotations: Annotations,
}

/// Every member of any kind of document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: Option<u64>,
    media_type: Option<String>,
    config: Option<Descriptor>,
    #[serde(default, deserialize_with = "present")]
    layers: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "present")]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default, deserialize_with = "present")]
    fs_layers: Option<IgnoredAny>,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: Annotations,
}

/// Reads a member that is present, where `null` means an empty value.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    null_as_default(deserializer).map(Some)
}

/// Why bytes are not a supported manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is too long.
    #[error("the manifest has {length} bytes; the limit is {MAXIMUM_LENGTH}")]
    Length {
        /// The length, in bytes.
        length: u64,
    },
    /// It lists too many layers or manifests.
    #[error("the manifest lists {count} items; the limit is {MAXIMUM_CHILDREN}")]
    Children {
        /// How many there are.
        count: usize,
    },
    /// It is not strict JSON, or does not have the members of a manifest.
    #[error("the manifest cannot be read")]
    Json(#[from] JsonError),
    /// It is an image manifest of Docker's schema 1, which Docker itself no longer reads.
    #[error("it is a Docker image manifest of schema 1, a form that was given up and is not carried")]
    DockerSchema1,
    /// It does not state the one supported schema version.
    #[error("the manifest has schemaVersion {}; only 2 is supported", .found.map_or("missing".to_owned(), |found| found.to_string()))]
    SchemaVersion {
        /// The version that it states.
        found: Option<u64>,
    },
    /// It lacks a member that every document of its kind has.
    #[error("the document of type {media_type} has no {member}")]
    Member {
        /// The media type.
        media_type: &'static str,
        /// The member.
        member: &'static str,
    },
    /// Its media type is neither a manifest's nor an index's.
    #[error("media type {0:?} is not that of a supported manifest")]
    MediaType(String),
    /// The document states a type other than the one it was announced with.
    #[error("the manifest was announced as {announced:?}, but states {found:?}")]
    MediaTypeDiffers {
        /// What the descriptor or the registry says.
        announced: String,
        /// What the document says.
        found: String,
    },
    /// It has fields of both a manifest and an index, so readers would disagree about what it lists.
    #[error("the document is both a manifest and an index")]
    Ambiguous,
    /// It has neither a media type nor fields that say what it is.
    #[error("the document does not say whether it is a manifest or an index")]
    Undeclared,
    /// The bytes are not those that were described.
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

/// Of a source that has it. Whether pushing it again helps is decided by whether the source has something else than it says.
impl Remediable for ManifestError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::DockerSchema1 => Remedy::ConvertImage,
            Self::Mismatch { .. } => Remedy::PushImageAgain,
            Self::Length { .. }
            | Self::Children { .. }
            | Self::Json(_)
            | Self::SchemaVersion { .. }
            | Self::Member { .. }
            | Self::MediaType(_)
            | Self::MediaTypeDiffers { .. }
            | Self::Ambiguous
            | Self::Undeclared => Remedy::RebuildImage,
        }
    }
}

impl ManifestBytes {
    /// Reads `bytes` if they are what `descriptor` describes. The media type is then the document's own: a descriptor
    /// may write it differently, or not state it.
    ///
    /// # Errors
    /// Any [`ManifestError`].
    pub fn new(descriptor: Descriptor, bytes: Vec<u8>) -> Result<Self, ManifestError> {
        let length = within_limit(&bytes)?;
        if !descriptor.matches(&bytes) {
            let (digest, size) = (descriptor.digest, descriptor.size);
            return Err(ManifestError::Mismatch { digest, size, found: Digest::sha256(&bytes), length });
        }
        let (media_type, document) = read(&bytes, &descriptor.media_type)?;
        let descriptor = Descriptor { media_type: media_type.to_owned(), ..descriptor };
        Ok(Self(Arc::new(Read { descriptor, bytes: bytes.into(), document })))
    }

    /// Describes `bytes` that were announced with a media type, or with one that does not say which
    /// (`application/json`).
    ///
    /// # Errors
    /// Any [`ManifestError`].
    pub fn describe(bytes: Vec<u8>, announced: &str, digest: Digest) -> Result<Self, ManifestError> {
        let length = within_limit(&bytes)?;
        Self::new(Descriptor::new(announced, digest, length), bytes)
    }

    /// Type, digest and size.
    pub fn descriptor(&self) -> &Descriptor {
        &self.0.descriptor
    }

    /// The bytes, as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The bytes, shared.
    pub fn shared_bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.0.bytes)
    }

    /// What the bytes say.
    pub fn document(&self) -> &Document {
        &self.0.document
    }

    /// Refuses a descriptor that describes something else: a different digest, size or type.
    ///
    /// # Errors
    /// [`ManifestError::Mismatch`], [`ManifestError::MediaTypeDiffers`].
    pub fn require_listed_as(&self, listed: &Descriptor) -> Result<(), ManifestError> {
        let Descriptor { digest, size, media_type, .. } = self.descriptor();
        if (digest, size) != (&listed.digest, &listed.size) {
            let (expected, found) = (listed.digest.clone(), digest.clone());
            return Err(ManifestError::Mismatch { digest: expected, size: listed.size, found, length: *size });
        }
        match Announced::by(&listed.media_type) {
            Announced::Nothing => Ok(()),
            Announced::Type(announced) if announced == *media_type => Ok(()),
            Announced::Type(announced) => Err(ManifestError::MediaTypeDiffers { announced, found: media_type.clone() }),
        }
    }
}

impl ImageIndex {
    /// The manifests that it lists, without what it lists as layers or other opaque content.
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|child| media_type::may_be_manifest(&child.media_type))
    }

    /// What it lists that is not a manifest: the layers of BuildKit's cache and their configuration, and whatever has another type. It is
    /// opaque content, and kept as blobs are.
    pub fn layers(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|child| !media_type::may_be_manifest(&child.media_type))
    }
}

impl Document {
    /// What kind of artifact it is: the type that it states, or that of its configuration. `None` for an image of a container.
    pub fn artifact_type(&self) -> Option<&str> {
        match self {
            Self::Index(index) => index.artifact_type.as_deref(),
            Self::Image(image) => image.artifact_type.as_deref().or_else(|| {
                let of_config = image.config.media_type.as_str();
                let is_container = [OCI_CONFIG, DOCKER_CONFIG].contains(&of_config);
                (!is_container).then_some(of_config)
            }),
        }
    }

    /// The layers of an image, or what an index lists as such.
    pub fn layers(&self) -> Vec<&Descriptor> {
        match self {
            Self::Image(image) => image.layers.iter().collect(),
            Self::Index(index) => index.layers().collect(),
        }
    }

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

    /// How many items the document lists.
    pub fn child_count(&self) -> usize {
        match self {
            Self::Image(image) => image.layers.len().saturating_add(1),
            Self::Index(index) => index.manifests.len(),
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
fn read(bytes: &[u8], announced: &str) -> Result<(&'static str, Document), ManifestError> {
    let raw: RawDocument = strict_json::read(bytes, Names::Folded)?;
    let is_schema_1 = raw.schema_version == Some(1) && raw.fs_layers.is_some();
    if is_schema_1
        || matches!(Announced::by(announced), Announced::Type(announced) if media_type::is_docker_schema_1(&announced))
    {
        return Err(ManifestError::DockerSchema1);
    }
    let media_type = raw.media_type(Announced::by(announced))?;
    let (media_type, kind) = media_type::manifest(&media_type).ok_or(ManifestError::MediaType(media_type))?;
    if raw.schema_version != Some(2) {
        return Err(ManifestError::SchemaVersion { found: raw.schema_version });
    }
    let document = match kind {
        ManifestKind::Image => Document::Image(Box::new(raw.image(media_type)?)),
        ManifestKind::Index => Document::Index(Box::new(raw.index(media_type)?)),
    };
    let count = document.child_count();
    if count > MAXIMUM_CHILDREN { Err(ManifestError::Children { count }) } else { Ok((media_type, document)) }
}

impl RawDocument {
    /// The one media type of a document: as announced, as the document states, or as its OCI members imply.
    fn media_type(&self, announced: Announced) -> Result<String, ManifestError> {
        match (announced, &self.media_type) {
            (Announced::Nothing, Some(own)) => Ok(own.clone()),
            (Announced::Type(announced), Some(own)) if announced == *own => Ok(announced),
            (Announced::Type(announced), None) => Ok(announced),
            (Announced::Type(announced), Some(own)) => {
                Err(ManifestError::MediaTypeDiffers { announced, found: own.chars().take(200).collect() })
            }
            (Announced::Nothing, None) => match (self.config.is_some(), self.manifests.is_some()) {
                (true, true) => Err(ManifestError::Ambiguous),
                (true, false) => Ok(media_type::OCI_MANIFEST.to_owned()),
                (false, true) => Ok(media_type::OCI_INDEX.to_owned()),
                (false, false) => Err(ManifestError::Undeclared),
            },
        }
    }

    fn image(self, media_type: &'static str) -> Result<ImageManifest, ManifestError> {
        let missing = |member| ManifestError::Member { media_type, member };
        if self.manifests.is_some() || self.fs_layers.is_some() {
            return Err(ManifestError::Ambiguous);
        }
        Ok(ImageManifest {
            config: self.config.ok_or(missing("config"))?,
            layers: self.layers.ok_or(missing("layers"))?,
            subject: self.subject,
            artifact_type: self.artifact_type,
            annotations: self.annotations,
        })
    }

    fn index(self, media_type: &'static str) -> Result<ImageIndex, ManifestError> {
        if self.config.is_some() || self.layers.is_some() || self.fs_layers.is_some() {
            return Err(ManifestError::Ambiguous);
        }
        Ok(ImageIndex {
            manifests: self.manifests.ok_or(ManifestError::Member { media_type, member: "manifests" })?,
            subject: self.subject,
            artifact_type: self.artifact_type,
            annotations: self.annotations,
        })
    }
}

#[cfg(test)]
mod tests;
