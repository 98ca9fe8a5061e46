//! The referrers of an image, by kind (OCI Image Specification 1.1, `subject` and `artifactType`).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use sealift_archive_format::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::attestation::is_attestation;
use super::graph::Graph;
use super::manifest::{Document, ImageManifest};
use super::media_type::{DOCKER_CONFIG, OCI_CONFIG, essence, is_file_system};

/// The most referrers of one image.
pub const MAXIMUM_REFERRERS: usize = 1_000;
/// The levels of referrers: the image's referrers, and their referrers.
pub const MAXIMUM_DEPTH: usize = 2;

/// What a referrer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReferrerKind {
    /// In-toto Statements, bare, in DSSE envelopes or in Sigstore bundles, and nothing else.
    Attestation,
    /// A signature of Notation or cosign.
    Signature,
    /// A software bill of materials: SPDX, CycloneDX, Syft.
    Sbom,
    /// Anything else that is not runnable.
    Other,
    /// An image that a container runtime would run, or an index with such an image. It is more than a comment on the
    /// image that it refers to, and nobody vouches for it.
    Image,
}

impl ReferrerKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Attestation, Self::Signature, Self::Sbom, Self::Other, Self::Image];

    /// The kind of a referrer, from everything below it: one image is enough to make it an image.
    pub fn of(referrer: &Graph) -> Self {
        let artifact_type = match referrer.root().document() {
            Document::Image(image) => image.artifact_type.as_deref(),
            Document::Index(index) => index.artifact_type.as_deref(),
        };
        let images = referrer.manifests().iter().filter_map(|manifest| match manifest.document() {
            Document::Image(image) => Some(Self::of_manifest(image, artifact_type)),
            Document::Index(index) => {
                index.layers().any(|layer| is_file_system(&essence(&layer.media_type))).then_some(Self::Image)
            }
        });
        images.max().unwrap_or(Self::Other)
    }

    fn of_manifest(image: &ImageManifest, of_root: Option<&str>) -> Self {
        let config = essence(&image.config.media_type);
        let layers = || image.layers.iter().map(|layer| essence(&layer.media_type));
        if layers().any(|layer| is_file_system(&layer)) {
            return Self::Image;
        }
        if !image.layers.is_empty() && layers().all(|layer| is_attestation(&layer)) {
            return Self::Attestation;
        }
        // Anything runnable is an image, whatever type it states.
        let is_remark = |layer: String| is_attestation(&layer) || is_signature(&layer) || is_sbom(&layer);
        let only_remarks = !image.layers.is_empty() && layers().all(is_remark);
        if (config == OCI_CONFIG || config == DOCKER_CONFIG) && !only_remarks {
            return Self::Image;
        }
        let own = image.artifact_type.as_deref();
        let types = || own.into_iter().chain(of_root).map(essence).chain([config.clone()]).chain(layers());
        if types().any(|named| is_signature(&named)) {
            Self::Signature
        } else if types().any(|named| is_sbom(&named)) {
            Self::Sbom
        } else {
            Self::Other
        }
    }

    /// The name: `attestation`, `signature`, `sbom`, `other` or `image`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::Signature => "signature",
            Self::Sbom => "sbom",
            Self::Other => "other",
            Self::Image => "image",
        }
    }
}

/// The true referrers among the candidates, in their one order: level by level, first the referrers of these
/// manifests, then the referrers of those, [`MAXIMUM_DEPTH`] levels in all. Within a level they follow the order of
/// their subjects (on the first level, that of `manifests`); referrers of one subject are sorted by digest.
/// None of the manifests is a referrer.
pub fn in_order<'g>(manifests: &[&'g Digest], referrers: impl IntoIterator<Item = &'g Graph>) -> Vec<&'g Graph> {
    let mut by_subject: HashMap<&Digest, BTreeMap<&Digest, &Graph>> = HashMap::new();
    for referrer in referrers {
        if let Some(subject) = referrer.root().document().subject() {
            let digest = &referrer.root().descriptor().digest;
            by_subject.entry(&subject.digest).or_default().insert(digest, referrer);
        }
    }
    let mut subjects: Vec<&Digest> = manifests.to_vec();
    let mut seen: HashSet<&Digest> = subjects.iter().copied().collect();
    let mut ordered = Vec::new();
    for _ in 0..MAXIMUM_DEPTH {
        let mut level = Vec::new();
        for (digest, referrer) in subjects.iter().filter_map(|subject| by_subject.get(subject)).flatten() {
            if seen.insert(digest) {
                level.push(*digest);
                ordered.push(*referrer);
            }
        }
        subjects = level;
    }
    ordered
}

fn is_signature(media_type: &str) -> bool {
    matches!(media_type, "application/vnd.cncf.notary.signature" | "application/jose+json" | "application/cose")
        || media_type == "application/vnd.dev.cosign.simplesigning.v1+json"
        || media_type.starts_with("application/vnd.dev.cosign.artifact.sig.")
        || media_type == "application/pgp-signature"
}

fn is_sbom(media_type: &str) -> bool {
    let forms = [
        "application/spdx",
        "text/spdx",
        "application/vnd.cyclonedx",
        "application/vnd.syft+json",
        "application/vnd.dev.cosign.artifact.sbom.",
    ];
    forms.iter().any(|form| media_type.starts_with(form)) && !media_type.contains(".tar")
}

impl fmt::Display for ReferrerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not a kind of referrer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of referrer: expected attestation, signature, sbom, other or image")]
pub struct ReferrerKindError(String);

impl FromStr for ReferrerKind {
    type Err = ReferrerKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == text);
        named.ok_or_else(|| ReferrerKindError(text.chars().take(40).collect()))
    }
}

impl Serialize for ReferrerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ReferrerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The kinds that are carried by default: all except images.
pub fn usual_kinds() -> BTreeSet<ReferrerKind> {
    ReferrerKind::ALL.into_iter().filter(|kind| *kind != ReferrerKind::Image).collect()
}
