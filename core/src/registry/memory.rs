//! How much memory uploads hold together, so that it stays flat however many there are.
//!
//! Nobody waits for memory: an upload that is given less sends smaller pieces. Waiting could have no end where the content of
//! one upload comes behind that of another in the same stream.

use std::sync::Mutex;

use super::lock;

/// How many bytes all uploads hold, beside the least that each may.
const TOTAL: usize = 16 * 1024 * 1024;
/// What an upload may hold in any case, in bytes.
const LEAST: usize = 256 * 1024;

/// The memory of all uploads.
#[derive(Debug)]
pub(super) struct UploadMemory {
    free: Mutex<usize>,
}

/// The memory of one upload. It is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share<'m> {
    memory: &'m UploadMemory,
    taken: usize,
}

impl Default for UploadMemory {
    fn default() -> Self {
        Self { free: Mutex::new(TOTAL) }
    }
}

impl UploadMemory {
    /// The memory of another upload: none yet.
    pub(super) fn share(&self) -> Share<'_> {
        Share { memory: self, taken: 0 }
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
