//! Blobs that come through a pipe: one thread reads, several check and receive behind it.

use std::io::Read;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver as Waiting, SyncSender, sync_channel};
use std::thread;

use sealift_archive_format::content::{Checked, PieceBudget, RelayReader, relay};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::reader::Reader;

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
        if let Ok(mut first) = self.first.lock() {
            first.get_or_insert(error);
        }
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
        let waiting = Mutex::new(waiting);
        thread::scope(|scope| {
            for _ in 0..workers.count().min(MAXIMUM_AT_ONCE) {
                scope.spawn(|| self.receive_jobs(&waiting, &outcome));
            }
            self.read_all(reader, jobs, &outcome);
        });
        outcome.first.into_inner().ok().flatten().map_or(Ok(()), Err)
    }

    fn receive_jobs(&self, waiting: &Mutex<Waiting<ReceiveJob>>, outcome: &ReceiveOutcome<S::Error>) {
        loop {
            let job = waiting.lock().ok().and_then(|waiting| waiting.recv().ok());
            let Some((index, record, content)) = job else { return };
            if let Err(error) = self.pass(index, &record, Checked::new(content, &record), |_| Ok(())) {
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
            loop {
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
