//! What can be wrong with a layout.

use std::io;
use std::path::PathBuf;

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;

use super::read::MAXIMUM_LISTED_BYTES;
use crate::oci::manifest::ManifestError;

/// Why a layout cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// There is no `oci-layout` file.
    #[error("{} is not an OCI image layout: it has no oci-layout file", .folder.display())]
    NotALayout {
        /// The folder.
        folder: PathBuf,
    },
    /// Not the version of the specification that is known.
    #[error("{} has image layout version {version:?}: only 1.0.0 is known", .folder.display())]
    Version {
        /// The folder.
        folder: PathBuf,
        /// What it says.
        version: String,
    },
    /// A JSON file of the layout cannot be read.
    #[error("{} cannot be read", .path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// A file that is longer than it may be.
    #[error("{} is longer than the limit of {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A symbolic link, a device, a pipe or a folder where a file should be.
    #[error("{} is not a regular file", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// A symbolic link or a file where a folder should be.
    #[error("{} is not a folder", .path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// More is listed than is read to see what refers to what.
    #[error("index.json of {} lists manifests of more than {MAXIMUM_LISTED_BYTES} bytes together", .folder.display())]
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
    /// A blob of another size than its descriptor says.
    #[error("blob {digest} has {found} bytes where {expected} are described")]
    Size {
        /// The blob.
        digest: Digest,
        /// The size that its descriptor says, in bytes.
        expected: u64,
        /// The size that the file has, in bytes.
        found: u64,
    },
    /// `index.json` lists nothing under this name.
    #[error("{} has nothing named {name:?}", .folder.display())]
    NameNotFound {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        name: String,
    },
    /// `index.json` lists several things, and it was not said which.
    #[error("{} has {count} entries that may be meant by {name:?}", .folder.display())]
    NameAmbiguous {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        name: String,
        /// How many there are.
        count: usize,
    },
    /// `index.json`, or a manifest, is not usable.
    #[error("manifest {name} in {} is not usable", .folder.display())]
    Manifest {
        /// The folder.
        folder: PathBuf,
        /// `index.json`, or the digest of the manifest.
        name: String,
        /// Why.
        #[source]
        source: Box<ManifestError>,
    },
    /// A file cannot be read or written.
    #[error("cannot access {}", .path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
