//! Which layers are attestations, and what they are attached to.
//!
//! Two ways are known: a referrer has a `subject` (OCI Image Specification 1.1), and BuildKit lists an attestation
//! manifest in the index of an image, beside the manifest that it is about. What a layer says is for
//! [`in_toto::attestation`](crate::in_toto::attestation) to read.

use std::collections::{BTreeMap, BTreeSet};

use sealift_archive_format::Digest;

use super::descriptor::Descriptor;
use super::graph::{ATTESTED_MANIFEST, Graph};
use super::manifest::Document;
use super::media_type::essence;

/// BuildKit's remark on what a manifest in an index is.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// A layer that is an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// The layer.
    pub layer: Descriptor,
    /// The manifest or index that it is attached to.
    pub subject: Digest,
}

/// The attestations in a graph, each once for everything that it is attached to.
pub fn attached(graph: &Graph) -> Vec<Attached> {
    let documents: BTreeMap<&Digest, Document> = graph
        .manifests()
        .iter()
        .filter_map(|manifest| Some((&manifest.descriptor().digest, manifest.document().ok()?)))
        .collect();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for document in documents.values() {
        let attachments: Vec<(&Document, Digest)> = match document {
            Document::Image(_) => {
                document.subject().map(|subject| (document, subject.digest.clone())).into_iter().collect()
            }
            Document::Index(index) => index
                .manifests
                .iter()
                .filter_map(|child| Some((documents.get(&child.digest)?, attested(child)?)))
                .collect(),
        };
        for (attestation, subject) in attachments {
            let Document::Image(attestation) = attestation else { continue };
            for layer in attestation.layers.iter().filter(|layer| is_attestation(&layer.media_type)) {
                if seen.insert((layer.digest.clone(), subject.clone())) {
                    found.push(Attached { layer: layer.clone(), subject: subject.clone() });
                }
            }
        }
    }
    found
}

/// The manifest that an attestation manifest of BuildKit is about.
fn attested(child: &Descriptor) -> Option<Digest> {
    let is_attestation = child.annotations.get(REFERENCE_TYPE).is_some_and(|kind| kind == "attestation-manifest");
    child.annotations.get(ATTESTED_MANIFEST).filter(|_| is_attestation)?.parse().ok()
}

/// Whether a layer of this type is an in-toto Statement, bare, in a DSSE envelope, or in a Sigstore bundle.
fn is_attestation(media_type: &str) -> bool {
    let media_type = essence(media_type);
    matches!(media_type.as_str(), "application/vnd.in-toto+json" | "application/vnd.dsse.envelope.v1+json")
        || (media_type.starts_with("application/vnd.dev.sigstore.bundle") && media_type.ends_with("+json"))
}
