//! Writes the entries of an archive at their places in a file, in any order and from any number of threads.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{BUFFER_LENGTH, WriteError, copy, padding, require_listed};
use crate::content::BlobContent;
use crate::digest::Hasher;
use crate::inventory::EntryRecord;
use crate::layout::{EntryOffsets, Located};
use crate::seal::Seal;
use crate::tar_profile::{self, END};

/// Writes one archive into a file.
///
/// The header of an entry is written after its content, so a header in its place is a sign that the content was written, also
/// where the program was killed meanwhile ([`InPlaceWriter::take_up`]).
pub struct InPlaceWriter<'a> {
    file: &'a File,
    seal: &'a Seal,
    layout: EntryOffsets,
    written: Vec<AtomicBool>,
}

impl<'a> InPlaceWriter<'a> {
    /// Begins an archive: writes its seal, and leaves whatever else is in the file.
    ///
    /// # Errors
    /// [`WriteError::Output`].
    pub fn new(file: &'a File, seal: &'a Seal) -> Result<Self, WriteError> {
        let mut first = tar_profile::header(&crate::EntryName::seal(), seal.bytes().length());
        first.extend_from_slice(&seal.bytes().to_bytes());
        file.write_all_at(&first, 0).map_err(WriteError::Output)?;
        let written = seal.inventory().entries.iter().map(|entry| AtomicBool::new(entry.absent)).collect();
        Ok(Self { file, seal, layout: seal.layout(), written })
    }

    /// The record of the entry with this index in the inventory, and its place.
    fn entry(&self, index: usize) -> Option<(&EntryRecord, &Located)> {
        // The seal is the first that has a place.
        self.seal.inventory().entries.get(index).zip(self.layout.entries.get(index + 1))
    }

    fn mark(&self, index: usize) {
        if let Some(written) = self.written.get(index) {
            written.store(true, Ordering::Release);
        }
    }

    /// Whether the entry with this index is in the file already, whole: its header is as it must be, and then its content has the
    /// digest that the seal lists, and zeros follow it. Then it need not be written.
    ///
    /// # Errors
    /// The error of reading the file.
    pub fn take_up(&self, index: usize) -> io::Result<bool> {
        let Some((record, place)) = self.entry(index).filter(|(record, _)| !record.absent) else { return Ok(false) };
        let expected = tar_profile::header(&record.name, record.size);
        let is_whole = self.holds(place.header_offset, &expected)?
            && self.holds(place.content_offset + record.size, padding(record.size))?
            && self.has_digest(record, place)?;
        if is_whole {
            self.mark(index);
        }
        Ok(is_whole)
    }

    /// Whether the entry with this index was written or taken up.
    pub fn is_written(&self, index: usize) -> bool {
        self.written.get(index).is_some_and(|written| written.load(Ordering::Acquire))
    }

