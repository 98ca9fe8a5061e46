//! An archive into a file: several blobs at once, each at its place.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sealift_archive_format::{InPlaceWriter, WriteError};

use super::unfinished::Unfinished;
use super::{EntryContents, ExportError, observed};
use crate::export::Prepared;
use crate::progress::Progress;
use crate::transfer::{Stop, Workers};

/// How long the disk is left alone between two flushes.
const BETWEEN_FLUSHES: Duration = Duration::from_millis(200);

/// How much of an archive an earlier attempt has left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenUp {
    /// How many entries are whole.
    pub entries: usize,
    /// How many bytes of content they have.
    pub bytes: u64,
}

impl Prepared {
    /// Which entries an earlier attempt has left whole in this file: they are read and checked, on every core.
    fn take_up(&self, writer: &InPlaceWriter<'_>, progress: &dyn Progress) -> TakenUp {
        progress.begin("checking what is there", Some(self.content_bytes()));
        let entries: Vec<_> = self.seal.inventory().entries.iter().enumerate().collect();
        let (count, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
        let Ok(()) = Workers::cores().for_each(
            &entries,
            |(_, record)| record.size,
            |(index, record), _| {
                // What cannot be read is not whole, and is written anew.
                let is_whole = writer.take_up(*index).unwrap_or(false);
                if is_whole {
                    count.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(record.size, Ordering::Relaxed);
                    progress.advance(record.size);
                }
                Ok::<_, Infallible>(())
            },
        );
        TakenUp { entries: count.into_inner(), bytes: bytes.into_inner() }
    }

    /// Writes the archive into a file, several blobs at once, and gives the file its name. What an earlier attempt left in the file
    /// is used again, once its digest was found right. The bytes are the same for any number of workers.
    ///
    /// # Errors
    /// [`ExportError`]; the unfinished file then keeps what is whole.
    pub fn write_file(
        &self,
        unfinished: Unfinished,
        workers: &Workers,
        progress: &dyn Progress,
    ) -> Result<TakenUp, ExportError> {
        let contents = EntryContents::of(self);
        let was_begun = unfinished.is_taken_up();
        let writer = InPlaceWriter::new(unfinished.file(), &self.seal)?;
        let taken_up = match was_begun {
            true => self.take_up(&writer, progress),
            false => TakenUp::default(),
        };
        progress.begin("exporting", Some(self.content_bytes().saturating_sub(taken_up.bytes)));
        let entries: Vec<_> = self.seal.inventory().entries.iter().enumerate().collect();
        let missing: Vec<_> = entries.into_iter().filter(|(index, _)| !writer.is_written(*index)).collect();
        let fetched = flushed_meanwhile(unfinished.file(), |disk_failed| {
            workers.for_each_until(
                disk_failed,
                &missing,
                |(_, record)| record.size,
                |(index, record), stop| {
                    progress.item(contents.name(record));
                    if let Some(earlier) = unfinished.earlier(record) {
                        let mut content = observed(Box::new(earlier), progress, stop);
                        match writer.write(*index, &mut content) {
                            // What cannot be read there comes from the source.
                            Err(WriteError::Content { .. }) => {}
                            outcome => return Ok(outcome?),
                        }
                    }
                    let mut content = observed(contents.open(record)?, progress, stop);
                    Ok::<_, ExportError>(writer.write(*index, &mut content)?)
                },
            )
        });
        fetched.map_err(|source| unfinished.access(source))??;
        writer.finish()?;
        unfinished.finish()?;
        Ok(taken_up)
    }
}

/// Does some work, and meanwhile has the disk write what the work writes to this file: otherwise all of that would be left for its
/// end. The work is stopped when the disk has failed.
fn flushed_meanwhile<T>(file: &File, work: impl FnOnce(&Stop) -> T) -> io::Result<T> {
    /// Ends the flushing, also when the work panics.
    struct Done<'a>(&'a Stop);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.set();
        }
    }
    let (is_done, has_failed) = (Stop::default(), Stop::default());
    let flush = || {
        while !is_done.is_set() {
            file.sync_data().inspect_err(|_| has_failed.set())?;
            thread::park_timeout(BETWEEN_FLUSHES);
        }
        Ok(())
    };
    thread::scope(|scope| {
        // Without such a thread, everything is written at the end.
        let flushing = thread::Builder::new().spawn_scoped(scope, flush).ok();
        let done = Done(&is_done);
        let outcome = work(&has_failed);
        drop(done);
        if let Some(flushing) = flushing {
            flushing.thread().unpark();
            // An error of the disk is told only once.
            flushing.join().unwrap_or_else(|_| Err(io::Error::other("the thread that flushes the file panicked")))?;
        }
        Ok(outcome)
    })
}
