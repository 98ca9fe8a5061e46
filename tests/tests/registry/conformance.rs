//! Every kind of source and sink keeps the same promises.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sealift_archive_format::Digest;
use sealift_core::delivery_file::{DeliveryFile, DeliveryForm};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::oci::{Descriptor, ManifestBytes, Reference, Repository};
use sealift_core::progress::Unwatched;
use sealift_core::registry::{RegistrySink, RegistrySource};
use sealift_core::tarball::Tarball;
use sealift_core::transfer::{BlobContent, Checked, Offer, Sink, SinkError, Source, Upload};
use sealift_tests::conformance::{Target, sink, source};
use sealift_tests::images::put_blob;
use sealift_tests::real_registry::{self, RealRegistry};
use sealift_tests::registry::Registry;
use tempfile::TempDir;

use super::client;

/// A folder that becomes a layout.
struct Layout(TempDir);

impl Layout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A layout without any image is a source too.
        fs::write(folder.path().join("index.json"), r#"{"schemaVersion":2,"manifests":[]}"#).unwrap();
        fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(folder)
    }
}

impl Target for Layout {
    fn sink(&self) -> Box<dyn Sink + '_> {
        Box::new(LayoutSink::open(self.0.path()).unwrap())
    }

    fn source(&self) -> Box<dyn Source + '_> {
        Box::new(LayoutSource::open(self.0.path()).unwrap())
    }

    fn reference(&self, text: &str) -> Reference {
        format!("registry.example/{text}").parse().unwrap()
    }

    fn corrupt(&self, digest: &Digest) -> bool {
        flip(&self.0.path().join("blobs/sha256").join(digest.hex()));
        true
    }
}

fn flip(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// A layout in a folder, which is read as a tar file, plain or compressed.
struct Archived {
    layout: Layout,
    is_compressed: bool,
}

impl Target for Archived {
    fn sink(&self) -> Box<dyn Sink + '_> {
        self.layout.sink()
    }

    fn source(&self) -> Box<dyn Source + '_> {
        let mut archive = tar::Builder::new(Vec::new());
        archive.append_dir_all(".", self.layout.0.path()).unwrap();
        let mut bytes = archive.into_inner().unwrap();
        if self.is_compressed {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&bytes).unwrap();
            bytes = encoder.finish().unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let tarball = Tarball::open(file.path(), &std::env::temp_dir(), &Unwatched).unwrap();
        Box::new(LayoutSource::in_tarball(Arc::new(tarball), "").unwrap())
    }

    fn reference(&self, text: &str) -> Reference {
        self.layout.reference(text)
    }

    fn corrupt(&self, digest: &Digest) -> bool {
        self.layout.corrupt(digest)
    }
}

/// A file that is made for other tools. It is written once, so each sink begins a new one with what the earlier ones were given,
/// and a source reads such a one when it is complete.
struct OneFile {
    folder: TempDir,
    form: DeliveryForm,
    begun: AtomicUsize,
    given: Mutex<Vec<Given>>,
}

/// What a file was given.
enum Given {
    Blob(Repository, Descriptor, Vec<u8>),
    Manifest(Repository, ManifestBytes),
    Tag(Reference, ManifestBytes),
}

impl OneFile {
    fn new(form: DeliveryForm) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), form, begun: AtomicUsize::new(0), given: Mutex::default() }
    }

    fn begin(&self) -> (PathBuf, DeliveryFile) {
        let path = self.folder.path().join(self.begun.fetch_add(1, Ordering::Relaxed).to_string());
        let file = DeliveryFile::begin(&path, self.form).unwrap();
        for given in &*self.given.lock().unwrap() {
            match given {
                Given::Blob(repository, blob, content) => {
                    put_blob(&file, repository, blob, &mut Checked::new(content.as_slice(), blob)).map(drop).unwrap();
                }
                Given::Manifest(repository, manifest) => file.put_manifest(repository, manifest).unwrap(),
                Given::Tag(reference, manifest) => file.tag(reference, manifest).unwrap(),
            }
        }
        (path, file)
    }

    fn remember(&self, given: Given) {
        self.given.lock().unwrap().push(given);
    }
}

impl Target for OneFile {
    fn sink(&self) -> Box<dyn Sink + '_> {
        Box::new(OneFileSink { target: self, file: self.begin().1 })
    }

    fn source(&self) -> Box<dyn Source + '_> {
        let (path, file) = self.begin();
        file.finish().unwrap();
        let tarball = Tarball::open(&path, self.folder.path(), &Unwatched).unwrap();
        let prefix = if self.form == DeliveryForm::ThickBundle { "artifacts/layout/" } else { "" };
        Box::new(LayoutSource::in_tarball(Arc::new(tarball), prefix).unwrap())
    }

    fn reference(&self, text: &str) -> Reference {
        format!("registry.example/{text}").parse().unwrap()
    }

    fn goes_on_after_wrong_content(&self) -> bool {
        false
    }

    fn corrupt(&self, _: &Digest) -> bool {
        false
    }
}

