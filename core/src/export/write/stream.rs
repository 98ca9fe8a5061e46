//! An archive into a pipe: in order, with what comes next fetched ahead.

use std::io::Write;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use sealift_archive_format::Writer;
use sealift_archive_format::content::{PieceBudget, ProvenSender, Relayed};
use sealift_archive_format::inventory::EntryRecord;

use super::{EntryContents, ExportError, observed};
use crate::export::Prepared;
use crate::progress::Progress;
use crate::transfer::{Stop, Workers};

/// How many blobs are fetched at once, at most: each has its own memory.
const MAXIMUM_AHEAD: usize = 16;
/// How many pieces of each are held in memory, at most.
const PIECES_AHEAD: usize = 4;

/// A blob that is wanted next, and where its content goes.
type FetchJob<'p> = (&'p EntryRecord, ProvenSender);

impl Prepared {
    /// Writes the archive in one pass, fetching each blob once. Several are fetched at once, ahead of what is written, each with some
    /// pieces of memory of its own.
    ///
    /// # Errors
    /// [`ExportError`]; what was written up to then is not an archive.
    pub fn write<W: Write>(&self, output: W, workers: &Workers, progress: &dyn Progress) -> Result<W, ExportError> {
        let mut writer = Writer::new(output, &self.seal)?;
        let (contents, stop) = (EntryContents::of(self), Stop::default());
        let failure = Mutex::new(None);
        let ahead = workers.count().min(MAXIMUM_AHEAD);
        let (jobs, waiting) = sync_channel::<FetchJob<'_>>(0);
        // Shared by the threads alone: if all of them have ended, nobody waits for them.
        let waiting = Arc::new(Mutex::new(waiting));
        thread::scope(|scope| {
            let (order, relays) = sync_channel::<(&EntryRecord, Relayed)>(ahead);
            let entries = &self.seal.inventory().entries;
            let (contents, stop, failure) = (&contents, &stop, &failure);
            for _ in 0..ahead {
                let waiting = Arc::clone(&waiting);
                let work = move || fetch(&waiting, contents, progress, stop, failure);
                // Where the system refuses further threads, those that there are do everything.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            drop(waiting);
            // Jobs begin in the order in which they are written, so the one that the writer waits for has always begun.
            scope.spawn(move || {
                for record in entries.iter().filter(|record| contents.held(record).is_none()) {
                    let (sender, relayed) = Relayed::of(record.digest.clone(), &PieceBudget::new(PIECES_AHEAD));
                    if order.send((record, relayed)).is_err() || jobs.send((record, sender)).is_err() {
                        return;
                    }
                }
            });
            let written = append_all(&mut writer, entries, contents, &relays, progress);
            stop.set();
            drop(relays);
            written
        })
        .map_err(|error| failure.into_inner().ok().flatten().unwrap_or(error))?;
        Ok(writer.finish()?)
    }
}

/// Fetches one blob after the other.
fn fetch(
    waiting: &Mutex<Receiver<FetchJob<'_>>>,
    contents: &EntryContents<'_>,
    progress: &dyn Progress,
    stop: &Stop,
    failure: &Mutex<Option<ExportError>>,
) {
    loop {
        let job = waiting.lock().ok().and_then(|waiting| waiting.recv().ok());
        let Some((record, sender)) = job else { return };
        match contents.open(record) {
            Ok(content) => sender.send_all(&mut observed(content, progress, stop)),
            Err(error) => {
                if let Ok(mut failure) = failure.lock() {
                    failure.get_or_insert(error);
                }
            }
        }
    }
}

fn append_all<W: Write>(
    writer: &mut Writer<W>,
    entries: &[EntryRecord],
    contents: &EntryContents<'_>,
    relays: &Receiver<(&EntryRecord, Relayed)>,
    progress: &dyn Progress,
) -> Result<(), ExportError> {
    for record in entries {
        progress.item(contents.name(record));
        if contents.held(record).is_some() {
            writer.append_proven(&record.name, &mut contents.open(record)?)?;
            progress.advance(record.size);
            continue;
        }
        match relays.recv() {
            Ok((_, mut relayed)) => writer.append_proven(&record.name, &mut relayed)?,
            Err(_) => return Err(ExportError::Unplanned { entry: record.name.clone() }),
        }
    }
    Ok(())
}
