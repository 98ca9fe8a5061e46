//! Plain files that are kept as they pass, for the mirrors that are published once everything was delivered.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sealift_archive_format::Digest;
use sealift_archive_format::content::BlobContent;

use crate::verify::Closed;
use crate::whole_file::{self, PendingFile};

const BUFFER_LENGTH: usize = 128 << 10;

/// Files without a name yet, in the folder of the mirrors.
#[derive(Default)]
pub(super) struct KeptFiles {
    folder: PathBuf,
    /// By each digest that is known of a file, the one in the name of its entry.
    known: HashMap<Digest, Digest>,
    files: Mutex<HashMap<Digest, PendingFile>>,
}

impl KeptFiles {
    /// Begins to keep the files of an archive, in a folder that is created if necessary.
    pub(super) fn begin(folder: &Path, closed: &Closed) -> io::Result<Self> {
        let mut known = HashMap::new();
        for file in closed.files() {
            let digest = &file.descriptor.digest;
            known.extend(std::iter::once(digest).chain(&file.sha512).map(|it| (it.clone(), digest.clone())));
        }
        if !known.is_empty() {
            whole_file::create_folder(folder)?;
        }
        Ok(Self { folder: folder.to_owned(), known, files: Mutex::default() })
    }

    /// Whether the blob with this digest is a file.
    pub(super) fn wants(&self, digest: &Digest) -> bool {
        self.known.contains_key(digest)
    }

    /// Writes a file down, to its end.
    pub(super) fn keep(&self, digest: &Digest, content: &mut dyn BlobContent) -> io::Result<()> {
        let kept = PendingFile::begin(&self.folder)?;
        let (mut output, mut buffer) = (kept.as_file(), vec![0; BUFFER_LENGTH]);
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => output.write_all(buffer.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), kept);
        Ok(())
    }

    /// Opens a file, by any of its digests; `None` if it is none that was kept.
    pub(super) fn open(&self, digest: &Digest) -> io::Result<Option<File>> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = self.known.get(digest).and_then(|digest| files.get(digest)) else { return Ok(None) };
        let mut file = kept.as_file().try_clone()?;
        file.rewind()?;
        Ok(Some(file))
    }
}
