//! Content that passes through something on its way: opened again, watched, counted.

use std::io::{self, Read};

use super::{BlobContent, ContentError, PIECE_LENGTH, RelaySender, sealed};
use crate::digest::{Digest, Hasher};

/// Content that can be opened any number of times.
pub struct Repeatable<C, F> {
    content: C,
    open: F,
}

impl<C: BlobContent, F: FnMut() -> io::Result<C>> Repeatable<C, F> {
    /// Content that is open, and that `open` opens again.
    pub fn new(content: C, open: F) -> Self {
        Self { content, open }
    }
}

impl<C: BlobContent, F> Read for Repeatable<C, F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.content.read(out)
    }
}

impl<C: BlobContent, F: FnMut() -> io::Result<C>> sealed::Sealed for Repeatable<C, F> {}
impl<C: BlobContent, F: FnMut() -> io::Result<C>> BlobContent for Repeatable<C, F> {
    fn digest(&self) -> &Digest {
        self.content.digest()
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn start_over(&mut self) -> bool {
        match (self.open)() {
            Ok(content) if content.digest() == self.content.digest() => {
                self.content = content;
                true
            }
            _ => false,
        }
    }
}

/// Passes content on, and tells how many bytes have passed: those that are read for the first time. What is told may end it with
/// an error.
pub struct Observed<C, F> {
    content: C,
    observe: F,
    position: u64,
    furthest: u64,
}

impl<C: Read, F: FnMut(u64) -> io::Result<()>> Observed<C, F> {
    /// Calls `observe` after each read.
    pub fn new(content: C, observe: F) -> Self {
        Self { content, observe, position: 0, furthest: 0 }
    }
}

impl<C: Read, F: FnMut(u64) -> io::Result<()>> Read for Observed<C, F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(out)?;
        self.position = self.position.saturating_add(read as u64);
        (self.observe)(self.position.saturating_sub(self.furthest))?;
        self.furthest = self.furthest.max(self.position);
        Ok(read)
    }
}

impl<C: BlobContent, F: FnMut(u64) -> io::Result<()>> sealed::Sealed for Observed<C, F> {}
impl<C: BlobContent, F: FnMut(u64) -> io::Result<()>> BlobContent for Observed<C, F> {
    fn digest(&self) -> &Digest {
        self.content.digest()
    }

    fn is_repeatable(&self) -> bool {
        self.content.is_repeatable()
    }

    fn start_over(&mut self) -> bool {
        let can = self.content.start_over();
        if can {
            self.position = 0;
        }
        can
    }
}

/// Passes content on that is to have another digest besides its own: the last bytes come only after that one was found right, too.
pub struct AlsoChecked<C> {
    content: C,
    expected: Digest,
    size: u64,
    /// How many bytes have not come, and the digest of those that have; `None` once it was compared.
    left: u64,
    hasher: Option<Hasher>,
}

impl<C: BlobContent> AlsoChecked<C> {
    /// Checks content of `size` bytes against `expected`.
    pub fn new(content: C, size: u64, expected: &Digest) -> Self {
        let hasher = Some(Hasher::new(expected.algorithm()));
        Self { content, expected: expected.clone(), size, left: size, hasher }
    }
}

impl<C: BlobContent> Read for AlsoChecked<C> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let read = self.content.read(out)?;
        let Some(mut hasher) = self.hasher.take() else { return Ok(read) };
        hasher.update(out.get(..read).unwrap_or_default());
        self.left = self.left.saturating_sub(read as u64);
        if read > 0 && self.left > 0 {
            self.hasher = Some(hasher);
            return Ok(read);
        }
        match hasher.finish() {
            found if found == self.expected => Ok(read),
            found => {
                // What was wrong once stays so.
                self.hasher = Some(Hasher::new(self.expected.algorithm()));
                Err(ContentError::Digest { expected: self.expected.clone(), found }.into_io())
            }
        }
    }
}

impl<C: BlobContent> sealed::Sealed for AlsoChecked<C> {}
impl<C: BlobContent> BlobContent for AlsoChecked<C> {
    fn digest(&self) -> &Digest {
        self.content.digest()
    }

    fn is_repeatable(&self) -> bool {
        self.content.is_repeatable()
    }

