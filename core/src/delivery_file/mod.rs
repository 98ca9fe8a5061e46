//! Files that an import makes for other tools: an OCI image layout in a tar file, a docker-archive, a thick bundle.
//!
//! Promise: the file appears under its name complete, or not at all, and never in the place of another. Each blob is in it once, and
//! `index.json` is its last entry, so that what is cut short is not a layout. The same deliveries in the same order make the same
//! bytes. After a blob that could not be stored, nothing more is taken, because a tar file cannot take back what was begun.

mod error;
mod folder;
mod form;
mod new_file;
mod original;
mod output;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::GzBuilder;
use sealift_archive_format::Digest;
use serde_json::{Value, json};

pub use error::DeliveryFileError;
pub(crate) use folder::FileFolder;
pub use form::DeliveryForm;
pub(crate) use original::OriginalFile;

use crate::cnab::RelocationMapping;
use crate::docker_archive::MANIFEST_FILE;
use crate::layout::{CONTAINERD_NAME, INDEX_FILE, LAYOUT_CONTENT, LAYOUT_FILE, REF_NAME, entry_name};
use crate::oci::manifest::{Document, MAXIMUM_LENGTH};
use crate::oci::media_type::{self, OCI_INDEX};
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository};
use crate::thick_bundle::{BUNDLE_FILE, MAPPING_FILE};
use crate::transfer::{BlobContent, Offer, PassedContent, Sink, SinkError, Upload};
use crate::verify::{Judged, Selected, Selection};
use form::{only_bundle, require_layers, require_whole, runnable};
use new_file::{NewFile, require_room};
use output::{TarOutput, entry_length, header};

const BUFFER_LENGTH: usize = 128 << 10;

/// Writes one new file. Repositories affect only names.
pub struct DeliveryFile {
    path: PathBuf,
    form: DeliveryForm,
    state: Mutex<State>,
}

struct State {
    file: Option<NewFile>,
    /// `None` once something has failed.
    tar: Option<tar::Builder<TarOutput>>,
    folders: HashSet<String>,
    written: HashSet<Digest>,
    manifests: HashMap<Digest, ManifestBytes>,
    /// What `index.json` lists.
    index: Vec<Descriptor>,
    /// Where in it each name is, or, without a name, each digest.
    listed: HashMap<String, usize>,
    /// What `manifest.json` lists: each image once, and which image each name means.
    images: Vec<ManifestBytes>,
    listed_images: HashSet<Digest>,
    image_names: BTreeMap<String, Digest>,
    /// What each name resolves to.
    resolved: HashMap<String, Digest>,
}

impl State {
    /// Lists an entry, in the place of one that has the same name.
    fn list(&mut self, entry: Descriptor) {
        let name = entry.annotations.get(CONTAINERD_NAME).or(entry.annotations.get(REF_NAME));
        let key = name.map_or_else(|| entry.digest.to_string(), str::to_owned);
        match self.listed.get(&key).and_then(|at| self.index.get_mut(*at)) {
            Some(listed) => *listed = entry,
            None => {
                self.listed.insert(key, self.index.len());
                self.index.push(entry);
            }
        }
    }
}

