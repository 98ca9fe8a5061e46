//! An archive into a pipe: in order, with what comes next fetched ahead.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use sealift_archive_format::content::{PieceBudget, ProvenSender, Relayed};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::{WriteError, Writer};

use super::{EntryContents, ExportError, observed};
use crate::export::Prepared;
use crate::progress::Progress;
use crate::transfer::{Failures, Jobs, Workers};

/// How many blobs are fetched at once, at most: each has its own memory.
const MAXIMUM_AHEAD: NonZeroUsize = NonZeroUsize::new(16).unwrap();
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
        let (contents, failures) = (EntryContents::of(self), Failures::default());
        let workers = workers.at_most(MAXIMUM_AHEAD);
        let fetch = |(record, sender): FetchJob<'_>| {
            let fetched = contents.open(record).and_then(|content| {
                let sent = sender.send_all(&mut observed(content, progress, failures.stop()));
                sent.map_err(|source| content_error(record, source))
            });
            // Told before the other end learns that something failed.
            if let Err(error) = fetched {
                failures.fail(error);
            }
        };
        let served = workers.serve(failures.stop(), fetch, |jobs| {
            let written = self.append_all(&mut writer, &contents, jobs, workers.count(), progress);
            if let Err(error) = written {
                failures.fail(error);
            }
        });
        served.map_err(WriteError::Output)?;
        failures.into_outcome()?;
        Ok(writer.finish()?)
    }

    /// Writes one entry after the other, with up to `ahead` blobs on their way.
    fn append_all<'p, W: Write>(
        &'p self,
        writer: &mut Writer<W>,
        contents: &EntryContents<'p>,
        jobs: &Jobs<FetchJob<'p>>,
        ahead: usize,
        progress: &dyn Progress,
    ) -> Result<(), ExportError> {
        let inventory = self.seal.inventory();
        let mut unfetched = inventory.carried().filter(|record| contents.held(record).is_none());
        let mut on_the_way = VecDeque::new();
        for record in inventory.carried() {
            for next in unfetched.by_ref().take(ahead.saturating_sub(on_the_way.len())) {
                let (sender, relayed) = Relayed::of(next.digest.clone(), &PieceBudget::new(PIECES_AHEAD));
                on_the_way.push_back(relayed);
                // Without a thread that takes it, it fails when it is read.
                jobs.hand_over((next, sender));
            }
            progress.item(contents.name(record));
            if contents.held(record).is_some() {
                writer.append_proven(&record.name, &mut contents.open(record)?)?;
                progress.advance(record.size);
            } else if let Some(mut relayed) = on_the_way.pop_front() {
                writer.append_proven(&record.name, &mut relayed)?;
            }
        }
        Ok(())
    }
}

fn content_error(record: &EntryRecord, source: io::Error) -> ExportError {
    WriteError::Content { entry: record.name.clone(), source }.into()
}
