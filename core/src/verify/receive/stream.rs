//! Blobs that come through a pipe: one thread reads, several check and receive behind it.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver as Waiting, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use sealift_archive_format::content::{Checked, PieceBudget, RelayReader, relay};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::reader::Reader;
use sealift_archive_format::{FormatError, Problem};

use super::{Passage, ReceiveError, Receiver};
use crate::transfer::{Stop, Workers};

/// How many blobs are received at once, at most.
const MAXIMUM_AT_ONCE: usize = 16;
/// How many pieces of 128 KiB are between the thread that reads and the others, at most.
const PIECES_BETWEEN: usize = 64;

/// A blob: its index, its record, and its content.
type ReceiveJob = (usize, EntryRecord, RelayReader);

/// The first failure, in time, and what tells the others.
struct ReceiveOutcome<E: std::error::Error + 'static> {
    first: Mutex<Option<ReceiveError<E>>>,
    stop: Stop,
}

impl<E: std::error::Error + 'static> ReceiveOutcome<E> {
    fn fail(&self, error: ReceiveError<E>) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.set();
    }
}

impl<S: Receiver> Passage<'_, S> {
    /// Passes all entries that are left, and then checks the archive's end.
    pub(super) fn stream<R: Read>(
        &self,
        reader: &mut Reader<R>,
        workers: &Workers,
    ) -> Result<(), ReceiveError<S::Error>> {
        let outcome = ReceiveOutcome { first: Mutex::new(None), stop: Stop::default() };
        let (jobs, waiting) = sync_channel::<ReceiveJob>(0);
        // Shared by the threads alone: if all of them have ended, nobody waits for them.
        let waiting = Arc::new(Mutex::new(waiting));
        thread::scope(|scope| {
            for number in 0..workers.count().min(MAXIMUM_AT_ONCE) {
                let (waiting, outcome) = (Arc::clone(&waiting), &outcome);
                let work = move || self.receive_jobs(&waiting, outcome);
                // Where the system refuses further threads, those that there are do everything.
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Err(error) if number == 0 => outcome.fail(ReceiveError::Archive(no_thread(error))),
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
            drop(waiting);
            self.read_all(reader, jobs, &outcome);
        });
        outcome.first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    fn receive_jobs(&self, waiting: &Mutex<Waiting<ReceiveJob>>, outcome: &ReceiveOutcome<S::Error>) {
        loop {
            let job = waiting.lock().ok().and_then(|waiting| waiting.recv().ok());
            let Some((index, record, content)) = job else { return };
            let content = Checked::new(content, &record);
            let passed = self.pass(index, &record, content, |_| match outcome.stop.is_set() {
                true => Err(io::Error::other("other work has failed")),
                false => Ok(()),
            });
            if let Err(error) = passed {
                outcome.fail(error);
            }
        }
    }

    fn read_all<R: Read>(
        &self,
        reader: &mut Reader<R>,
        jobs: SyncSender<ReceiveJob>,
        outcome: &ReceiveOutcome<S::Error>,
    ) {
        let budget = PieceBudget::new(PIECES_BETWEEN);
        let mut piece = Vec::new();
        while !outcome.stop.is_set() {
            let mut entry = match reader.next_unproven() {
                Ok(Some(entry)) => entry,
                Ok(None) => return,
                Err(error) => return outcome.fail(ReceiveError::Archive(error)),
            };
            let (sender, content) = relay(&budget);
            if jobs.send((entry.index(), entry.record().clone(), content)).is_err() {
                return;
            }
            while !outcome.stop.is_set() {
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
                    Err(error) => return outcome.fail(ReceiveError::Archive(error)),
                }
            }
        }
    }
}

/// There is not a single thread to receive what is read.
pub(super) fn no_thread(error: io::Error) -> FormatError {
    FormatError { offset: 0, entry: None, problem: Problem::Io(error) }
}
