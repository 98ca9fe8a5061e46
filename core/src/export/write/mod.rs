//! Writing what was prepared: in one pass to a pipe, or by position to a file.

mod in_place;
mod stream;
mod unfinished;

use std::collections::HashMap;
use std::io;

use sealift_archive_format::content::{BlobContent, Checked, Observed};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::{Digest, EntryName, EntryPlace, WriteError};

pub use in_place::TakenUp;
pub use unfinished::{Unfinished, UnfinishedError};

use super::{Prepared, source_remedy};
use crate::oci::Descriptor;
use crate::progress::Progress;
use crate::remedy::{Interrupter, Remediable, Remedy};
use crate::transfer::{SourceError, Stop};

/// Why an archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A blob cannot be opened where the plan found it.
    #[error("blob {digest} cannot be fetched")]
    Source {
        /// The blob.
        digest: Digest,
        /// Why the source does not supply it.
        source: SourceError,
    },
    /// The archive cannot be written, or a blob is not what it was described as.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The file that an unfinished archive is kept in cannot be used.
    #[error(transparent)]
    Unfinished(#[from] UnfinishedError),
    /// The inventory lists something that the plan has no content for: a defect of this program.
    #[error("nothing was planned that is the content of {entry}: this is a defect of Sealift")]
    Unplanned {
        /// The entry.
        entry: EntryName,
    },
}

impl Remediable for ExportError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Source { source, .. } => {
                source_remedy::of_part(source).unwrap_or(Remedy::Resume { check: Interrupter::Network })
            }
            Self::Write(error) => error.remedy(),
            Self::Unfinished(error) => error.remedy(),
            Self::Unplanned { .. } => Remedy::Report,
        }
    }
}

/// Where the content of every entry is.
struct EntryContents<'p> {
    prepared: &'p Prepared,
    documents: HashMap<&'p Digest, &'p [u8]>,
    /// The reference of the item that each blob belongs to first.
    names: HashMap<&'p Digest, &'p str>,
}

impl<'p> EntryContents<'p> {
    fn of(prepared: &'p Prepared) -> Self {
        let names = prepared.plan.closed.names(prepared.inventory());
        Self { prepared, documents: prepared.plan.closed.documents(), names }
    }

    /// What is held in memory: documents, TUF files and the like.
    fn held(&self, record: &EntryRecord) -> Option<&'p [u8]> {
        match record.name.place() {
            EntryPlace::Blob(digest) => self.documents.get(digest).copied(),
            _ => self.prepared.files.get(&record.name).map(Vec::as_slice),
        }
    }

    /// Opens the content of an entry.
    fn open(&self, record: &EntryRecord) -> Result<Box<dyn BlobContent + 'p>, ExportError> {
        match (self.held(record), self.prepared.plan.origins.get(&record.digest)) {
            (Some(bytes), _) => Ok(Box::new(Checked::new(bytes, record))),
            (None, Some(origin)) => {
                let descriptor = Descriptor::new("", record.digest.clone(), record.size);
                let unfetched = |source| ExportError::Source { digest: record.digest.clone(), source };
                origin.open(&descriptor).map_err(unfetched)
            }
            (None, None) => Err(ExportError::Unplanned { entry: record.name.clone() }),
        }
    }

    /// What moves, in words for a person.
    fn name<'r>(&self, record: &'r EntryRecord) -> &'r str
    where
        'p: 'r,
    {
        self.names.get(&record.digest).copied().unwrap_or(record.name.as_str())
    }
}

/// Reports how many bytes pass, and ends when something else has failed.
fn observed<'a>(
    content: Box<dyn BlobContent + 'a>,
    progress: &'a dyn Progress,
    stop: &'a Stop,
) -> impl BlobContent + use<'a> {
    Observed::new(content, |read| {
        progress.advance(read);
        if stop.is_set() { Err(io::Error::other("other work has failed")) } else { Ok(()) }
    })
}
