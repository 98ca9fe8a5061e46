//! What can be wrong with a tar file of another tool.

use std::io;
use std::path::PathBuf;

use super::headers::{MAXIMUM_ENTRIES, MAXIMUM_NAMES_LENGTH, MAXIMUM_RECORD};
use super::unpacked::{FREE_EXPANSION, MAXIMUM_EXPANSION, MAXIMUM_UNPACKED};
use crate::remedy::{Remediable, Remedy};

/// Why a tar file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// What the system said, or what is wrong with the compression.
        #[source]
        source: io::Error,
    },
    /// It is a folder, a device or a pipe.
    #[error("{} is not a regular file", .path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// What comes out cannot be kept.
    #[error("cannot unpack {} into {}", .path.display(), .folder.display())]
    Unpack {
        /// The compressed file.
        path: PathBuf,
        /// The folder that it is unpacked into.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Far more comes out than any honest file holds.
    #[error(
        "more than {expanded} bytes come out of {}, which has {compressed}: the limit is {MAXIMUM_EXPANSION} times as many and \
         {FREE_EXPANSION} bytes, and {MAXIMUM_UNPACKED} bytes in all",
        .path.display()
    )]
    Expansion {
        /// The compressed file.
        path: PathBuf,
        /// Its length, in bytes.
        compressed: u64,
        /// The limit for it, in bytes.
        expanded: u64,
    },
    /// It is compressed in a way that is not read.
    #[error("{} is compressed with {method}; only gzip and zstd are supported", .path.display())]
    Method {
        /// The file.
        path: PathBuf,
        /// How it is compressed.
        method: &'static str,
    },
    /// It ends before its end is marked.
    #[error("{} is cut short: it ends within an entry, or without the two empty blocks at the end", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A block that should be a header is not.
    #[error("{} has something else than the header of an entry at byte {position}", .path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// Where, in bytes from the beginning of the tar file.
        position: u64,
    },
    /// An entry is a device, a pipe, a file with holes, or of an unknown type.
    #[error("{} has an entry {name:?} that is neither a file, a folder nor a link", .path.display())]
    EntryType {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A record about an entry is longer than any name.
    #[error("{} has a record of {length} bytes about an entry; the limit is {MAXIMUM_RECORD}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The length that it states, in bytes.
        length: u64,
    },
    /// There are too many entries.
    #[error("{} has more than {MAXIMUM_ENTRIES} entries", .path.display())]
    TooManyEntries {
        /// The file.
        path: PathBuf,
    },
    /// The names are too long, all together.
    #[error("the names in {} have more than {MAXIMUM_NAMES_LENGTH} bytes in total", .path.display())]
    NamesLength {
        /// The file.
        path: PathBuf,
    },
    /// A name leads out of the folder, is not text, or is empty.
    #[error("{} has an entry with the name {name:?}, which is not a path inside it", .path.display())]
    Name {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A link leads out of the tar file.
    #[error("{} has a link {name:?} to {target:?}, which is not a path inside it", .path.display())]
    LinkOut {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// Where it leads to.
        target: String,
    },
    /// Two entries have one name.
    #[error("{} has two entries named {name:?}", .path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// There is a link where a file should be.
    #[error("{name:?} in {} is a link, not a file", .path.display())]
    Link {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A link leads to nothing, or in a circle.
    #[error("the link {name:?} in {} does not lead to a file in it", .path.display())]
    Dangling {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A file inside is longer than anything of its kind.
    #[error("{name:?} in {} is longer than the limit of {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The limit, in bytes.
        limit: u64,
    },
}

impl Remediable for TarballError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Access { path, source } => Remedy::of_file(path, source),
            Self::Unpack { folder, source, .. } => match Remedy::of_file(folder, source) {
                Remedy::CheckPath { path, .. } | Remedy::CheckAccess { path } => {
                    Remedy::NameTemporaryFolder { folder: path }
                }
                _ => Remedy::UnpackElsewhere { folder: folder.clone() },
            },
            Self::Expansion { .. } | Self::Method { .. } => Remedy::DecompressSource,
            Self::NotRegular { path } => Remedy::CheckFile { path: path.clone() },
            Self::Truncated { .. }
            | Self::Header { .. }
            | Self::EntryType { .. }
            | Self::Record { .. }
            | Self::TooManyEntries { .. }
            | Self::NamesLength { .. }
            | Self::Name { .. }
            | Self::LinkOut { .. }
            | Self::Twice { .. }
            | Self::Link { .. }
            | Self::Dangling { .. }
            | Self::TooLarge { .. } => Remedy::SaveAgain,
        }
    }
}
