//! A source that invents things as they are asked for, and counts how often it is asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealift_archive_format::Digest;
use sealift_core::layout::LayoutError;
use sealift_core::oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use sealift_core::transfer::{BlobContent, Checked, Source, SourceError};
use serde_json::json;

/// The length of a manifest that is as long as registries allow, in bytes, roughly.
const LONG: usize = 4 * 1024 * 1024 - 1_000;

/// How often a source was asked for what.
#[derive(Debug, Default)]
pub struct Asked {
    /// Manifests.
    pub manifests: AtomicUsize,
    /// Lists of referrers.
    pub referrers: AtomicUsize,
}

/// A source that has what it was given, and makes long manifests on request.
#[derive(Debug, Default)]
pub struct HostileSource {
    blobs: BTreeMap<Digest, Vec<u8>>,
    /// Manifests that are made when they are asked for, by the number from which they are made.
    made: BTreeMap<Digest, usize>,
    root: Option<Descriptor>,
    referrers: Vec<Descriptor>,
    asked: Arc<Asked>,
}

impl HostileSource {
    /// Counts the requests.
    pub fn asked(&self) -> Arc<Asked> {
        Arc::clone(&self.asked)
    }

    /// Stores a blob.
    pub fn store(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.blobs.insert(descriptor.digest.clone(), bytes);
        descriptor
    }

    /// Stores an image with one configuration and no layer.
    pub fn image(&mut self, name: &str) -> Descriptor {
        let config = self.store("application/vnd.oci.image.config.v1+json", b"{}".to_vec());
        let annotations = json!({ "name": name });
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [], "annotations": annotations });
        self.store(OCI_MANIFEST, manifest.to_string().into_bytes())
    }

    /// Stores an index.
    pub fn index(&mut self, children: &[Descriptor], subject: Option<&Descriptor>) -> Descriptor {
        let mut index = json!({ "schemaVersion": 2, "manifests": children });
        if let Some(subject) = subject {
            index["subject"] = json!(subject);
        }
        self.store(OCI_INDEX, index.to_string().into_bytes())
    }

    /// A manifest that is as long as manifests may be, and is made anew whenever it is asked for.
    pub fn long_manifest(&mut self, number: usize) -> Descriptor {
        let descriptor = Descriptor::of(OCI_MANIFEST, &long(number));
        self.made.insert(descriptor.digest.clone(), number);
        descriptor
    }

    /// What every name stands for.
    pub fn serve(&mut self, root: Descriptor) {
        self.root = Some(root);
    }

    /// What refers to the root.
    pub fn refer(&mut self, referrer: Descriptor) {
        self.referrers.push(referrer);
    }

    fn bytes(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.made.get(digest).map(|number| long(*number)).or_else(|| self.blobs.get(digest).cloned())
    }
}

fn long(number: usize) -> Vec<u8> {
    let config = Descriptor::of("application/vnd.oci.empty.v1+json", b"{}");
    let annotations = json!({ "number": number.to_string(), "padding": "x".repeat(LONG - 400) });
    json!({ "schemaVersion": 2, "config": config, "layers": [], "annotations": annotations }).to_string().into_bytes()
}

fn missing() -> SourceError {
    LayoutError::NotALayout { folder: "a source that is made up".into() }.into()
}

fn count(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Source for HostileSource {
    fn resolve(&self, _: &Reference) -> Result<ManifestBytes, SourceError> {
        let root = self.root.clone().ok_or_else(missing)?;
        self.manifest(&"e.example/a".parse::<Reference>().map_err(|_| missing())?.repository().clone(), &root)
    }

    fn find(&self, _: &Repository, _: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        Ok(None)
    }

    fn manifest(&self, _: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        count(&self.asked.manifests);
        let bytes = self.bytes(&descriptor.digest).ok_or_else(missing)?;
        ManifestBytes::new(descriptor.clone(), bytes).map_err(|_| missing())
    }

    fn blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        let bytes = self.blobs.get(&descriptor.digest).ok_or_else(missing)?;
        Ok(Box::new(Checked::new(bytes.as_slice(), descriptor)))
    }

    fn referrers(&self, _: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        count(&self.asked.referrers);
        let is_root = self.root.as_ref().is_some_and(|root| root.digest == *subject);
        Ok(if is_root { self.referrers.clone() } else { Vec::new() })
    }

    fn tags(&self, _: &Repository) -> Result<Vec<Tag>, SourceError> {
        Ok(Vec::new())
    }
}
