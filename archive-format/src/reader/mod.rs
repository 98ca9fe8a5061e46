//! Reads an archive from its first byte to its last: no seeking, bounded memory, nothing outside the profile.
//!
//! Two states. A [`SealedReader`] has read the seal and no more, as bytes: they are for `sealift-core` to verify, which
//! then reads the inventory from them. With an inventory it becomes a [`Reader`] of the entries.
//!
//! Promise: what [`Reader`] hands out comes in the order of the inventory, each entry with the size it lists; the last
//! piece of an entry is handed out only after the digest of the whole entry has matched; and `None` comes after the
//! last entry only if the archive ended there, whole. Whether to believe the inventory is up to the caller who supplies
//! it.
//!
//! Digests are what reading costs. A caller who computes them on other threads takes [`UnprovenEntry`]s from the stream, or, where
//! the archive is a file, reads entries by their position ([`RandomReader`]).

mod header;
mod random;
mod unproven;

use std::io::{self, Read};
use std::sync::Arc;

pub use random::{PlacedEntry, RandomReader};
pub use unproven::UnprovenEntry;

use crate::compression::{Compression, Decompressed, Parts};
use crate::content::{BlobContent, sealed};
use crate::digest::{Digest, Hasher};
use crate::entry_name::EntryName;
use crate::format_error::{FormatError, Problem};
use crate::growing::grow;
use crate::inventory::{EntryRecord, Inventory};
use crate::layout::EntryOffsets;
use crate::seal::{self, UnverifiedSeal};
use crate::tar_profile::{self, BLOCK_LENGTH};

/// How much of an entry is handed out at once, at most, in bytes.
pub(crate) const CHUNK_LENGTH: usize = 128 * 1024;

/// A reader that has read the seal of an archive, and nothing after it.
pub struct SealedReader<R: Read> {
    input: Decompressed<R>,
    seal: UnverifiedSeal,
}

/// A sequential reader of the entries after the seal.
pub struct Reader<R: Read> {
    input: Decompressed<R>,
    offset: u64,
    seal_length: u64,
    inventory: Arc<Inventory>,
    next: usize,
    current: Option<Current>,
    buffer: Vec<u8>,
    state: ReaderState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    Reading,
    Ended,
    Refused,
}

/// The entry that is being read.
struct Current {
    index: usize,
    remaining: u64,
    /// `None` where the caller computes the digest.
    hasher: Option<Hasher>,
    /// The part of the buffer that has been read but not yet handed out.
    ready: std::ops::Range<usize>,
    verified: bool,
}

impl<R: Read> SealedReader<R> {
    /// A reader of an archive that is not compressed, and whose seal has been read already.
    pub(crate) fn after_seal(input: R, seal: UnverifiedSeal) -> Self {
        Self { input: Decompressed::plain(input), seal }
    }

    /// The seal. Verify it before believing anything that it says.
    pub fn seal(&self) -> &UnverifiedSeal {
        &self.seal
    }

    /// How the archive is compressed.
    pub fn compression(&self) -> Compression {
        self.input.compression()
    }

    /// Continues with the inventory that was read from the verified seal.
    pub fn with_inventory(self, inventory: Arc<Inventory>) -> Reader<R> {
        let seal_length = self.seal.length();
        Reader {
            input: self.input,
            offset: BLOCK_LENGTH as u64 + seal_length,
            seal_length,
            inventory,
            next: 0,
            current: None,
            buffer: vec![0; CHUNK_LENGTH],
            state: ReaderState::Reading,
        }
    }

    /// Continues with what the seal says, which nobody has verified: for looking at an archive, not for trusting it.
    /// Memory is bounded, see [`Inventory::parse_unverified`].
    ///
    /// # Errors
    /// [`FormatError`] when the statement is not an inventory.
    pub fn read_inventory(self) -> Result<Reader<R>, FormatError> {
        let inventory = Inventory::parse_unverified(self.seal.statement());
        let inventory = inventory.map_err(|error| in_seal(BLOCK_LENGTH as u64, Problem::Seal(error.into())))?;
        Ok(self.with_inventory(Arc::new(inventory)))
    }
}

/// A refusal of the seal.
fn in_seal(offset: u64, problem: Problem) -> FormatError {
    FormatError { offset, entry: Some(EntryName::seal()), problem }
}

