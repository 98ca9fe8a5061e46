//! A file of this machine that is carried as it is: read once for its length and its digests, and again when it is written.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sealift_archive_format::content::{BlobContent, Checked};
use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};

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
        let mut file = File::open(path)?;
        let expected = file.metadata()?.len();
        let [mut sha256, mut sha512] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(Hasher::new);
        let (mut buffer, mut length) = (vec![0; BUFFER_LENGTH], 0_u64);
        progress.begin(&format!("hashing {}", path.display()), Some(expected));
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            sha256.update(read);
            sha512.update(read);
            length = length.saturating_add(read.len() as u64);
            progress.advance(read.len() as u64);
        }
        progress.finish();
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
