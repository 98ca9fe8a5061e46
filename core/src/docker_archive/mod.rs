//! Docker archives: what `docker save` wrote before Docker 25, and what podman and skopeo write under this name.
//!
//! Such a file has a configuration and layers, and no manifest, so an image in it has no digest of its own. The manifest is made
//! here, always in the same way. Its digest is not the one that a registry has: a registry's layers are compressed, and nobody knows
//! how. Promise: the configuration has the digest in its name, if that is one, and each layer has its `diff_id`. Docker Image
//! Specification 1.2, "Combined Image JSON + Filesystem Changeset Format".

mod error;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use sealift_archive_format::compression::{Compression, Decompressed, Parts};
use sealift_archive_format::inventory::MadeFrom;
use sealift_archive_format::strict_json::{self, Names};
use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::nearness::nearest_first;
use crate::oci::manifest::{MAXIMUM_CHILDREN, MAXIMUM_LENGTH};
use crate::oci::media_type::{OCI_CONFIG, OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD, OCI_MANIFEST};
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use crate::place::InnerName;
use crate::progress::Progress;
use crate::tarball::{Tarball, TarballError, most_unpacked};
use crate::transfer::{BlobContent, Checked, Source, SourceError};

pub use error::{DockerArchiveError, OtherForm};

/// The file that lists the images.
pub(crate) const MANIFEST_FILE: &str = "manifest.json";
/// The file that Docker wrote before it wrote the other one, and writes still.
pub(crate) const REPOSITORIES_FILE: &str = "repositories";
/// The most images in one file.
pub const MAXIMUM_IMAGES: usize = 10_000;
/// How many of the images are shown where one is not found.
const MAXIMUM_LISTED: usize = 6;
const BUFFER_LENGTH: usize = 128 << 10;

/// Reads from one docker-archive. References are looked up among its names; repositories make no difference, and nothing refers to
/// an image.
pub struct DockerArchiveSource {
    tarball: Arc<Tarball>,
    images: Vec<SavedImage>,
    /// The first image with each tag, `REPOSITORY:TAG` in full.
    by_tag: HashMap<String, usize>,
    /// The first image with each digest.
    by_digest: HashMap<Digest, usize>,
    /// The tags of each repository.
    tags: BTreeMap<String, Vec<Tag>>,
    /// Where each blob is in the tar file.
    blobs: HashMap<Digest, String>,
}

/// One image.
struct SavedImage {
    names: Vec<String>,
    manifest: ManifestBytes,
}

/// A configuration that was read.
#[derive(Clone)]
struct SavedConfig {
    descriptor: Descriptor,
    diff_ids: Arc<[Digest]>,
}

/// An entry of `manifest.json`. Members that are not listed here make no difference.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawSavedImage {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawConfig {
    rootfs: RawRootfs,
}

#[derive(Deserialize)]
struct RawRootfs {
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

impl DockerArchiveSource {
    /// Reads the list of images and their configurations. Layers that are compressed are read too, while `progress` is told: their
    /// digests are written nowhere.
    ///
    /// # Errors
    /// [`DockerArchiveError`].
    pub fn open(tarball: Arc<Tarball>, progress: &dyn Progress) -> Result<Self, DockerArchiveError> {
        let path = || tarball.path().to_owned();
        let list = match tarball.read(MANIFEST_FILE, MAXIMUM_LENGTH)? {
            Some(list) => list,
            None if tarball.has(REPOSITORIES_FILE) => return Err(DockerArchiveError::TooOld { path: path() }),
            None => return Err(DockerArchiveError::NotOne { path: path() }),
        };
        let unreadable = |source| match other_form(&list) {
            Some(form) => DockerArchiveError::OtherForm { path: path(), form },
            None => DockerArchiveError::Json { path: path(), name: MANIFEST_FILE.to_owned(), source },
        };
        let raw: Vec<RawSavedImage> = strict_json::read(&list, Names::Folded).map_err(unreadable)?;
        require_at_most(&tarball, raw.len(), MAXIMUM_IMAGES)?;
        let mut opening = Opening {
            tarball: &tarball,
            progress,
            blobs: HashMap::new(),
            layers: HashMap::new(),
            configs: HashMap::new(),
            compressed: 0,
            unpacked: 0,
        };
        let images: Vec<SavedImage> = raw.into_iter().map(|raw| opening.image(raw)).collect::<Result<_, _>>()?;
        let blobs = opening.blobs;
        let (mut by_tag, mut by_digest, mut tags) =
            (HashMap::new(), HashMap::new(), BTreeMap::<String, Vec<Tag>>::new());
        for (at, SavedImage { names, manifest }) in images.iter().enumerate() {
            by_digest.entry(manifest.descriptor().digest.clone()).or_insert(at);
            for named in names.iter().filter_map(|name| name.parse::<Reference>().ok()) {
                let (Some(tagged), Some(tag)) = (named.tagged_name(), named.tag_or_latest()) else { continue };
                by_tag.entry(tagged).or_insert(at);
                tags.entry(named.repository().to_string()).or_default().push(tag);
            }
        }
        Ok(Self { images, by_tag, by_digest, tags, blobs, tarball })
    }

