//! The sources that the command line names, each opened once: registries, where there is a network, layouts, and files of other tools.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_core::cnab::bundle;
use sealift_core::docker_archive::DockerArchiveSource;
use sealift_core::export::{ImagesFrom, ItemOrigin, SourceReference};
use sealift_core::layout::{LayoutSource, OddEntry};
use sealift_core::oci::Repository;
use sealift_core::place::{FileForm, InnerName, Place};
use sealift_core::progress::Progress;
use sealift_core::source_file::{SourceFile, SourceFileError};
use sealift_core::tarball::TarballError;
use sealift_core::thick_bundle::{ThickBundle, ThickBundleFile};
use sealift_core::transfer::Source;

use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::input::read_file;
use crate::options::place::Named;
use crate::terminal::shell::quoted;

/// What has been opened so far.
pub(crate) struct OpenedSources<'p> {
    registries: Option<Arc<dyn Source>>,
    layouts: BTreeMap<PathBuf, Arc<LayoutSource>>,
    files: BTreeMap<PathBuf, OpenedFile>,
    progress: &'p dyn Progress,
}

/// A file that is open. What is in it is shared.
#[derive(Clone)]
enum OpenedFile {
    ThinBundle,
    Bundle { bundle_json: Vec<u8>, images: Option<Arc<dyn Source>> },
    Layout(Arc<LayoutSource>),
    DockerArchive(Arc<DockerArchiveSource>),
}

impl From<SourceFile> for OpenedFile {
    fn from(file: SourceFile) -> Self {
        match file {
            SourceFile::ThinBundle => Self::ThinBundle,
            SourceFile::ThickBundle(ThickBundle { bundle_json, images }) => {
                Self::Bundle { bundle_json, images: images.map(|images| -> Arc<dyn Source> { Arc::new(images) }) }
            }
            SourceFile::Layout(layout) => Self::Layout(Arc::new(layout)),
            SourceFile::DockerArchive(archive) => Self::DockerArchive(Arc::new(archive)),
        }
    }
}

impl<'p> OpenedSources<'p> {
    /// Nothing yet, but for the registries.
    pub(crate) fn new(registries: Option<Arc<dyn Source>>, progress: &'p dyn Progress) -> Self {
        Self { registries, layouts: BTreeMap::new(), files: BTreeMap::new(), progress }
    }

    /// The entries of layouts that were passed over, a line for each; at most so many.
    pub(crate) fn passed_over(&self, most: usize) -> Vec<String> {
        let folders = self.layouts.iter();
        let files = self.files.iter().filter_map(|(path, opened)| match opened {
            OpenedFile::Layout(layout) => Some((path, layout)),
            OpenedFile::ThinBundle | OpenedFile::Bundle { .. } | OpenedFile::DockerArchive(_) => None,
        });
        let odd = folders.chain(files).flat_map(|(path, layout)| {
            let name = path.display().to_string();
            layout.passed_over().into_iter().map(move |OddEntry { entry, reason }| {
                format!("{entry} in the index.json of {name} was passed over: {reason}")
            })
        });
        odd.take(most).collect()
    }

    /// A bundle, and where its images are. Those of a thin bundle are where `images_from` says.
    pub(crate) fn bundle(&mut self, named: &Named, images_from: Option<&str>) -> Result<ItemOrigin, Failure> {
        let attempt = || format!("cannot export bundle {}", named.name);
        let place = named.place().attempt(|| format!("cannot find the bundle {}", named.name))?;
        let Place::File { path, form, entry } = place else {
            let images = images_from.map(|_| self.images_from(images_from)).transpose()?;
            return Ok(ItemOrigin::Bundle { place: self.stored(place, named)?, images });
        };
        match self.file(&path, form)? {
            OpenedFile::ThinBundle => Ok(ItemOrigin::ThinBundle {
                bundle_json: read_file(&path, FilePurpose::Content, bundle::MAXIMUM_LENGTH as u64)
                    .attempt(|| format!("cannot read the bundle {}", path.display()))?,
                images: self.images_from(images_from)?,
            }),
            OpenedFile::Bundle { bundle_json, images: Some(images) } => {
                Ok(ItemOrigin::ThinBundle { bundle_json, images: ImagesFrom::TheirReferences(images) })
            }
            OpenedFile::Bundle { bundle_json, images: None } => {
                Ok(ItemOrigin::ThinBundle { bundle_json, images: self.images_from(images_from)? })
            }
            OpenedFile::Layout(layout) => {
                let reference = layout.reference_of(named.reference(), entry.as_ref());
                let reference = reference.attempt(attempt).map_err(|failure| failure.about_item(&named.name))?;
                let images = images_from.map(|_| self.images_from(images_from)).transpose()?;
                Ok(ItemOrigin::Bundle { place: SourceReference { source: layout, reference }, images })
            }
            OpenedFile::DockerArchive(_) => Err(Reason::NotABundle(path)).attempt(attempt),
        }
    }

