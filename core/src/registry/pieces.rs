//! A blob's content on its way, of which the latest part is held in memory, so that it can be sent again.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use sealift_archive_format::content::Watched;

use super::memory::{HeldBytes, UploadMemory};
use crate::http::Replay;
use crate::oci::Descriptor;
use crate::transfer::{BlobContent, ContentError};

/// Reads a blob's content piece by piece. All positions are in the blob, in bytes.
pub(super) struct Pieces<'c> {
    /// Its failure would be reported by the HTTP client as one of the connection.
    content: Watched<'c>,
    /// Where the current piece ends.
    end: u64,
    /// Where sending begins: what is before has arrived.
    from: u64,
    /// Where reading is.
    position: u64,
    /// What was read last from the content, up to `capacity` bytes.
    held: HeldBytes<'c>,
    capacity: usize,
    /// How long the content was waited for at once, at most, since the last request began.
    longest_pause: Duration,
    /// The same, before the last request began.
    pause_before: Duration,
}

impl<'c> Pieces<'c> {
    /// Nothing of the content yet.
    pub(super) fn of(content: &'c mut dyn BlobContent, memory: &'c UploadMemory) -> Self {
        let (content, held) = (Watched::new(content), HeldBytes::in_memory(memory));
        let (longest_pause, pause_before) = (Duration::ZERO, Duration::ZERO);
        Self { content, end: 0, from: 0, position: 0, held, capacity: 0, longest_pause, pause_before }
    }

    /// Goes on to the next piece, which has this length, and of which the last `capacity` bytes that were read are held. The one
    /// before has arrived.
    pub(super) fn next(&mut self, length: u64, capacity: usize) {
        (self.from, self.position) = (self.end, self.end);
        self.end = self.end.saturating_add(length);
        // A piece that was shortened may have been read beyond its end.
        let done = usize::try_from(self.from.saturating_sub(self.held.from())).unwrap_or(usize::MAX);
        if done >= self.held.length() {
            self.held.begin_at(self.from);
        }
        self.held.drop_first(done);
        self.capacity = capacity.max(self.held.length());
    }

    /// Reads as much of the piece as can be held: before a request, so that no server waits while the content is waited for.
    ///
    /// # Errors
    /// The kind of the content's failure, which [`Pieces::failure`] has.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        while self.held.end() < self.end && self.held.length() < self.capacity {
            let wanted = usize::try_from(self.end.saturating_sub(self.held.end())).unwrap_or(usize::MAX);
            let wanted = wanted.min(self.capacity.saturating_sub(self.held.length()));
            match self.read_and_hold(wanted) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => drop(read?),
            }
        }
        self.pause_before = std::mem::replace(&mut self.longest_pause, Duration::ZERO);
        Ok(())
    }

    /// How long the content was waited for at once, at most, before the last request began.
    pub(super) fn pause_before(&self) -> Duration {
        self.pause_before
    }

    /// How long the content was waited for at once, at most, while the last request was under way.
    pub(super) fn longest_pause(&self) -> Duration {
        self.longest_pause
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
        let is_held = (self.held.from()..=self.held.end()).contains(&total);
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
        (self.position, self.longest_pause) = (self.from, Duration::ZERO);
        Rest(self)
    }

    /// The failure of the content, if it failed.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        self.content.take_fault()
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

    /// Notes how long a read of the content took, and that it must not have been its end.
    fn noted(&mut self, begun: Instant, read: io::Result<usize>) -> io::Result<usize> {
        self.longest_pause = self.longest_pause.max(begun.elapsed());
        match read {
            Ok(0) => {
                self.content.fail(io::ErrorKind::UnexpectedEof.into());
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            read => read,
        }
    }

    /// Reads from the content, at most so many bytes, and holds them behind the others.
    fn read_and_hold(&mut self, most: usize) -> io::Result<usize> {
        let begun = Instant::now();
        let read = self.held.read_from(&mut self.content, most);
        self.noted(begun, read)
    }

    /// Reads what is held, from the current position.
    fn read_held(&mut self, buffer: &mut [u8]) -> usize {
        let mut held = self.held.at(self.position);
        let read = held.read(buffer).unwrap_or(0);
        self.position = self.position.saturating_add(read as u64);
        read
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.read_held(buffer);
        if read > 0 || wanted == 0 {
            return Ok(read);
        }
        self.read_and_hold(wanted)?;
        let read = self.read_held(buffer);
        // What was read longest ago gives way.
        self.held.drop_first(self.held.length().saturating_sub(self.capacity));
        Ok(read)
    }
}

impl Replay for Pieces<'_> {
    fn rewind(&mut self) {
        self.position = self.from;
    }

    fn is_intact(&self) -> bool {
        !self.content.has_failed() && self.from >= self.held.from()
    }
}

/// See [`Pieces::rest`].
struct Rest<'p, 'c>(&'p mut Pieces<'c>);

impl Read for Rest<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read_held(buffer) {
            0 if !buffer.is_empty() => {
                let begun = Instant::now();
                let read = self.0.content.read(buffer);
                self.0.noted(begun, read)
            }
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
        let memory = UploadMemory::default();
        let mut pieces = Pieces::of(&mut content, &memory);
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
        let memory = UploadMemory::default();
        let mut pieces = Pieces::of(&mut content, &memory);
        pieces.next(10_000, 10_000);
        io::copy(&mut (&mut pieces).take(5000), &mut io::sink()).unwrap();
        let mut rest = Vec::new();
        pieces.rest().take(100_000).read_to_end(&mut rest).unwrap();
        assert!(rest == blob);
    }
}