    /// The reference by which to request the image called `name`, which is called `entry` here. Without an entry it is the name; but if
    /// there is only one image, and it has no name, it is its digest.
    ///
    /// # Errors
    /// [`DockerArchiveError::NameNotFound`], where `entry` is not a reference.
    pub fn reference_of(&self, name: &Reference, entry: Option<&InnerName>) -> Result<Reference, DockerArchiveError> {
        let by_digest = |image: &SavedImage| name.clone().with_digest(image.manifest.descriptor().digest.clone());
        match (entry, self.images.as_slice()) {
            (None, [only]) if name.digest().is_none() && only.names.is_empty() => Ok(by_digest(only)),
            (None, _) => Ok(name.clone()),
            (Some(InnerName::Reference(reference)), _) => Ok(reference.clone()),
            (Some(InnerName::Text(text)), images) => {
                let named = images.iter().find(|image| image.names.contains(text));
                named.map(by_digest).ok_or_else(|| self.not_found(text))
            }
            (Some(InnerName::Position(at)), images) => {
                images.get(*at).map(by_digest).ok_or_else(|| self.not_found(&format!("@{at}")))
            }
        }
    }

    fn not_found(&self, name: &str) -> DockerArchiveError {
        let listed =
            |(at, image): (usize, &SavedImage)| image.names.first().cloned().unwrap_or_else(|| format!("@{at}"));
        let mut names = nearest_first(name, self.images.iter().enumerate().map(listed).collect());
        names.truncate(MAXIMUM_LISTED);
        DockerArchiveError::NameNotFound { path: self.tarball.path().to_owned(), name: name.to_owned(), names }
    }

    fn image(&self, reference: &Reference) -> Result<&ManifestBytes, DockerArchiveError> {
        let found = match reference.digest() {
            Some(digest) => self.by_digest.get(digest),
            None => reference.tagged_name().and_then(|name| self.by_tag.get(&name)),
        };
        let found = found.and_then(|at| self.images.get(*at));
        let missing = || match reference.digest() {
            Some(digest) => {
                let (path, name, digest) = (self.tarball.path().to_owned(), reference.to_string(), digest.clone());
                DockerArchiveError::DigestNotFound { path, name, digest }
            }
            None => self.not_found(reference.as_given()),
        };
        found.map(|image| &image.manifest).ok_or_else(missing)
    }
}

/// What a `manifest.json` is that is not Docker's list; `None` for one that may have been meant to be that.
fn other_form(list: &[u8]) -> Option<OtherForm> {
    let has = |entry: &Value, name: &str| entry.get(name).is_some_and(|member| !member.is_null());
    Some(match strict_json::parse(list).ok()? {
        Value::Array(entries) if entries.iter().all(|entry| has(entry, "Image") || has(entry, "ImageIndex")) => {
            OtherForm::Imgpkg
        }
        Value::Array(entries) if entries.iter().any(|entry| has(entry, "Config")) => return None,
        Value::Object(manifest) if manifest.contains_key("schemaVersion") => OtherForm::Manifest,
        _ => OtherForm::Unknown,
    })
}

fn require_at_most(tarball: &Tarball, count: usize, limit: usize) -> Result<(), DockerArchiveError> {
    if count <= limit {
        return Ok(());
    }
    Err(DockerArchiveError::TooMany { path: tarball.path().to_owned(), count, limit })
}

/// What is known while the list is read.
struct Opening<'a> {
    tarball: &'a Arc<Tarball>,
    progress: &'a dyn Progress,
    blobs: HashMap<Digest, String>,
    /// The layers that were looked at, by name and `diff_id`.
    layers: HashMap<(String, Digest), Descriptor>,
    /// The configurations that were read, by name.
    configs: HashMap<String, SavedConfig>,
    /// How many bytes the compressed layers have that were looked at.
    compressed: u64,
    /// How many came out of them.
    unpacked: u64,
}

