//! Manifests and indexes, read from the bytes that their digest is of.
//!
//! Promise: one document has one meaning, ours and everyone's. A document is refused that could be read as both a manifest
//! and an index, that lacks what its kind has, that has two members of one name (also to readers that ignore case), or
//! whose own `mediaType` is not the one it was announced with. Unknown members are fine.
//! OCI Image Specification 1.1, "Image Manifest" and "Image Index"; Docker image manifest version 2, schema 2.

use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError, Names};
use serde::Deserialize;

use super::descriptor::{Annotations, Descriptor, Passed, null_as_default};
use super::media_type::{self, Announced, ManifestKind};

/// The longest manifest or index, in bytes. Registries agree on this limit (OCI Distribution 1.1, "Pushing Manifests").
pub const MAXIMUM_LENGTH: u64 = 4 * 1024 * 1024;
/// The most layers of an image, or manifests of an index.
pub const MAXIMUM_CHILDREN: usize = 10_000;

/// A manifest or an index: its bytes, proven to be what their descriptor says, and what they say. Read once, and cheap to
/// clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestBytes(Arc<Read>);

#[derive(Debug, PartialEq, Eq)]
struct Read {
    descriptor: Descriptor,
    bytes: Arc<[u8]>,
    document: Document,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first. CNAB's configuration manifests have none, and write `null`.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about, for a referrer.
    pub subject: Option<Descriptor>,
    /// What the artifact is, if it is not an image.
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
    /// What the artifact is, if it is not an image.
    pub artifact_type: Option<String>,
    /// Free remarks.
    pub annotations: Annotations,
}

/// Every member that some kind of document has.
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
    fs_layers: Option<Passed>,
    subject: Option<Descriptor>,
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    annotations: Annotations,
}

/// Reads a member that is there, where `null` stands for an empty value.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    null_as_default(deserializer).map(Some)
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
    /// Not of the one schema version that is understood: Docker's schema 1, or a document that states none.
    #[error("a manifest with schemaVersion {}: only 2 is understood", .found.map_or("missing".to_owned(), |found| found.to_string()))]
    SchemaVersion {
        /// What it states.
        found: Option<u64>,
    },
    /// A member is missing that every document of its kind has.
    #[error("{media_type} without {member}")]
    Member {
        /// The media type.
        media_type: &'static str,
        /// The member.
        member: &'static str,
    },
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
    /// Takes `bytes` when they are what `descriptor` describes, and reads them. Its media type is then the document's own:
    /// a descriptor may write it in another way, or say nothing of it.
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

    /// Describes `bytes` that were announced with a media type, or with one that says nothing (`application/json`).
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

    /// Refuses a descriptor that describes something else: another digest or size, or another type.
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
    /// The one media type of a document: as announced, as it says itself, or as OCI's members imply.
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
        assert!(matches!(parse(&numbered, OCI_MANIFEST), Err(ManifestError::Json(_))));
    }

    #[test]
    fn schema_1_and_other_documents_are_not_supported() {
        let schema_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert!(matches!(parse(r#"{"fsLayers":[]}"#, schema_1), Err(ManifestError::MediaType(_))));
        assert!(matches!(parse("{}", ""), Err(ManifestError::Undeclared)));
        for version in ["", r#""schemaVersion":1,"#, r#""schemaVersion":null,"#] {
            let text = format!(r#"{{{version}"manifests":[]}}"#);
            assert!(matches!(parse(&text, OCI_INDEX), Err(ManifestError::SchemaVersion { .. })), "{text}");
        }
        assert!(matches!(parse("[[],[]]", OCI_INDEX), Err(ManifestError::Json(JsonError::Form(_)))));
        let listed = format!(r#"{{"schemaVersion":2,"manifests":[["a/b","{DIGEST}",0]]}}"#);
        assert!(matches!(parse(&listed, OCI_INDEX), Err(ManifestError::Json(JsonError::Form(_)))));
        assert!(matches!(parse(r#"{"manifests":[],"manifests":[]}"#, OCI_INDEX), Err(ManifestError::Json(_))));
    }

    #[test]
    fn a_document_of_one_kind_is_not_read_as_another() {
        let without = |member: &str| image("").replace(&format!(r#""{member}""#), r#""other""#);
        for (text, announced, missing) in [
            (r#"{"schemaVersion":2,"name":"a bundle.json"}"#.to_owned(), OCI_INDEX, "manifests"),
            (r#"{"schemaVersion":2,"name":"a bundle.json"}"#.to_owned(), OCI_MANIFEST, "config"),
            (without("layers"), OCI_MANIFEST, "layers"),
            (without("config"), DOCKER_MANIFEST, "config"),
        ] {
            let error = parse(&text, announced).unwrap_err();
            assert!(matches!(error, ManifestError::Member { member, .. } if member == missing), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_document_has_one_meaning_for_readers_that_ignore_case_too() {
        let listed = descriptor();
        for extra in [
            format!(r#","Manifests":[{listed}]"#),
            r#","mediatype":"a/b""#.to_owned(),
            format!(r#","Subject":{listed}"#),
            format!(r#","\u017fubject":{listed}"#),
            r#","a":{"x":1,"X":2}"#.to_owned(),
            r#","annotations":{"\u212a":"1","k":"2"}"#.to_owned(),
            format!(r#","Config":{listed}"#),
        ] {
            assert!(matches!(parse(&index(&extra), OCI_INDEX), Err(ManifestError::Json(_))), "{extra}");
        }
        for (member, other) in
            [("digest", "Digest"), ("platform", "PLATFORM"), ("data", "Data"), ("size", "\\u017fize")]
        {
            let text = index("").replace(r#""size":0"#, &format!(r#""size":0,"{other}":0"#));
            assert!(matches!(parse(&text, OCI_INDEX), Err(ManifestError::Json(_))), "{member}: {text}");
        }
    }

    #[test]
    fn a_media_type_is_compared_in_one_way() {
        let bytes = index("").into_bytes();
        let listed = |media_type: &str| Descriptor { media_type: media_type.to_owned(), ..Descriptor::of("", &bytes) };
        let upper = OCI_INDEX.to_uppercase();
        for written in
            ["", "application/json", "TEXT/PLAIN", "application/octet-stream; x=y", OCI_INDEX, upper.as_str()]
        {
            let read = ManifestBytes::new(listed(written), bytes.clone()).unwrap();
            assert_eq!(read.descriptor().media_type, OCI_INDEX, "{written}");
            read.require_listed_as(&listed(written)).unwrap();
            read.require_listed_as(&listed(&format!(" {OCI_INDEX}; charset=utf-8"))).unwrap();
            assert!(read.require_listed_as(&listed(OCI_MANIFEST)).is_err());
        }
    }

    #[test]
    fn lengths_and_counts_have_limits() {
        let long = vec![b' '; usize::try_from(MAXIMUM_LENGTH).unwrap() + 1];
        assert!(matches!(Document::parse(&long, OCI_INDEX), Err(ManifestError::Length { .. })));
        let short = format!(r#"{{"mediaType":"","digest":"{DIGEST}","size":0}}"#);
        let many = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, vec![short; MAXIMUM_CHILDREN + 1].join(","));
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
