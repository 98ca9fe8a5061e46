//! Blobs that are read from a file, each by its position, on several threads.

use std::io;

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
        let left: Vec<(usize, &EntryRecord)> = entries.iter().enumerate().skip(begin).collect();
        workers.for_each(
            &left,
            |(_, record)| record.size,
            |(index, record), stop| {
                let Some(entry) = random.entry(*index).map_err(ReceiveError::Archive)? else { return Ok(()) };
                self.pass(*index, record, entry, |read| {
                    self.progress.advance(read as u64);
                    if stop.is_set() { Err(io::Error::other("other work has failed")) } else { Ok(()) }
                })
            },
        )
    }
}
