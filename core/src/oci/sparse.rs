//! What stands in for an index that a registry does not take, because it does not have everything that the index lists.
//!
//! Promise: the stand-in is a function of the signed index and of what is carried, so nobody has to vouch for it: it lists what is
//! carried as the signed index lists it, and nothing else. It says from which index it was made, for people; nothing relies on that.

use std::collections::{BTreeSet, HashMap, HashSet};

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError};
use serde_json::{Map, Value, json};

use super::attestation;
use super::descriptor::Descriptor;
use super::graph::Graph;
use super::manifest::{Document, ImageIndex, ManifestBytes, ManifestError};
use super::media_type::{OCI_INDEX, may_be_manifest};

/// The annotation of an index that was made here: the digest of the index that it stands in for.
pub const MADE_FROM: &str = "sealift.made-from";

/// What is delivered in the place of the manifests of a graph that are not delivered as they are.
#[derive(Debug, Default)]
pub(crate) struct StandIns {
    by_digest: HashMap<Digest, ManifestBytes>,
    /// The indexes that were made here, children before parents.
    made: Vec<ManifestBytes>,
}

impl StandIns {
    /// Stand-ins for those indexes of a graph that are `refused`, and for those above them.
    ///
    /// An index of which one platform is carried is replaced by the manifest of that platform; any other by a new index.
    ///
    /// # Errors
    /// [`ManifestError`] if an index cannot be written again.
    pub(crate) fn of(graph: &Graph, refused: &HashSet<&Digest>) -> Result<Self, ManifestError> {
        let carried: HashMap<&Digest, &ManifestBytes> =
            graph.manifests().iter().map(|manifest| (&manifest.descriptor().digest, manifest)).collect();
        let mut stand_ins = Self::default();
        let without = graph.left_out_by_digest();
        // Children come before parents.
        for manifest in graph.manifests() {
            let Document::Index(index) = manifest.document() else { continue };
            let digest = &manifest.descriptor().digest;
            let is_above = index.manifests.iter().any(|child| stand_ins.by_digest.contains_key(&child.digest));
            if !is_above && !refused.contains(digest) {
                continue;
            }
            let stand_in = match one_platform(index, &carried, &without) {
                Some(only) => stand_ins.of_manifest(only).clone(),
                None => {
                    let made = stand_ins.index(manifest, &carried, &without)?;
                    stand_ins.made.push(made.clone());
                    made
                }
            };
            stand_ins.by_digest.insert(digest.clone(), stand_in);
        }
        Ok(stand_ins)
    }

    /// What is delivered in the place of a manifest: itself, where it has no stand-in.
    pub(crate) fn of_manifest<'m>(&'m self, manifest: &'m ManifestBytes) -> &'m ManifestBytes {
        self.by_digest.get(&manifest.descriptor().digest).unwrap_or(manifest)
    }

    /// The digest under which something is delivered.
    pub(crate) fn digest<'m>(&'m self, digest: &'m Digest) -> &'m Digest {
        self.by_digest.get(digest).map_or(digest, |stand_in| &stand_in.descriptor().digest)
    }

    /// The indexes that were made here, children before parents.
    pub(crate) fn made(&self) -> &[ManifestBytes] {
        &self.made
    }

    /// An index like this one, of what is carried.
    fn index(
        &self,
        manifest: &ManifestBytes,
        carried: &HashMap<&Digest, &ManifestBytes>,
        without: &BTreeSet<&Digest>,
    ) -> Result<ManifestBytes, ManifestError> {
        let Value::Object(mut document) = strict_json::parse(manifest.bytes())? else {
            return Err(ManifestError::Undeclared);
        };
        let children = match document.remove("manifests") {
            Some(Value::Array(children)) => children,
            _ => Vec::new(),
        };
        let listed = children.into_iter().filter_map(|child| self.entry(child, carried, without)).collect();
        let mut remarks = match document.remove("annotations") {
            Some(Value::Object(remarks)) => remarks,
            _ => Map::new(),
        };
        remarks.insert(MADE_FROM.to_owned(), json!(manifest.descriptor().digest));
        document.insert("mediaType".to_owned(), json!(OCI_INDEX));
        document.insert("manifests".to_owned(), Value::Array(listed));
        document.insert("annotations".to_owned(), Value::Object(remarks));
        // A stand-in is not about what the signed index is about.
        document.remove("subject");
        let bytes = serde_json::to_vec(&document).map_err(JsonError::from)?;
        let digest = Digest::sha256(&bytes);
        ManifestBytes::describe(bytes, OCI_INDEX, digest)
    }

    /// An entry of an index as its stand-in has it; `None` for what is not carried.
    fn entry(
        &self,
        mut entry: Value,
        carried: &HashMap<&Digest, &ManifestBytes>,
        without: &BTreeSet<&Digest>,
    ) -> Option<Value> {
        let digest: Digest = entry.get("digest")?.as_str()?.parse().ok()?;
        // Layers are there, whatever platforms are.
        if entry.get("mediaType").and_then(Value::as_str).is_some_and(|media_type| !may_be_manifest(media_type)) {
            return (!without.contains(&digest)).then_some(entry);
        }
        let delivered = self.of_manifest(carried.get(&digest)?).descriptor();
        if delivered.digest != digest {
            let members = entry.as_object_mut()?;
            members.insert("mediaType".to_owned(), json!(delivered.media_type));
            members.insert("digest".to_owned(), json!(delivered.digest));
            members.insert("size".to_owned(), json!(delivered.size));
            members.remove("data");
        }
        Some(entry)
    }
}

/// The one manifest that is carried of an index that others are missing from, not counting attestations about it.
fn one_platform<'m>(
    index: &ImageIndex,
    carried: &HashMap<&Digest, &'m ManifestBytes>,
    without: &BTreeSet<&Digest>,
) -> Option<&'m ManifestBytes> {
    let is_carried = |child: &&Descriptor| carried.contains_key(&child.digest);
    let is_whole = || index.manifests.iter().all(|child| !without.contains(&child.digest));
    if index.layers().any(|layer| !without.contains(&layer.digest))
        || (index.children().all(|child| is_carried(&child)) && is_whole())
    {
        return None;
    }
    let mut others = index.children().filter(is_carried).filter(|child| attestation::attested(child).is_none());
    let only = others.next()?;
    others.all(|other| other.digest == only.digest).then(|| carried.get(&only.digest).copied())?
}
