//! How much memory uploads hold together, so that it stays flat however many there are.
//!
//! Nobody waits for memory: an upload that is given less sends smaller pieces. Waiting could have no end where the content of
//! one upload comes behind that of another in the same stream.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::Mutex;

use crate::transfer::lock;

/// How many bytes all uploads hold, beside the least that each may.
const TOTAL: usize = 16 * 1024 * 1024;
/// What an upload may hold in any case, in bytes.
const LEAST: usize = 256 * 1024;

/// How much memory is taken at once, in bytes. What was used is kept, and used again: whoever gives large pieces back to an allocator has
/// them kept once for each thread.
const CHUNK: usize = 64 * 1024;

/// The memory of all uploads.
#[derive(Debug)]
pub(super) struct UploadMemory {
    free: Mutex<usize>,
    spare: Mutex<Vec<Box<[u8]>>>,
}

/// The memory of one upload. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share<'m> {
    memory: &'m UploadMemory,
    taken: usize,
}

impl Default for UploadMemory {
    fn default() -> Self {
        Self { free: Mutex::new(TOTAL), spare: Mutex::default() }
    }
}

impl UploadMemory {
    /// The memory of another upload: none yet.
    pub(super) fn share(&self) -> Share<'_> {
        Share { memory: self, taken: 0 }
    }

    fn chunk(&self) -> Box<[u8]> {
        lock(&self.spare).pop().unwrap_or_else(|| vec![0; CHUNK].into_boxed_slice())
    }
}

/// Bytes of a blob one after the other, of which the first can be dropped. Positions are in the blob.
#[derive(Debug)]
pub(super) struct HeldBytes<'m> {
    memory: &'m UploadMemory,
    /// All of one length.
    chunks: VecDeque<Box<[u8]>>,
    /// How many bytes of the first chunk were dropped.
    dropped: usize,
    length: usize,
    from: u64,
}

impl<'m> HeldBytes<'m> {
    /// Nothing yet.
    pub(super) fn in_memory(memory: &'m UploadMemory) -> Self {
        Self { memory, chunks: VecDeque::new(), dropped: 0, length: 0, from: 0 }
    }

    /// How many bytes are held.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Where the bytes begin.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// Where they end.
    pub(super) fn end(&self) -> u64 {
        self.from.saturating_add(self.length as u64)
    }

    /// The bytes from a position on, as far as they lie together; nothing where nothing is held.
    pub(super) fn at(&self, position: u64) -> &[u8] {
        let within = position.checked_sub(self.from).and_then(|within| usize::try_from(within).ok());
        let Some(within) = within.filter(|within| *within < self.length) else { return &[] };
        let begin = self.dropped + within;
        let chunk = self.chunks.get(begin / CHUNK).map(|chunk| &**chunk).unwrap_or_default();
        let end = CHUNK.min(begin % CHUNK + self.length - within);
        chunk.get(begin % CHUNK..end).unwrap_or_default()
    }

    /// Reads once from `reader`, at most so many bytes, which are held behind the others.
    pub(super) fn read_from(&mut self, reader: &mut dyn Read, most: usize) -> io::Result<usize> {
        let end = self.dropped + self.length;
        if end / CHUNK == self.chunks.len() {
            self.chunks.push_back(self.memory.chunk());
        }
        let room = self.chunks.get_mut(end / CHUNK).and_then(|chunk| chunk.get_mut(end % CHUNK..)).unwrap_or_default();
        let most = most.min(room.len());
        let read = reader.read(room.get_mut(..most).unwrap_or_default())?;
        self.length += read;
        Ok(read)
    }

    /// Drops bytes from the beginning.
    pub(super) fn drop_first(&mut self, count: usize) {
        let count = count.min(self.length);
        self.length -= count;
        self.dropped += count;
        self.from = self.from.saturating_add(count as u64);
        while self.dropped >= CHUNK {
            lock(&self.memory.spare).extend(self.chunks.pop_front());
            self.dropped -= CHUNK;
        }
    }

    /// Drops everything, and goes on at a position.
    pub(super) fn begin_at(&mut self, position: u64) {
        self.drop_first(self.length);
        self.from = position;
    }
}

impl Drop for HeldBytes<'_> {
    fn drop(&mut self) {
        lock(&self.memory.spare).extend(self.chunks.drain(..));
    }
}

impl Share<'_> {
    /// Takes up to `wanted` bytes in all, and returns how many bytes may be held now.
    pub(super) fn grow(&mut self, wanted: usize) -> usize {
        let mut free = lock(&self.memory.free);
        let more = wanted.saturating_sub(self.taken).min(*free);
        *free = free.saturating_sub(more);
        self.taken = self.taken.saturating_add(more);
        self.taken.max(LEAST).min(wanted)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut free = lock(&self.memory.free);
        *free = free.saturating_add(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_together_and_nobody_waits() {
        let memory = UploadMemory::default();
        let mut shares: Vec<Share<'_>> = (0..40).map(|_| memory.share()).collect();
        let held: Vec<usize> = shares.iter_mut().map(|share| share.grow(4 << 20)).collect();
        assert_eq!(held.iter().sum::<usize>(), TOTAL + 36 * LEAST);
        assert_eq!(held.first(), Some(&(4 << 20)));
        shares.truncate(1);
        assert_eq!(memory.share().grow(4 << 20), 4 << 20, "what was given back is there again");
        shares.clear();
        assert_eq!(*lock(&memory.free), TOTAL);
    }

    #[test]
    fn a_share_grows_and_never_holds_more_than_wanted() {
        let memory = UploadMemory::default();
        let mut share = memory.share();
        assert_eq!([10, 1 << 20, TOTAL * 2].map(|wanted| share.grow(wanted)), [10, 1 << 20, TOTAL]);
        assert_eq!(memory.share().grow(10), 10);
    }
}