/// A file on its way, whose content is kept for the next one.
struct OneFileSink<'t> {
    target: &'t OneFile,
    file: DeliveryFile,
}

impl Sink for OneFileSink<'_> {
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        Ok(match self.file.offer(repository, descriptor)? {
            Offer::There => Offer::There,
            Offer::Wanted(upload) => {
                let (repository, blob) = (repository.clone(), descriptor.clone());
                Offer::Wanted(Box::new(KeptUpload { target: self.target, upload, repository, blob }))
            }
        })
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.file.put_manifest(repository, manifest)?;
        self.target.remember(Given::Manifest(repository.clone(), manifest.clone()));
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        self.file.held(reference)
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        self.file.tag(reference, manifest)?;
        self.target.remember(Given::Tag(reference.clone(), manifest.clone()));
        Ok(())
    }

    fn finish(&self) -> Result<(), SinkError> {
        self.file.finish()
    }
}

struct KeptUpload<'t> {
    target: &'t OneFile,
    upload: Box<dyn Upload + 't>,
    repository: Repository,
    blob: Descriptor,
}

impl Upload for KeptUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        let mut kept = Vec::new();
        let proven = Descriptor::new("", content.digest().clone(), self.blob.size);
        self.upload.store(&mut Checked::new(Copied { content, kept: &mut kept }, &proven))?;
        // Where another thread stored it meanwhile, nothing was read.
        if kept.len() as u64 == self.blob.size {
            self.target.remember(Given::Blob(self.repository, self.blob, kept));
        }
        Ok(())
    }
}

/// Keeps what is read.
struct Copied<'c> {
    content: &'c mut dyn BlobContent,
    kept: &'c mut Vec<u8>,
}

impl Read for Copied<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.kept.extend(&buffer[..read]);
        Ok(read)
    }
}

/// A registry that keeps its content where we can reach it.
trait Kept: Send + Sync {
    /// Its domain.
    fn domain(&self) -> String;

    /// Flips a bit of what it keeps under this digest.
    fn flip(&self, digest: &Digest);

    /// Whether it keeps a manifest when its last tag moves to another.
    fn keeps_untagged(&self) -> bool {
        true
    }
}

impl Kept for Registry {
    fn domain(&self) -> String {
        self.domain().to_string()
    }

    fn flip(&self, digest: &Digest) {
        let mut state = self.state();
        let stored = state.blobs.iter_mut().filter(|((_, name), _)| *name == digest.to_string());
        stored.for_each(|(_, bytes)| bytes[0] ^= 1);
    }
}

impl Kept for RealRegistry {
    fn domain(&self) -> String {
        self.domain().to_string()
    }

    fn flip(&self, digest: &Digest) {
        let files = self.files_of(digest);
        assert!(!files.is_empty(), "{digest}");
        files.iter().for_each(|file| flip(file));
    }

    fn keeps_untagged(&self) -> bool {
        self.product.keeps_untagged
    }
}

/// What is behind the registry's interface.
struct Remote<R>(R);

impl<R: Kept> Target for Remote<R> {
    fn sink(&self) -> Box<dyn Sink + '_> {
        Box::new(RegistrySink::new(client()))
    }

    fn source(&self) -> Box<dyn Source + '_> {
        Box::new(RegistrySource::new(client()))
    }

    fn reference(&self, text: &str) -> Reference {
        format!("{}/{text}", self.0.domain()).parse().unwrap()
    }

    fn keeps_untagged(&self) -> bool {
        self.0.keeps_untagged()
    }

    fn corrupt(&self, digest: &Digest) -> bool {
        self.0.flip(digest);
        true
    }
}

#[test]
fn layouts() {
    source::check(Layout::new);
    sink::check(Layout::new);
}

#[test]
fn layouts_in_tar_files() {
    for is_compressed in [false, true] {
        source::check(|| Archived { layout: Layout::new(), is_compressed });
    }
}

#[test]
fn files_for_other_tools() {
    for form in [DeliveryForm::LayoutArchive, DeliveryForm::ThickBundle] {
        sink::check(|| OneFile::new(form));
        source::check(|| OneFile::new(form));
    }
}

#[test]
fn registries() {
    let start = || Remote(Registry::start());
    source::check(start);
    sink::check(start);
}

/// A registry that mounts nothing, and knows no interface for referrers.
#[test]
fn registries_that_know_less() {
    let start = || {
        let registry = Registry::start();
        registry.state().referrers = None;
        registry.state().refuses_mounts = true;
        registry.state().ignores_ranges = true;
        Remote(registry)
    };
    source::check(start);
    sink::check(start);
}

#[test]
fn registries_of_others() {
    for product in real_registry::found() {
        source::check(|| Remote(product.start()));
        sink::check(|| Remote(product.start()));
    }
}
