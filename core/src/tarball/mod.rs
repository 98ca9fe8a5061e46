//! Tar files that other tools wrote, plain or compressed, as read-only collections of files.
//!
//! Promise: opening reads only headers, within limits on their number and length, and nothing is ever unpacked by name. Content is
//! read by its position. A compressed file is unpacked once, into a file without a name. Each name is there once, and means nothing
//! outside of the tar file. Sealift's own archives are not read here: theirs is a strict profile (`sealift-archive-format`).

mod error;
mod headers;
mod passing;
mod unpacked;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

pub use error::TarballError;
pub use headers::MAXIMUM_ENTRIES;
pub(crate) use passing::{PassingFile, pass};
pub(crate) use unpacked::most_unpacked;
pub use unpacked::{FREE_EXPANSION, MAXIMUM_EXPANSION, MAXIMUM_UNPACKED};

use sealift_archive_format::compression::is_compressed;
use sealift_archive_format::strict_json::ByteOrderMark;

use crate::progress::Progress;
use headers::Header;
use unpacked::{Input, Plain, Unpacking};

/// How many links may lead from one name to content.
const MAXIMUM_LINKS: usize = 8;
/// How many bytes at the beginning show what a file is.
const BEGINNING: usize = 512;

/// A tar file that is open, and whose headers have been read.
pub struct Tarball {
    path: PathBuf,
    file: File,
    entries: HashMap<String, TarEntry>,
}

/// What a name stands for.
enum TarEntry {
    /// Content at this position of the file, with this length, both in bytes.
    Content { position: u64, length: u64 },
    /// A symbolic or a hard link to this name.
    Link(String),
}

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// A tar file, plain or compressed.
    Tarball,
    /// An object of JSON, or nothing at all, or a pipe, which may be one.
    Json,
    /// Something else.
    Other,
}

