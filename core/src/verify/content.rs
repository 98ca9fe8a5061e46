//! The content of one blob on its way from an archive to a receiver.

use std::io::{self, Read};

use sealift_archive_format::FormatError;
use sealift_archive_format::reader::EntryReader;

use crate::transfer::BlobContent;

/// Reads an entry, and remembers the reason if the archive is at fault: a receiver wraps read errors in its own, and a
/// broken archive must not be reported as a broken registry.
pub(super) struct WatchedEntry<'a, R: Read> {
    entry: EntryReader<'a, R>,
    fault: Option<FormatError>,
}

impl<'a, R: Read> WatchedEntry<'a, R> {
    pub(super) fn new(entry: EntryReader<'a, R>) -> Self {
        Self { entry, fault: None }
    }

    /// What was wrong with the archive, if that is why reading stopped.
    pub(super) fn into_fault(self) -> Option<FormatError> {
        self.fault
    }
}

impl<R: Read> Read for WatchedEntry<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.entry.read(buffer).map_err(|error| match error.downcast::<FormatError>() {
            Ok(fault) => {
                let shown = io::Error::new(io::ErrorKind::InvalidData, fault.to_string());
                self.fault = Some(fault);
                shown
            }
            Err(error) => error,
        })
    }
}

/// An entry hands out its last piece only after its digest has matched.
impl<R: Read> BlobContent for WatchedEntry<'_, R> {}