    /// Whether these bytes are in the file at this offset.
    fn holds(&self, offset: u64, expected: &[u8]) -> io::Result<bool> {
        let mut found = vec![0; expected.len()];
        match self.file.read_exact_at(&mut found, offset) {
            Ok(()) => Ok(found == expected),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn has_digest(&self, record: &EntryRecord, place: &Located) -> io::Result<bool> {
        let mut hasher = Hasher::new(record.digest.algorithm());
        let (mut buffer, mut done) = (vec![0; BUFFER_LENGTH], 0);
        while done < record.size {
            let wanted = usize::try_from(record.size - done).unwrap_or(BUFFER_LENGTH).min(BUFFER_LENGTH);
            let piece = buffer.get_mut(..wanted).unwrap_or_default();
            self.file.read_exact_at(piece, place.content_offset + done)?;
            hasher.update(piece);
            done += wanted as u64;
        }
        Ok(hasher.finish() == record.digest)
    }

    /// Writes the entry with this index, with all of `content`.
    ///
    /// # Errors
    /// [`WriteError`]; the entry is then not written, and the others are as they were.
    pub fn write(&self, index: usize, content: &mut dyn BlobContent) -> Result<(), WriteError> {
        let Some((record, place)) = self.entry(index).filter(|(record, _)| !record.absent) else { return Ok(()) };
        require_listed(record, content)?;
        let header = tar_profile::header(&record.name, record.size);
        let whole = header.len() as u64 + record.size + padding(record.size).len() as u64;
        match usize::try_from(whole).ok().filter(|whole| *whole <= BUFFER_LENGTH) {
            Some(_) => self.write_at_once(record, place, header, content)?,
            None => self.write_in_pieces(record, place, &header, content)?,
        }
        self.mark(index);
        Ok(())
    }

    fn write_at_once(
        &self,
        record: &EntryRecord,
        place: &Located,
        mut entry: Vec<u8>,
        content: &mut dyn BlobContent,
    ) -> Result<(), WriteError> {
        let before = entry.len() as u64;
        let read = content.take(record.size.saturating_add(1)).read_to_end(&mut entry);
        read.map_err(|source| WriteError::Content { entry: record.name.clone(), source })?;
        let found = entry.len() as u64 - before;
        if found != record.size {
            return Err(WriteError::Size { entry: record.name.clone(), found, listed: record.size });
        }
        entry.extend_from_slice(padding(record.size));
        self.file.write_all_at(&entry, place.header_offset).map_err(WriteError::Output)
    }

    fn write_in_pieces(
        &self,
        record: &EntryRecord,
        place: &Located,
        header: &[u8],
        content: &mut dyn BlobContent,
    ) -> Result<(), WriteError> {
        let (mut buffer, mut offset) = (vec![0; BUFFER_LENGTH], place.content_offset);
        copy(record, content, &mut buffer, |piece| {
            self.file.write_all_at(piece, offset)?;
            offset += piece.len() as u64;
            Ok(())
        })?;
        self.file.write_all_at(padding(record.size), offset).map_err(WriteError::Output)?;
        self.file.write_all_at(header, place.header_offset).map_err(WriteError::Output)
    }

    /// Ends the archive: whatever the file has after it is cut off. The caller has to make it durable.
    ///
    /// # Errors
    /// [`WriteError::MissingEntry`] when the seal lists an entry that was not written, and [`WriteError::Output`].
    pub fn finish(self) -> Result<(), WriteError> {
        let mut entries = self.seal.inventory().entries.iter().zip(&self.written);
        if let Some((record, _)) = entries.find(|(_, written)| !written.load(Ordering::Acquire)) {
            return Err(WriteError::MissingEntry { entry: record.name.clone() });
        }
        let end = self.layout.length - END.len() as u64;
        self.file
            .write_all_at(&END, end)
            .and_then(|()| self.file.set_len(self.layout.length))
            .map_err(WriteError::Output)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::thread;

    use super::*;
    use crate::content::Checked;
    use crate::format_error::Problem;
    use crate::reader::Reader;
    use crate::writer::tests::{archive, contents, seal};

    /// Writes the entries with these indexes, each on a thread of its own.
    fn write(writer: &InPlaceWriter<'_>, seal: &Seal, indexes: impl IntoIterator<Item = usize>) {
        let contents = contents();
        thread::scope(|scope| {
            for index in indexes {
                let (record, content) = (&seal.inventory().entries[index], &contents[index].1);
                scope.spawn(move || writer.write(index, &mut Checked::new(content.as_slice(), record)).unwrap());
            }
        });
    }

    fn read_back(file: &File) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn in_any_order_the_bytes_are_those_of_one_pass() {
        let (seal, file) = (seal(), tempfile::tempfile().unwrap());
        let writer = InPlaceWriter::new(&file, &seal).unwrap();
        write(&writer, &seal, (0..contents().len()).rev());
        writer.finish().unwrap();
        assert!(read_back(&file) == archive());
    }

    #[test]
    fn what_is_whole_is_taken_up_and_nothing_else_is() {
        let (seal, file) = (seal(), tempfile::tempfile().unwrap());
        let count = contents().len();
        write(&InPlaceWriter::new(&file, &seal).unwrap(), &seal, (0..count).filter(|index| index % 2 == 0));
        let layout = seal.layout();
        let place = layout.entries.last().unwrap();
        // One byte of the last entry is lost, as in a power cut.
        file.write_all_at(&[!contents()[count - 1].1[0]], place.content_offset).unwrap();
        // What another, longer archive left behind is cut off.
        file.write_all_at(b"left behind", layout.length + 1000).unwrap();
        let writer = InPlaceWriter::new(&file, &seal).unwrap();
        let whole: Vec<usize> = (0..count).filter(|index| writer.take_up(*index).unwrap()).collect();
        assert_eq!(whole, (0..count - 1).filter(|index| index % 2 == 0).collect::<Vec<_>>());
        let missing: Vec<usize> = (0..count).filter(|index| !writer.is_written(*index)).collect();
        assert!(matches!(InPlaceWriter::new(&file, &seal).unwrap().finish(), Err(WriteError::MissingEntry { .. })));
        write(&writer, &seal, missing);
        writer.finish().unwrap();
        assert!(read_back(&file) == archive());
    }

    #[test]
    fn content_is_what_the_seal_lists() {
        let (seal, file) = (seal(), tempfile::tempfile().unwrap());
        let writer = InPlaceWriter::new(&file, &seal).unwrap();
        let record = |content: &[u8]| EntryRecord::of(crate::EntryName::oci_layout(), content);
        let mut other = Checked::new(&b"[]"[..], &record(b"[]"));
        assert!(matches!(writer.write(0, &mut other), Err(WriteError::Digest { .. })));
        let mut wrong = Checked::new(&b"[]"[..], &record(b"{}"));
        assert!(matches!(writer.write(0, &mut wrong), Err(WriteError::Content { .. })));
        assert!(!writer.is_written(0) && !writer.take_up(0).unwrap());
    }

    #[test]
    fn entries_are_read_by_position_as_they_are_in_one_pass() {
        let bytes = archive();
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&bytes, 0).unwrap();
        let reader = || Reader::open(&*bytes).unwrap().read_inventory().unwrap();
        let random = reader().by_position(&file).unwrap().unwrap();
        for (index, (name, content)) in contents().into_iter().enumerate() {
            let mut entry = random.entry(index).unwrap();
            assert_eq!(entry.record().name, name);
            let mut read = Vec::new();
            entry.read_to_end(&mut read).unwrap();
            assert!(read == content);
        }
        assert!(random.entry(contents().len()).is_err());
        // Each byte that is not content, once.
        let layout = seal().layout();
        let (place, end) = (&layout.entries[3], layout.length - END.len() as u64);
        let refused = |at: u64, byte: u8| {
            file.write_all_at(&[byte], at).unwrap();
            let outcome = reader().by_position(&file).and_then(|random| {
                let random = random.unwrap();
                let mut entry = random.entry(2)?;
                entry.read_to_end(&mut Vec::new()).map_err(|error| error.downcast().unwrap())
            });
            file.write_all_at(&bytes[usize::try_from(at).unwrap()..][..1], at).unwrap();
            outcome.unwrap_err().problem
        };
        assert!(matches!(refused(place.header_offset, b'x'), Problem::HeaderChecksum));
        assert!(matches!(refused(place.content_offset + place.size, 1), Problem::Padding));
        assert!(matches!(refused(end + 700, 1), Problem::End));
        file.write_all_at(b"x", layout.length).unwrap();
        assert!(matches!(reader().by_position(&file).err().unwrap().problem, Problem::TrailingBytes));
        for length in [layout.length - 1, end, end - 1, place.content_offset, 1] {
            file.set_len(length).unwrap();
            assert!(matches!(reader().by_position(&file).err().unwrap().problem, Problem::Truncated), "{length}");
        }
    }
}
