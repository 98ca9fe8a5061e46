//! Blobs that come through a pipe: one thread reads, several check and receive behind it.

use std::io::{self, Read};
use std::num::NonZeroUsize;

use sealift_archive_format::content::{Checked, PieceBudget, RelayReader, relay};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::reader::Reader;
use sealift_archive_format::{FormatError, Problem};

use super::{Passage, ReceiveError, Receiver};
use crate::transfer::{Failures, Jobs, Workers};

/// How many blobs are received at once, at most.
const MAXIMUM_AT_ONCE: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// How many pieces of 128 KiB are between the thread that reads and the others, at most.
const PIECES_BETWEEN: usize = 64;
/// How many pieces of a thick bundle are between them: they wait for each other, and no others may wait for that.
const PIECES_OF_A_THICK_BUNDLE: usize = 4;

/// A blob: its index, its record, and its content.
type ReceiveJob = (usize, EntryRecord, RelayReader);

impl<S: Receiver> Passage<'_, S> {
    /// Passes all entries that are left, and then checks the archive's end.
    pub(super) fn stream<R: Read>(
        &self,
        reader: &mut Reader<R>,
        workers: &Workers,
    ) -> Result<(), ReceiveError<S::Error>> {
        let failures = Failures::default();
        let receive = |(index, record, content): ReceiveJob| {
            let content = Checked::new(content, &record);
            let passed = self.pass(index, &record, content, |_| match failures.stop().is_set() {
                true => Err(io::Error::other("other work has failed")),
                false => Ok(()),
            });
            if let Err(error) = passed {
                failures.fail(error);
            }
        };
        let served = workers
            .at_most(MAXIMUM_AT_ONCE)
            .serve(failures.stop(), receive, |jobs| self.read_all(reader, jobs, &failures));
        served.map_err(|error| ReceiveError::Archive(no_thread(error)))?;
        failures.into_outcome()
    }

    fn read_all<R: Read>(
        &self,
        reader: &mut Reader<R>,
        jobs: &Jobs<ReceiveJob>,
        failures: &Failures<ReceiveError<S::Error>>,
    ) {
        let budget = PieceBudget::new(PIECES_BETWEEN);
        let mut piece = Vec::new();
        while !failures.stop().is_set() {
            let mut entry = match reader.next_unproven() {
                Ok(Some(entry)) => entry,
                Ok(None) => return,
                Err(error) => return failures.fail(ReceiveError::Archive(error)),
            };
            let (sender, content) = match self.thick_bundles.contains(&entry.record().digest) {
                true => relay(&PieceBudget::new(PIECES_OF_A_THICK_BUNDLE)),
                false => relay(&budget),
            };
            if !jobs.hand_over((entry.index(), entry.record().clone(), content)) {
                return;
            }
            while !failures.stop().is_set() {
                match entry.next_piece(&mut piece) {
                    Ok(true) => {
                        self.progress.advance(piece.len() as u64);
                        if !sender.send(&mut piece) {
                            break;
                        }
                    }
                    Ok(false) => {
                        sender.end();
                        break;
                    }
                    // The reason is told before the other end learns that something failed.
                    Err(error) => return failures.fail(ReceiveError::Archive(error)),
                }
            }
        }
    }
}

/// There is not a single thread to receive what is read.
pub(super) fn no_thread(error: io::Error) -> FormatError {
    FormatError { offset: 0, entry: None, problem: Problem::Io(error) }
}