    fn start_over(&mut self) -> bool {
        let can = self.content.start_over();
        if can {
            self.left = self.size;
            self.hasher = Some(Hasher::new(self.expected.algorithm()));
        }
        can
    }
}

/// Passes content on, and sends a copy of what is read to another thread, as long as that reads it.
pub struct Copied<C> {
    content: C,
    copy: Option<RelaySender>,
    piece: Vec<u8>,
}

impl<C: BlobContent> Copied<C> {
    /// Sends what is read of `content` to `copy`, and its end only after the content was proven to be right.
    pub fn new(content: C, copy: RelaySender) -> Self {
        Self { content, copy: Some(copy), piece: Vec::new() }
    }
}

impl<C: BlobContent> Read for Copied<C> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = out.len().min(PIECE_LENGTH);
        let out = out.get_mut(..wanted).unwrap_or_default();
        if out.is_empty() {
            return Ok(0);
        }
        let read = self.content.read(out)?;
        if read == 0 {
            self.copy.take().into_iter().for_each(|copy| copy.end());
            return Ok(0);
        }
        self.piece.clear();
        self.piece.extend_from_slice(out.get(..read).unwrap_or_default());
        if self.copy.as_ref().is_some_and(|copy| !copy.send(&mut self.piece)) {
            self.copy = None;
        }
        Ok(read)
    }
}

impl<C: BlobContent> sealed::Sealed for Copied<C> {}
impl<C: BlobContent> BlobContent for Copied<C> {
    fn digest(&self) -> &Digest {
        self.content.digest()
    }
}

/// Passes content on, and keeps the reason if it fails: whoever reads wraps errors in their own, and broken content must not
/// be reported as a broken destination.
pub struct Watched<'c> {
    content: &'c mut dyn BlobContent,
    fault: Option<io::Error>,
}

impl<'c> Watched<'c> {
    /// Watches this content.
    pub fn new(content: &'c mut dyn BlobContent) -> Self {
        Self { content, fault: None }
    }

    /// Notes a failure that reading did not show.
    pub fn fail(&mut self, fault: io::Error) {
        self.fault.get_or_insert(fault);
    }

    /// Whether reading stopped because of the content.
    pub fn has_failed(&self) -> bool {
        self.fault.is_some()
    }

    /// Why reading stopped, if the content was the reason.
    pub fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    /// Why reading stopped, if the content was the reason.
    pub fn into_fault(self) -> Option<io::Error> {
        self.fault
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fault.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.content.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind == io::ErrorKind::Interrupted {
                return error;
            }
            let shown = io::Error::new(kind, error.to_string());
            self.fault = Some(error);
            shown
        })
    }
}

impl sealed::Sealed for Watched<'_> {}
impl BlobContent for Watched<'_> {
    fn digest(&self) -> &Digest {
        self.content.digest()
    }

    fn is_repeatable(&self) -> bool {
        self.content.is_repeatable()
    }

    fn start_over(&mut self) -> bool {
        let can = self.content.start_over();
        if can {
            self.fault = None;
        }
        can
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Checked;
    use crate::digest::DigestAlgorithm;
    use crate::inventory::EntryRecord;

    #[test]
    fn content_with_another_second_digest_is_never_handed_out_whole() {
        for content in [&b""[..], b"short", &[7; 200_000]] {
            let record = EntryRecord::blob(&Digest::sha256(content), content.len() as u64);
            let check = |expected: &Digest| {
                let mut also = AlsoChecked::new(Checked::new(content, &record), record.size, expected);
                let mut given = Vec::new();
                let outcome = also.read_to_end(&mut given);
                (given, outcome.map(drop), also.read(&mut [0; 9]).is_ok_and(|read| read == 0))
            };
            let (given, outcome, is_over) = check(&Digest::of(DigestAlgorithm::Sha512, content));
            assert_eq!((given.as_slice(), is_over), (content, true));
            outcome.unwrap();
            let (given, outcome, is_over) = check(&Digest::of(DigestAlgorithm::Sha512, b"another"));
            assert!(given.len() < content.len().max(1), "{}", given.len());
            assert!(
                !is_over && matches!(ContentError::inside(&outcome.unwrap_err()), Some(ContentError::Digest { .. }))
            );
        }
    }
}
