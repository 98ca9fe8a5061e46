//! What stands in for an index that a registry does not take, because it does not have everything that the index lists.
//!
//! Promise: the stand-in is a function of the signed index and of what is carried, so nobody has to vouch for it: it lists what is
//! carried as the signed index lists it, and nothing else. What is in nested indexes of an image is listed at the top, because few clients
//! look further, and an image for which no index states a platform gets the one that its configuration states. A stand-in says from which
//! index it was made, for people; nothing relies on that.

use std::collections::{BTreeSet, HashMap, HashSet};

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError};
use serde_json::{Map, Value, json};

use super::attestation;
use super::graph::Graph;
use super::manifest::{Document, ManifestBytes, ManifestError};
use super::media_type::{OCI_INDEX, may_be_manifest};
use super::platform::Platform;

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
    /// Stand-ins for those indexes of a graph that are `refused`, and for those above them. `images` are the indexes and manifests in it that
    /// are images, and `stated` has the platforms that configurations state.
    ///
    /// An image of which one manifest is carried is replaced by that; any other by a new index. What is inside an image has no stand-in of
    /// its own.
    ///
    /// # Errors
    /// [`ManifestError`] if an index cannot be written again.
    pub(crate) fn of(
        graph: &Graph,
        refused: &HashSet<&Digest>,
        images: &HashSet<&Digest>,
        stated: &HashMap<Digest, Platform>,
    ) -> Result<Self, ManifestError> {
        let manifests = graph.manifests().iter().map(|manifest| (&manifest.descriptor().digest, manifest));
        let carried = CarriedContent { manifests: manifests.collect(), without: graph.left_out_by_digest(), stated };
        let inside = carried.inside(images);
        let (mut stand_ins, mut replaced) = (Self::default(), HashSet::new());
        // Children come before parents.
        for manifest in graph.manifests() {
            let Document::Index(index) = manifest.document() else { continue };
            let digest = &manifest.descriptor().digest;
            if !refused.contains(digest) && !index.manifests.iter().any(|child| replaced.contains(&child.digest)) {
                continue;
            }
            replaced.insert(digest);
            let entries = if images.contains(digest) {
                let flat = FlatIndex::of(manifest, &carried)?;
                if let Some(only) = flat.only_image() {
                    stand_ins.by_digest.insert(digest.clone(), only.clone());
                    continue;
                }
                flat.entries
            } else if inside.contains(digest) {
                continue;
            } else {
                let entries = entries(&mut document(manifest)?);
                entries.into_iter().filter_map(|entry| stand_ins.entry(entry, &carried)).collect()
            };
            let made = made(manifest, entries)?;
            stand_ins.made.push(made.clone());
            stand_ins.by_digest.insert(digest.clone(), made);
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

    /// An entry of an index above images, as its stand-in has it; `None` for what is not carried.
    fn entry(&self, mut entry: Value, carried: &CarriedContent<'_>) -> Option<Value> {
        let digest = digest_of(&entry)?;
        if is_opaque(&entry) {
            return carried.has_opaque(&digest).then_some(entry);
        }
        let delivered = self.of_manifest(carried.manifests.get(&digest)?).descriptor();
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

/// What is carried of a graph.
struct CarriedContent<'g> {
    manifests: HashMap<&'g Digest, &'g ManifestBytes>,
    without: BTreeSet<&'g Digest>,
    /// The platforms that configurations state.
    stated: &'g HashMap<Digest, Platform>,
}

impl<'g> CarriedContent<'g> {
    /// What is inside these images, themselves apart.
    fn inside(&self, images: &HashSet<&'g Digest>) -> HashSet<&'g Digest> {
        let (mut inside, mut next): (HashSet<&Digest>, Vec<&Digest>) =
            (HashSet::new(), images.iter().copied().collect());
        while let Some(manifest) = next.pop().and_then(|digest| self.manifests.get(digest)) {
            if let Document::Index(index) = manifest.document() {
                next.extend(index.children().map(|child| &child.digest).filter(|child| inside.insert(*child)));
            }
        }
        inside
    }

    /// Whether what an index lists beside manifests is carried: it is there, whatever platforms are.
    fn has_opaque(&self, digest: &Digest) -> bool {
        !self.without.contains(digest)
    }
}

/// What is carried of an image, in one list.
#[derive(Default)]
struct FlatIndex<'g> {
    entries: Vec<Value>,
    /// The manifests in it that are not attestations about others.
    images: Vec<&'g ManifestBytes>,
    /// The indexes that were read, and the entries, each once.
    seen: HashSet<String>,
    has_opaque: bool,
}

impl<'g> FlatIndex<'g> {
    fn of(image: &'g ManifestBytes, carried: &CarriedContent<'g>) -> Result<Self, ManifestError> {
        let mut flat = Self::default();
        flat.add(image, None, carried)?;
        Ok(flat)
    }

    /// Adds what an index lists, which is for this platform where it says nothing else. Indexes are nested to a depth that graphs limit.
    fn add(
        &mut self,
        index: &'g ManifestBytes,
        platform: Option<&Value>,
        carried: &CarriedContent<'g>,
    ) -> Result<(), ManifestError> {
        let Document::Index(listed) = index.document() else { return Ok(()) };
        if !self.seen.insert(index.descriptor().digest.to_string()) {
            return Ok(());
        }
        for (mut entry, child) in entries(&mut document(index)?).into_iter().zip(&listed.manifests) {
            let own = entry.get("platform").filter(|_| child.platform.is_some()).or(platform).cloned();
            if is_opaque(&entry) {
                if carried.has_opaque(&child.digest) {
                    self.has_opaque = true;
                    self.list(entry);
                }
                continue;
            }
            let Some(manifest) = carried.manifests.get(&child.digest) else { continue };
            let Document::Image(image) = manifest.document() else {
                self.add(manifest, own.as_ref(), carried)?;
                continue;
            };
            let configured = || carried.stated.get(&image.config.digest).map(|platform| json!(platform));
            if let (Some(platform), Some(members)) = (own.or_else(configured), entry.as_object_mut()) {
                members.insert("platform".to_owned(), platform);
            }
            self.list(entry);
            if attestation::attested(child).is_none() {
                self.images.push(manifest);
            }
        }
        Ok(())
    }

    fn list(&mut self, entry: Value) {
        if self.seen.insert(entry.to_string()) {
            self.entries.push(entry);
        }
    }

    /// The one manifest that is carried, not counting attestations about it.
    fn only_image(&self) -> Option<&'g ManifestBytes> {
        let (first, others) = self.images.split_first()?;
        let is_alone = others.iter().all(|other| other.descriptor().digest == first.descriptor().digest);
        (is_alone && !self.has_opaque).then_some(*first)
    }
}

/// An index like this one, with these entries.
fn made(manifest: &ManifestBytes, entries: Vec<Value>) -> Result<ManifestBytes, ManifestError> {
    let mut document = document(manifest)?;
    let mut remarks = match document.remove("annotations") {
        Some(Value::Object(remarks)) => remarks,
        _ => Map::new(),
    };
    remarks.insert(MADE_FROM.to_owned(), json!(manifest.descriptor().digest));
    document.insert("mediaType".to_owned(), json!(OCI_INDEX));
    document.insert("manifests".to_owned(), Value::Array(entries));
    document.insert("annotations".to_owned(), Value::Object(remarks));
    // A stand-in is not about what the signed index is about.
    document.remove("subject");
    let bytes = serde_json::to_vec(&document).map_err(JsonError::from)?;
    let digest = Digest::sha256(&bytes);
    ManifestBytes::describe(bytes, OCI_INDEX, digest)
}

fn document(manifest: &ManifestBytes) -> Result<Map<String, Value>, ManifestError> {
    match strict_json::parse(manifest.bytes())? {
        Value::Object(document) => Ok(document),
        _ => Err(ManifestError::Undeclared),
    }
}

/// What an index lists.
fn entries(index: &mut Map<String, Value>) -> Vec<Value> {
    match index.remove("manifests") {
        Some(Value::Array(entries)) => entries,
        _ => Vec::new(),
    }
}

fn digest_of(entry: &Value) -> Option<Digest> {
    entry.get("digest")?.as_str()?.parse().ok()
}

/// Whether something in an index is not a manifest.
fn is_opaque(entry: &Value) -> bool {
    entry.get("mediaType").and_then(Value::as_str).is_some_and(|media_type| !may_be_manifest(media_type))
}
