//! Why a docker-archive cannot be used.

use std::fmt;
use std::path::PathBuf;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;

use super::MANIFEST_FILE;
use crate::oci::manifest::ManifestError;
use crate::remedy::{Remediable, Remedy};
use crate::tarball::TarballError;
use crate::transfer::SourceError;

/// What else is called `manifest.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherForm {
    /// The images of `imgpkg copy --to-tar` and of `kbld package`, with their manifests in it.
    Imgpkg,
    /// The manifest of one image, as skopeo and podman write it into a folder (`dir:`).
    Manifest,
    /// Something that lists no images.
    Unknown,
}

impl fmt::Display for OtherForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Imgpkg => "a list of images as imgpkg and kbld write it",
            Self::Manifest => "the manifest of one image, as skopeo writes it into a folder (dir:)",
            Self::Unknown => "not a list of images",
        })
    }
}

/// Why a docker-archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DockerArchiveError {
    /// The tar file cannot be used.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// It has no list of images.
    #[error("{} is not a docker-archive: it has no {MANIFEST_FILE}", .path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
    },
    /// It has the form that Docker wrote before version 1.10.
    #[error("{} is a docker-archive as Docker wrote it before version 1.10, without {MANIFEST_FILE}", .path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
    },
    /// Another tool wrote a list of another form under this name.
    #[error("{} is not a docker-archive: its {MANIFEST_FILE} is {form}", .path.display())]
    OtherForm {
        /// The file.
        path: PathBuf,
        /// What the list is.
        form: OtherForm,
    },
    /// `manifest.json`, or the configuration of an image, cannot be read.
    #[error("{name:?} in {} cannot be read", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The file inside.
        name: String,
        /// What is wrong with it.
        #[source]
        source: JsonError,
    },
    /// It lists too many images, or an image too many layers.
    #[error("{} lists {count} images or layers; the limit is {limit}", .path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// A configuration or a layer is not there.
    #[error("{name:?} is listed in {}, but is not there", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The file inside.
        name: String,
    },
    /// A configuration does not have the digest in its name.
    #[error("the configuration {name:?} in {} has digest {found}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The file inside.
        name: String,
        /// The digest that it has.
        found: Digest,
    },
    /// The configuration has another number of layers.
    #[error("{} lists {listed} layers for {name:?}, which has {stated}", .path.display())]
    LayerCount {
        /// The file.
        path: PathBuf,
        /// The configuration.
        name: String,
        /// How many are listed.
        listed: usize,
        /// How many the configuration states.
        stated: usize,
    },
    /// A compressed layer is not what the configuration says.
    #[error("layer {name:?} in {} does not have the diff_id {stated}", .path.display())]
    Layer {
        /// The file.
        path: PathBuf,
        /// The layer.
        name: String,
        /// What the configuration says.
        stated: Digest,
    },
    /// A compressed layer holds far more than is read.
    #[error("layer {name:?} in {} has {compressed} compressed bytes, and more than {limit} come out of them", .path.display())]
    Expansion {
        /// The file.
        path: PathBuf,
        /// The layer.
        name: String,
        /// Its length, in bytes.
        compressed: u64,
        /// The limit for it, in bytes.
        limit: u64,
    },
    /// No manifest can be made.
    #[error("no manifest can be made for {name:?} in {}", .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The configuration.
        name: String,
        /// Why not.
        #[source]
        source: Box<ManifestError>,
    },
    /// Nothing has this name.
    #[error("{} has no image {name:?}; it has {}", .path.display(), if .names.is_empty() { "none".to_owned() } else { .names.join(", ") })]
    NameNotFound {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        name: String,
        /// The images that it has whose names are most like it: a name of each, or `@N` for one without a name, counted from 0.
        names: Vec<String>,
    },
    /// No image has this digest.
    #[error("{} has no image with digest {digest}: it keeps no manifests, so theirs are made anew, with digests of their own", .path.display())]
    DigestNotFound {
        /// The file.
        path: PathBuf,
        /// The reference with the digest.
        name: String,
        /// The digest that was looked for.
        digest: Digest,
    },
    /// It has no such blob.
    #[error("{} has no blob {digest}", .path.display())]
    BlobNotFound {
        /// The file.
        path: PathBuf,
        /// The blob.
        digest: Digest,
    },
}

impl Remediable for DockerArchiveError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Tarball(error) => error.remedy(),
            Self::TooOld { .. } => Remedy::ConvertImage,
            Self::OtherForm { path, form } => match form {
                OtherForm::Imgpkg => Remedy::CopyToRegistry { path: path.clone() },
                OtherForm::Manifest => Remedy::CopyIntoLayout,
                OtherForm::Unknown => Remedy::CheckFile { path: path.clone() },
            },
            Self::NameNotFound { path, names, .. } => {
                Remedy::name_entry(Some(&format!("docker-archive:{}", path.display())), names)
            }
            Self::DigestNotFound { name, .. } => Remedy::ExportSignedManifest { name: name.clone() },
            Self::NotOne { .. }
            | Self::Json { .. }
            | Self::TooMany { .. }
            | Self::Missing { .. }
            | Self::Config { .. }
            | Self::LayerCount { .. }
            | Self::Layer { .. }
            | Self::Expansion { .. }
            | Self::Manifest { .. }
            | Self::BlobNotFound { .. } => Remedy::SaveAgain,
        }
    }
}

impl From<DockerArchiveError> for SourceError {
    fn from(reason: DockerArchiveError) -> Self {
        Self::new(reason)
    }
}
