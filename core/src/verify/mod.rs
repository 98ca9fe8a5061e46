//! Verify: from the first byte of an archive to the last, once, without writing anything.
//!
//! A typestate, each step consuming the proof of the one before:
//!
//! 1. [`open`] reads the head of the archive (frame, seal, TUF metadata, documents) and judges it. What it returns,
//!    [`Judged`], exists only if every rule held; no byte of a layer has been read.
//! 2. [`Judged::receive`] passes every blob, with its digest checked, to a [`Receiver`], and then checks the end of the
//!    archive. Attestations come first, and are checked too, each before it is passed on. What it returns,
//!    [`Verified`], allows a delivery to be committed. Nothing else can make one.

mod content;
pub mod documents;
mod head;
mod reporting;

use std::io::Read;
use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::FormatError;
use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::{EntryRecord, Inventory};
use sealift_archive_format::reader::{EntryReader, Reader};
use sealift_proof::freshness::AskedClock;
use sealift_proof::in_toto::Inspections;

pub use documents::{Closed, DocumentError};
pub(crate) use head::check_tuf_length;
pub use head::{HeadError, TooMuchMetadata, open, open_sealed};

use crate::oci::Descriptor;
use crate::progress::Progress;
use crate::report::{ContentReport, Report};
use crate::seal::VerifiedSeal;
use crate::transfer::{BlobContent, Checked};
use crate::trust::{AttestationRefusal, Attestations, Carried, Judgement, Terms};
use content::WatchedEntry;

/// How to judge an archive, in addition to the trust store.
#[derive(Clone, Copy)]
pub struct VerifySettings<'a> {
    /// This side's clock.
    pub now: Timestamp,
    /// By which clock expiry is judged, in place of the policy's.
    pub asked: Option<AskedClock>,
    /// Whether in-toto inspections are run.
    pub inspections: Inspections<'a>,
}

/// An archive whose head has passed every check.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::verify::Judged;
/// # fn forge(reader: sealift_archive_format::Reader<&[u8]>) -> Judged<&[u8]> {
/// Judged { reader, proof: unreachable!(), attestations: unreachable!() }
/// # }
/// ```
pub struct Judged<R: Read> {
    reader: Reader<R>,
    proof: Proof,
    attestations: Attestations,
}

/// An archive that has passed every check to its last byte.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::verify::Verified;
/// # fn forge() -> Verified {
/// Verified { proof: unreachable!(), attestations: unreachable!(), content: Default::default() }
/// # }
/// ```
pub struct Verified {
    proof: Proof,
    attestations: Attestations,
    content: ContentReport,
}

/// What was proven by the head of an archive.
pub(crate) struct Proof {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) seal: VerifiedSeal,
    pub(crate) judgement: Judgement,
    pub(crate) closed: Closed,
    pub(crate) carried: Carried,
    pub(crate) terms: Terms,
    pub(crate) exporter_threshold: NonZeroU32,
}

/// Receives the blobs of an archive that has been judged.
pub trait Receiver {
    /// Why it cannot receive a blob.
    type Error: std::error::Error + 'static;

    /// Receives a blob that is not a document. The last bytes of `content` come only after its digest has matched;
    /// whatever is left unread is still checked.
    ///
    /// # Errors
    /// The receiver's own, which stops everything.
    fn blob(&mut self, record: &EntryRecord, content: &mut dyn BlobContent) -> Result<(), Self::Error>;
}

/// Discards everything: for verification alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Receiver for Discard {
    type Error = std::convert::Infallible;

    fn blob(&mut self, _: &EntryRecord, _: &mut dyn BlobContent) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Why the content of an archive was not received completely.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError<E: std::error::Error + 'static> {
    /// The archive is not what its seal says.
    #[error("the archive is not what its seal says")]
    Archive(#[source] FormatError),
    /// An attestation is not about what it is attached to, or not signed by a pinned attester.
    #[error(transparent)]
    Attestation(#[from] AttestationRefusal),
    /// The receiver cannot take it.
    #[error(transparent)]
    Receiver(E),
}

impl<R: Read> Judged<R> {
    /// The sealed inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.proof.inventory
    }

    /// How many bytes of content are left.
    pub fn remaining_bytes(&self) -> u64 {
        let documents: u64 = self.proof.closed.documents().values().map(|bytes| bytes.len() as u64).sum();
        let blobs =
            self.proof.inventory.entries.iter().filter(|entry| matches!(entry.name.place(), EntryPlace::Blob(_)));
        blobs.map(|entry| entry.size).sum::<u64>().saturating_sub(documents)
    }

    /// What was proven.
    pub(crate) fn judgement(&self) -> &Judgement {
        &self.proof.judgement
    }

    /// The terms on which it was judged.
    pub(crate) fn terms(&self) -> &Terms {
        &self.proof.terms
    }

    /// The closed documents.
    pub fn closed(&self) -> &Closed {
        &self.proof.closed
    }

    /// Passes every blob to `receiver`, in the order of the archive, and then checks the archive's end.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing may then be committed.
    pub fn receive<S: Receiver>(
        mut self,
        receiver: &mut S,
        progress: &dyn Progress,
    ) -> Result<Verified, ReceiveError<S::Error>> {
        let mut content = ContentReport::default();
        let documents = self.proof.closed.documents();
        for document in documents.values() {
            content.blobs += 1;
            content.bytes += document.len() as u64;
        }
        content.manifests = documents.len() - self.proof.closed.bundle_files.len();
        while let Some(entry) = self.reader.next_entry().map_err(ReceiveError::Archive)? {
            let record = entry.record().clone();
            if let EntryPlace::Blob(digest) = record.name.place() {
                progress.item(digest.short());
            }
            if self.attestations.expects(&record.digest) {
                pass_attestation(entry, &mut self.attestations, receiver)?;
            } else {
                pass(entry, receiver)?;
            }
            content.blobs += 1;
            content.bytes += record.size;
            progress.advance(record.size);
        }
        Ok(Verified { proof: self.proof, attestations: self.attestations, content })
    }
}

/// Passes a blob to a receiver.
fn pass<R: Read, S: Receiver>(entry: EntryReader<'_, R>, receiver: &mut S) -> Result<(), ReceiveError<S::Error>> {
    let record = entry.record().clone();
    let mut watched = WatchedEntry::new(entry);
    let outcome = receiver.blob(&record, &mut watched);
    match watched.into_fault() {
        Some(fault) => Err(ReceiveError::Archive(fault)),
        None => outcome.map_err(ReceiveError::Receiver),
    }
}

/// Checks an attestation, and only then passes it to a receiver.
fn pass_attestation<R: Read, S: Receiver>(
    mut entry: EntryReader<'_, R>,
    attestations: &mut Attestations,
    receiver: &mut S,
) -> Result<(), ReceiveError<S::Error>> {
    let record = entry.record().clone();
    attestations.require_length(&record.digest, record.size)?;
    let bytes = entry.read_all().map_err(ReceiveError::Archive)?;
    attestations.check(&record.digest, &bytes)?;
    let descriptor = Descriptor::new("", record.digest.clone(), record.size);
    let mut content = Checked::new(bytes.as_slice(), &descriptor);
    receiver.blob(&record, &mut content).map_err(ReceiveError::Receiver)
}

impl Verified {
    pub(crate) fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The report.
    pub fn report(&self) -> Report {
        reporting::report(&self.proof, &self.attestations, self.content)
    }
}