    /// A thick bundle that travels as it is.
    pub(crate) fn thick_bundle(&mut self, named: &Named) -> Result<ItemOrigin, Failure> {
        let attempt = || format!("cannot export thick bundle {}", named.name);
        let place = named.place().attempt(|| format!("cannot find the thick bundle {}", named.name))?;
        let Place::File { path, form, .. } = place else {
            return Err(Reason::CommandLine(format!("--thick-bundle {}=FILE.tgz needs a file", named.name)))
                .attempt(attempt);
        };
        match self.file(&path, form)? {
            OpenedFile::Bundle { bundle_json, images: Some(images) } => {
                let file = ThickBundleFile::measure(&path, self.progress).map_err(SourceFileError::from);
                let file = Arc::new(file.attempt(|| format!("cannot read {}", path.display()))?);
                Ok(ItemOrigin::ThickBundle { bundle_json, images, file })
            }
            OpenedFile::Bundle { images: None, .. } => Err(Reason::ThinFile(path)).attempt(attempt),
            OpenedFile::ThinBundle => Err(Reason::ThinFile(path)).attempt(attempt),
            OpenedFile::Layout(_) => {
                let why = format!("{} is a layout, and not a thick bundle", path.display());
                Err(Reason::CommandLine(why)).attempt(attempt)
            }
            OpenedFile::DockerArchive(_) => Err(Reason::NotABundle(path)).attempt(attempt),
        }
    }

    /// The thick bundle that a bundle was taken from.
    pub(crate) fn thick_file(&self, named: &Named) -> Option<PathBuf> {
        let Ok(Place::File { path, .. }) = named.place() else { return None };
        let is_thick = |opened: &OpenedFile| matches!(opened, OpenedFile::Bundle { images: Some(_), .. });
        self.files.get(&path).is_some_and(is_thick).then_some(path)
    }

    /// An image that belongs to no bundle.
    pub(crate) fn image(&mut self, named: &Named) -> Result<ItemOrigin, Failure> {
        let place = named.place().attempt(|| format!("cannot find the image {}", named.name))?;
        Ok(ItemOrigin::Image(self.stored(place, named)?))
    }

    /// The repository in which the tags of a name without a tag are.
    pub(crate) fn repository(&mut self, named: &Named) -> Result<(Arc<dyn Source>, Repository), Failure> {
        let attempt = || format!("cannot choose tags of {}", named.name);
        let (source, entry): (Arc<dyn Source>, _) = match named.place().attempt(attempt)? {
            Place::Registry(reference) => (self.registries(attempt)?, Some(InnerName::Reference(reference))),
            Place::Layout { folder, entry } => (self.layout(&folder)?, entry),
            Place::File { path, form, entry } => match self.file(&path, form)? {
                OpenedFile::Layout(layout) => (layout, entry),
                OpenedFile::DockerArchive(archive) => (archive, entry),
                OpenedFile::ThinBundle | OpenedFile::Bundle { .. } => {
                    return Err(Reason::NotAnImage(path)).attempt(attempt);
                }
            },
        };
        let reference = match &entry {
            None => named.reference(),
            Some(InnerName::Reference(reference)) if reference.tag().is_none() && reference.digest().is_none() => {
                reference
            }
            Some(_) => {
                let place = named.written().unwrap_or_default();
                let why = format!("{place} is one image: a rule for tags needs a repository, or a whole layout");
                return Err(Reason::CommandLine(why)).attempt(attempt);
            }
        };
        Ok((source, reference.repository().clone()))
    }