impl DeliveryFile {
    /// Begins the file for what an archive holds, after checking that the form can hold it.
    ///
    /// # Errors
    /// [`DeliveryFileError`]; nothing was written.
    pub fn of<R: Read>(
        path: &Path,
        form: DeliveryForm,
        judged: &mut Judged<R>,
        selection: &Selection,
    ) -> Result<Self, DeliveryFileError> {
        let (selected, closed) = judged.select(selection)?;
        form.require_place(&selected)?;
        match form {
            DeliveryForm::LayoutArchive => Self::begin(path, form),
            DeliveryForm::DockerArchive => {
                let mut seen = HashSet::new();
                for Selected { finding, item } in &selected {
                    let findings =
                        if finding.parts.is_empty() { std::slice::from_ref(*finding) } else { &finding.parts };
                    for (finding, image) in findings.iter().zip(item.images()) {
                        // One image may have many names.
                        if seen.insert(Arc::as_ptr(&image.graph)) {
                            let manifests = image.graph.manifests().iter();
                            let held: HashMap<&Digest, &ManifestBytes> =
                                manifests.map(|manifest| (&manifest.descriptor().digest, manifest)).collect();
                            let (name, held) = (&finding.item.reference, |digest: &Digest| held.get(digest).copied());
                            require_layers(name, &image.graph, runnable(name, image.graph.root(), held)?)?;
                        }
                    }
                }
                Self::begin(path, form)
            }
            DeliveryForm::ThickBundle => {
                let (bundle, bundle_json) = only_bundle(&selected, closed)?;
                for (named, image) in bundle.bundle.images.iter().zip(&bundle.images) {
                    require_whole(&named.reference, &image.graph)?;
                }
                let file = Self::begin(path, form)?;
                let mut mapping = RelocationMapping::default();
                for (named, image) in bundle.bundle.images.iter().zip(&bundle.images) {
                    if let Ok(reference) = named.reference.parse::<Reference>() {
                        let relocated = relocated(&reference, image.graph.root().descriptor());
                        mapping.insert(&named.reference, relocated);
                    }
                }
                let mapping = serde_json::to_vec(&mapping).map_err(|source| file.access(source.into()))?;
                let mut state = file.state();
                file.entry(&mut state, BUNDLE_FILE, bundle_json)?;
                file.entry(&mut state, MAPPING_FILE, &mapping)?;
                drop(state);
                Ok(file)
            }
        }
    }

    /// Requires that nothing has this name yet, and that it can be the name of a file.
    ///
    /// # Errors
    /// [`DeliveryFileError::Exists`], [`DeliveryFileError::NotAPlaceForFiles`] and [`DeliveryFileError::Access`].
    pub fn require_new(path: &Path) -> Result<(), DeliveryFileError> {
        new_file::require_new(path)
    }

    /// Begins the file. What an interrupted attempt left in its folder is removed.
    ///
    /// # Errors
    /// [`DeliveryFileError::Exists`] and [`DeliveryFileError::Access`].
    pub fn begin(path: &Path, form: DeliveryForm) -> Result<Self, DeliveryFileError> {
        let failed = |source| DeliveryFileError::Access { path: path.to_owned(), source };
        let file = NewFile::begin(path)?;
        let output = BufWriter::with_capacity(BUFFER_LENGTH, file.as_file().try_clone().map_err(failed)?);
        let output = match form {
            DeliveryForm::LayoutArchive | DeliveryForm::DockerArchive => TarOutput::Plain(output),
            // Most of it is layers that are compressed already; what the header could say about time and system is left out.
            DeliveryForm::ThickBundle => {
                let gzip = GzBuilder::new().mtime(0).operating_system(255);
                TarOutput::Gzip(Box::new(gzip.write(output, flate2::Compression::fast())))
            }
        };
        let state = State {
            file: Some(file),
            tar: Some(tar::Builder::new(output)),
            folders: HashSet::new(),
            written: HashSet::new(),
            manifests: HashMap::new(),
            index: Vec::new(),
            listed: HashMap::new(),
            images: Vec::new(),
            listed_images: HashSet::new(),
            image_names: BTreeMap::new(),
            resolved: HashMap::new(),
        };
        let begun = Self { path: path.to_owned(), form, state: Mutex::new(state) };
        let marker = format!("{}{LAYOUT_FILE}", form.prefix());
        begun.entry(&mut begun.state(), &marker, LAYOUT_CONTENT)?;
        Ok(begun)
    }

