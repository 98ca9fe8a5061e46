//! A blob's content on its way, of which the latest part is held in memory, so that it can be sent again.

use std::collections::VecDeque;
use std::io::{self, Read};

use crate::http::Replay;
use crate::oci::Descriptor;
use crate::transfer::{BlobContent, ContentError};

/// Reads a blob's content piece by piece. All positions are in the blob, in bytes.
pub(super) struct Pieces<'c> {
    content: &'c mut dyn BlobContent,
    /// Where the current piece ends.
    end: u64,
    /// Where sending begins: what is before has arrived.
    from: u64,
    /// Where reading is.
    position: u64,
    /// What was read last from the content, up to `capacity` bytes.
    held: VecDeque<u8>,
    /// Where that begins.
    held_from: u64,
    capacity: usize,
    /// A failure of the content, which the HTTP client would report as a failure of the connection.
    error: Option<io::Error>,
}

impl<'c> Pieces<'c> {
    /// Nothing of the content yet.
    pub(super) fn of(content: &'c mut dyn BlobContent) -> Self {
        let (end, from, position, held_from) = (0, 0, 0, 0);
        Self { content, end, from, position, held: VecDeque::new(), held_from, capacity: 0, error: None }
    }

    /// Goes on to the next piece, which has this length, and of which the last `capacity` bytes that were read are held. The one
    /// before has arrived.
    pub(super) fn next(&mut self, length: u64, capacity: usize) {
        (self.from, self.position) = (self.end, self.end);
        self.end = self.end.saturating_add(length);
        // A piece that was shortened may have been read beyond its end.
        let done = usize::try_from(self.from.saturating_sub(self.held_from)).unwrap_or(usize::MAX);
        self.held.drain(..done.min(self.held.len()));
        (self.held_from, self.capacity) = (self.from, capacity.max(self.held.len()));
        self.held.reserve_exact(self.capacity.saturating_sub(self.held.len()));
    }

    /// Where the piece ends.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Where sending begins.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// Notes that the first `total` bytes of the blob have arrived; `false` if what follows is not held.
    pub(super) fn arrived(&mut self, total: u64) -> bool {
        let is_held = (self.held_from..=self.read_to()).contains(&total);
        if is_held {
            self.from = total;
        }
        is_held
    }

    /// Ends the piece where all that remains of it can be held.
    pub(super) fn shorten(&mut self) {
        self.shorten_to(self.capacity as u64);
    }

    /// Ends the piece after so many bytes from where sending begins, if it is longer.
    pub(super) fn shorten_to(&mut self, length: u64) {
        self.end = self.end.min(self.from.saturating_add(length));
    }

    /// The whole rest of the blob from where sending begins, of which only what is held can be read again.
    pub(super) fn rest(&mut self) -> impl Read {
        self.position = self.from;
        Rest(self)
    }

    /// The failure of the content, if it failed.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Checks that the content has reached its end.
    pub(super) fn finish(&mut self, descriptor: &Descriptor) -> io::Result<()> {
        match self.content.read(&mut [0; 1])? {
            0 => Ok(()),
            _ => {
                let (digest, size) = (descriptor.digest.clone(), descriptor.size);
                Err(io::Error::new(io::ErrorKind::InvalidData, ContentError::Long { digest, size }))
            }
        }
    }

    /// How far the content was read.
    fn read_to(&self) -> u64 {
        self.held_from.saturating_add(self.held.len() as u64)
    }

    /// Reads from the content, and notes its failure.
    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.content.read(buffer) {
            Ok(0) if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        read.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error = Some(error);
            }
            kind.into()
        })
    }

    /// Reads what is held, from the current position.
    fn read_held(&mut self, buffer: &mut [u8]) -> usize {
        let within = self.position.checked_sub(self.held_from).and_then(|within| usize::try_from(within).ok());
        let (first, second) = self.held.as_slices();
        let rest = within.and_then(|within| match first.get(within..) {
            Some(rest) if !rest.is_empty() => Some(rest),
            _ => second.get(within.checked_sub(first.len())?..),
        });
        let read = rest.and_then(|mut rest| rest.read(buffer).ok()).unwrap_or(0);
        self.position = self.position.saturating_add(read as u64);
        read
    }

    /// Holds what was just read, in the place of what was read longest ago.
    fn hold(&mut self, bytes: &[u8]) {
        let excess = self.held.len().saturating_add(bytes.len()).saturating_sub(self.capacity);
        let (from_held, from_new) = (excess.min(self.held.len()), excess.saturating_sub(self.held.len()));
        self.held.drain(..from_held);
        self.held.extend(bytes.get(from_new..).unwrap_or_default());
        self.held_from = self.held_from.saturating_add(excess as u64);
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_held(buffer);
        let wanted = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX).min(buffer.len());
        if read > 0 || wanted == 0 {
            return Ok(read);
        }
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.read_on(buffer)?;
        self.hold(buffer.get(..read).unwrap_or_default());
        self.position = self.read_to();
        Ok(read)
    }
}

impl Replay for Pieces<'_> {
    fn rewind(&mut self) {
        self.position = self.from;
    }

    fn is_intact(&self) -> bool {
        self.error.is_none() && self.from >= self.held_from
    }
}

/// See [`Pieces::rest`].
struct Rest<'p, 'c>(&'p mut Pieces<'c>);

impl Read for Rest<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read_held(buffer) {
            0 => self.0.read_on(buffer),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Checked;

    #[test]
    fn what_is_held_is_read_again_and_what_is_not_cannot_be() {
        let blob: Vec<u8> = (0..=250).cycle().take(100_000).collect();
        let descriptor = Descriptor::of("", &blob);
        let mut content = Checked::new(&blob[..], &descriptor);
        let mut pieces = Pieces::of(&mut content);
        pieces.next(60_000, 10_000);
        let read = |pieces: &mut Pieces<'_>, length: usize| {
            let mut read = Vec::new();
            pieces.take(length as u64).read_to_end(&mut read).unwrap();
            read
        };
        assert_eq!(read(&mut pieces, 30_000), blob[..30_000]);
        assert!(!pieces.is_intact(), "its beginning is no longer held");
        assert!(!pieces.arrived(19_999) && !pieces.arrived(30_001));
        for arrived in [20_000, 29_999, 30_000, 25_000] {
            assert!(pieces.arrived(arrived as u64) && pieces.is_intact());
            pieces.rewind();
            assert_eq!(read(&mut pieces, 100), blob[arrived..arrived + 100]);
        }
        pieces.shorten();
        for _ in 0..2 {
            pieces.rewind();
            assert_eq!(read(&mut pieces, usize::MAX), blob[25_000..35_000], "and not beyond its end");
        }
        pieces.next(65_000, 65_000);
        for _ in 0..2 {
            pieces.rewind();
            assert_eq!(read(&mut pieces, usize::MAX), blob[35_000..]);
        }
        pieces.finish(&descriptor).unwrap();
    }

    #[test]
    fn the_rest_is_what_is_held_and_all_that_follows() {
        let blob: Vec<u8> = (0..=250).cycle().take(100_000).collect();
        let descriptor = Descriptor::of("", &blob);
        let mut content = Checked::new(&blob[..], &descriptor);
        let mut pieces = Pieces::of(&mut content);
        pieces.next(10_000, 10_000);
        io::copy(&mut (&mut pieces).take(5000), &mut io::sink()).unwrap();
        let mut rest = Vec::new();
        pieces.rest().take(100_000).read_to_end(&mut rest).unwrap();
        assert!(rest == blob);
    }
}
