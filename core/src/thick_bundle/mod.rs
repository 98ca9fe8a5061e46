//! Thick bundles: a bundle with its images in one file, as Porter, Duffle and signy write them (CNAB Core 1.2 §104).
//!
//! At the top is `bundle.json` (or `bundle.cnab`), and `relocation-mapping.json` where the images have been relocated; the images are
//! an OCI image layout in `artifacts/layout`. A file without artifacts is a thin bundle in a tar file.

mod as_it_is;
mod content;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError};

use crate::cnab::bundle;
use crate::layout::{LAYOUT_FILE, LayoutError, LayoutSource};
use crate::oci::manifest::MAXIMUM_LENGTH;
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use crate::remedy::{Remediable, Remedy};
use crate::tarball::{Tarball, TarballError};
use crate::transfer::{BlobContent, Source, SourceError};
pub use as_it_is::ThickBundleFile;
pub(crate) use content::ThickContent;
pub use content::ThickContentError;

/// The bundle.
pub(crate) const BUNDLE_FILE: &str = "bundle.json";
/// The name that Duffle gave to a bundle.
pub(crate) const CNAB_FILE: &str = "bundle.cnab";
/// Where the images went.
pub(crate) const MAPPING_FILE: &str = "relocation-mapping.json";
/// The folder of what comes with the bundle. One without it is thin.
const ARTIFACTS_FOLDER: &str = "artifacts/";
/// The folder of the layout.
pub(crate) const LAYOUT_FOLDER: &str = "artifacts/layout/";

/// Why a thick bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ThickBundleError {
    /// The tar file cannot be used.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// There is no bundle in it.
    #[error("{} is not a bundle: it has neither {BUNDLE_FILE} nor {CNAB_FILE}", .path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
    },
    /// It has a bundle under both names: readers do not agree on which counts.
    #[error("{} has both {BUNDLE_FILE} and {CNAB_FILE}", .path.display())]
    TwoBundles {
        /// The file.
        path: PathBuf,
    },
    /// It has artifacts, but no layout among them: before 0.2.0-beta.1, Duffle wrote each image as `docker save` does.
    #[error(
        "the images of {} are not an OCI layout in artifacts/layout, but files such as {entry}, as Duffle wrote them before 0.2.0-beta.1",
        .path.display()
    )]
    NoLayout {
        /// The file.
        path: PathBuf,
        /// One of the artifacts.
        entry: String,
    },
    /// Its relocation mapping cannot be read.
    #[error("{MAPPING_FILE} in {} cannot be read", .path.display())]
    Mapping {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: JsonError,
    },
    /// Its layout cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl Remediable for ThickBundleError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Tarball(error) => error.remedy(),
            Self::Layout(error) => error.remedy(),
            Self::NotOne { .. } | Self::TwoBundles { .. } | Self::NoLayout { .. } | Self::Mapping { .. } => {
                Remedy::SaveAgain
            }
        }
    }
}

/// A bundle in a tar file.
pub struct ThickBundle {
    /// The bytes of `bundle.json`, as they are.
    pub bundle_json: Vec<u8>,
    /// Its images; `None` in a thin bundle.
    pub images: Option<ThickBundleSource>,
}

impl ThickBundle {
    /// Reads the bundle, and the list of the images.
    ///
    /// # Errors
    /// [`ThickBundleError`].
    pub fn open(tarball: &Arc<Tarball>) -> Result<Self, ThickBundleError> {
        let path = || tarball.path().to_owned();
        let limit = bundle::MAXIMUM_LENGTH as u64;
        let bundle_json = match (tarball.read(BUNDLE_FILE, limit)?, tarball.read(CNAB_FILE, limit)?) {
            (Some(bundle), None) | (None, Some(bundle)) => bundle,
            (None, None) => return Err(ThickBundleError::NotOne { path: path() }),
            (Some(_), Some(_)) => return Err(ThickBundleError::TwoBundles { path: path() }),
        };
        if !tarball.has(&format!("{LAYOUT_FOLDER}{LAYOUT_FILE}")) {
            return match tarball.names().filter(|name| name.starts_with(ARTIFACTS_FOLDER)).min() {
                Some(entry) => Err(ThickBundleError::NoLayout { path: path(), entry: entry.to_owned() }),
                None => Ok(Self { bundle_json, images: None }),
            };
        }
        let layout = LayoutSource::in_tarball(Arc::clone(tarball), LAYOUT_FOLDER)?;
        let mapping: Option<BTreeMap<String, String>> = match tarball.read(MAPPING_FILE, MAXIMUM_LENGTH)? {
            Some(mapping) => {
                let unreadable = |source| ThickBundleError::Mapping { path: path(), source };
                strict_json::parse_into(&mapping).map_err(unreadable)?
            }
            None => None,
        };
        let relocated = mapping.unwrap_or_default();
        Ok(Self { bundle_json, images: Some(ThickBundleSource { layout, relocated }) })
    }
}

/// The images of a thick bundle: by digest, and by the names that `bundle.json` or the relocation mapping gives them.
pub struct ThickBundleSource {
    layout: LayoutSource,
    /// From the references in `bundle.json` to those in the layout.
    relocated: BTreeMap<String, String>,
}

impl Source for ThickBundleSource {
    /// A reference with a digest means that, whatever the layout calls it.
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        let relocated = self.relocated.get(reference.as_given()).filter(|_| reference.digest().is_none());
        match relocated.and_then(|relocated| relocated.parse().ok()) {
            Some(relocated) => self.layout.resolve(reference).or_else(|_| self.layout.resolve(&relocated)),
            None => self.layout.resolve(reference),
        }
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        self.layout.find(repository, tag)
    }

    fn manifest(&self, repository: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        self.layout.manifest(repository, descriptor)
    }

    fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        self.layout.blob(repository, descriptor)
    }

    fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        self.layout.referrers(repository, subject)
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        self.layout.tags(repository)
    }
}
