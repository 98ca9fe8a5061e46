//! Content that one thread reads and another one uses.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{BlobContent, sealed};
use crate::digest::Digest;

/// How long a piece is, at most, in bytes.
pub const PIECE_LENGTH: usize = 128 * 1024;

/// How many pieces may be on their way at once, in all relays that share it, and the memory of those that were used.
#[derive(Debug, Clone)]
pub struct PieceBudget(Arc<SharedBudget>);

#[derive(Debug)]
struct SharedBudget {
    left: Mutex<Allowance>,
    freed: Condvar,
}

#[derive(Debug)]
struct Allowance {
    pieces: usize,
    /// The memory of pieces that were used, to be used again.
    spare: Vec<Vec<u8>>,
}

impl PieceBudget {
    /// Room for so many pieces of at most [`PIECE_LENGTH`] bytes.
    pub fn new(pieces: usize) -> Self {
        let left = Mutex::new(Allowance { pieces, spare: Vec::new() });
        Self(Arc::new(SharedBudget { left, freed: Condvar::new() }))
    }

    /// Waits until another piece may be on its way; returns memory for one.
    fn take(&self) -> Vec<u8> {
        let left = self.0.freed.wait_while(lock(&self.0.left), |left| left.pieces == 0);
        let mut left = left.unwrap_or_else(PoisonError::into_inner);
        left.pieces = left.pieces.saturating_sub(1);
        left.spare.pop().unwrap_or_default()
    }

    /// Lets so many more pieces be on their way, and keeps the memory of some.
    fn give_back(&self, pieces: usize, used: impl IntoIterator<Item = Vec<u8>>) {
        let mut left = lock(&self.0.left);
        left.pieces += pieces;
        left.spare.extend(used.into_iter().filter(|used| used.capacity() > 0));
        drop(left);
        self.0.freed.notify_all();
    }
}

/// A relay's two ends: what is sent into the one is read from the other.
pub fn relay(budget: &PieceBudget) -> (RelaySender, RelayReader) {
    let line = Arc::new(Relay { state: Mutex::default(), changed: Condvar::new(), budget: budget.clone() });
    (RelaySender(Arc::clone(&line)), RelayReader { line, current: io::Cursor::default() })
}

/// What is between the two ends.
#[derive(Debug)]
struct Relay {
    state: Mutex<RelayState>,
    changed: Condvar,
    budget: PieceBudget,
}

#[derive(Debug, Default)]
struct RelayState {
    pieces: VecDeque<Vec<u8>>,
    end: Option<RelayEnding>,
    is_unread: bool,
}

#[derive(Debug)]
enum RelayEnding {
    /// All of it was sent.
    Whole,
    /// The sender was dropped.
    Broken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The end of a relay that is written to. Dropped without [`RelaySender::end`], it makes the other end fail.
#[derive(Debug)]
pub struct RelaySender(Arc<Relay>);

impl RelaySender {
    /// Sends a piece, and leaves an empty one in its place; waits while too many are on their way. `false` when nobody reads any
    /// more.
    pub fn send(&self, piece: &mut Vec<u8>) -> bool {
        let spare = self.0.budget.take();
        let mut state = lock(&self.0.state);
        if state.is_unread {
            drop(state);
            self.0.budget.give_back(1, [spare]);
            return false;
        }
        state.pieces.push_back(std::mem::replace(piece, spare));
        self.0.changed.notify_one();
        true
    }

    /// Says that all of it was sent.
    pub fn end(&self) {
        self.finish(RelayEnding::Whole);
    }

    /// Sends all of a content, unless nobody reads any more.
    ///
    /// # Errors
    /// The content's own. The other end does not learn of it before this is dropped.
    pub fn send_all(&self, content: &mut dyn Read) -> io::Result<()> {
        let mut piece = vec![0; PIECE_LENGTH];
        loop {
            match content.read(&mut piece) {
                Ok(0) => break self.end(),
                Ok(read) => piece.truncate(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if !self.send(&mut piece) {
                break;
            }
            piece.resize(PIECE_LENGTH, 0);
        }
        Ok(())
    }

    fn finish(&self, ending: RelayEnding) {
        lock(&self.0.state).end.get_or_insert(ending);
        self.0.changed.notify_one();
    }
}

impl Drop for RelaySender {
    fn drop(&mut self) {
        self.finish(RelayEnding::Broken);
    }
}

/// The end of a relay that is read from.
#[derive(Debug)]
pub struct RelayReader {
    line: Arc<Relay>,
    current: io::Cursor<Vec<u8>>,
}

impl RelayReader {
    /// Waits for the next piece. `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        let waiting = |state: &mut RelayState| state.pieces.is_empty() && state.end.is_none();
        let state = self.line.changed.wait_while(lock(&self.line.state), waiting);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if let Some(piece) = state.pieces.pop_front() {
            drop(state);
            let used = std::mem::replace(&mut self.current, io::Cursor::new(piece)).into_inner();
            self.line.budget.give_back(1, [used]);
            return Ok(true);
        }
        match state.end {
            Some(RelayEnding::Broken) => Err(io::Error::other("the thread that reads this content has stopped")),
            Some(RelayEnding::Whole) | None => Ok(false),
        }
    }
}

impl Read for RelayReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(out)?;
            if read > 0 || out.is_empty() || !self.next()? {
                return Ok(read);
            }
        }
    }
}

