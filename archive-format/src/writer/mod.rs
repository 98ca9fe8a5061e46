//! Writes an archive: in one pass to a pipe ([`Writer`]), or by position to a file ([`InPlaceWriter`]).
//!
//! Promise: the same seal and the same contents give the same bytes, whichever writer it is, and a writer that finishes has
//! written exactly what its seal lists: every entry is measured as it passes, and its digest is proven.

mod in_place;

use std::io::{self, Read, Write};
use std::sync::Arc;

pub use in_place::InPlaceWriter;

use crate::content::{BlobContent, Checked, ContentError};
use crate::digest::Digest;
use crate::entry_name::EntryName;
use crate::inventory::{EntryRecord, Inventory};
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

    /// Writes the next entry, which must be `name`, with all of `content`, which is digested as it passes.
    ///
    /// # Errors
    /// [`WriteError`] when another entry comes next, or the content is not what the seal lists.
    pub fn append(&mut self, name: &EntryName, content: &mut dyn Read) -> Result<(), WriteError> {
        let record = self.begin(name)?;
        let appended = self.write_entry(&record, &mut Checked::new(content, &record));
        appended.map_err(|error| match error {
            WriteError::Content { entry, source } => unlisted_content(entry, source, &record),
            error => error,
        })
    }

    /// As [`Writer::append`], with content whose digest is proven already.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append_proven(&mut self, name: &EntryName, content: &mut dyn BlobContent) -> Result<(), WriteError> {
        let record = self.begin(name)?;
        require_listed(&record, content)?;
        self.write_entry(&record, content)
    }

    /// The next entry that is not absent.
    fn next_carried(&mut self) -> Option<&EntryRecord> {
        self.next += self.inventory.entries.iter().skip(self.next).take_while(|entry| entry.absent).count();
        self.inventory.entries.get(self.next)
    }

    /// The record of the next entry. Whatever goes wrong from here on, nothing more can be written.
    fn begin(&mut self, name: &EntryName) -> Result<EntryRecord, WriteError> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(WriteError::FailedBefore);
        }
        match self.next_carried() {
            Some(record) if record.name == *name => Ok(record.clone()),
            next => Err(WriteError::WrongEntry { expected: next.map(|next| next.name.clone()), found: name.clone() }),
        }
    }

    fn write_entry(&mut self, record: &EntryRecord, content: &mut dyn BlobContent) -> Result<(), WriteError> {
        let Self { output, buffer, .. } = self;
        output.write_all(&tar_profile::header(&record.name, record.size)).map_err(WriteError::Output)?;
        copy(record, content, buffer, |piece| output.write_all(piece))?;
        output.write_all(padding(record.size)).map_err(WriteError::Output)?;
        self.next += 1;
        self.failed = false;
        Ok(())
    }

    /// Ends the archive, flushes the output and gives it back. The caller has to make it durable.
    ///
    /// # Errors
    /// [`WriteError::MissingEntry`] when the seal lists more, and [`WriteError::Output`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        if self.failed {
            return Err(WriteError::FailedBefore);
        }
        if let Some(missing) = self.next_carried() {
            return Err(WriteError::MissingEntry { entry: missing.name.clone() });
        }
        self.output.write_all(&tar_profile::END).map_err(WriteError::Output)?;
        self.output.flush().map_err(WriteError::Output)?;
        Ok(self.output)
    }
}

/// The zeros after content of this size.
fn padding(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK_LENGTH] = [0; BLOCK_LENGTH];
    ZEROS.get(..tar_profile::padding(size)).unwrap_or_default()
}

/// Refuses content that is proven to be something else.
fn require_listed(record: &EntryRecord, content: &dyn BlobContent) -> Result<(), WriteError> {
    if *content.digest() == record.digest {
        return Ok(());
    }
    let (found, listed) = (content.digest().clone(), record.digest.clone());
    Err(WriteError::Digest { entry: record.name.clone(), found, listed })
}

/// Passes all of an entry's content to `put`, in pieces as long as the buffer, and measures it.
fn copy(
    record: &EntryRecord,
    content: &mut dyn BlobContent,
    buffer: &mut [u8],
    mut put: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), WriteError> {
    let mut length: u64 = 0;
    let size = |found| WriteError::Size { entry: record.name.clone(), found, listed: record.size };
    loop {
        let count = match content.read(buffer) {
            Ok(0) if length == record.size => return Ok(()),
            Ok(0) => return Err(size(length)),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(WriteError::Content { entry: record.name.clone(), source }),
        };
        length += count as u64;
        if length > record.size {
            return Err(size(length));
        }
        put(buffer.get(..count).unwrap_or_default()).map_err(WriteError::Output)?;
    }
}

/// Why content that was digested here is not what the seal lists.
fn unlisted_content(entry: EntryName, source: io::Error, record: &EntryRecord) -> WriteError {
    let listed = record.size;
    match ContentError::inside(&source) {
        Some(ContentError::Short { length, .. }) => WriteError::Size { entry, found: *length, listed },
        Some(ContentError::Long { .. }) => WriteError::Size { entry, found: listed.saturating_add(1), listed },
        Some(ContentError::Digest { found, .. }) => {
            WriteError::Digest { entry, found: found.clone(), listed: record.digest.clone() }
        }
        None => WriteError::Content { entry, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{EntryRecord, Exporter, FormatVersion};
    use crate::reader::Reader;
    use crate::seal::SealSignature;

    /// Entries of every interesting length around blocks and chunks, under short and long names.
    pub(super) fn contents() -> Vec<(EntryName, Vec<u8>)> {
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

    pub(super) fn seal() -> Seal {
        let inventory = Inventory {
            base: None,
            entries: contents().into_iter().map(|(name, content)| EntryRecord::of(name, &content)).collect(),
            exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            exporter: Exporter { name: "test".to_owned(), version: "1".to_owned() },
            format_version: FormatVersion::CURRENT,
            items: Vec::new(),
            repositories: vec![crate::inventory::RepositoryRecord { name: "main".parse().unwrap() }],
        };
        Seal::new(inventory, vec![SealSignature { key: Digest::sha256(b""), bytes: [0; 64] }]).unwrap()
    }

    pub(super) fn archive() -> Vec<u8> {
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
    fn what_is_proven_to_be_something_else_is_not_written() {
        let record = |content: &[u8]| EntryRecord::of(EntryName::oci_layout(), content);
        let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
        let mut other = Checked::new(&b"[]"[..], &record(b"[]"));
        let error = writer.append_proven(&EntryName::oci_layout(), &mut other).unwrap_err();
        assert!(matches!(error, WriteError::Digest { .. }));
        assert!(matches!(writer.append(&EntryName::oci_layout(), &mut &b"{}"[..]), Err(WriteError::FailedBefore)));
    }

    #[test]
    fn an_archive_that_lacks_an_entry_is_not_finished() {
        let mut writer = Writer::new(Vec::new(), &seal()).unwrap();
        writer.append(&EntryName::oci_layout(), &mut &b"{}"[..]).unwrap();
        assert!(matches!(writer.finish(), Err(WriteError::MissingEntry { entry }) if entry == EntryName::oci_index()));
    }
}
