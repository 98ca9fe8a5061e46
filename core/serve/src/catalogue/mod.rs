//! What is served: repositories with manifests, tags, blobs and referrers, and the mirrors of TUF repositories.
//!
//! Promise: it holds only what deliveries put into it, and [`Gathering`] is the one way in: an archive is judged before, verified as it
//! passes, and everything that [`extract`](sealift_core::import::extract) would refuse is refused. What an archive leaves out is in another one.

mod content;
mod error;
mod gathering;
mod mirrors;
mod pieces;
mod repository;
mod sink;

use std::collections::{BTreeMap, HashMap};
use std::io;

use sealift_archive_format::Digest;
use sealift_archive_format::content::Checked;
use sealift_archive_format::reader::RandomReader;

use crate::access::CutReason;
use content::BlobPlace;
pub(crate) use content::{PlacedContent, ServedContent};
pub use error::ServeError;
pub use gathering::{Gathering, ServedArchive, ServingTerms};
use mirrors::{ServedFile, ServedMirrors};
pub(crate) use pieces::PIECE_LENGTH;
use pieces::PieceDigests;
pub(crate) use repository::ServedRepository;

/// Everything that is served, from any number of archives; nothing that a manifest refers to and an archive lists is lacking.
#[derive(Default)]
pub struct Catalogue<'f> {
    archives: Vec<RandomReader<'f>>,
    contents: HashMap<Digest, ServedContent>,
    repositories: BTreeMap<String, ServedRepository>,
    mirrors: ServedMirrors,
}

impl Catalogue<'_> {
    /// The repositories, by their paths, in the order of these.
    pub(crate) fn repositories(&self) -> &BTreeMap<String, ServedRepository> {
        &self.repositories
    }

    /// A blob of a repository.
    pub(crate) fn blob(&self, repository: &str, digest: &Digest) -> Option<&ServedContent> {
        self.repositories.get(repository).filter(|it| it.has_blob(digest))?;
        self.contents.get(digest)
    }

    /// A file of a mirror, by its path below the repository's name.
    pub(crate) fn mirrored(&self, repository: &str, path: &str) -> Option<&ServedContent> {
        match self.mirrors.file(repository, path)? {
            ServedFile::Here(content) => Some(content),
            ServedFile::Blob(digest) => self.contents.get(digest),
        }
    }

    /// Reads a piece of a content, and compares it with what was verified.
    pub(crate) fn piece(&self, content: &PlacedContent, number: u64, piece: &mut Vec<u8>) -> Result<(), CutReason> {
        let archive = self.archives.get(content.place.archive).ok_or(CutReason::Changed)?;
        content.piece(archive, number, piece)
    }

    /// Reads a blob once more that was verified, with its digest checked again.
    fn measured(&self, digest: &Digest, place: BlobPlace) -> Result<ServedContent, ServeError> {
        let changed = |source| ServeError::Changed { digest: digest.clone(), source };
        let archive = self.archives.get(place.archive).ok_or_else(|| changed(io::ErrorKind::NotFound.into()))?;
        let entry = archive.entry(place.entry)?;
        let record = entry.record().clone();
        let pieces = PieceDigests::measure(&mut Checked::new(entry, &record)).map_err(changed)?;
        Ok(ServedContent::Placed(PlacedContent { place, pieces }))
    }
}
