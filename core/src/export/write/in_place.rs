//! An archive into a file: several blobs at once, each at its place.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use sealift_archive_format::content::ContentError;
use sealift_archive_format::{InPlaceWriter, WriteError};

use super::unfinished::Unfinished;
use super::{EntryContents, ExportError, UnfinishedError, observed};
use crate::export::Prepared;
use crate::progress::Progress;
use crate::transfer::Workers;

/// How long the disk is left alone between two flushes.
const BETWEEN_FLUSHES: Duration = Duration::from_millis(50);

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
    fn take_up(
        &self,
        writer: &InPlaceWriter<'_>,
        unfinished: &Unfinished,
        progress: &dyn Progress,
    ) -> Result<TakenUp, ExportError> {
        progress.begin("checking what is there", Some(self.content_bytes()));
        let entries: Vec<_> = self.seal.inventory().entries.iter().enumerate().collect();
        let (count, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
        Workers::cores().for_each(
            &entries,
            |(_, record)| record.size,
            |(index, record), _| {
                let is_whole = writer.take_up(*index).map_err(|source| unfinished.access(source))?;
                if is_whole {
                    count.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(record.size, Ordering::Relaxed);
                    progress.advance(record.size);
                }
                Ok::<_, UnfinishedError>(())
            },
        )?;
        Ok(TakenUp { entries: count.into_inner(), bytes: bytes.into_inner() })
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
            true => self.take_up(&writer, &unfinished, progress)?,
            false => TakenUp::default(),
        };
        progress.begin("exporting", Some(self.content_bytes().saturating_sub(taken_up.bytes)));
        let entries: Vec<_> = self.seal.inventory().entries.iter().enumerate().collect();
        let missing: Vec<_> = entries.into_iter().filter(|(index, _)| !writer.is_written(*index)).collect();
        let fetched = flushed_meanwhile(unfinished.file(), || {
            workers.for_each(
                &missing,
                |(_, record)| record.size,
                |(index, record), stop| {
                    progress.item(contents.name(record));
                    if let Some(earlier) = unfinished.earlier(record) {
                        let mut content = observed(Box::new(earlier), progress, stop);
                        match writer.write(*index, &mut content) {
                            Err(error) if is_other_content(&error) => {}
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

/// Does some work, and meanwhile has the disk write what the work writes to this file: otherwise all of that would be left for its end.
fn flushed_meanwhile<T>(file: &File, work: impl FnOnce() -> T) -> io::Result<T> {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let flushing = scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                file.sync_data()?;
                thread::park_timeout(BETWEEN_FLUSHES);
            }
            Ok(())
        });
        let outcome = work();
        is_done.store(true, Ordering::Relaxed);
        flushing.thread().unpark();
        // An error of the disk is told only once.
        flushing.join().unwrap_or_else(|_| Err(io::Error::other("the thread that flushes the file panicked")))?;
        Ok(outcome)
    })
}

/// Whether what was read is not what it should be, where reading it worked.
fn is_other_content(error: &WriteError) -> bool {
    let is_about_content = |source: &io::Error| ContentError::inside(source).is_some();
    matches!(error, WriteError::Content { source, .. } if is_about_content(source))
}
