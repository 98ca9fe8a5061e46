//! Verify: from the first byte of an archive to the last, once, without writing anything.
//!
//! A typestate, each step consuming the proof of the one before:
//!
//! 1. [`open`] reads the head of the archive (frame, seal, TUF metadata, documents) and judges it. What it returns,
//!    [`Judged`], exists only if every rule held that the head can decide; no byte of a layer has been read.
//! 2. [`Judged::receive`] passes every blob, with its digest checked, to a [`Receiver`], several at once, and checks the end of the
//!    archive. Attestations come first, and are checked too, each before it is passed on; they close the judgement. What it
//!    returns, [`Verified`], leaves nothing open, and allows a delivery to be committed. Nothing else can make one.

pub mod documents;
mod head;
mod receive;
mod reporting;
mod selection;

use std::io::Read;
use std::num::NonZeroU32;
use std::sync::Arc;

use jiff::Timestamp;
use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::Inventory;
use sealift_archive_format::reader::{RandomReader, Reader};
use sealift_archive_format::{Digest, FormatError, PositionedInput};
use sealift_proof::freshness::AskedClock;
use sealift_proof::in_toto::Inspections;

pub use documents::{Closed, DocumentError};
pub(crate) use head::check_tuf_length;
pub use head::{HeadError, TooMuchMetadata, open, open_sealed};
pub use receive::{Discard, ReceiveError, Receiver, Transport};
pub(crate) use selection::Selected;
pub use selection::{SelectedName, SelectedNameError, SelectedNames, Selection, SelectionError};

use crate::report::{AbsentSeen, ContentReport, Report, Warning};
use crate::seal::VerifiedSeal;
use crate::trust::{Attestations, Carried, Finding, Judgement, Purpose, Terms};
use crate::trust_store::TrustBasis;
use receive::ReadAhead;
pub(crate) use receive::count_in_room;
pub(crate) use reporting::items as report_items;

/// How to judge an archive, in addition to the trust store.
#[derive(Clone, Copy)]
pub struct VerifySettings<'a> {
    /// This side's clock.
    pub now: Timestamp,
    /// By which clock expiry is judged, in place of the policy's.
    pub asked: Option<AskedClock>,
    /// What it is judged for.
    pub purpose: Purpose,
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
/// Judged { reader, head: unreachable!(), judgement: unreachable!(), ahead: unreachable!() }
/// # }
/// ```
pub struct Judged<R: Read> {
    reader: Reader<R>,
    head: Head,
    judgement: Attestations,
    ahead: ReadAhead,
}

/// An archive that has passed every check to its last byte.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::verify::Verified;
/// # fn forge() -> Verified {
/// Verified { head: unreachable!(), judgement: unreachable!(), content: Default::default() }
/// # }
/// ```
pub struct Verified {
    head: Head,
    judgement: Judgement,
    content: ContentReport,
}

/// The head of an archive: what was judged, and on which terms.
pub(crate) struct Head {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) seal: VerifiedSeal,
    pub(crate) closed: Closed,
    pub(crate) carried: Carried,
    pub(crate) terms: Terms,
    pub(crate) basis: TrustBasis,
    pub(crate) exporter_threshold: NonZeroU32,
    /// The images that are not there for some of the platforms that were chosen here.
    pub(crate) absent: Vec<Warning>,
}

impl<R: Read> Judged<R> {
    /// The sealed inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.head.inventory
    }

    /// The SHA-256 of what its exporters signed, by which others name the archive.
    pub fn statement_digest(&self) -> &Digest {
        self.head.seal.statement_digest()
    }

    /// How many bytes of content are left.
    pub fn remaining_bytes(&self) -> u64 {
        let documents: u64 = self.head.closed.documents().values().map(|bytes| bytes.len() as u64).sum();
        let blobs = self.head.inventory.carried().filter(|entry| matches!(entry.name.place(), EntryPlace::Blob(_)));
        blobs.map(|entry| entry.size).sum::<u64>().saturating_sub(documents)
    }

    /// What is delivered of it, by what a person chose, and the documents of all of it. Configurations that say for which platforms the
    /// images are, where no index does, are read for it; they are still received.
    ///
    /// # Errors
    /// [`SelectionError`].
    pub(crate) fn select(&mut self, selection: &Selection) -> Result<(Vec<Selected<'_>>, &Closed), SelectionError> {
        let Self { reader, head, judgement, ahead } = self;
        let (by_indexes, _) = selection.of(&judgement.findings().items, &head.closed, |_| None)?;
        ahead.read(reader, &head.inventory, &selection.configurations(&by_indexes))?;
        let (selected, absent) = selection
            .of(&judgement.findings().items, &head.closed, |digest| ahead.content(digest).map(|bytes| &**bytes))?;
        head.absent = absent;
        Ok((selected, &head.closed))
    }

    /// The archive by position, in the file that it is read from; `None` where it is compressed.
    ///
    /// # Errors
    /// [`FormatError`] when the file does not end as it should.
    pub fn by_position<'f>(&self, file: &'f dyn PositionedInput) -> Result<Option<RandomReader<'f>>, FormatError> {
        self.reader.by_position(file)
    }

    /// What was found about its items.
    fn items(&self) -> &[Finding] {
        &self.judgement.findings().items
    }

    /// The terms on which it was judged.
    pub(crate) fn terms(&self) -> &Terms {
        &self.head.terms
    }

    /// The closed documents.
    pub fn closed(&self) -> &Closed {
        &self.head.closed
    }
}

impl Verified {
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// The same, after what it leaves out was found where it goes.
    pub(crate) fn having_seen(mut self, seen: AbsentSeen) -> Self {
        self.content.absent.iter_mut().for_each(|absent| absent.seen = seen);
        self
    }

    /// What was proven.
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// The report.
    pub fn report(&self) -> Report {
        reporting::report(&self.head, self.judgement.findings(), self.content.clone())
    }
}
