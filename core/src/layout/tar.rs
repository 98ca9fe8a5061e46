//! A layout in a tar file: an OCI archive, or a folder of a thick bundle.

use std::path::Path;
use std::sync::Arc;

use sealift_archive_format::Digest;

use super::error::LayoutError;
use super::files::{LayoutFiles, OpenedBlob};
use crate::tarball::Tarball;

/// A folder inside a tar file.
pub(super) struct TarFolder {
    tarball: Arc<Tarball>,
    /// Empty, or ends with `/`.
    prefix: String,
}

impl TarFolder {
    pub(super) fn new(tarball: Arc<Tarball>, prefix: &str) -> Self {
        Self { tarball, prefix: prefix.to_owned() }
    }
}

impl LayoutFiles for TarFolder {
    fn path(&self) -> &Path {
        self.tarball.path()
    }

    fn notation(&self) -> Option<String> {
        self.prefix.is_empty().then(|| format!("oci-archive:{}", self.path().display()))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, LayoutError> {
        Ok(self.tarball.read(&format!("{}{name}", self.prefix), limit)?)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<OpenedBlob<'_>>, LayoutError> {
        let name = format!("{}blobs/{}/{}", self.prefix, digest.algorithm().name(), digest.hex());
        let section = self.tarball.file(&name)?;
        Ok(section.map(|section| -> OpenedBlob<'_> {
            let length = section.length();
            (Box::new(section), length)
        }))
    }
}
