//! Why a file cannot be made.

use std::io;
use std::path::PathBuf;

use sealift_archive_format::FileName;

use super::DeliveryForm;
use crate::layout::INDEX_FILE;
use crate::oci::manifest::MAXIMUM_LENGTH;
use crate::remedy::{Remediable, Remedy};
use crate::transfer::SinkError;
use crate::verify::SelectionError;

/// Why a file cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryFileError {
    /// There is something with its name.
    #[error("{} already exists", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is a pipe or a device with its name.
    #[error("{} is a pipe or a device; this output has to be a regular file", .path.display())]
    NotAPlaceForFiles {
        /// What is there.
        path: PathBuf,
    },
    /// What was chosen is not in the archive.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// It cannot be written.
    #[error("cannot write {}", .path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something could not be stored before, so the file can never be complete.
    #[error("{} cannot be completed, because something could not be stored in it before", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// More is named than one index can list.
    #[error("{INDEX_FILE} in {} would have more than {MAXIMUM_LENGTH} bytes", .path.display())]
    IndexLength {
        /// The file.
        path: PathBuf,
    },
    /// A file with other content has the name, and this side did not put it there.
    #[error("{} has other content, and this side did not deliver it", .path.display())]
    NotOurs {
        /// Where it is.
        path: PathBuf,
        /// The name of the file that would be delivered there.
        name: FileName,
    },
    /// A plain file would have to go into a form that has no place for one.
    #[error("{name} is a plain file, which {form} cannot hold")]
    HoldsNoFile {
        /// The file.
        name: String,
        /// The form.
        form: DeliveryForm,
    },
    /// Something that is not a plain file would have to go into a folder of files.
    #[error("{name} is not a plain file, which is all that goes into a folder of files")]
    NotAFile {
        /// The bundle or image.
        name: String,
    },
    /// A docker-archive would have to hold several platforms of one image.
    #[error("{name} has several platforms, and a docker-archive holds one of each image: {}", .platforms.join(", "))]
    SeveralPlatforms {
        /// The image.
        name: String,
        /// Its platforms.
        platforms: Vec<String>,
    },
    /// A docker-archive would have to hold something that is not an image that can be run.
    #[error("{name} is not an image that can be run, which is all that a docker-archive holds")]
    NotAnImage {
        /// Its name.
        name: String,
    },
    /// A file would have to hold something of which a part is not there, and readers of such files need all of it.
    #[error("{name} is not whole, and this kind of file holds only what is; left out: {}", .left_out.join(", "))]
    NotWhole {
        /// The image.
        name: String,
        /// What is not there: platforms, and digests of layers and manifests.
        left_out: Vec<String>,
    },
    /// A thick bundle would have to hold none or several.
    #[error(
        "{bundles} bundles and {images} images would each be delivered under its own name; a thick bundle holds exactly one bundle"
    )]
    NotOneBundle {
        /// How many bundles there are.
        bundles: usize,
        /// How many images there are that are delivered without a bundle.
        images: usize,
    },
}

impl Remediable for DeliveryFileError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Selection(error) => error.remedy(),
            Self::Exists { path } => Remedy::DeliverUnderAnotherName { path: path.clone() },
            Self::NotOurs { path, name } => Remedy::MoveFileOrReplace { path: path.clone(), tag: name.to_string() },
            Self::HoldsNoFile { .. } => Remedy::DeliverToFolder,
            Self::NotAFile { .. } => Remedy::SelectFiles,
            Self::NotAPlaceForFiles { .. } => Remedy::NameNewFile,
            Self::Access { path, source } => Remedy::of_file(path, source),
            Self::Broken { path } => Remedy::CheckDisk { path: path.clone() },
            Self::IndexLength { .. } => Remedy::ExportFewer,
            Self::SeveralPlatforms { .. } => Remedy::ChooseOnePlatform,
            Self::NotAnImage { .. } => Remedy::DeliverInAnotherForm,
            Self::NotWhole { .. } => Remedy::DeliverWhole,
            Self::NotOneBundle { .. } => Remedy::DeliverOneBundle,
        }
    }
}

impl From<DeliveryFileError> for SinkError {
    fn from(reason: DeliveryFileError) -> Self {
        Self::new(reason)
    }
}
