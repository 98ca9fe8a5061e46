//! What is read of an archive's content before it is due.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use sealift_archive_format::inventory::{EntryRecord, Inventory};
use sealift_archive_format::reader::Reader;
use sealift_archive_format::{Digest, FormatError};

use super::super::SelectionError;

/// The most bytes that are read before they are due.
pub(crate) const MAXIMUM_AHEAD: u64 = 32 << 20;

/// How many things of these lengths in bytes, one after the other, may be read ahead where `read` bytes were.
pub(crate) fn count_in_room(read: u64, lengths: impl Iterator<Item = u64>) -> usize {
    let mut total = read;
    lengths
        .take_while(|length| {
            total = total.saturating_add(*length);
            total <= MAXIMUM_AHEAD
        })
        .count()
}

/// The entries from this one on that are in the archive.
fn carried(inventory: &Inventory, begun: usize) -> Vec<&EntryRecord> {
    inventory.entries.iter().skip(begun).filter(|entry| !entry.absent).collect()
}

/// Entries that were read, with their digests checked, and have not been received.
#[derive(Default)]
pub(crate) struct ReadAhead {
    entries: Vec<(EntryRecord, Arc<[u8]>)>,
    by_digest: HashMap<Digest, usize>,
    length: u64,
}

impl ReadAhead {
    /// Reads up to the last of these blobs that has not been read. Each comes with the name of what it belongs to.
    ///
    /// # Errors
    /// [`SelectionError::TooLate`] when one is not among the first [`MAXIMUM_AHEAD`] bytes;
    /// [`SelectionError::Archive`].
    pub(crate) fn read<R: Read>(
        &mut self,
        reader: &mut Reader<R>,
        inventory: &Inventory,
        wanted: &HashMap<&Digest, &str>,
    ) -> Result<(), SelectionError> {
        let rest = carried(inventory, reader.entries_begun());
        let last = rest.iter().rposition(|entry| wanted.contains_key(&entry.digest));
        let due = rest.iter().take(last.map_or(0, |last| last + 1));
        for record in rest.iter().take(self.count_in_room(due.copied())) {
            self.keep(reader, record).map_err(SelectionError::Archive)?;
        }
        let missing = wanted.iter().filter(|(digest, _)| !self.by_digest.contains_key(digest));
        match missing.map(|(_, name)| *name).min() {
            None => Ok(()),
            Some(name) => Err(SelectionError::TooLate { name: name.to_owned() }),
        }
    }

    /// Reads up to the last of these blobs that is among the first [`MAXIMUM_AHEAD`] bytes. Those that are not stay unread.
    ///
    /// # Errors
    /// [`FormatError`] when the archive is not what its seal says.
    pub(crate) fn read_if_room<R: Read>(
        &mut self,
        reader: &mut Reader<R>,
        inventory: &Inventory,
        wanted: &HashSet<&Digest>,
    ) -> Result<(), FormatError> {
        let rest = carried(inventory, reader.entries_begun());
        let in_room = rest.get(..self.count_in_room(rest.iter().copied())).unwrap_or_default();
        let last = in_room.iter().rposition(|entry| wanted.contains(&entry.digest));
        for record in in_room.iter().take(last.map_or(0, |last| last + 1)) {
            self.keep(reader, record)?;
        }
        Ok(())
    }

    fn count_in_room<'a>(&self, entries: impl Iterator<Item = &'a EntryRecord>) -> usize {
        count_in_room(self.length, entries.map(|entry| entry.size))
    }

    fn keep<R: Read>(&mut self, reader: &mut Reader<R>, record: &EntryRecord) -> Result<(), FormatError> {
        let Some(mut entry) = reader.next_entry()? else { return Ok(()) };
        let bytes = entry.read_all()?;
        self.length = self.length.saturating_add(record.size);
        self.by_digest.insert(record.digest.clone(), self.entries.len());
        self.entries.push((record.clone(), bytes.into()));
        Ok(())
    }

    /// A blob that was read.
    pub(crate) fn content(&self, digest: &Digest) -> Option<&Arc<[u8]>> {
        self.by_digest.get(digest).and_then(|at| self.entries.get(*at)).map(|(_, bytes)| bytes)
    }

    /// Everything that was read, in its order.
    pub(super) fn take(&mut self) -> Vec<(EntryRecord, Arc<[u8]>)> {
        std::mem::take(self).entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_may_be_read_ahead_is_read_and_no_byte_more() {
        assert_eq!(count_in_room(0, [MAXIMUM_AHEAD - 1, 1, 0, 1, 0].into_iter()), 3);
        assert_eq!(count_in_room(1, [MAXIMUM_AHEAD, 0].into_iter()), 0);
        assert_eq!(count_in_room(1, [u64::MAX, 0].into_iter()), 0);
        assert_eq!(count_in_room(0, std::iter::empty()), 0);
    }
}
