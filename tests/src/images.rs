//! Images made on the spot: small, deterministic, and real enough for any tool.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sealift_archive_format::Digest;
use sealift_core::oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST};
use sealift_core::oci::{Descriptor, ManifestBytes, Platform, Reference, Repository};
use sealift_core::transfer::{BlobContent, Checked, Offer, Sink, SinkError};
use serde_json::json;

/// OCI's type of a configuration that says nothing.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The type of a bare Statement.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// An image or an index, with everything below it.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifests, children before parents; the last is the image itself.
    pub manifests: Vec<ManifestBytes>,
    /// The blobs by digest.
    pub blobs: BTreeMap<Digest, (Descriptor, Vec<u8>)>,
}

impl Image {
    /// An image for one platform, with a layer for each of these files.
    pub fn new(platform: &str, files: &[(&str, &[u8])]) -> Self {
        let platform: Platform = platform.parse().expect("a platform");
        let mut blobs = BTreeMap::new();
        let mut add = |media_type: &str, content: Vec<u8>| {
            let descriptor = Descriptor::of(media_type, &content);
            blobs.insert(descriptor.digest.clone(), (descriptor.clone(), content));
            descriptor
        };
        let tars: Vec<Vec<u8>> = files.iter().map(|(name, content)| tar(name, content)).collect();
        let mut config = json!({
            "created": "2026-01-01T00:00:00Z",
            "os": platform.os,
            "architecture": platform.architecture,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": tars.iter().map(|tar| Digest::sha256(tar)).collect::<Vec<_>>()},
        });
        if let Some(variant) = &platform.variant {
            config["variant"] = json!(variant);
        }
        if let Some(version) = &platform.os_version {
            config["os.version"] = json!(version);
        }
        let config = add(OCI_CONFIG, config.to_string().into_bytes());
        let layers: Vec<Descriptor> = tars.iter().map(|tar| add(OCI_LAYER_GZIP, gzip(tar))).collect();
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
        let bytes = manifest.to_string().into_bytes();
        let descriptor = Descriptor { platform: Some(platform), ..Descriptor::of(OCI_MANIFEST, &bytes) };
        Self { manifests: vec![ManifestBytes::new(descriptor, bytes).expect("its own bytes")], blobs }
    }