impl Opening<'_> {
    fn path(&self) -> PathBuf {
        self.tarball.path().to_owned()
    }

    fn missing(&self, name: &str) -> DockerArchiveError {
        DockerArchiveError::Missing { path: self.path(), name: name.to_owned() }
    }

    fn image(&mut self, raw: RawSavedImage) -> Result<SavedImage, DockerArchiveError> {
        let RawSavedImage { config: name, repo_tags, layers } = raw;
        let layers = layers.unwrap_or_default();
        require_at_most(self.tarball, layers.len(), MAXIMUM_CHILDREN)?;
        let SavedConfig { descriptor: config, diff_ids } = self.config(&name)?;
        if diff_ids.len() != layers.len() {
            let (listed, stated) = (layers.len(), diff_ids.len());
            return Err(DockerArchiveError::LayerCount { path: self.path(), name, listed, stated });
        }
        let layers = layers.into_iter().zip(&*diff_ids).map(|(layer, diff_id)| self.layer(layer, diff_id.clone()));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers }).to_string();
        let bytes = manifest.into_bytes();
        let manifest = ManifestBytes::new(Descriptor::of(OCI_MANIFEST, &bytes), bytes).map_err(|source| {
            DockerArchiveError::Manifest { path: self.path(), name: name.clone(), source: Box::new(source) }
        })?;
        Ok(SavedImage { names: repo_tags.unwrap_or_default(), manifest })
    }

    fn config(&mut self, name: &str) -> Result<SavedConfig, DockerArchiveError> {
        if let Some(known) = self.configs.get(name) {
            return Ok(known.clone());
        }
        let bytes = self.tarball.read_or_follow(name, MAXIMUM_LENGTH)?.ok_or_else(|| self.missing(name))?;
        let descriptor = Descriptor::of(OCI_CONFIG, &bytes);
        if promised(name).is_some_and(|hex| hex != descriptor.digest.hex()) {
            let (name, found) = (name.to_owned(), descriptor.digest);
            return Err(DockerArchiveError::Config { path: self.path(), name, found });
        }
        let unreadable = |source| DockerArchiveError::Json { path: self.path(), name: name.to_owned(), source };
        let read: RawConfig = strict_json::parse_into(&bytes).map_err(unreadable)?;
        let diff_ids = read.rootfs.diff_ids.unwrap_or_default().into();
        self.blobs.insert(descriptor.digest.clone(), name.to_owned());
        let config = SavedConfig { descriptor, diff_ids };
        self.configs.insert(name.to_owned(), config.clone());
        Ok(config)
    }

    /// The descriptor of a layer. One that is not compressed has its `diff_id` for a digest, which is checked when it is read.
    fn layer(&mut self, name: String, diff_id: Digest) -> Result<Descriptor, DockerArchiveError> {
        let key = (name, diff_id);
        if let Some(known) = self.layers.get(&key) {
            return Ok(known.clone());
        }
        let (name, diff_id) = key;
        let section = self.tarball.file_or_link(&name)?.ok_or_else(|| self.missing(&name))?;
        let length = section.length();
        let path = self.path();
        let failed = |source| TarballError::Access { path: path.clone(), source };
        let mut hashed = Hashed { reader: section, hasher: Hasher::new(DigestAlgorithm::Sha256) };
        let mut decoded = Decompressed::open(&mut hashed, Parts::Joined).map_err(failed)?;
        let media_type = match decoded.compression() {
            Compression::None => OCI_LAYER,
            Compression::Gzip => OCI_LAYER_GZIP,
            Compression::Zstd => OCI_LAYER_ZSTD,
        };
        let digest = if decoded.compression() == Compression::None {
            diff_id.clone()
        } else {
            self.progress.begin(&format!("reading {name}"), Some(length));
            let mut hasher = Hasher::new(diff_id.algorithm());
            self.compressed = self.compressed.saturating_add(length);
            let limit = most_unpacked(self.compressed).saturating_sub(self.unpacked);
            let passed = pass(&mut (&mut decoded).take(limit.saturating_add(1)), |bytes| hasher.update(bytes));
            self.progress.finish();
            let passed = passed.map_err(failed)?;
            if passed > limit {
                return Err(DockerArchiveError::Expansion { path: self.path(), name, compressed: length, limit });
            }
            self.unpacked = self.unpacked.saturating_add(passed);
            if hasher.finish() != diff_id {
                return Err(DockerArchiveError::Layer { path: self.path(), name, stated: diff_id });
            }
            drop(decoded);
            hashed.hasher.finish()
        };
        let descriptor = Descriptor::new(media_type, digest.clone(), length);
        self.blobs.insert(digest, name.clone());
        self.layers.insert((name, diff_id), descriptor.clone());
        Ok(descriptor)
    }
}