impl<R: Read> Reader<R> {
    /// Opens an archive, plain or compressed, and reads its seal.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn open(input: R) -> Result<SealedReader<R>, FormatError> {
        Self::open_with_limit(input, seal::MAXIMUM_LENGTH)
    }

    /// Opens an archive whose seal has at most `limit` bytes, plain or compressed, and reads the seal.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn open_with_limit(input: R, limit: u64) -> Result<SealedReader<R>, FormatError> {
        let mut input = Decompressed::open(input, Parts::One).map_err(|error| in_seal(0, error.into()))?;
        let mut block = [0; BLOCK_LENGTH];
        input.read_exact(&mut block).map_err(|error| in_seal(0, not_an_archive(error)))?;
        let length = seal::header_length(&block).ok_or_else(|| in_seal(0, Problem::NotAnArchive))?;
        seal::check_length(length, limit).map_err(|error| in_seal(0, Problem::Seal(error)))?;
        let mut offset = BLOCK_LENGTH as u64;
        let read = UnverifiedSeal::read(&mut SealInput { input: &mut input, offset: &mut offset }, length);
        let seal = read.map_err(|error| match error {
            seal::ReadError::Io(error) => in_seal(offset, error.into()),
            seal::ReadError::Format(error) => in_seal(BLOCK_LENGTH as u64, Problem::Seal(error)),
        })?;
        Ok(SealedReader { input, seal })
    }

    /// What the archive must hold.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// Where everything must be in the archive.
    pub fn layout(&self) -> EntryOffsets {
        EntryOffsets::of(self.seal_length, &self.inventory)
    }

    /// How the archive is compressed.
    pub fn compression(&self) -> Compression {
        self.input.compression()
    }

    /// How far the archive has been read, in bytes of its uncompressed form.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many entries of the inventory have been begun, or passed because they are absent.
    pub fn entries_begun(&self) -> usize {
        self.next
    }

    /// The next entry, or `None` after the last, when the end of the archive has been checked. Whatever was left unread
    /// of the previous entry is read and checked first.
    ///
    /// # Errors
    /// [`FormatError`]; after one, every call gives [`Problem::RefusedBefore`].
    pub fn next_entry(&mut self) -> Result<Option<EntryReader<'_, R>>, FormatError> {
        let begun = self.begin_next(|record| Some(Hasher::new(record.digest.algorithm())))?;
        Ok(begun.map(|inventory| EntryReader { reader: self, inventory }))
    }

    /// As [`Reader::next_entry`], but nobody has computed the digest of what is handed out: that is left to the caller.
    ///
    /// # Errors
    /// As [`Reader::next_entry`].
    pub fn next_unproven(&mut self) -> Result<Option<UnprovenEntry<'_, R>>, FormatError> {
        let begun = self.begin_next(|_| None)?;
        Ok(begun.map(|inventory| UnprovenEntry::new(self, inventory)))
    }

    /// Begins the next entry. `None` after the last.
    fn begin_next(
        &mut self,
        hasher: impl FnOnce(&EntryRecord) -> Option<Hasher>,
    ) -> Result<Option<Arc<Inventory>>, FormatError> {
        while self.fill()? {
            self.take_ready();
        }
        self.current = None;
        if self.state == ReaderState::Ended {
            return Ok(None);
        }
        let inventory = Arc::clone(&self.inventory);
        self.next += inventory.entries.iter().skip(self.next).take_while(|entry| entry.absent).count();
        let Some(record) = inventory.entries.get(self.next) else {
            self.guarded(None, Self::read_end)?;
            self.state = ReaderState::Ended;
            return Ok(None);
        };
        self.guarded(Some(record), |reader| header::read(&mut reader.input, &mut reader.offset, record))?;
        self.current = Some(Current {
            index: self.next,
            remaining: record.size,
            hasher: hasher(record),
            ready: 0..0,
            verified: false,
        });
        self.next += 1;
        Ok(Some(inventory))
    }

    /// Reads and checks whatever is left, to the end of the archive. Returns the archive's length, uncompressed, in bytes.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn finish(mut self) -> Result<u64, FormatError> {
        while self.next_entry()?.is_some() {}
        Ok(self.offset)
    }

    /// Runs a step; if it fails, says where and refuses every later step.
    fn guarded<T>(
        &mut self,
        record: Option<&EntryRecord>,
        step: impl FnOnce(&mut Self) -> Result<T, Problem>,
    ) -> Result<T, FormatError> {
        let result = if self.state == ReaderState::Refused { Err(Problem::RefusedBefore) } else { step(self) };
        result.map_err(|problem| {
            self.state = ReaderState::Refused;
            FormatError { offset: self.offset, entry: record.map(|record| record.name.clone()), problem }
        })
    }

    /// Makes the next piece of the current entry ready. `false` when all of it has been handed out.
    fn fill(&mut self) -> Result<bool, FormatError> {
        let Some(current) = &self.current else {
            return if self.state == ReaderState::Refused { self.guarded(None, |_| Ok(false)) } else { Ok(false) };
        };
        if !current.ready.is_empty() || current.verified {
            return Ok(!current.ready.is_empty());
        }
        let inventory = Arc::clone(&self.inventory);
        let record = inventory.entries.get(current.index);
        self.guarded(record, |reader| reader.read_piece(record))
    }

    /// Reads the next piece; with the last, checks the digest and the padding too.
    fn read_piece(&mut self, record: Option<&EntryRecord>) -> Result<bool, Problem> {
        let (Some(current), Some(record)) = (&mut self.current, record) else { return Ok(false) };
        let length = usize::try_from(current.remaining).unwrap_or(CHUNK_LENGTH).min(CHUNK_LENGTH);
        let piece = self.buffer.get_mut(..length).unwrap_or_default();
        read_exactly(&mut self.input, &mut self.offset, piece)?;
        if let Some(hasher) = &mut current.hasher {
            hasher.update(piece);
        }
        current.remaining -= length as u64;
        if current.remaining == 0 {
            if let Some(found) = current.hasher.take().map(Hasher::finish).filter(|found| *found != record.digest) {
                return Err(Problem::Digest { found, listed: record.digest.clone() });
            }
            read_padding(&mut self.input, &mut self.offset, record.size)?;
            current.verified = true;
        }
        current.ready = 0..length;
        Ok(length > 0)
    }

    fn take_ready(&mut self) -> &[u8] {
        let ready = self.current.as_mut().map(|current| std::mem::take(&mut current.ready)).unwrap_or_default();
        self.buffer.get(ready).unwrap_or_default()
    }

    fn read_end(&mut self) -> Result<(), Problem> {
        for _ in 0..tar_profile::END.len() / BLOCK_LENGTH {
            let mut block = [0; BLOCK_LENGTH];
            let start = self.offset;
            read_exactly(&mut self.input, &mut self.offset, &mut block)?;
            if block != [0; BLOCK_LENGTH] {
                self.offset = start;
                return Err(Problem::End);
            }
        }
        // A single further byte is too many. A compressed archive checks its own end here, and may turn out to be cut
        // short.
        loop {
            match self.input.read(&mut [0]) {
                Ok(0) => return Ok(()),
                Ok(_) => return Err(Problem::TrailingBytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// An entry of an archive. It can be dropped at any time: the reader checks what was left unread.
pub struct EntryReader<'a, R: Read> {
    reader: &'a mut Reader<R>,
    inventory: Arc<Inventory>,
}

impl<R: Read> EntryReader<'_, R> {
    /// What the inventory lists.
    pub fn record(&self) -> &EntryRecord {
        let index = self.reader.current.as_ref().map_or(0, |current| current.index);
        #[expect(clippy::indexing_slicing, reason = "an entry is made only for an index of the inventory")]
        &self.inventory.entries[index]
    }

    /// The name.
    pub fn name(&self) -> &EntryName {
        &self.record().name
    }

    /// The size, in bytes.
    pub fn size(&self) -> u64 {
        self.record().size
    }

    /// The digest of the content, proven once the last chunk has been handed out.
    pub fn digest(&self) -> &Digest {
        &self.record().digest
    }

    /// The next piece of the content, of 128 KiB at most; `None` after the last, which comes only after the
    /// digest of the whole content has matched.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, FormatError> {
        Ok(if self.reader.fill()? { Some(self.reader.take_ready()) } else { None })
    }

    /// All of the content that has not been handed out yet.
    ///
    /// # Errors
    /// [`FormatError`]. The caller should check [`EntryReader::size`] first.
    pub fn read_all(&mut self) -> Result<Vec<u8>, FormatError> {
        let mut content = Vec::new();
        let size = usize::try_from(self.size()).unwrap_or(usize::MAX);
        while let Some(chunk) = self.next_chunk()? {
            grow(&mut content, chunk.len(), size);
            content.extend_from_slice(chunk);
        }
        Ok(content)
    }
}

impl<R: Read> sealed::Sealed for EntryReader<'_, R> {}
impl<R: Read> BlobContent for EntryReader<'_, R> {
    fn digest(&self) -> &Digest {
        &self.record().digest
    }
}