    /// An index of these images.
    pub fn index(images: &[Self]) -> Self {
        let children: Vec<&Descriptor> = images.iter().map(|image| image.root().descriptor()).collect();
        let bytes = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}).to_string().into_bytes();
        let root = ManifestBytes::new(Descriptor::of(OCI_INDEX, &bytes), bytes).expect("its own bytes");
        let mut manifests: Vec<ManifestBytes> = Vec::new();
        for manifest in images.iter().flat_map(|image| &image.manifests) {
            if !manifests.contains(manifest) {
                manifests.push(manifest.clone());
            }
        }
        manifests.push(root);
        Self { manifests, blobs: images.iter().flat_map(|image| image.blobs.clone()).collect() }
    }

    /// An image for `linux/amd64` and `linux/arm64`, whose platforms share their first layer.
    pub fn for_two_platforms(name: &str) -> Self {
        let on = |platform: &str| {
            Self::new(platform, &[("base", b"the same for both"), (name, format!("{name} on {platform}").as_bytes())])
        };
        Self::index(&[on("linux/amd64"), on("linux/arm64")])
    }

    /// An artifact with a configuration and a layer of these types.
    pub fn artifact(config: (&str, &[u8]), layer: (&str, &[u8])) -> Self {
        let described = [config, layer].map(|(media_type, content)| Descriptor::of(media_type, content));
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": [described[1]],
        });
        let bytes = manifest.to_string().into_bytes();
        let blobs = described.into_iter().zip([config.1, layer.1]);
        Self {
            manifests: vec![ManifestBytes::new(Descriptor::of(OCI_MANIFEST, &bytes), bytes).expect("its own bytes")],
            blobs: blobs.map(|(it, content)| (it.digest.clone(), (it, content.to_vec()))).collect(),
        }
    }

    /// An artifact that refers to a manifest: one layer with this content.
    pub fn referrer(subject: &Descriptor, layer_type: &str, content: &[u8]) -> Self {
        let (config, layer) = (Descriptor::of(EMPTY, b"{}"), Descriptor::of(layer_type, content));
        let subject = Descriptor::new(&subject.media_type, subject.digest.clone(), subject.size);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": layer_type,
            "config": config, "layers": [layer], "subject": subject,
        });
        Self::of_manifest(&manifest, [(config, b"{}".to_vec()), (layer, content.to_vec())])
    }

    /// The same image, as one that refers to a manifest.
    pub fn about(self, subject: &Descriptor) -> Self {
        let mut document: serde_json::Value = serde_json::from_slice(self.root().bytes()).expect("its own bytes");
        let subject = Descriptor::new(&subject.media_type, subject.digest.clone(), subject.size);
        document["subject"] = serde_json::to_value(subject).expect("a descriptor");
        self.with_manifest(&document)
    }

    /// The same image, as an index lists it that states no platform for it.
    ///
    /// # Panics
    /// Never: its bytes stay the same.
    #[must_use]
    pub fn without_platform(mut self) -> Self {
        if let Some(root) = self.manifests.pop() {
            let plain = Descriptor { platform: None, ..root.descriptor().clone() };
            self.manifests.push(ManifestBytes::new(plain, root.bytes().to_vec()).expect("its own bytes"));
        }
        self
    }

    /// The same image with another manifest on top.
    pub fn with_manifest(mut self, document: &serde_json::Value) -> Self {
        let bytes = document.to_string().into_bytes();
        let descriptor = Descriptor::of(&self.root().descriptor().media_type, &bytes);
        self.manifests.pop();
        self.manifests.push(ManifestBytes::new(descriptor, bytes).expect("its own bytes"));
        self
    }

    /// An image, and beside it in one index a statement about it, as BuildKit attaches them.
    pub fn with_buildkit_attestation(image: &Self, statement: &[u8]) -> Self {
        let about = &image.root().descriptor().digest;
        let (config, layer) = (Descriptor::of(OCI_CONFIG, b"{}"), Descriptor::of(STATEMENT, statement));
        let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
        let mut attestation = Self::of_manifest(&manifest, [(config, b"{}".to_vec()), (layer, statement.to_vec())]);
        let root = attestation.manifests.remove(0);
        let mut descriptor = root.descriptor().clone();
        descriptor.platform = "unknown/unknown".parse().ok();
        descriptor.annotations = [
            ("vnd.docker.reference.type", "attestation-manifest".to_owned()),
            ("vnd.docker.reference.digest", about.to_string()),
        ]
        .into_iter()
        .collect();
        attestation.manifests.push(ManifestBytes::new(descriptor, root.bytes().to_vec()).expect("its own bytes"));
        Self::index(&[image.clone(), attestation])
    }

    fn of_manifest(manifest: &serde_json::Value, blobs: [(Descriptor, Vec<u8>); 2]) -> Self {
        let bytes = manifest.to_string().into_bytes();
        let manifest = ManifestBytes::new(Descriptor::of(OCI_MANIFEST, &bytes), bytes).expect("its own bytes");
        let blobs = blobs.into_iter().map(|(descriptor, content)| (descriptor.digest.clone(), (descriptor, content)));
        Self { manifests: vec![manifest], blobs: blobs.collect() }
    }

    /// The manifest of the image itself.
    ///
    /// # Panics
    /// Never: an image has a manifest.
    pub fn root(&self) -> &ManifestBytes {
        self.manifests.last().expect("an image has a manifest")
    }

    /// Stores the image in a sink, under a reference, and finishes.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn push(&self, sink: &dyn Sink, reference: &Reference) -> Result<(), SinkError> {
        self.give(sink, reference)?;
        sink.finish()
    }

    /// Stores the image in a sink, under a reference, as one of several.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn give(&self, sink: &dyn Sink, reference: &Reference) -> Result<(), SinkError> {
        self.give_content(sink, reference.repository())?;
        sink.tag(reference, self.root())
    }

    /// Stores the image in a sink, without a name, and finishes.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn store(&self, sink: &dyn Sink, repository: &Repository) -> Result<(), SinkError> {
        self.give_content(sink, repository)?;
        sink.finish()
    }

    /// Stores the image in a sink, without a name, as one of several.
    ///
    /// # Errors
    /// [`SinkError`].
    pub fn give_content(&self, sink: &dyn Sink, repository: &Repository) -> Result<(), SinkError> {
        for (descriptor, content) in self.blobs.values() {
            put_blob(sink, repository, descriptor, &mut Checked::new(content.as_slice(), descriptor))?;
        }
        self.manifests.iter().try_for_each(|manifest| sink.put_manifest(repository, manifest))
    }
}

/// Stores a blob unless it is there; whether it was wanted.
///
/// # Errors
/// [`SinkError`].
pub fn put_blob(
    sink: &dyn Sink,
    repository: &Repository,
    descriptor: &Descriptor,
    content: &mut dyn BlobContent,
) -> Result<bool, SinkError> {
    match sink.offer(repository, descriptor)? {
        Offer::There => Ok(false),
        Offer::Wanted(upload) => upload.store(content).map(|()| true),
    }
}

/// A tar of one file.
fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, name, content).expect("written to memory");
    archive.into_inner().expect("written to memory")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("written to memory");
    encoder.finish().expect("written to memory")
}
