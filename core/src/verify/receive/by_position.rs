//! Blobs that are read from a file, each by its position, on several threads.

use std::io;

use sealift_archive_format::FormatError;
use sealift_archive_format::content::{Checked, Repeatable};
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::reader::RandomReader;

use super::{Passage, ReceiveError, Receiver};
use crate::transfer::Workers;

impl<S: Receiver> Passage<'_, S> {
    /// Passes the entries from the one with index `begin` on.
    pub(super) fn by_position(
        &self,
        random: &RandomReader<'_>,
        entries: &[EntryRecord],
        begin: usize,
        workers: &Workers,
    ) -> Result<(), ReceiveError<S::Error>> {
        let left: Vec<(usize, &EntryRecord)> =
            entries.iter().enumerate().skip(begin).filter(|(_, record)| !record.absent).collect();
        workers.for_each(
            &left,
            |(_, record)| record.size,
            |(index, record), stop| {
                let open = || Ok::<_, FormatError>(Checked::new(random.entry(*index)?, *record));
                let first = open().map_err(ReceiveError::Archive)?;
                let content = Repeatable::new(first, || Ok(open()?));
                self.pass(*index, record, content, |read| {
                    self.progress.advance(read);
                    if stop.is_set() { Err(io::Error::other("other work has failed")) } else { Ok(()) }
                })
            },
        )
    }
}
