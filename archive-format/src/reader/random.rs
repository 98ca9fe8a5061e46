//! Reads the entries of an archive in a file by their position, on any number of threads.

use std::io::{self, Read};
use std::sync::Arc;

use super::{Reader, header, read_padding};
use crate::compression::Compression;
use crate::format_error::{FormatError, Problem};
use crate::inventory::{EntryRecord, Inventory};
use crate::layout::EntryOffsets;
use crate::positioned_input::PositionedInput;
use crate::tar_profile::END;

/// An archive that is not compressed, in a file. What it hands out has the frame that the inventory demands, and nobody has
/// computed a digest.
pub struct RandomReader<'f> {
    file: &'f dyn PositionedInput,
    inventory: Arc<Inventory>,
    layout: EntryOffsets,
}

impl<R: Read> Reader<R> {
    /// Continues by position in the file that this reader reads. `None` where the archive is compressed. The length of the file and
    /// its last blocks have been checked then.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn by_position<'f>(&self, file: &'f dyn PositionedInput) -> Result<Option<RandomReader<'f>>, FormatError> {
        if self.compression() != Compression::None {
            return Ok(None);
        }
        let reader = RandomReader { file, inventory: Arc::clone(self.inventory()), layout: self.layout() };
        reader.check_end()?;
        Ok(Some(reader))
    }
}

impl RandomReader<'_> {
    /// Checks that the archive has its length, and ends as it should.
    fn check_end(&self) -> Result<(), FormatError> {
        let refused = |offset, entry, problem| FormatError { offset, entry, problem };
        let length = self.file.length().map_err(|error| refused(0, None, Problem::Io(error)))?;
        if length < self.layout.length {
            let cut = self.layout.entries.iter().rfind(|entry| entry.header_offset <= length);
            let is_in_end = length >= self.layout.length - END.len() as u64;
            let entry = cut.filter(|_| !is_in_end).map(|entry| entry.name.clone());
            return Err(refused(length, entry, Problem::Truncated));
        }
        let end = self.layout.length - END.len() as u64;
        let mut blocks = [0; END.len()];
        self.file.read_exact_at(&mut blocks, end).map_err(|error| refused(end, None, error.into()))?;
        if blocks != END {
            return Err(refused(end, None, Problem::End));
        }
        if length > self.layout.length {
            return Err(refused(self.layout.length, None, Problem::TrailingBytes));
        }
        Ok(())
    }

    /// The entry with this index in the inventory, whose header has been checked.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn entry(&self, index: usize) -> Result<PlacedEntry<'_>, FormatError> {
        let (Some(record), Some(place)) = (self.inventory.entries.get(index), self.layout.entries.get(index + 1))
        else {
            return Err(FormatError { offset: self.layout.length, entry: None, problem: Problem::MissingEntry });
        };
        let mut input = FromPosition { file: self.file, offset: place.header_offset, length: self.layout.length };
        let mut offset = place.header_offset;
        if record.absent {
            let entry = Some(record.name.clone());
            return Err(FormatError { offset, entry, problem: Problem::MissingEntry });
        }
        header::read(&mut input, &mut offset, record).map_err(|problem| FormatError {
            offset,
            entry: Some(record.name.clone()),
            problem,
        })?;
        Ok(PlacedEntry { input, record, remaining: record.size, is_padding_read: false })
    }
}

impl RandomReader<'_> {
    /// Fills `out` with the content of the entry with this index, from `offset` bytes into it on. Nothing but the length is checked: whoever
    /// reads parts of an entry has to know their digests.
    ///
    /// # Errors
    /// [`FormatError`] when the entry has no such part, or the file does not.
    pub fn read_part(&self, index: usize, offset: u64, out: &mut [u8]) -> Result<(), FormatError> {
        let place = self.layout.entries.get(index.saturating_add(1));
        let end = offset.checked_add(out.len() as u64);
        let Some(place) = place.filter(|place| end.is_some_and(|end| end <= place.size)) else {
            return Err(FormatError { offset: self.layout.length, entry: None, problem: Problem::MissingEntry });
        };
        let position = place.content_offset.saturating_add(offset);
        self.file.read_exact_at(out, position).map_err(|error| FormatError {
            offset: position,
            entry: Some(place.name.clone()),
            problem: error.into(),
        })
    }
}

/// An entry of an archive in a file. Its end can be read only if the padding after it is as it should be. Errors carry a
/// [`FormatError`].
pub struct PlacedEntry<'a> {
    input: FromPosition<'a>,
    record: &'a EntryRecord,
    remaining: u64,
    is_padding_read: bool,
}

impl PlacedEntry<'_> {
    /// What the inventory lists.
    pub fn record(&self) -> &EntryRecord {
        self.record
    }

    fn read_some(&mut self, out: &mut [u8]) -> Result<usize, Problem> {
        if self.remaining == 0 {
            let mut offset = self.input.offset;
            if !std::mem::replace(&mut self.is_padding_read, true) {
                read_padding(&mut self.input, &mut offset, self.record.size)?;
            }
            return Ok(0);
        }
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(out.len());
        let read = self.input.read(out.get_mut(..wanted).unwrap_or_default())?;
        if read == 0 {
            return Err(Problem::Truncated);
        }
        self.remaining -= read as u64;
        Ok(read)
    }
}

impl Read for PlacedEntry<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.read_some(out).map_err(|problem| {
            FormatError { offset: self.input.offset, entry: Some(self.record.name.clone()), problem }.into()
        })
    }
}

/// A file from a position on.
struct FromPosition<'f> {
    file: &'f dyn PositionedInput,
    offset: u64,
    length: u64,
}

impl Read for FromPosition<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let (out, _) = out.split_at_mut(left.min(out.len()));
        self.file.read_exact_at(out, self.offset)?;
        self.offset = self.offset.saturating_add(out.len() as u64);
        Ok(out.len())
    }
}
