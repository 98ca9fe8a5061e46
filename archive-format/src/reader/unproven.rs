//! Entries whose digests somebody else computes.

use std::io::Read;
use std::sync::Arc;

use super::{CHUNK_LENGTH, Reader};
use crate::format_error::FormatError;
use crate::inventory::{EntryRecord, Inventory};

/// An entry that comes with the size that the inventory lists, but whose digest nobody has computed.
pub struct UnprovenEntry<'a, R: Read> {
    reader: &'a mut Reader<R>,
    inventory: Arc<Inventory>,
}

impl<'a, R: Read> UnprovenEntry<'a, R> {
    pub(super) fn new(reader: &'a mut Reader<R>, inventory: Arc<Inventory>) -> Self {
        Self { reader, inventory }
    }

    /// Its place among the entries of the inventory.
    pub fn index(&self) -> usize {
        self.reader.current.as_ref().map_or(0, |current| current.index)
    }

    /// What the inventory lists.
    pub fn record(&self) -> &EntryRecord {
        #[expect(clippy::indexing_slicing, reason = "an entry is made only for an index of the inventory")]
        &self.inventory.entries[self.index()]
    }

    /// Puts the next piece of the content, of 128 KiB at most, in the place of what `piece` holds. `false` after the last
    /// piece, when the padding after the content has been checked too.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<bool, FormatError> {
        if !self.reader.fill()? {
            piece.clear();
            return Ok(false);
        }
        let ready = self.reader.current.as_mut().map(|current| std::mem::take(&mut current.ready)).unwrap_or_default();
        // The two change places, so nothing is copied.
        std::mem::swap(piece, &mut self.reader.buffer);
        self.reader.buffer.resize(CHUNK_LENGTH, 0);
        piece.truncate(ready.end);
        Ok(true)
    }
}
