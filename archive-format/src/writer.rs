//! Writes an archive in one pass, to a file or a pipe.
//!
//! Promise: the same seal and the same contents give the same bytes, and a [`Writer`] that [`Writer::finish`]es has
//! written exactly what its seal lists: every entry is measured and digested as it passes.

use std::io::{self, Read, Write};
use std::sync::Arc;

use crate::digest::{Digest, Hasher};
use crate::entry_name::EntryName;
use crate::inventory::Inventory;
use crate::seal::Seal;
use crate::tar_profile::{self, BLOCK_LENGTH};

const BUFFER_LENGTH: usize = 128 * 1024;

/// A sequential writer.
pub struct Writer<W: Write> {
    output: W,
    inventory: Arc<Inventory>,
    next: usize,
    buffer: Vec<u8>,
    failed: bool,
}

/// Why an archive cannot be written. Nothing more can be written after an error.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The archive cannot be written to.
    #[error("cannot write the archive")]
    Output(#[source] io::Error),
    /// The content of an entry cannot be read.
    #[error("cannot read the content of entry {entry}")]
    Content {
        /// The entry.
        entry: EntryName,
        /// What failed.
        source: io::Error,
    },
    /// Another entry comes next.
    #[error("entry {found} cannot be written here, because {} comes next", .expected.as_ref().map_or("the end", |name| name.as_str()))]
    WrongEntry {
        /// The entry that the seal lists next; `None` at the end.
        expected: Option<EntryName>,
        /// The entry that was given.
        found: EntryName,
    },
    /// The content is shorter or longer than the seal lists.
    #[error("entry {entry} has {} bytes; {listed} are listed", if *.found > *.listed { "more".to_owned() } else { .found.to_string() })]
    Size {
        /// The entry.
        entry: EntryName,
        /// How many bytes were given, at least.
        found: u64,
        /// How many are listed.
        listed: u64,
    },
    /// The content is not what the seal lists.
    #[error("entry {entry} has the digest {found}; {listed} is listed")]
    Digest {
        /// The entry.
        entry: EntryName,
        /// The digest of the content.
        found: Digest,
        /// The digest that is listed.
        listed: Digest,
    },
    /// An entry that the seal lists was not written.
    #[error("entry {entry} was not written")]
    MissingEntry {
        /// The entry.
        entry: EntryName,
    },
    /// Writing was attempted again after an error.
    #[error("writing the archive has already failed")]
    FailedBefore,
}

impl<W: Write> Writer<W> {
    /// Begins an archive: writes its seal.
    ///
    /// # Errors
    /// [`WriteError::Output`].
    pub fn new(mut output: W, seal: &Seal) -> Result<Self, WriteError> {
        let header = tar_profile::header(&EntryName::seal(), seal.bytes().length());
        output.write_all(&header).map_err(WriteError::Output)?;
        output.write_all(&seal.bytes().to_bytes()).map_err(WriteError::Output)?;
        let inventory = Arc::clone(seal.inventory());
        Ok(Self { output, inventory, next: 0, buffer: vec![0; BUFFER_LENGTH], failed: false })
    }

