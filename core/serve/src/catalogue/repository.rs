//! One repository of the registry.

use std::collections::{BTreeMap, HashMap, HashSet};

use sealift_archive_format::Digest;
use sealift_core::oci::referrer::listed;
use sealift_core::oci::{Descriptor, ManifestBytes};

/// A repository. Manifests are in memory, as everywhere in Sealift; blobs are only named.
#[derive(Default)]
pub(crate) struct ServedRepository {
    manifests: HashMap<Digest, ManifestBytes>,
    tags: BTreeMap<String, Digest>,
    blobs: HashSet<Digest>,
    /// By subject, each referrer by its digest.
    referrers: HashMap<Digest, BTreeMap<Digest, Descriptor>>,
}

impl ServedRepository {
    pub(super) fn add_manifest(&mut self, manifest: &ManifestBytes) {
        let digest = &manifest.descriptor().digest;
        if let Some(subject) = manifest.document().subject() {
            let referrers = self.referrers.entry(subject.digest.clone()).or_default();
            referrers.insert(digest.clone(), listed(manifest));
        }
        self.manifests.insert(digest.clone(), manifest.clone());
    }

    pub(super) fn add_blob(&mut self, digest: Digest) {
        self.blobs.insert(digest);
    }

    /// Sets a tag. Returns what it stands for, where that is something else; it stays then.
    pub(super) fn set_tag(&mut self, tag: &str, digest: &Digest) -> Option<Digest> {
        let held = self.tags.entry(tag.to_owned()).or_insert_with(|| digest.clone());
        (held != digest).then(|| held.clone())
    }

    pub(crate) fn has_blob(&self, digest: &Digest) -> bool {
        self.blobs.contains(digest)
    }

    /// What a tag stands for.
    pub(crate) fn tagged(&self, tag: &str) -> Option<&Digest> {
        self.tags.get(tag)
    }

    /// The manifest with a digest.
    pub(crate) fn manifest(&self, digest: &Digest) -> Option<&ManifestBytes> {
        self.manifests.get(digest)
    }

    /// The tags, in their order.
    pub(crate) fn tags(&self) -> &BTreeMap<String, Digest> {
        &self.tags
    }

    /// The referrers of a manifest, in the order of their digests.
    pub(crate) fn referrers(&self, subject: &Digest) -> impl Iterator<Item = &Descriptor> {
        self.referrers.get(subject).into_iter().flat_map(BTreeMap::values)
    }
}