impl Tarball {
    /// Whether a file is a tar file, or a compressed file that may be one. What is not a regular file is not looked into: a pipe gives
    /// its bytes only once.
    ///
    /// # Errors
    /// [`TarballError::Access`], and [`TarballError::Method`] for what is compressed in another way.
    pub fn looks_like_one(path: &Path) -> Result<Beginning, TarballError> {
        let failed = |source| TarballError::Access { path: path.to_owned(), source };
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Ok(Beginning::Json);
        }
        let mut beginning = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(BEGINNING as u64).read_to_end(&mut beginning).map_err(failed)?;
        require_known_method(path, &beginning)?;
        let is_tar = beginning.get(257..262) == Some(b"ustar") || Header::read(&beginning).is_some();
        Ok(match beginning.trim_ascii_start().first() {
            _ if is_tar || is_compressed(&beginning) => Beginning::Tarball,
            None | Some(b'{') => Beginning::Json,
            // Whoever reads it says what is wrong with it.
            Some(_) if ByteOrderMark::at_beginning_of(&beginning).is_some() => Beginning::Json,
            Some(_) => Beginning::Other,
        })
    }

    /// Opens a tar file, plain or compressed with gzip or zstd, and reads its headers. What is compressed is unpacked into a file
    /// without a name in `unpack_into`, while `progress` is told.
    ///
    /// # Errors
    /// [`TarballError`].
    pub fn open(path: &Path, unpack_into: &Path, progress: &dyn Progress) -> Result<Self, TarballError> {
        let failed = |source| TarballError::Access { path: path.to_owned(), source };
        // Opening a pipe would wait for its other end.
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(TarballError::NotRegular { path: path.to_owned() });
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mut beginning = vec![0; BEGINNING];
        let read = read_at_most(&file, &mut beginning, 0).map_err(failed)?;
        beginning.truncate(read);
        require_known_method(path, &beginning)?;
        if is_compressed(&beginning) {
            let length = metadata.len();
            progress.begin(&format!("unpacking {} into {}", path.display(), unpack_into.display()), Some(length));
            let unpacked = Unpacking::begin(path, file, length, unpack_into, progress).and_then(|mut input| {
                let entries = index(path, &mut input)?;
                Ok(Self { path: path.to_owned(), file: input.into_unpacked(), entries })
            });
            progress.finish();
            return unpacked;
        }
        let entries = index(path, &mut Plain::new(path, &file, metadata.len()))?;
        Ok(Self { path: path.to_owned(), file, entries })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a file or a link has this name.
    pub fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The names of all files and links, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Opens a file, with its length in bytes; `None` when it is not there. A link is not a file.
    ///
    /// # Errors
    /// [`TarballError::Link`].
    pub fn file(&self, name: &str) -> Result<Option<TarSection<'_>>, TarballError> {
        match self.entries.get(name) {
            None => Ok(None),
            Some(TarEntry::Content { position, length }) => Ok(Some(self.section(*position, *length))),
            Some(TarEntry::Link(_)) => Err(TarballError::Link { path: self.path.clone(), name: name.to_owned() }),
        }
    }

    /// Opens a file, or what a link leads to in this tar file; `None` when it is not there.
    ///
    /// # Errors
    /// [`TarballError::Dangling`].
    pub fn file_or_link(&self, name: &str) -> Result<Option<TarSection<'_>>, TarballError> {
        let mut at = name;
        for hops in 0..=MAXIMUM_LINKS {
            match self.entries.get(at) {
                Some(TarEntry::Content { position, length }) => return Ok(Some(self.section(*position, *length))),
                Some(TarEntry::Link(target)) => at = target,
                None if hops == 0 => return Ok(None),
                None => break,
            }
        }
        Err(TarballError::Dangling { path: self.path.clone(), name: name.to_owned() })
    }

    /// The content of a file of at most `limit` bytes; `None` when it is not there. A link is not a file.
    ///
    /// # Errors
    /// [`TarballError::Link`], [`TarballError::TooLarge`] and [`TarballError::Access`].
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, TarballError> {
        self.file(name)?.map(|section| self.read_section(name, section, limit)).transpose()
    }

    /// The same, where links are followed.
    ///
    /// # Errors
    /// [`TarballError::Dangling`], [`TarballError::TooLarge`] and [`TarballError::Access`].
    pub fn read_or_follow(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, TarballError> {
        self.file_or_link(name)?.map(|section| self.read_section(name, section, limit)).transpose()
    }

    fn read_section(&self, name: &str, mut section: TarSection<'_>, limit: u64) -> Result<Vec<u8>, TarballError> {
        if section.length() > limit {
            return Err(TarballError::TooLarge { path: self.path.clone(), name: name.to_owned(), limit });
        }
        let mut content = Vec::new();
        let read = section.read_to_end(&mut content);
        read.map(|_| content).map_err(|source| TarballError::Access { path: self.path.clone(), source })
    }

    fn section(&self, position: u64, length: u64) -> TarSection<'_> {
        TarSection { file: &self.file, position, left: length, length }
    }
}

/// The content of one file in a tar file. Each reads by its own position, so threads may read side by side.
pub struct TarSection<'t> {
    file: &'t File,
    position: u64,
    left: u64,
    length: u64,
}

impl TarSection<'_> {
    /// How long the content is, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Read for TarSection<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.position)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// How files begin that are compressed in ways that are not read.
const OTHER_METHODS: [(&[u8], &str); 5] =
    [(b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"\x04\x22\x4d\x18", "lz4"), (b"LZIP", "lzip"), (b"PK\x03\x04", "zip")];

fn require_known_method(path: &Path, beginning: &[u8]) -> Result<(), TarballError> {
    let other = OTHER_METHODS.iter().find(|(magic, _)| beginning.starts_with(magic));
    other.map_or(Ok(()), |(_, method)| Err(TarballError::Method { path: path.to_owned(), method }))
}

/// Reads until the buffer is full, or the file ends.
fn read_at_most(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, position + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Reads all headers.
fn index(path: &Path, input: &mut impl Input) -> Result<HashMap<String, TarEntry>, TarballError> {
    let mut entries = HashMap::new();
    headers::read_all(path, input, |_, name, entry| {
        let twice = || TarballError::Twice { path: path.to_owned(), name: name.clone() };
        match entries.insert(name.clone(), entry) {
            None => Ok(()),
            Some(_) => Err(twice()),
        }
    })?;
    Ok(entries)
}
