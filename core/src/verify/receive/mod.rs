//! The content of an archive, to its last byte: each blob goes to a receiver, several at once, and every digest is checked.

mod ahead;
mod by_position;
mod stream;
mod thick_bundle;

use std::collections::HashMap;
use std::io::{self, Read};

use sealift_archive_format::PositionedInput;
use sealift_archive_format::content::{AlsoChecked, BlobContent, Checked, ContentError, Observed, Repeatable, Watched};
use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::{EntryRecord, Inventory};
use sealift_archive_format::{Digest, EntryOffsets, FormatError, Problem};

pub(super) use ahead::ReadAhead;
pub(crate) use ahead::count_in_room;

use super::{Closed, Judged, Verified};
use crate::progress::{Progress, Unwatched};
use crate::remedy::{Remediable, Remedy};
use crate::report::{AbsentReport, AbsentSeen, ContentReport};
use crate::thick_bundle::ThickContentError;
use crate::transfer::Workers;
use crate::trust::{AttestationRefusal, Attestations};
use thick_bundle::ThickBundles;

/// How much is read at once where nobody else reads, in bytes.
const BUFFER_LENGTH: usize = 128 * 1024;

/// Receives the blobs of an archive that has been judged. Called from several threads at once.
pub trait Receiver: Sync {
    /// Why it cannot receive a blob.
    type Error: std::error::Error + Send + 'static;

    /// Receives a blob that is not a document. The last bytes of `content` come only after its digest has matched;
    /// whatever is left unread is still checked.
    ///
    /// # Errors
    /// The receiver's own, which stops everything.
    fn blob(&self, record: &EntryRecord, content: &mut dyn BlobContent) -> Result<(), Self::Error>;
}

/// Discards everything: for verification alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Receiver for Discard {
    type Error = std::convert::Infallible;

    fn blob(&self, _: &EntryRecord, _: &mut dyn BlobContent) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// How the content of an archive is moved.
#[derive(Clone, Copy)]
pub struct Transport<'a> {
    /// How many blobs are read and received at once.
    pub workers: Workers,
    /// The file that the archive is in, if it is one: then blobs are read by their position. Whatever is in the file is checked in any case.
    pub file: Option<&'a dyn PositionedInput>,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl Default for Transport<'_> {
    fn default() -> Self {
        Self { workers: Workers::default(), file: None, progress: &Unwatched }
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
    /// A thick bundle does not hold what was judged.
    #[error(transparent)]
    ThickBundle(#[from] ThickContentError),
    /// The receiver cannot take it.
    #[error(transparent)]
    Receiver(E),
}

impl<E: std::error::Error + Remediable + 'static> Remediable for ReceiveError<E> {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Archive(error) => error.remedy(),
            Self::Attestation(error) => error.remedy(),
            Self::ThickBundle(error) => error.remedy(),
            Self::Receiver(error) => error.remedy(),
        }
    }
}

impl<R: Read> Judged<R> {
    /// Passes every blob to `receiver`, several at once, and checks the archive's end.
    ///
    /// # Errors
    /// [`ReceiveError`]; nothing may then be committed.
    pub fn receive<S: Receiver>(
        mut self,
        receiver: &S,
        transport: &Transport<'_>,
    ) -> Result<Verified, ReceiveError<S::Error>> {
        let content = self.content_report();
        self.receive_ahead(receiver, transport.progress)?;
        self.receive_attestations(receiver, transport.progress)?;
        let inventory = &self.head.inventory;
        let (layout, names) = (self.reader.layout(), self.head.closed.names(inventory));
        let thick_bundles = ThickBundles::of(&self.head.closed, &inventory.items);
        let files = second_digests(&self.head.closed);
        let passage = Passage { receiver, layout: &layout, progress: transport.progress, names, thick_bundles, files };
        let by_position = transport.file.map(|file| self.reader.by_position(file)).transpose();
        match by_position.map_err(ReceiveError::Archive)?.flatten() {
            Some(random) => {
                let begun = self.reader.entries_begun();
                passage.by_position(&random, &inventory.entries, begun, &transport.workers)?;
            }
            None => passage.stream(&mut self.reader, &transport.workers)?,
        }
        Ok(Verified { judgement: self.judgement.close()?, head: self.head, content })
    }

    /// How much the archive has.
    fn content_report(&self) -> ContentReport {
        let inventory = &self.head.inventory;
        let blobs = inventory.carried().filter(|entry| matches!(entry.name.place(), EntryPlace::Blob(_)));
        let (count, bytes) = blobs.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.size));
        let manifests = self.head.closed.documents().len() - self.head.closed.bundle_files.len();
        ContentReport { blobs: count, bytes, manifests, absent: absent(inventory) }
    }

    /// Receives the blobs that were read before they were due.
    fn receive_ahead<S: Receiver>(
        &mut self,
        receiver: &S,
        progress: &dyn Progress,
    ) -> Result<(), ReceiveError<S::Error>> {
        let files = second_digests(&self.head.closed);
        for (record, bytes) in self.ahead.take() {
            if self.judgement.expects(&record.digest) {
                pass_attestation(&record, &bytes, &mut self.judgement, receiver)?;
            } else {
                progress.item(record.name.as_str());
                let second = files.get(&record.digest).map_or(&record.digest, |second| *second);
                let open = || AlsoChecked::new(Checked::new(&*bytes, &record), record.size, second);
                pass(&record, 0, &mut Repeatable::new(open(), || Ok(open())), |content| {
                    whole(&record, content, receiver)
                })?;
            }
            progress.advance(record.size);
        }
        Ok(())
    }

    /// Receives the blobs up to the last attestation, one after the other: these come before all other layers.
    fn receive_attestations<S: Receiver>(
        &mut self,
        receiver: &S,
        progress: &dyn Progress,
    ) -> Result<(), ReceiveError<S::Error>> {
        let entries = &self.head.inventory.entries;
        let last = entries.iter().rposition(|entry| self.judgement.expects(&entry.digest));
        while last.is_some_and(|last| self.reader.entries_begun() <= last) {
            let Some(mut entry) = self.reader.next_entry().map_err(ReceiveError::Archive)? else { break };
            let size = entry.size();
            if self.judgement.expects(entry.digest()) {
                let record = entry.record().clone();
                self.judgement.require_length(&record.digest, record.size)?;
                let bytes = entry.read_all().map_err(ReceiveError::Archive)?;
                pass_attestation(&record, &bytes, &mut self.judgement, receiver)?;
            } else {
                let record = entry.record().clone();
                pass(&record, 0, &mut entry, |content| whole(&record, content, receiver))?;
            }
            progress.advance(size);
        }
        Ok(())
    }
}

