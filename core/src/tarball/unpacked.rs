//! Going through a tar file: one that is there, or one that is unpacked on the way.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealift_archive_format::compression::{Decompressed, Parts};

use super::error::TarballError;
use super::read_at_most;
use crate::progress::Progress;

/// The most that a compressed file may hold, in bytes.
pub const MAXIMUM_UNPACKED: u64 = 256 << 30;
/// How many times as long as a compressed file its content may be.
pub const MAXIMUM_EXPANSION: u64 = 100;
/// What may come out of very few bytes, in bytes.
pub const FREE_EXPANSION: u64 = 1 << 30;
const BUFFER_LENGTH: usize = 128 << 10;

/// The most that may come out of that many compressed bytes, in bytes.
pub(crate) fn most_unpacked(compressed: u64) -> u64 {
    compressed.saturating_mul(MAXIMUM_EXPANSION).saturating_add(FREE_EXPANSION).min(MAXIMUM_UNPACKED)
}

/// The bytes of a tar file, in order.
pub(super) trait Input {
    /// How many bytes have passed.
    fn position(&self) -> u64;

    /// Reads exactly that many bytes.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarballError>;

    /// Passes over that many bytes, which have to be there.
    fn skip(&mut self, length: u64) -> Result<(), TarballError>;

    /// Reads what follows the tar file's end.
    fn drain(&mut self) -> Result<(), TarballError>;
}

/// A tar file that is not compressed. Content is not read.
pub(super) struct Plain<'f> {
    path: &'f Path,
    file: &'f File,
    length: u64,
    position: u64,
}

impl<'f> Plain<'f> {
    pub(super) fn new(path: &'f Path, file: &'f File, length: u64) -> Self {
        Self { path, file, length, position: 0 }
    }

    fn truncated(&self) -> TarballError {
        TarballError::Truncated { path: self.path.to_owned() }
    }
}

impl Input for Plain<'_> {
    fn position(&self) -> u64 {
        self.position
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarballError> {
        let read = read_at_most(self.file, buffer, self.position)
            .map_err(|source| TarballError::Access { path: self.path.to_owned(), source })?;
        if read < buffer.len() {
            return Err(self.truncated());
        }
        self.position += read as u64;
        Ok(())
    }

    fn skip(&mut self, length: u64) -> Result<(), TarballError> {
        let position = self.position.checked_add(length).filter(|position| *position <= self.length);
        self.position = position.ok_or_else(|| self.truncated())?;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), TarballError> {
        Ok(())
    }
}

/// A tar file, compressed or not, that is read from its beginning to its end. What comes out goes into `output` too: a file without a
/// name, or nothing.
pub(super) struct Unpacking<R: Read, W> {
    path: PathBuf,
    /// The folder of `output`.
    folder: PathBuf,
    decoder: Decompressed<R>,
    compressed: u64,
    /// The most that may come out, in bytes.
    limit: u64,
    output: W,
    position: u64,
    buffer: Vec<u8>,
}

impl<'p> Unpacking<Counted<'p>, File> {
    /// Keeps what comes out in a file without a name in `folder`.
    pub(super) fn begin(
        path: &Path,
        file: File,
        compressed: u64,
        folder: &Path,
        progress: &'p dyn Progress,
    ) -> Result<Self, TarballError> {
        let unpacked = tempfile::tempfile_in(folder).map_err(|source| {
            let (path, folder) = (path.to_owned(), folder.to_owned());
            TarballError::Unpack { path, folder, source }
        })?;
        let limit = most_unpacked(compressed);
        Self::of(path, Counted { file, progress }, (compressed, limit), unpacked, folder)
    }

    /// The unpacked file.
    pub(super) fn into_unpacked(self) -> File {
        self.output
    }
}

impl<R: Read> Unpacking<R, io::Sink> {
    /// Keeps nothing. `compressed` says how long the input is, and `free` how much may come out of very few bytes, both in bytes.
    pub(super) fn passing(path: &Path, input: R, (compressed, free): (u64, u64)) -> Result<Self, TarballError> {
        let limit = compressed.saturating_mul(MAXIMUM_EXPANSION).saturating_add(free).min(MAXIMUM_UNPACKED);
        Self::of(path, input, (compressed, limit), io::sink(), Path::new(""))
    }
}

impl<R: Read, W: io::Write> Unpacking<R, W> {
    fn of(
        path: &Path,
        input: R,
        (compressed, limit): (u64, u64),
        output: W,
        folder: &Path,
    ) -> Result<Self, TarballError> {
        let (path, folder) = (path.to_owned(), folder.to_owned());
        let decoder = Decompressed::open(input, Parts::Joined)
            .map_err(|source| TarballError::Access { path: path.clone(), source })?;
        Ok(Self { path, folder, decoder, compressed, limit, output, position: 0, buffer: vec![0; BUFFER_LENGTH] })
    }

    /// Unpacks some more into the buffer and the file, at most that many bytes; 0 at the end.
    fn unpack(&mut self, wanted: u64) -> Result<usize, TarballError> {
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.buffer.len());
        let read = loop {
            match self.decoder.read(self.buffer.get_mut(..wanted).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        let read = read.map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => TarballError::Truncated { path: self.path.clone() },
            _ => TarballError::Access { path: self.path.clone(), source },
        })?;
        self.position += read as u64;
        if self.position > self.limit {
            let (path, compressed) = (self.path.clone(), self.compressed);
            return Err(TarballError::Expansion { path, compressed, expanded: self.limit });
        }
        self.output.write_all(self.buffer.get(..read).unwrap_or_default()).map_err(|source| {
            let (path, folder) = (self.path.clone(), self.folder.clone());
            TarballError::Unpack { path, folder, source }
        })?;
        Ok(read)
    }
}

impl<R: Read, W: io::Write> Input for Unpacking<R, W> {
    fn position(&self) -> u64 {
        self.position
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarballError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let read = self.unpack(rest.len() as u64)?;
            if read == 0 {
                return Err(TarballError::Truncated { path: self.path.clone() });
            }
            for (to, from) in rest.iter_mut().zip(&self.buffer).take(read) {
                *to = *from;
            }
            filled += read;
        }
        Ok(())
    }

    fn skip(&mut self, mut length: u64) -> Result<(), TarballError> {
        while length > 0 {
            let read = self.unpack(length)? as u64;
            if read == 0 {
                return Err(TarballError::Truncated { path: self.path.clone() });
            }
            length -= read;
        }
        Ok(())
    }

    /// To the end, where the checksum is.
    fn drain(&mut self) -> Result<(), TarballError> {
        while self.unpack(u64::MAX)? > 0 {}
        Ok(())
    }
}

/// Tells how much of the compressed file has been read.
pub(super) struct Counted<'p> {
    file: File,
    progress: &'p dyn Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}