/// The SHA-256 in the name of a configuration: `HEX.json` (Docker), `blobs/sha256/HEX` (Docker since version 25) or `sha256:HEX` (crane).
fn promised(name: &str) -> Option<&str> {
    let hex = name.strip_prefix("blobs/sha256/").or(name.strip_prefix("sha256:")).unwrap_or(name);
    let hex = hex.strip_suffix(".json").unwrap_or(hex);
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (hex.len() == 64 && hex.bytes().all(is_hex)).then_some(hex)
}

/// Hashes what passes.
struct Hashed<R> {
    reader: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Reads to the end, and counts the bytes.
fn pass(reader: &mut impl Read, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_LENGTH];
    let mut count = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(count),
            Ok(read) => {
                count += read as u64;
                each(buffer.get(..read).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

impl Source for DockerArchiveSource {
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        Ok(self.image(reference)?.clone())
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        Ok(self.image(&Reference::new(repository.clone(), Some(tag.clone()), None)).ok().cloned())
    }

    fn manifest(&self, _: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        let missing = || DockerArchiveError::BlobNotFound {
            path: self.tarball.path().to_owned(),
            digest: descriptor.digest.clone(),
        };
        let found = self.by_digest.get(&descriptor.digest).and_then(|at| self.images.get(*at));
        let found = &found.ok_or_else(missing)?.manifest;
        ManifestBytes::new(descriptor.clone(), found.bytes().to_vec()).map_err(SourceError::new)
    }

    fn blob(&self, _: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        let missing = || DockerArchiveError::BlobNotFound {
            path: self.tarball.path().to_owned(),
            digest: descriptor.digest.clone(),
        };
        let name = self.blobs.get(&descriptor.digest).ok_or_else(missing)?;
        let section = self.tarball.file_or_link(name).map_err(DockerArchiveError::from)?.ok_or_else(missing)?;
        Ok(Box::new(Checked::new(section, descriptor)))
    }

    fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        Ok(Vec::new())
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        Ok(self.tags.get(&repository.to_string()).cloned().unwrap_or_default())
    }

    fn made_from(&self, manifest: &Digest) -> Option<MadeFrom> {
        self.by_digest.contains_key(manifest).then_some(MadeFrom::DockerArchive)
    }
}
