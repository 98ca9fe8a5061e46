//! Plain files that are kept as they pass, for the mirrors that are published once everything was delivered.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use sealift_archive_format::Digest;
use sealift_archive_format::content::BlobContent;

use crate::verify::Closed;
use crate::whole_file::{self, UnfinishedFolder};

const BUFFER_LENGTH: usize = 128 << 10;

/// Files without a name yet, in the folder of the mirrors, by the digests in the names of their entries.
#[derive(Default)]
pub(super) struct KeptFiles {
    /// By each digest that is known of a file, the one in the name of its entry.
    known: HashMap<Digest, Digest>,
    /// None if there are none to keep.
    files: Option<UnfinishedFolder>,
}

impl KeptFiles {
    /// Begins to keep the files of an archive, in a folder that is created if necessary.
    pub(super) fn begin(folder: &Path, closed: &Closed) -> io::Result<Self> {
        let mut known = HashMap::new();
        for file in closed.files() {
            let digest = &file.descriptor.digest;
            known.extend(std::iter::once(digest).chain(&file.sha512).map(|it| (it.clone(), digest.clone())));
        }
        if known.is_empty() {
            return Ok(Self::default());
        }
        whole_file::create_folder(folder)?;
        Ok(Self { known, files: Some(UnfinishedFolder::begin(folder)?) })
    }

    /// Whether the blob with this digest is a file.
    pub(super) fn wants(&self, digest: &Digest) -> bool {
        self.known.contains_key(digest)
    }

    /// Writes a file down, to its end.
    pub(super) fn keep(&self, digest: &Digest, content: &mut dyn BlobContent) -> io::Result<()> {
        let Some(files) = &self.files else { return Ok(()) };
        let (mut output, mut buffer) = (files.create(digest.hex())?, vec![0; BUFFER_LENGTH]);
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => output.write_all(buffer.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Opens a file, by any of its digests; `None` if it is none that was kept.
    pub(super) fn open(&self, digest: &Digest) -> io::Result<Option<File>> {
        match (&self.files, self.known.get(digest)) {
            (Some(files), Some(digest)) => files.open(digest.hex()),
            _ => Ok(None),
        }
    }
}