    /// A thread that panicked has left `tar` as `None`.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn access(&self, source: io::Error) -> DeliveryFileError {
        DeliveryFileError::Access { path: self.path.clone(), source }
    }

    fn broken(&self) -> DeliveryFileError {
        DeliveryFileError::Broken { path: self.path.clone() }
    }

    /// Writes an entry from memory.
    fn entry(&self, state: &mut State, name: &str, content: &[u8]) -> Result<(), DeliveryFileError> {
        self.write(state, name, content.len() as u64, content).map_err(|error| match error {
            SinkError::Content(source) | SinkError::ReadBack(source) => self.access(source),
            SinkError::Target(_) | SinkError::Missing(_) | SinkError::Invalid(_) | SinkError::NoRoom(_) => {
                self.broken()
            }
        })
    }

    /// Writes an entry, and before it the folders that it is in. Until it is complete, the file counts as broken.
    fn write(&self, state: &mut State, name: &str, size: u64, content: impl Read) -> Result<(), SinkError> {
        let mut tar = state.tar.take().ok_or_else(|| self.broken())?;
        let folders = name.char_indices().filter(|(_, character)| *character == '/');
        for folder in folders.filter_map(|(at, _)| name.get(..=at)) {
            if state.folders.insert(folder.to_owned()) {
                let mut header = header(tar::EntryType::Directory, 0o755, 0);
                tar.append_data(&mut header, folder, io::empty()).map_err(|source| self.access(source))?;
            }
        }
        let mut content = PassedContent::new(content);
        let mut header = header(tar::EntryType::Regular, 0o644, size);
        let written = tar.append_data(&mut header, name, &mut content);
        if content.end(written.map_err(|source| self.access(source)))? != size {
            return Err(SinkError::Content(io::ErrorKind::InvalidData.into()));
        }
        state.tar = Some(tar);
        Ok(())
    }

    fn store(&self, state: &mut State, descriptor: &Descriptor, content: impl Read) -> Result<(), SinkError> {
        // Another thread may have stored it since it was offered. What is not read now is checked by whoever sends it.
        if state.written.contains(&descriptor.digest) {
            return Ok(());
        }
        let digest = &descriptor.digest;
        let name = format!("{}blobs/{}/{}", self.form.prefix(), digest.algorithm().name(), digest.hex());
        self.write(state, &name, descriptor.size, content)?;
        state.written.insert(digest.clone());
        Ok(())
    }

    /// The entries under which a reference is listed.
    fn listed(&self, reference: &Reference, root: &Descriptor) -> Vec<Descriptor> {
        let named = |names: &[(&str, &str)]| {
            let mut entry = root.clone();
            names.iter().for_each(|(key, name)| entry.annotations.insert(key, name));
            entry
        };
        match self.form {
            DeliveryForm::LayoutArchive => vec![named(&[(REF_NAME, &entry_name(reference))])],
            DeliveryForm::DockerArchive => match reference.tag_or_latest() {
                Some(tag) => {
                    let full = entry_name(reference);
                    vec![named(&[(REF_NAME, tag.as_str()), (CONTAINERD_NAME, &full)])]
                }
                None => vec![named(&[])],
            },
            DeliveryForm::ThickBundle => {
                let mut names =
                    vec![reference.as_given().to_owned(), entry_name(reference), relocated(reference, root)];
                names.dedup();
                names.iter().map(|name| named(&[(REF_NAME, name)])).collect()
            }
        }
    }
}

/// The name that an image has where the bundle is relocated to: that of its own repository, by digest.
fn relocated(reference: &Reference, root: &Descriptor) -> String {
    format!("{}@{}", reference.repository(), root.digest)
}

impl Sink for DeliveryFile {
    /// What the file compresses is not counted: nobody knows how long that will be.
    fn require_room(&self, contents: &[&Descriptor]) -> Result<(), SinkError> {
        let is_counted = |descriptor: &&&Descriptor| match self.form {
            DeliveryForm::LayoutArchive | DeliveryForm::DockerArchive => true,
            DeliveryForm::ThickBundle => media_type::is_compressed(&descriptor.media_type),
        };
        let lengths = contents.iter().filter(is_counted).map(|descriptor| entry_length(descriptor.size));
        require_room(&self.path, lengths.fold(0, u64::saturating_add))
    }

