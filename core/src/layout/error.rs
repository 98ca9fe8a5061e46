//! What can be wrong with a layout.

use std::io;
use std::path::PathBuf;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;

use super::INDEX_FILE;
use super::read::{MAXIMUM_LISTED_BYTES, OddEntry};
use crate::oci::manifest::ManifestError;
use crate::remedy::{Remediable, Remedy};
use crate::tarball::TarballError;
use crate::transfer::{SinkError, SourceError};

/// Why a layout cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no `oci-layout` file.
    #[error("{} is not an OCI image layout: it has no oci-layout file", .folder.display())]
    NotALayout {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no `index.json`.
    #[error("{} is not an OCI image layout: it has no {INDEX_FILE}", .folder.display())]
    NoIndex {
        /// The folder.
        folder: PathBuf,
    },
    /// The layout has an unsupported version.
    #[error("{} has image layout version {version:?}; only 1.0.0 is supported", .folder.display())]
    Version {
        /// The folder.
        folder: PathBuf,
        /// The version that it states.
        version: String,
    },
    /// A JSON file of the layout cannot be read.
    #[error("{} cannot be read", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with the file.
        #[source]
        source: JsonError,
    },
    /// A file is longer than allowed.
    #[error("{} is longer than the limit of {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// There is a symbolic link, a device, a pipe or a folder where a file should be.
    #[error("{} is {}", .path.display(), if *.is_link { LINK } else { "not a regular file" })]
    NotRegular {
        /// The path.
        path: PathBuf,
        /// Whether it is a symbolic link.
        is_link: bool,
    },
    /// There is a symbolic link or a file where a folder should be.
    #[error("{} is {}", .path.display(), if *.is_link { LINK } else { "not a folder" })]
    NotAFolder {
        /// The path.
        path: PathBuf,
        /// Whether it is a symbolic link.
        is_link: bool,
    },
    /// More is listed than is read to find referrers.
    #[error("index.json of {} lists manifests with more than {MAXIMUM_LISTED_BYTES} bytes in total", .folder.display())]
    TooMuchListed {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no such blob.
    #[error("{} has no blob {digest}", .folder.display())]
    BlobNotFound {
        /// The folder.
        folder: PathBuf,
        /// The blob.
        digest: Digest,
    },
    /// A blob does not have the size that its descriptor states.
    #[error("blob {digest} has {found} bytes, but its descriptor says {expected}")]
    Size {
        /// The blob.
        digest: Digest,
        /// The size that its descriptor states, in bytes.
        expected: u64,
        /// The size that the file has, in bytes.
        found: u64,
    },
    /// `index.json` lists nothing under this name.
    #[error("layout {} has no entry named {name:?}{}{}", .folder.display(), has(.listed), passed_over(.odd))]
    NameNotFound {
        /// The folder.
        folder: PathBuf,
        /// How a person names the layout; `None` for a part of a file.
        notation: Option<String>,
        /// What was looked for.
        name: String,
        /// Some of the names that it lists, those first that are most like what was looked for; `@N` for an entry without a name, counted from 0.
        listed: Vec<String>,
        /// Some of the entries that cannot be used. What was looked for may be one of them.
        odd: Vec<OddEntry>,
    },
    /// `index.json` lists several things, and the reference does not say which one.
    #[error("layout {} has {count} entries that {name:?} could mean: {}", .folder.display(), .called.join(", "))]
    NameAmbiguous {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        name: String,
        /// How many there are.
        count: usize,
        /// How a person names the layout; `None` for a part of a file.
        notation: Option<String>,
        /// Some of these entries: `@N`, counted from 0.
        listed: Vec<String>,
        /// The same entries, each with what it is called there.
        called: Vec<String>,
    },
    /// `index.json`, or a manifest, is not usable.
    #[error("manifest {name} in {} is not usable", .folder.display())]
    Manifest {
        /// The folder.
        folder: PathBuf,
        /// `index.json`, or the digest of the manifest.
        name: String,
        /// What is wrong with it.
        #[source]
        source: Box<ManifestError>,
    },
    /// The tar file that the layout is in cannot be used.
    #[error(transparent)]
    Tarball(#[from] TarballError),
    /// A file cannot be read or written.
    #[error("cannot access {}", .path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What is said of a symbolic link.
const LINK: &str = "a symbolic link, and links in a layout are not followed";

/// What a layout has in place of a name.
fn has(listed: &[String]) -> String {
    match listed {
        [] => String::new(),
        names => format!("; it has {}", names.join(", ")),
    }
}

/// The end of a message that names the entries that cannot be used.
fn passed_over(odd: &[OddEntry]) -> String {
    odd.iter().map(|OddEntry { entry, reason }| format!("; {entry} was passed over: {reason}")).collect()
}

impl Remediable for LayoutError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Tarball(error) => error.remedy(),
            Self::NameNotFound { notation, listed, .. } => Remedy::name_entry(notation.as_ref(), listed),
            Self::NameAmbiguous { notation, listed, .. } => Remedy::tell_entries_apart(notation.as_ref(), listed),
            Self::NotRegular { path, is_link: true } | Self::NotAFolder { path, is_link: true } => {
                Remedy::CopyInsteadOfLink { path: path.clone() }
            }
            Self::NotALayout { .. }
            | Self::NoIndex { .. }
            | Self::Version { .. }
            | Self::Json { .. }
            | Self::TooLarge { .. }
            | Self::NotRegular { .. }
            | Self::NotAFolder { .. }
            | Self::TooMuchListed { .. } => Remedy::GiveLayout,
            Self::Manifest { name, source, .. } if name != INDEX_FILE => match source.remedy() {
                Remedy::PushImageAgain => Remedy::RepairSource,
                remedy => remedy,
            },
            Self::BlobNotFound { .. } | Self::Size { .. } | Self::Manifest { .. } => Remedy::RepairSource,
            Self::Access { path, source } => Remedy::of_file(path, source),
        }
    }
}

impl From<LayoutError> for SourceError {
    fn from(reason: LayoutError) -> Self {
        match reason {
            LayoutError::BlobNotFound { .. } => Self::missing(reason),
            reason => Self::new(reason),
        }
    }
}

impl From<LayoutError> for SinkError {
    fn from(reason: LayoutError) -> Self {
        Self::new(reason)
    }
}
