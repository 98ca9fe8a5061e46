//! Which layers are attestations, and what they are attached to.
//!
//! There are two known ways: a referrer has a `subject` (OCI Image Specification 1.1), or BuildKit lists an attestation
//! manifest in the index of an image, beside the manifest that it is about. What a layer says is for
//! [`in_toto::attestation`](sealift_proof::in_toto::attestation) to read.

use std::collections::{HashMap, HashSet};

use sealift_archive_format::Digest;

use super::descriptor::Descriptor;
use super::manifest::{Document, ManifestBytes};
use super::media_type::essence;

/// BuildKit's annotation of an attestation in an index: the digest of the manifest that it is about.
const ATTESTED_MANIFEST: &str = "vnd.docker.reference.digest";
/// BuildKit's annotation that says what a manifest in an index is.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// A layer that is an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The layer.
    pub layer: Descriptor,
    /// The manifest or index that it is attached to.
    pub subject: Digest,
    /// What says that it is attached to that.
    pub by: AttachedBy,
}

/// What says that an attestation is attached to a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachedBy {
    /// The `subject` of the manifest that has it, or of the referrer above that.
    Subject,
    /// An index of the image, as BuildKit writes it.
    Index,
}

/// The attestations in a graph, each once for everything that it is attached to, in the order of the manifests.
/// Anything below a referrer is attached to the referrer's subject. `None` if there are more than `limit`.
pub(super) fn attached(manifests: &[ManifestBytes], limit: usize) -> Option<Vec<Attached>> {
    let about = manifests.last().and_then(|root| root.document().subject()).map(|subject| &subject.digest);
    let mut listed: HashMap<&Digest, Vec<Digest>> = HashMap::new();
    for manifest in manifests {
        let Document::Index(index) = manifest.document() else { continue };
        for child in &index.manifests {
            listed.entry(&child.digest).or_default().extend(attested(child));
        }
    }
    let (mut found, mut seen, mut tried) = (Vec::new(), HashSet::new(), 0_usize);
    for manifest in manifests {
        let Document::Image(image) = manifest.document() else { continue };
        let own = image.subject.as_ref().map(|subject| &subject.digest).or(about);
        let beside = listed.get(&manifest.descriptor().digest).into_iter().flatten();
        let own = own.into_iter().map(|subject| (subject, AttachedBy::Subject));
        let subjects = own.chain(beside.map(|subject| (subject, AttachedBy::Index)));
        let layers = image.layers.iter().filter(|layer| is_attestation(&layer.media_type));
        let pairs = subjects.flat_map(|subject| layers.clone().map(move |layer| (layer, subject)));
        for (layer, (subject, by)) in pairs {
            tried += 1;
            if tried > limit {
                return None;
            }
            if seen.insert((layer.digest.clone(), subject.clone())) {
                found.push(Attached { layer: layer.clone(), subject: subject.clone(), by });
            }
        }
    }
    Some(found)
}

/// The manifest that a BuildKit attestation manifest is about.
pub(crate) fn attested(child: &Descriptor) -> Option<Digest> {
    child.annotations.get(REFERENCE_TYPE).filter(|kind| *kind == "attestation-manifest")?;
    child.annotations.get(ATTESTED_MANIFEST)?.parse().ok()
}

/// Whether a layer of this type is an in-toto Statement, bare, in a DSSE envelope, or in a Sigstore bundle.
pub(super) fn is_attestation(media_type: &str) -> bool {
    let media_type = essence(media_type);
    matches!(media_type.as_str(), "application/vnd.in-toto+json" | "application/vnd.dsse.envelope.v1+json")
        || (media_type.starts_with("application/vnd.dev.sigstore.bundle") && media_type.ends_with("+json"))
}
