//! Plain files as items: TUF targets of any kind, for example a wheel, a chart or an installer.
//!
//! Promise: a file's length is known from signed metadata, or from the file itself, before its first byte is carried; it passes as a
//! stream, and is held to every digest that is known of it.

mod artifact;

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use sealift_archive_format::content::{AlsoChecked, BlobContent, Checked, ContentError};
use sealift_archive_format::inventory::{DescriptorRecord, FILE_MEDIA_TYPE, FileRecord};
use sealift_archive_format::{Digest, DigestAlgorithm, FileName, Hasher};
use sealift_proof::tuf::{ProviderError, VerifiedTarget};

pub(crate) use artifact::{EMPTY_CONFIG, artifact, place};

use crate::measured_file::MeasuredFile;
use crate::oci::Descriptor;
use crate::progress::Progress;
use crate::remedy::{PublisherMatter, Remediable, Remedy};
use crate::tuf_repository::TargetFiles;

const BUFFER_LENGTH: usize = 128 << 10;

/// Where a file's content is.
#[derive(Debug)]
pub enum FileSource {
    /// In a file of this machine.
    Local(MeasuredFile),
    /// Among the targets of a TUF repository.
    Target(TargetFile),
}

/// Why the content of a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FileSourceError {
    /// The repository lists the target, and does not have its file.
    #[error("the repository has no file for target {path:?}")]
    Missing {
        /// The target's path.
        path: String,
    },
    /// The repository does not supply it.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// It cannot be read to its end.
    #[error("the file of target {path:?} cannot be read")]
    Read {
        /// The target's path.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// The file of this machine cannot be read.
    #[error("cannot read {}", .path.display())]
    Local {
        /// Where it is.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what the metadata describes.
    #[error("the file for target {path:?} is not the one that the metadata describes")]
    Mismatch {
        /// The target's path.
        path: String,
        /// What differs.
        source: ContentError,
    },
}

impl Remediable for FileSourceError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Missing { .. } | Self::Mismatch { .. } => Remedy::AskPublisher { about: PublisherMatter::ListedFile },
            Self::Provider(error) => error.remedy(),
            Self::Read { .. } => Remedy::CheckRepository,
            Self::Local { path, source } => Remedy::of_file(path, source),
        }
    }
}

/// The file of a target in a TUF repository, as verified metadata describes it.
pub struct TargetFile {
    files: Arc<dyn TargetFiles>,
    path: String,
    /// With which hash in front of it the file is named.
    prefix: Option<Digest>,
    length: u64,
    sha256: Digest,
    sha512: Option<Digest>,
}

impl fmt::Debug for TargetFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TargetFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TargetFile {
    /// Looks for the file of a target: under each listed hash where snapshots are consistent. Where the metadata lists no SHA-256, the
    /// file is read once for it, held to what the metadata does list, while `progress` is told.
    ///
    /// # Errors
    /// [`FileSourceError`].
    pub fn find(
        target: &VerifiedTarget,
        has_consistent_snapshots: bool,
        files: &Arc<dyn TargetFiles>,
        progress: &dyn Progress,
    ) -> Result<Self, FileSourceError> {
        let prefixes: Vec<Option<&Digest>> = match has_consistent_snapshots {
            true => target.hashes().iter().map(Some).collect(),
            false => vec![None],
        };
        let mut unavailable = None;
        for prefix in prefixes {
            match files.open(target.path(), prefix, target.length()) {
                Ok(Some(content)) => {
                    let listed = |algorithm| target.hashes().iter().find(|hash| hash.algorithm() == algorithm).cloned();
                    let sha512 = listed(DigestAlgorithm::Sha512);
                    let sha256 = match listed(DigestAlgorithm::Sha256) {
                        Some(sha256) => sha256,
                        None => sha256_of(target, content, sha512.as_ref(), progress)?,
                    };
                    let (path, length, prefix) = (target.path().to_owned(), target.length(), prefix.cloned());
                    return Ok(Self { files: Arc::clone(files), path, prefix, length, sha256, sha512 });
                }
                Ok(None) => {}
                // It may exist under another hash.
                Err(error) => unavailable = unavailable.or(Some(error)),
            }
        }
        let missing = || FileSourceError::Missing { path: target.path().to_owned() };
        Err(unavailable.map_or_else(missing, FileSourceError::Provider))
    }

    fn open(&self) -> Result<Box<dyn BlobContent>, FileSourceError> {
        let missing = || FileSourceError::Missing { path: self.path.clone() };
        let content = self.files.open(&self.path, self.prefix.as_ref(), self.length)?.ok_or_else(missing)?;
        let checked = Checked::new(content, &Descriptor::new(FILE_MEDIA_TYPE, self.sha256.clone(), self.length));
        Ok(match &self.sha512 {
            Some(sha512) => Box::new(AlsoChecked::new(checked, self.length, sha512)),
            None => Box::new(checked),
        })
    }
}

/// The SHA-256 of a target of which the metadata lists another digest.
fn sha256_of(
    target: &VerifiedTarget,
    mut content: impl Read,
    listed: Option<&Digest>,
    progress: &dyn Progress,
) -> Result<Digest, FileSourceError> {
    let path = || target.path().to_owned();
    let [mut sha256, mut sha512] = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha512].map(Hasher::new);
    let (mut buffer, mut length) = (vec![0; BUFFER_LENGTH], 0_u64);
    progress.begin(&format!("hashing {}", target.path()), Some(target.length()));
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => buffer.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(FileSourceError::Read { path: path(), source }),
        };
        sha256.update(read);
        sha512.update(read);
        length = length.saturating_add(read.len() as u64);
        progress.advance(read.len() as u64);
    }
    progress.finish();
    let (found, size) = (sha512.finish(), target.length());
    let mismatch = |source| Err(FileSourceError::Mismatch { path: path(), source });
    let digest = listed.unwrap_or(&found).clone();
    if length < size {
        return mismatch(ContentError::Short { digest, size, length });
    }
    if length > size {
        return mismatch(ContentError::Long { digest, size });
    }
    if found != digest {
        return mismatch(ContentError::Digest { expected: digest, found });
    }
    Ok(sha256.finish())
}

impl FileSource {
    /// What an inventory says about the file with this name.
    pub(crate) fn record(&self, name: &FileName) -> FileRecord {
        let (digest, size, sha512) = match self {
            Self::Local(file) => (file.sha256(), file.length(), Some(file.sha512().clone())),
            Self::Target(file) => (&file.sha256, file.length, file.sha512.clone()),
        };
        let descriptor = DescriptorRecord { digest: digest.clone(), media_type: FILE_MEDIA_TYPE.to_owned(), size };
        FileRecord { descriptor, name: name.clone(), sha512 }
    }

    /// Opens it. Its end can be read only if it is what its record says.
    ///
    /// # Errors
    /// [`FileSourceError`].
    pub(crate) fn open(&self) -> Result<Box<dyn BlobContent>, FileSourceError> {
        match self {
            Self::Local(file) => {
                let failed = |source| FileSourceError::Local { path: file.path().to_owned(), source };
                Ok(Box::new(file.open().map_err(failed)?))
            }
            Self::Target(file) => file.open(),
        }
    }
}