impl Drop for RelayReader {
    fn drop(&mut self) {
        let mut state = lock(&self.line.state);
        state.is_unread = true;
        let pieces = std::mem::take(&mut state.pieces);
        drop(state);
        let current = std::mem::take(&mut self.current).into_inner();
        self.line.budget.give_back(pieces.len(), pieces.into_iter().chain([current]));
    }
}

/// Proven content on its way between threads.
#[derive(Debug)]
pub struct Relayed {
    reader: RelayReader,
    digest: Digest,
}

impl Relayed {
    /// The two ends of a relay for content with this digest.
    pub fn of(digest: Digest, budget: &PieceBudget) -> (ProvenSender, Self) {
        let (sender, reader) = relay(budget);
        (ProvenSender { sender, digest: digest.clone() }, Self { reader, digest })
    }
}

impl Read for Relayed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reader.read(out)
    }
}

impl sealed::Sealed for Relayed {}
impl BlobContent for Relayed {
    fn digest(&self) -> &Digest {
        &self.digest
    }
}

/// The end into which proven content is sent.
#[derive(Debug)]
pub struct ProvenSender {
    sender: RelaySender,
    digest: Digest,
}

impl ProvenSender {
    /// Sends all of a content, which must be proven to have the digest for which the relay was made.
    ///
    /// # Errors
    /// As [`RelaySender::send_all`], and when it is the content of another digest.
    pub fn send_all(&self, content: &mut dyn BlobContent) -> io::Result<()> {
        if *content.digest() == self.digest {
            return self.sender.send_all(content);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "this is the content of another digest"))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::content::Checked;
    use crate::inventory::EntryRecord;

    #[test]
    fn what_is_sent_is_read_and_no_more_than_the_budget_is_on_its_way() {
        let content: Vec<u8> = (0..=255).cycle().take(1_000_003).collect();
        let budget = PieceBudget::new(2);
        let (sender, mut reader) = relay(&budget);
        thread::scope(|scope| {
            scope.spawn(|| sender.send_all(&mut content.as_slice()).unwrap());
            let mut read = Vec::new();
            reader.read_to_end(&mut read).unwrap();
            assert!(read == content);
        });
        let left = lock(&budget.0.left);
        assert!(left.pieces == 2 && left.spare.len() <= 4, "memory is used again: {}", left.spare.len());
    }

    #[test]
    fn a_sender_that_stops_makes_the_reader_fail() {
        let budget = PieceBudget::new(2);
        let (sender, mut reader) = relay(&budget);
        assert!(sender.send(&mut vec![1, 2, 3]));
        drop(sender);
        let mut read = Vec::new();
        assert!(reader.read_to_end(&mut read).is_err());
        assert_eq!(read, [1, 2, 3]);
    }

    #[test]
    fn a_reader_that_stops_frees_the_sender() {
        let budget = PieceBudget::new(1);
        let (sender, reader) = relay(&budget);
        assert!(sender.send(&mut vec![1]));
        drop(reader);
        assert!(!sender.send(&mut vec![2]), "nobody reads it");
        assert_eq!(lock(&budget.0.left).pieces, 1);
    }

    #[test]
    fn only_what_is_proven_is_relayed_as_proven() {
        let budget = PieceBudget::new(4);
        let record = |content: &[u8]| EntryRecord::blob(&Digest::sha256(content), content.len() as u64);
        for (content, passes) in [(b"right", true), (b"wrong", false)] {
            let (sender, mut relayed) = Relayed::of(Digest::sha256(b"right"), &budget);
            assert_eq!(sender.send_all(&mut Checked::new(content.as_slice(), &record(content))).is_ok(), passes);
            drop(sender);
            assert_eq!(relayed.read_to_end(&mut Vec::new()).is_ok(), passes);
        }
    }
}