/// What an archive leaves out. Nobody has looked for it yet.
fn absent(inventory: &Inventory) -> Option<AbsentReport> {
    let base = inventory.base.clone()?;
    let (blobs, bytes) = inventory.absent().fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.size));
    (blobs > 0).then_some(AbsentReport { blobs, bytes, base, seen: AbsentSeen::Nothing })
}

/// Checks an attestation, and only then passes it to a receiver.
fn pass_attestation<S: Receiver>(
    record: &EntryRecord,
    bytes: &[u8],
    attestations: &mut Attestations,
    receiver: &S,
) -> Result<(), ReceiveError<S::Error>> {
    attestations.require_length(&record.digest, record.size)?;
    attestations.check(&record.digest, bytes)?;
    receiver.blob(record, &mut Checked::new(bytes, record)).map_err(ReceiveError::Receiver)
}

/// Passes the blobs after the attestations to a receiver, whichever way they are read.
struct Passage<'a, S> {
    receiver: &'a S,
    layout: &'a EntryOffsets,
    progress: &'a dyn Progress,
    names: HashMap<&'a Digest, &'a str>,
    thick_bundles: ThickBundles<'a>,
    /// The second digests of plain files.
    files: HashMap<&'a Digest, &'a Digest>,
}

impl<S: Receiver> Passage<'_, S> {
    /// Checks the entry with this index as it passes to the receiver.
    fn pass(
        &self,
        index: usize,
        record: &EntryRecord,
        content: impl BlobContent,
        observe: impl FnMut(u64) -> io::Result<()>,
    ) -> Result<(), ReceiveError<S::Error>> {
        self.progress.item(self.names.get(&record.digest).copied().unwrap_or(record.name.as_str()));
        let place = self.layout.entries.get(index + 1);
        let end = place.map_or(0, |place| place.content_offset.saturating_add(place.size));
        let mut content = Observed::new(content, observe);
        if let Some(second) = self.files.get(&record.digest) {
            let mut content = AlsoChecked::new(content, record.size, second);
            return pass(record, end, &mut content, |content| whole(record, content, self.receiver));
        }
        pass(record, end, &mut content, |content| match self.thick_bundles.contains(&record.digest) {
            true => self.thick_bundles.pass(record, content, self.receiver),
            false => whole(record, content, self.receiver),
        })
    }
}

/// The SHA-512 of each plain file for which one is stated, by the digest in its name. By it the file may have been judged.
fn second_digests(closed: &Closed) -> HashMap<&Digest, &Digest> {
    closed.files().filter_map(|file| Some((&file.descriptor.digest, file.sha512.as_ref()?))).collect()
}

/// Passes a blob that ends at this offset, and says so if it is the blob that is wrong.
fn pass<E: std::error::Error + 'static>(
    record: &EntryRecord,
    end: u64,
    content: &mut dyn BlobContent,
    receive: impl FnOnce(&mut dyn BlobContent) -> Result<(), ReceiveError<E>>,
) -> Result<(), ReceiveError<E>> {
    let mut watched = Watched::new(content);
    let outcome = receive(&mut watched);
    match watched.into_fault() {
        Some(fault) => Err(ReceiveError::Archive(refusal(fault, record, end))),
        None => outcome,
    }
}

/// Passes all of a content to a receiver.
fn whole<S: Receiver>(
    record: &EntryRecord,
    content: &mut dyn BlobContent,
    receiver: &S,
) -> Result<(), ReceiveError<S::Error>> {
    receiver.blob(record, content).map_err(ReceiveError::Receiver)?;
    // An error is the content's fault, which its watcher knows.
    let _ = read_to_end(content);
    Ok(())
}

/// Reads what is left, in pieces, and discards it.
fn read_to_end(content: &mut dyn Read) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_LENGTH];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What is wrong with an archive whose content failed.
fn refusal(fault: io::Error, record: &EntryRecord, end: u64) -> FormatError {
    let fault = match fault.downcast::<FormatError>() {
        Ok(refusal) => return refusal,
        Err(fault) => fault,
    };
    let problem = match ContentError::inside(&fault) {
        Some(ContentError::Digest { found, expected }) => {
            Problem::Digest { found: found.clone(), listed: expected.clone() }
        }
        _ => Problem::Io(fault),
    };
    FormatError { offset: end, entry: Some(record.name.clone()), problem }
}
