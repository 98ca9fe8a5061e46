//! Why an archive is refused: what is wrong, at which entry, and at which byte.

use std::fmt;
use std::io;

use crate::compression::CompressionError;
use crate::digest::Digest;
use crate::entry_name::EntryName;
use crate::seal::SealFormatError;
use crate::volume::VolumeError;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub struct FormatError {
    /// Where in the (decompressed) archive, in bytes from its start.
    pub offset: u64,
    /// The entry that was being read, or that should have come; `None` after the last.
    pub entry: Option<EntryName>,
    /// What is wrong.
    #[source]
    pub problem: Problem,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some(entry) => write!(f, "the archive is refused at entry {entry}, byte {}", self.offset),
            None => write!(f, "the archive is refused after its last entry, at byte {}", self.offset),
        }
    }
}

/// Errors that travel through [`io::Read`].
impl From<FormatError> for io::Error {
    fn from(error: FormatError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The input cannot be read.
    #[error("the archive cannot be read")]
    Io(#[source] io::Error),
    /// The input ends too early.
    #[error("the archive ends here: it was cut short")]
    Truncated,
    /// The archive is in volumes, and these do not give it back.
    #[error(transparent)]
    Volumes(VolumeError),
    /// The archive is compressed, and its compressed form is broken.
    #[error(transparent)]
    Compression(CompressionError),
    /// The first entry is not a seal: this is some other file.
    #[error("not a Sealift archive: it does not begin with a seal")]
    NotAnArchive,
    /// The seal cannot be read.
    #[error("the seal cannot be read")]
    Seal(#[source] SealFormatError),
    /// The end of the archive comes where the inventory lists another entry.
    #[error("the archive ends before this entry: the inventory lists it, and it is missing")]
    MissingEntry,
    /// The header's checksum is wrong.
    #[error("the checksum of the tar header is wrong")]
    HeaderChecksum,
    /// The entry is not a regular file: a link, a device, a folder, a sparse file, or a tar extension that the profile
    /// does not allow at this place.
    #[error("the tar header has type {found:?}, which is not allowed here")]
    EntryType {
        /// The type flag of the header.
        found: char,
    },
    /// The entry is not the one that the inventory lists here.
    #[error("the archive has {found:?} here, which is not what the inventory lists at this place")]
    UnexpectedEntry {
        /// The name in the header, or the beginning of a long one.
        found: String,
    },
    /// The header and the inventory state different sizes.
    #[error("the tar header states {found} bytes, the inventory {listed}")]
    Size {
        /// The size in the header, in bytes.
        found: u64,
        /// The size in the inventory, in bytes.
        listed: u64,
    },
    /// The pax header is not the one that follows from this name and size.
    #[error("the pax header is not the one that this entry must have")]
    PaxHeader,
    /// Some other field of the header does not follow the profile.
    #[error("the tar header does not follow the profile")]
    Header,
    /// The content is not what the inventory lists.
    #[error("the content has the digest {found}; the inventory lists {listed}")]
    Digest {
        /// The digest of the content.
        found: Digest,
        /// The digest in the inventory.
        listed: Digest,
    },
    /// The padding after the content is not zeros.
    #[error("the padding after the content is not zeros")]
    Padding,
    /// The last entry is not followed by two blocks of zeros: an entry that is not listed, or something else.
    #[error("the end of the archive does not follow the last entry that the inventory lists")]
    End,
    /// Something follows the end.
    #[error("bytes follow the end of the archive")]
    TrailingBytes,
    /// Reading was attempted again after a refusal.
    #[error("the archive was already refused")]
    RefusedBefore,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Truncated;
        }
        match error.downcast::<CompressionError>() {
            Ok(error) => Self::Compression(error),
            Err(error) => error.downcast::<VolumeError>().map_or_else(Self::Io, Self::Volumes),
        }
    }
}
