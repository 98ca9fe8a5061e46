//! A file of this machine that is carried as it is: read once for its length and its digests, and again when it is written.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sealift_archive_format::content::{BlobContent, Checked};
use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use sealift_proof::tuf::Measured;

use crate::oci::Descriptor;
use crate::progress::Progress;

const BUFFER_LENGTH: usize = 128 << 10;

/// A file, measured.
#[derive(Debug)]
pub struct MeasuredFile {
    path: PathBuf,
    length: u64,
    sha256: Digest,
    sha512: Digest,
}

impl MeasuredFile {
    /// Reads a file once, while `progress` is told.
    ///
    /// # Errors
    /// The system's error.
    pub fn measure(path: &Path, progress: &dyn Progress) -> io::Result<Self> {
        let file = File::open(path)?;
        progress.begin(&format!("hashing {}", path.display()), Some(file.metadata()?.len()));
        let (mut content, mut buffer) = (Measuring::new(file), vec![0; BUFFER_LENGTH]);
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => progress.advance(read as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        progress.finish();
        let Measuring { length, sha256, sha512, .. } = content;
        Ok(Self { path: path.to_owned(), length, sha256: sha256.finish(), sha512: sha512.finish() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> &Digest {
        &self.sha256
    }

    /// Its SHA-512.
    pub fn sha512(&self) -> &Digest {
        &self.sha512
    }

    /// Opens it. Its end can be read only if it has not changed.
    ///
    /// # Errors
    /// The system's error.
    pub(crate) fn open(&self) -> io::Result<impl BlobContent + use<>> {
        let file = File::open(&self.path)?;
        Ok(Checked::new(file, &Descriptor::new("", self.sha256.clone(), self.length)))
    }
}

/// A reader that measures what is read of it.
pub(crate) struct Measuring<R> {
    content: R,
    length: u64,
    sha256: Hasher,
    sha512: Hasher,
}

impl<R> Measuring<R> {
    pub(crate) fn new(content: R) -> Self {
        let [sha256, sha512] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(Hasher::new);
        Self { content, length: 0, sha256, sha512 }
    }

    /// What was read.
    pub(crate) fn finish(self) -> Measured {
        Measured::stated(self.length, vec![self.sha256.finish(), self.sha512.finish()])
    }
}

impl<R: io::Read> io::Read for Measuring<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        self.sha256.update(bytes);
        self.sha512.update(bytes);
        self.length = self.length.saturating_add(read as u64);
        Ok(read)
    }
}
