//! A thick bundle as a file that travels as it is.

use std::path::Path;

use sealift_archive_format::content::BlobContent;
use sealift_archive_format::inventory::{DescriptorRecord, ThickBundleRecord};

use crate::measured_file::MeasuredFile;
use crate::progress::Progress;
use crate::tarball::TarballError;

/// What a thick bundle is called where a media type is asked for. CNAB registers none.
const MEDIA_TYPE: &str = "application/gzip";

/// A thick bundle, measured.
#[derive(Debug)]
pub struct ThickBundleFile {
    file: MeasuredFile,
    record: ThickBundleRecord,
}

impl ThickBundleFile {
    /// Reads a file once for its length and its digests, while `progress` is told.
    ///
    /// # Errors
    /// [`TarballError::Access`].
    pub fn measure(path: &Path, progress: &dyn Progress) -> Result<Self, TarballError> {
        let file = MeasuredFile::measure(path, progress)
            .map_err(|source| TarballError::Access { path: path.to_owned(), source })?;
        let (digest, size) = (file.sha256().clone(), file.length());
        let descriptor = DescriptorRecord { digest, media_type: MEDIA_TYPE.to_owned(), size };
        let record = ThickBundleRecord { descriptor, sha512: file.sha512().clone() };
        Ok(Self { file, record })
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
        let path = self.file.path();
        self.file.open().map_err(|source| TarballError::Access { path: path.to_owned(), source })
    }
}