    fn stored(&mut self, place: Place, named: &Named) -> Result<SourceReference, Failure> {
        let attempt = || format!("cannot export image {}", named.name);
        match place {
            Place::Registry(reference) => {
                let source = self.registries(|| format!("cannot export {}", named.name))?;
                Ok(SourceReference { source, reference })
            }
            Place::Layout { folder, entry } => {
                let source = self.layout(&folder)?;
                let reference = source.reference_of(named.reference(), entry.as_ref());
                let reference = reference.attempt(attempt).map_err(|failure| failure.about_item(&named.name))?;
                Ok(SourceReference { source, reference })
            }
            Place::File { path, form, entry } => match self.file(&path, form)? {
                OpenedFile::Layout(source) => {
                    let reference = source.reference_of(named.reference(), entry.as_ref());
                    let reference = reference.attempt(attempt).map_err(|failure| failure.about_item(&named.name))?;
                    Ok(SourceReference { source, reference })
                }
                OpenedFile::DockerArchive(source) => {
                    let reference = source.reference_of(named.reference(), entry.as_ref());
                    let reference = reference.map_err(SourceFileError::from).attempt(attempt);
                    let reference = reference.map_err(|failure| failure.about_item(&named.name))?;
                    Ok(SourceReference { source, reference })
                }
                OpenedFile::ThinBundle if path.metadata().is_ok_and(|found| !found.is_file()) => {
                    let error = SourceFileError::from(TarballError::NotRegular { path });
                    Err(Reason::SourceFile(error)).attempt(attempt)
                }
                OpenedFile::ThinBundle | OpenedFile::Bundle { .. } => Err(Reason::NotAnImage(path)).attempt(attempt),
            },
        }
    }

    fn images_from(&mut self, written: Option<&str>) -> Result<ImagesFrom, Failure> {
        let attempt = || "cannot understand --images-from".to_owned();
        let Some(written) = written else {
            return Ok(ImagesFrom::TheirReferences(self.registries(attempt)?));
        };
        if let Some((_, place)) = written.split_once('=').filter(|_| !Path::new(written).exists()) {
            let problem = "it says where images are, and takes no name before that".to_owned();
            let hint = format!("write --images-from {}", quoted(place));
            return Err(Reason::Incomplete { problem, hint }).attempt(attempt);
        }
        match Place::find(written).attempt(attempt)? {
            Place::Registry(reference) => {
                Ok(ImagesFrom::OneRepository(self.registries(attempt)?, reference.repository().clone()))
            }
            Place::Layout { folder, .. } => Ok(ImagesFrom::TheirReferences(self.layout(&folder)?)),
            Place::File { path, form, .. } => match self.file(&path, form)? {
                OpenedFile::Bundle { images: Some(images), .. } => Ok(ImagesFrom::TheirReferences(images)),
                OpenedFile::Layout(images) => Ok(ImagesFrom::TheirReferences(images)),
                OpenedFile::DockerArchive(images) => Ok(ImagesFrom::TheirReferences(images)),
                OpenedFile::ThinBundle | OpenedFile::Bundle { images: None, .. } => {
                    Err(Reason::NoImages(path)).attempt(attempt)
                }
            },
        }
    }

    /// The registries.
    pub(crate) fn registries(&self, attempt: impl FnOnce() -> String) -> Result<Arc<dyn Source>, Failure> {
        self.registries.clone().ok_or(Reason::NoNetwork).attempt(attempt)
    }

    fn layout(&mut self, folder: &Path) -> Result<Arc<LayoutSource>, Failure> {
        if let Some(known) = self.layouts.get(folder) {
            return Ok(Arc::clone(known));
        }
        let source = LayoutSource::open(folder).attempt(|| format!("cannot read the layout {}", folder.display()))?;
        let source = Arc::new(source);
        self.layouts.insert(folder.to_owned(), Arc::clone(&source));
        Ok(source)
    }

    /// A file, which is unpacked once however often it is named.
    fn file(&mut self, path: &Path, form: Option<FileForm>) -> Result<OpenedFile, Failure> {
        if let Some(known) = self.files.get(path) {
            return Ok(known.clone());
        }
        let opened = SourceFile::open(path, form, &std::env::temp_dir(), self.progress);
        let opened: OpenedFile = opened.attempt(|| format!("cannot read {}", path.display()))?.into();
        self.files.insert(path.to_owned(), opened.clone());
        Ok(opened)
    }
}
