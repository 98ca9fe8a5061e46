//! What is served: repositories with manifests, tags, blobs and referrers, and the mirrors of TUF repositories.
//!
//! Promise: it holds only what a delivery put into it, and [`Catalogue::add`] is the one way in: an archive is judged before, verified as it
//! passes, and everything that [`import::extract`] would refuse is refused.

mod content;
mod error;
mod gathering;
mod mirrors;
mod pieces;
mod repository;

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use sealift_archive_format::reader::RandomReader;
use sealift_archive_format::{Digest, PositionedInput};
use sealift_core::import::{self, DeliveryWishes, Destination, Extracted, Naming};
use sealift_core::trust_store::RepositoryName;
use sealift_core::verify::{Judged, Transport};
use sealift_proof::tuf::Limits;

use crate::access::CutReason;
pub(crate) use content::{PlacedContent, ServedContent};
pub use error::ServeError;
use gathering::GatheringSink;
use mirrors::{ServedFile, ServedMirrors};
pub(crate) use pieces::PIECE_LENGTH;
pub(crate) use repository::ServedRepository;

/// Everything that is served, from any number of archives.
#[derive(Default)]
pub struct Catalogue<'f> {
    archives: Vec<RandomReader<'f>>,
    contents: HashMap<Digest, ServedContent>,
    repositories: BTreeMap<String, ServedRepository>,
    mirrors: ServedMirrors,
}

/// An archive of which everything is served.
pub struct ServedArchive {
    /// What was delivered into the catalogue, with the proof.
    pub extracted: Extracted,
    /// The TUF repositories that are served.
    pub mirrors: Vec<RepositoryName>,
}

impl<'f> Catalogue<'f> {
    /// Adds everything that an archive holds, after verifying it to its last byte. `file` is what `judged` reads, and is read by
    /// position from then on. `domain` is what clients call this registry, for the names in what is returned. `limits` are those that the
    /// archive was judged with.
    ///
    /// # Errors
    /// [`ServeError`]; the catalogue must not be served then.
    pub fn add<R: Read>(
        &mut self,
        judged: Judged<R>,
        file: &'f dyn PositionedInput,
        domain: &str,
        limits: &Limits,
        transport: &Transport<'_>,
    ) -> Result<ServedArchive, ServeError> {
        let archive = judged.by_position(file)?.ok_or(ServeError::Compressed)?;
        let entries = gathering::blob_entries(judged.inventory());
        self.archives.push(archive);
        let (domain, prefix, naming) = (domain.to_owned(), String::new(), Naming::default());
        let destination = Destination::Registry { domain, prefix, naming };
        let sink = GatheringSink::new(self, entries);
        let extracted = import::extract(judged, &destination, &DeliveryWishes::default(), &sink, transport);
        // The delivery knows only that its sink has refused.
        let extracted = match sink.into_refusal() {
            Some(refusal) => return Err(refusal),
            None => extracted?,
        };
        let mut mirrors = Vec::new();
        for mirror in extracted.mirrors(limits)? {
            mirrors.push(mirror.repository.clone());
            self.mirrors.add(mirror)?;
        }
        Ok(ServedArchive { extracted, mirrors })
    }

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
        let archive = self.archives.get(content.archive).ok_or(CutReason::Changed)?;
        content.piece(archive, number, piece)
    }
}