    /// Writes the next entry, which must be `name`, with all of `content`.
    ///
    /// # Errors
    /// [`WriteError`] when another entry comes next, or the content is not what the seal lists.
    pub fn append(&mut self, name: &EntryName, content: &mut dyn Read) -> Result<(), WriteError> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(WriteError::FailedBefore);
        }
        let inventory = Arc::clone(&self.inventory);
        let record = inventory.entries.get(self.next);
        let Some(record) = record.filter(|record| record.name == *name) else {
            let expected = record.map(|record| record.name.clone());
            return Err(WriteError::WrongEntry { expected, found: name.clone() });
        };
        self.output.write_all(&tar_profile::header(name, record.size)).map_err(WriteError::Output)?;
        let mut hasher = Hasher::new(record.digest.algorithm());
        let length = self.copy(name, content, record.size, &mut hasher)?;
        if length != record.size {
            return Err(WriteError::Size { entry: name.clone(), found: length, listed: record.size });
        }
        let found = hasher.finish();
        if found != record.digest {
            return Err(WriteError::Digest { entry: name.clone(), found, listed: record.digest.clone() });
        }
        let zeros = [0; BLOCK_LENGTH];
        let padding = zeros.get(..tar_profile::padding(length)).unwrap_or_default();
        self.output.write_all(padding).map_err(WriteError::Output)?;
        self.next += 1;
        self.failed = false;
        Ok(())
    }

    /// Copies content, but no more than `listed` bytes; returns how many bytes there were, or a number above `listed`.
    fn copy(
        &mut self,
        name: &EntryName,
        content: &mut dyn Read,
        listed: u64,
        hasher: &mut Hasher,
    ) -> Result<u64, WriteError> {
        let mut length: u64 = 0;
        loop {
            let count = match content.read(&mut self.buffer) {
                Ok(0) => return Ok(length),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(WriteError::Content { entry: name.clone(), source }),
            };
            length += count as u64;
            if length > listed {
                return Ok(length);
            }
            let piece = self.buffer.get(..count).unwrap_or_default();
            hasher.update(piece);
            self.output.write_all(piece).map_err(WriteError::Output)?;
        }
    }

    /// Ends the archive, flushes the output and gives it back. The caller has to make it durable.
    ///
    /// # Errors
    /// [`WriteError::MissingEntry`] when the seal lists more, and [`WriteError::Output`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        if self.failed {
            return Err(WriteError::FailedBefore);
        }
        if let Some(missing) = self.inventory.entries.get(self.next) {
            return Err(WriteError::MissingEntry { entry: missing.name.clone() });
        }
        self.output.write_all(&tar_profile::END).map_err(WriteError::Output)?;
        self.output.flush().map_err(WriteError::Output)?;
        Ok(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{EntryRecord, Exporter, FormatVersion};
    use crate::reader::Reader;
    use crate::seal::SealSignature;

    /// Entries of every interesting length around blocks and chunks, under short and long names.
    fn contents() -> Vec<(EntryName, Vec<u8>)> {
        let mut contents = vec![
            (EntryName::oci_layout(), b"{}".to_vec()),
            (EntryName::oci_index(), Vec::new()),
            (EntryName::tuf_metadata(&"main".parse().unwrap(), &"m".repeat(200)).unwrap(), vec![7; 513]),
        ];
        for length in [0, 1, 511, 512, BUFFER_LENGTH - 1, BUFFER_LENGTH, BUFFER_LENGTH + 1, 3 * BUFFER_LENGTH + 512] {
            let content = vec![u8::try_from(length % 251).unwrap(); length];
            contents.push((EntryName::blob(&Digest::sha256(&content)), content));
        }
        contents
    }

    fn seal() -> Seal {
        let inventory = Inventory {
            entries: contents().into_iter().map(|(name, content)| EntryRecord::of(name, &content)).collect(),
            exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: Vec::new(),
            repositories: vec![crate::inventory::RepositoryRecord { name: "main".parse().unwrap() }],
        };
        Seal::new(inventory, vec![SealSignature { key: Digest::sha256(b""), bytes: [0; 64] }]).unwrap()
    }

    fn archive() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
        for (name, content) in contents() {
            writer.append(&name, &mut &*content).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_lies_where_the_layout_says() {
        let archive = archive();
        assert!(archive == self::archive(), "the same contents give the same bytes");
        let layout = seal().layout();
        assert_eq!(layout.length, archive.len() as u64);
        let mut reader = Reader::open(&*archive).unwrap().read_inventory().unwrap();
        let mut located = layout.entries.iter().skip(1);
        for (name, content) in contents() {
            let place = located.next().unwrap();
            let mut entry = reader.next_entry().unwrap().unwrap();
            assert_eq!((entry.name(), entry.size()), (&name, place.size));
            let start = usize::try_from(place.content_offset).unwrap();
            assert_eq!(&archive[start..start + content.len()], content);
            assert_eq!(entry.read_all().unwrap(), content);
        }
        assert!(reader.next_entry().unwrap().is_none());
        assert_eq!(reader.finish().unwrap(), layout.length);
    }

    #[test]
    fn an_entry_is_written_in_its_place_only() {
        let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
        let error = writer.append(&EntryName::oci_index(), &mut &b""[..]).unwrap_err();
        assert!(
            matches!(error, WriteError::WrongEntry { expected: Some(name), .. } if name == EntryName::oci_layout())
        );
        assert!(matches!(writer.append(&EntryName::oci_layout(), &mut &b"{}"[..]), Err(WriteError::FailedBefore)));
        assert!(matches!(writer.finish(), Err(WriteError::FailedBefore)));
    }

    #[test]
    fn content_is_what_the_seal_lists() {
        for content in ["", "{", "{}}", "{} and more"] {
            let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
            let error = writer.append(&EntryName::oci_layout(), &mut content.as_bytes()).unwrap_err();
            assert!(matches!(error, WriteError::Size { listed: 2, .. }), "{content}: {error}");
        }
        let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
        let error = writer.append(&EntryName::oci_layout(), &mut &b"[]"[..]).unwrap_err();
        assert!(matches!(error, WriteError::Digest { .. }));
    }

    #[test]
    fn an_archive_that_lacks_an_entry_is_not_finished() {
        let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
        writer.append(&EntryName::oci_layout(), &mut &b"{}"[..]).unwrap();
        assert!(matches!(writer.finish(), Err(WriteError::MissingEntry { entry }) if entry == EntryName::oci_index()));
    }
}
