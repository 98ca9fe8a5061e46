//! Files of other tools, recognised by what is in them: bundles, thin and thick, OCI archives and docker-archives.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::docker_archive::{self, DockerArchiveError, DockerArchiveSource};
use crate::layout::{LAYOUT_FILE, LayoutError, LayoutSource};
use crate::place::FileForm;
use crate::progress::Progress;
use crate::remedy::{Remediable, Remedy};
use crate::tarball::{Beginning, Tarball, TarballError};
use crate::thick_bundle::{self, ThickBundle, ThickBundleError};

/// What a file is.
pub enum SourceFile {
    /// Not a tar file: a `bundle.json`, if anything.
    ThinBundle,
    /// A bundle in a tar file, with its images or without.
    ThickBundle(ThickBundle),
    /// An OCI image layout in a tar file. Docker writes one since version 25.
    Layout(LayoutSource),
    /// A docker-archive without a layout.
    DockerArchive(DockerArchiveSource),
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceFileError {
    /// The tar file cannot be used.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// It is a layout that cannot be used, or was said to be one.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// It is a docker-archive that cannot be used, or was said to be one.
    #[error(transparent)]
    DockerArchive(#[from] DockerArchiveError),
    /// It is a bundle that cannot be used.
    #[error(transparent)]
    ThickBundle(#[from] ThickBundleError),
    /// It is something else.
    #[error("{} is neither a tar file nor a bundle.json", .path.display())]
    NoForm {
        /// The file.
        path: PathBuf,
    },
    /// It is a tar file of something else.
    #[error("{} is a tar file, but holds neither a bundle nor an OCI image layout nor a docker-archive", .path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

impl Remediable for SourceFileError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Tarball(error) => error.remedy(),
            Self::Layout(error) => error.remedy(),
            Self::DockerArchive(error) => error.remedy(),
            Self::ThickBundle(error) => error.remedy(),
            Self::NoForm { path } | Self::Unknown { path } => Remedy::CheckFile { path: path.clone() },
        }
    }
}

impl SourceFile {
    /// Looks at a file and opens it, as the form that it is said to have, if any. What is compressed is unpacked once, into a file
    /// without a name in `unpack_into`, while `progress` is told.
    ///
    /// # Errors
    /// [`SourceFileError`].
    pub fn open(
        path: &Path,
        form: Option<FileForm>,
        unpack_into: &Path,
        progress: &dyn Progress,
    ) -> Result<Self, SourceFileError> {
        if form.is_none() {
            match Tarball::looks_like_one(path)? {
                Beginning::Json => return Ok(Self::ThinBundle),
                Beginning::Other => return Err(SourceFileError::NoForm { path: path.to_owned() }),
                Beginning::Tarball => {}
            }
        }
        let tarball = Arc::new(Tarball::open(path, unpack_into, progress)?);
        let has = |name: &str| tarball.has(name);
        if form.is_none() && (has(thick_bundle::BUNDLE_FILE) || has(thick_bundle::CNAB_FILE)) {
            return Ok(Self::ThickBundle(ThickBundle::open(&tarball)?));
        }
        // Where there are both, the layout has the digests.
        if has(LAYOUT_FILE) || form == Some(FileForm::OciArchive) {
            return Ok(Self::Layout(LayoutSource::in_tarball(tarball, "")?));
        }
        let is_docker = has(docker_archive::MANIFEST_FILE) || has(docker_archive::REPOSITORIES_FILE);
        if is_docker || form == Some(FileForm::DockerArchive) {
            return Ok(Self::DockerArchive(DockerArchiveSource::open(tarball, progress)?));
        }
        Err(SourceFileError::Unknown { path: path.to_owned() })
    }
}