    fn offer(&self, _: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        let state = self.state();
        if state.tar.is_none() {
            return Err(self.broken().into());
        }
        Ok(match state.written.contains(&descriptor.digest) {
            true => Offer::There,
            false => Offer::Wanted(Box::new(EntryUpload { file: self, descriptor: descriptor.clone() })),
        })
    }

    fn put_manifest(&self, _: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let mut state = self.state();
        let descriptor = manifest.descriptor();
        self.store(&mut state, descriptor, manifest.bytes())?;
        state.manifests.insert(descriptor.digest.clone(), manifest.clone());
        // Other tools find referrers by the subjects of the manifests in index.json.
        if manifest.document().subject().is_some() {
            state.list(descriptor.clone());
        }
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        Ok(self.state().resolved.get(&entry_name(reference)).cloned())
    }

    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let mut state = self.state();
        let mut root = manifest.descriptor();
        let held = |digest: &Digest| state.manifests.get(digest);
        let chosen = match self.form {
            DeliveryForm::DockerArchive => Some(runnable(reference.as_given(), manifest, held)?.clone()),
            DeliveryForm::LayoutArchive | DeliveryForm::ThickBundle => None,
        };
        if let Some(chosen) = &chosen {
            // An index whose other platforms are not there is of no use to who loads it.
            let is_whole = manifest.document().children().iter().all(|child| held(&child.digest).is_some());
            root = if is_whole { root } else { chosen.descriptor() };
        }
        state.resolved.insert(entry_name(reference), root.digest.clone());
        let entries = self.listed(reference, root);
        entries.into_iter().for_each(|entry| state.list(entry));
        if let Some(chosen) = chosen {
            let digest = chosen.descriptor().digest.clone();
            if state.listed_images.insert(digest.clone()) {
                state.images.push(chosen);
            }
            if reference.tag_or_latest().is_some() {
                state.image_names.insert(entry_name(reference), digest);
            }
        }
        Ok(())
    }

    /// Lists what was stored, and gives the file its name.
    fn finish(&self) -> Result<(), SinkError> {
        let mut state = self.state();
        if self.form == DeliveryForm::DockerArchive {
            let mut names: HashMap<&Digest, Vec<&str>> = HashMap::new();
            for (name, digest) in &state.image_names {
                names.entry(digest).or_default().push(name);
            }
            let names_of = |image: &ManifestBytes| names.get(&image.descriptor().digest).cloned().unwrap_or_default();
            let images: Vec<Value> = state.images.iter().filter_map(|image| saved(image, &names_of(image))).collect();
            let list = serde_json::to_vec(&images).map_err(|source| self.access(source.into()))?;
            self.entry(&mut state, MANIFEST_FILE, &list)?;
        }
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": state.index });
        let index = serde_json::to_vec(&index).map_err(|source| self.access(source.into()))?;
        if index.len() as u64 > MAXIMUM_LENGTH {
            return Err(DeliveryFileError::IndexLength { path: self.path.clone() }.into());
        }
        self.entry(&mut state, &format!("{}{INDEX_FILE}", self.form.prefix()), &index)?;
        let (Some(tar), Some(file)) = (state.tar.take(), state.file.take()) else { return Err(self.broken().into()) };
        tar.into_inner().and_then(TarOutput::finish).map_err(|source| self.access(source))?;
        Ok(file.place()?)
    }
}

/// How `manifest.json` lists an image.
fn saved(image: &ManifestBytes, names: &[&str]) -> Option<Value> {
    let Document::Image(document) = image.document() else { return None };
    let path = |blob: &Descriptor| format!("blobs/{}/{}", blob.digest.algorithm().name(), blob.digest.hex());
    let layers: Vec<String> = document.layers.iter().map(path).collect();
    Some(json!({ "Config": path(&document.config), "RepoTags": names, "Layers": layers }))
}

/// A blob on its way into the file.
struct EntryUpload<'f> {
    file: &'f DeliveryFile,
    descriptor: Descriptor,
}

impl Upload for EntryUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        SinkError::require_offered(&self.descriptor, content)?;
        self.file.store(&mut self.file.state(), &self.descriptor, content)
    }
}
