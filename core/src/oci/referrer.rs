//! The referrers of an image, by kind (OCI Image Specification 1.1, `subject` and `artifactType`).

use std::collections::{BTreeMap, HashMap, HashSet};

use sealift_archive_format::Digest;
pub use sealift_archive_format::{ReferrerKind, ReferrerKindError};

use super::attestation::is_attestation;
use super::descriptor::Descriptor;
use super::graph::Graph;
use super::manifest::{Document, ImageManifest, ManifestBytes};
use super::media_type::{DOCKER_CONFIG, OCI_CONFIG, essence, is_file_system};

/// What a bundle of Sigstore holds: `dsse-envelope` or `message-signature`.
const SIGSTORE_CONTENT: &str = "dev.sigstore.bundle.content";
/// The most referrers of one image.
pub const MAXIMUM_REFERRERS: usize = 1_000;
/// The levels of referrers: the image's referrers, and their referrers.
pub const MAXIMUM_DEPTH: usize = 2;

/// The kind of a referrer, from everything below it: one image is enough to make it an image.
pub fn kind_of(referrer: &Graph) -> ReferrerKind {
    let artifact_type = match referrer.root().document() {
        Document::Image(image) => image.artifact_type.as_deref(),
        Document::Index(index) => index.artifact_type.as_deref(),
    };
    let kinds = referrer.manifests().iter().filter_map(|manifest| match manifest.document() {
        Document::Image(image) => Some(kind_of_manifest(image, artifact_type)),
        Document::Index(index) => {
            index.layers().any(|layer| is_file_system(&essence(&layer.media_type))).then_some(ReferrerKind::Image)
        }
    });
    let rank = |kind: &ReferrerKind| ReferrerKind::ALL.iter().position(|other| other == kind);
    kinds.max_by_key(rank).unwrap_or(ReferrerKind::Other)
}

/// Whether every layer is an attestation by its media type, and there is one.
pub(crate) fn consists_of_attestations(image: &ImageManifest) -> bool {
    !image.layers.is_empty() && image.layers.iter().all(|layer| is_attestation(&layer.media_type))
}

fn kind_of_manifest(image: &ImageManifest, of_root: Option<&str>) -> ReferrerKind {
    let config = essence(&image.config.media_type);
    let layers = || image.layers.iter().map(|layer| essence(&layer.media_type));
    if layers().any(|layer| is_file_system(&layer)) {
        return ReferrerKind::Image;
    }
    if consists_of_attestations(image) {
        // cosign says so of what is only a signature in the form of a bundle of Sigstore.
        let content = image.annotations.get(SIGSTORE_CONTENT).map(AsRef::as_ref);
        return if content == Some("message-signature") { ReferrerKind::Signature } else { ReferrerKind::Attestation };
    }
    // Anything runnable is an image, whatever type it states.
    let is_remark = |layer: String| is_attestation(&layer) || is_signature(&layer) || is_sbom(&layer);
    let only_remarks = !image.layers.is_empty() && layers().all(is_remark);
    if (config == OCI_CONFIG || config == DOCKER_CONFIG) && !only_remarks {
        return ReferrerKind::Image;
    }
    let own = image.artifact_type.as_deref();
    let types = || own.into_iter().chain(of_root).map(essence).chain([config.clone()]).chain(layers());
    if types().any(|named| is_signature(&named)) {
        ReferrerKind::Signature
    } else if types().any(|named| is_sbom(&named)) {
        ReferrerKind::Sbom
    } else if types().any(|named| is_attestation(&named)) {
        ReferrerKind::Attestation
    } else {
        ReferrerKind::Other
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

/// The descriptor of a referrer in a list of referrers: with what is to be copied from its manifest (OCI Distribution 1.1, "Listing
/// Referrers").
pub fn listed(referrer: &ManifestBytes) -> Descriptor {
    let (artifact_type, annotations) = match referrer.document() {
        Document::Image(image) => (image.artifact_type.as_ref().or(Some(&image.config.media_type)), &image.annotations),
        Document::Index(index) => (index.artifact_type.as_ref(), &index.annotations),
    };
    let Descriptor { media_type, digest, size, .. } = referrer.descriptor();
    let (artifact_type, annotations) = (artifact_type.cloned(), annotations.clone());
    Descriptor { artifact_type, annotations, ..Descriptor::new(media_type, digest.clone(), *size) }
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
