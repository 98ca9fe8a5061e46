//! A thick bundle as a file that travels as it is.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sealift_archive_format::content::{BlobContent, Checked};
use sealift_archive_format::inventory::{DescriptorRecord, ThickBundleRecord};
use sealift_archive_format::{DigestAlgorithm, Hasher};

use crate::progress::Progress;
use crate::tarball::TarballError;

/// What a thick bundle is called where a media type is asked for. CNAB registers none.
const MEDIA_TYPE: &str = "application/gzip";
const BUFFER_LENGTH: usize = 128 << 10;

/// A thick bundle, measured.
#[derive(Debug)]
pub struct ThickBundleFile {
    path: PathBuf,
    record: ThickBundleRecord,
}

impl ThickBundleFile {
    /// Reads a file once for its length and its digests, while `progress` is told.
    ///
    /// # Errors
    /// [`TarballError::Access`].
    pub fn measure(path: &Path, progress: &dyn Progress) -> Result<Self, TarballError> {
        let failed = |source| TarballError::Access { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let [mut sha256, mut sha512] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(Hasher::new);
        let (mut buffer, mut size) = (vec![0; BUFFER_LENGTH], 0_u64);
        progress.begin(&format!("hashing {}", path.display()), Some(length));
        loop {
            let read = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(error)),
            };
            sha256.update(read);
            sha512.update(read);
            size += read.len() as u64;
            progress.advance(read.len() as u64);
        }
        progress.finish();
        let descriptor = DescriptorRecord { digest: sha256.finish(), media_type: MEDIA_TYPE.to_owned(), size };
        Ok(Self { path: path.to_owned(), record: ThickBundleRecord { descriptor, sha512: sha512.finish() } })
    }

    /// What an inventory says about it.
    pub fn record(&self) -> &ThickBundleRecord {
        &self.record
    }

    /// Opens it. Its end can be read only if it has not changed.
    ///
    /// # Errors
    /// [`TarballError::Access`].
    pub(crate) fn open(&self) -> Result<impl BlobContent + use<>, TarballError> {
        let failed = |source| TarballError::Access { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(failed)?;
        let DescriptorRecord { digest, media_type, size } = &self.record.descriptor;
        Ok(Checked::new(file, &crate::oci::Descriptor::new(media_type, digest.clone(), *size)))
    }
}