/// The last bytes come only after the digest of the whole content has matched; errors carry a [`FormatError`].
impl<R: Read> Read for EntryReader<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() || !self.reader.fill()? {
            return Ok(0);
        }
        let Some(current) = &mut self.reader.current else { return Ok(0) };
        let mut ready = self.reader.buffer.get(current.ready.clone()).unwrap_or_default();
        let count = ready.read(out)?;
        current.ready.start += count;
        Ok(count)
    }
}

/// Counts the bytes read of a seal, and refuses one that expands more than any honest one.
struct SealInput<'a, R: Read> {
    input: &'a mut Decompressed<R>,
    offset: &'a mut u64,
}

impl<R: Read> Read for SealInput<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        *self.offset += count as u64;
        self.input.check_expansion(*self.offset)?;
        Ok(count)
    }
}

/// Fills `out`, and counts what was read even when the input ends within it.
fn read_exactly(input: &mut impl Read, offset: &mut u64, out: &mut [u8]) -> Result<(), Problem> {
    let mut rest = out;
    while !rest.is_empty() {
        match input.read(rest) {
            Ok(0) => return Err(Problem::Truncated),
            Ok(count) => {
                *offset += count as u64;
                rest = rest.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads the zeros after content of this size.
fn read_padding(input: &mut impl Read, offset: &mut u64, size: u64) -> Result<(), Problem> {
    let mut block = [0; BLOCK_LENGTH];
    let padding = block.get_mut(..tar_profile::padding(size)).unwrap_or_default();
    read_exactly(input, offset, padding)?;
    if padding.iter().any(|&byte| byte != 0) { Err(Problem::Padding) } else { Ok(()) }
}

/// A file that is shorter than a header is not an archive; other errors of the input are passed on.
fn not_an_archive(error: io::Error) -> Problem {
    match Problem::from(error) {
        Problem::Truncated => Problem::NotAnArchive,
        problem => problem,
    }
}
