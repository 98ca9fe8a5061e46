//! Bytes that cannot be read to the end unless they are the right ones.
//!
//! Promise: the last bytes of a [`BlobContent`] are handed out only after the length and the digest of the whole have
//! been found right. So nobody who passes them on has ever passed on a whole blob that is wrong: an upload of known
//! length stays incomplete, and the registry drops it.

mod passing;
mod relay;

use std::io::{self, Read};

pub use passing::{AlsoChecked, Copied, Observed, Repeatable, Watched};
pub use relay::{PIECE_LENGTH, PieceBudget, ProvenSender, RelayReader, RelaySender, Relayed, relay};

use crate::digest::{Digest, Hasher};
use crate::inventory::EntryRecord;

/// How many bytes are held back until the digest is known. Smaller blobs are held back whole.
const HELD_BACK: u64 = 64 * 1024;

/// Says which content is meant, before it is there.
pub trait Described {
    /// The digest of the content.
    fn digest(&self) -> &Digest;
    /// The length of the content, in bytes.
    fn size(&self) -> u64;
}

impl Described for EntryRecord {
    fn digest(&self) -> &Digest {
        &self.digest
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// A reader that withholds its last bytes until the whole is proven to have this digest. Only this crate implements it, so
/// whoever takes one need not compute the digest again.
pub trait BlobContent: Read + sealed::Sealed {
    /// The digest that the whole content is proven to have once it can be read to its end.
    fn digest(&self) -> &Digest;

    /// Whether it can be read again.
    fn is_repeatable(&self) -> bool {
        false
    }

    /// Goes back to the first byte, from where all of it is read and proven anew. `false` where that cannot be done.
    fn start_over(&mut self) -> bool {
        false
    }
}

pub(crate) mod sealed {
    /// What only this crate can implement.
    pub trait Sealed {}
}

impl<C: sealed::Sealed + ?Sized> sealed::Sealed for &mut C {}
impl<C: sealed::Sealed + ?Sized> sealed::Sealed for Box<C> {}

impl<C: BlobContent + ?Sized> BlobContent for &mut C {
    fn digest(&self) -> &Digest {
        (**self).digest()
    }

    fn is_repeatable(&self) -> bool {
        (**self).is_repeatable()
    }

    fn start_over(&mut self) -> bool {
        (**self).start_over()
    }
}

impl<C: BlobContent + ?Sized> BlobContent for Box<C> {
    fn digest(&self) -> &Digest {
        (**self).digest()
    }

    fn is_repeatable(&self) -> bool {
        (**self).is_repeatable()
    }

    fn start_over(&mut self) -> bool {
        (**self).start_over()
    }
}

/// Why content is not what its descriptor says. Found inside an [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// It ends too early.
    #[error("{digest} ends after {length} of its {size} bytes")]
    Short {
        /// The digest that was expected.
        digest: Digest,
        /// The length that was expected, in bytes.
        size: u64,
        /// The length that was found, in bytes.
        length: u64,
    },
    /// It is too long.
    #[error("{digest} is longer than its {size} bytes")]
    Long {
        /// The digest that was expected.
        digest: Digest,
        /// The length that was expected, in bytes.
        size: u64,
    },
    /// It is different content.
    #[error("expected content with digest {expected}, found digest {found}")]
    Digest {
        /// The digest that was expected.
        expected: Digest,
        /// The digest that was found.
        found: Digest,
    },
}

impl ContentError {
    /// The content error inside an I/O error, if there is one.
    pub fn inside(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

/// Reads content from `R` and checks it against a description as it passes.
pub struct Checked<R> {
    reader: R,
    digest: Digest,
    size: u64,
    /// Bytes taken from the reader.
    taken: u64,
    state: ContentState,
}

enum ContentState {
    /// Bytes are handed out as they come, except for the last ones.
    Passing(Hasher),
    /// Everything is proven; the last bytes are handed out.
    Proven(io::Cursor<Vec<u8>>),
    /// Something was wrong: nothing more is handed out.
    Failed,
}

impl<R: Read> Checked<R> {
    /// Checks what `reader` supplies against a size and a digest.
    pub fn new(reader: R, described: &impl Described) -> Self {
        let state = ContentState::Passing(Hasher::new(described.digest().algorithm()));
        Self { reader, digest: described.digest().clone(), size: described.size(), taken: 0, state }
    }

    /// Reads the rest, proves it all, and returns the bytes held back.
    fn prove(&mut self, mut hasher: Hasher) -> Result<Vec<u8>, io::Error> {
        let mut last = Vec::new();
        let remaining = self.size.saturating_sub(self.taken);
        let read = (&mut self.reader).take(remaining).read_to_end(&mut last)? as u64;
        if read < remaining {
            let (digest, size, length) = (self.digest.clone(), self.size, self.taken + read);
            return Err(ContentError::Short { digest, size, length }.into_io());
        }
        if has_more(&mut self.reader)? {
            return Err(ContentError::Long { digest: self.digest.clone(), size: self.size }.into_io());
        }
        hasher.update(&last);
        let found = hasher.finish();
        if found != self.digest {
            return Err(ContentError::Digest { expected: self.digest.clone(), found }.into_io());
        }
        Ok(last)
    }
}

/// Whether a reader has another byte.
fn has_more(reader: &mut impl Read) -> io::Result<bool> {
    loop {
        match reader.read(&mut [0; 1]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return Ok(outcome? > 0),
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.state {
                ContentState::Failed => return Err(io::Error::other("this content was already found to be wrong")),
                ContentState::Proven(last) => return last.read(buffer),
                ContentState::Passing(hasher) => {
                    let passable = self.size.saturating_sub(self.taken).saturating_sub(HELD_BACK);
                    let wanted = usize::try_from(passable).unwrap_or(usize::MAX).min(buffer.len());
                    if buffer.is_empty() {
                        return Ok(0);
                    }
                    if wanted > 0 {
                        let piece = buffer.get_mut(..wanted).unwrap_or_default();
                        let read = self.reader.read(piece)?;
                        if read > 0 {
                            hasher.update(piece.get(..read).unwrap_or_default());
                            self.taken += read as u64;
                            return Ok(read);
                        }
                    }
                }
            }
            if let ContentState::Passing(hasher) = std::mem::replace(&mut self.state, ContentState::Failed) {
                self.state = ContentState::Proven(io::Cursor::new(self.prove(hasher)?));
            }
        }
    }
}

impl<R: Read> sealed::Sealed for Checked<R> {}
impl<R: Read> BlobContent for Checked<R> {
    fn digest(&self) -> &Digest {
        &self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry_name::EntryName;

    fn described(content: &[u8]) -> EntryRecord {
        EntryRecord::of(EntryName::blob(&Digest::sha256(content)), content)
    }

    /// Reads all there is; returns the bytes given out, and the error at their end.
    fn drain(content: &[u8], descriptor: &EntryRecord) -> (Vec<u8>, Option<ContentError>) {
        let mut given = Vec::new();
        let mut checked = Checked::new(content, descriptor);
        let error = checked.read_to_end(&mut given).err();
        if error.is_some() {
            assert!(checked.read(&mut [0; 8]).is_err(), "after an error there is no way on");
        }
        (given, error.map(|error| ContentError::inside(&error).unwrap().clone()))
    }

    fn blob(length: usize) -> Vec<u8> {
        (0..=250).cycle().take(length).collect()
    }

    #[test]
    fn right_content_passes_at_every_size() {
        let around = usize::try_from(HELD_BACK).unwrap();
        for length in [0, 1, around - 1, around, around + 1, 3 * around + 7] {
            let content = blob(length);
            assert_eq!(drain(&content, &described(&content)), (content, None), "{length}");
        }
    }

    #[test]
    fn the_last_bytes_of_wrong_content_are_never_given_out() {
        let content = blob(300_000);
        let descriptor = described(&content);
        let mut flipped = content.clone();
        flipped[0] ^= 1;
        let (given, error) = drain(&flipped, &descriptor);
        assert!(matches!(error, Some(ContentError::Digest { .. })));
        assert_eq!(given.len() as u64, 300_000 - HELD_BACK);
        let (given, error) = drain(&flipped[..100], &described(&content[..100]));
        assert!(matches!(error, Some(ContentError::Digest { .. })));
        assert!(given.is_empty());
    }

    #[test]
    fn content_of_another_length_is_refused_at_that_length() {
        let content = blob(300_000);
        let descriptor = described(&content);
        let (given, error) = drain(&content[..299_999], &descriptor);
        assert!(matches!(error, Some(ContentError::Short { length: 299_999, .. })));
        assert!(given.len() < 299_999);
        let longer = [content, vec![0; 1_000_000]].concat();
        let mut reader = longer.as_slice();
        let error = io::copy(&mut Checked::new(&mut reader, &descriptor), &mut io::sink()).unwrap_err();
        assert!(matches!(ContentError::inside(&error), Some(ContentError::Long { .. })));
        assert_eq!(reader.len(), 999_999, "one byte more than expected is read, and no further one");
    }

    #[test]
    fn content_that_is_read_again_is_proven_again() {
        let (right, wrong) = (blob(300_000), blob(300_001));
        let record = described(&right);
        let mut opened = 0;
        let mut open = || {
            opened += 1;
            Checked::new(if opened == 3 { &wrong[..] } else { &right[..] }, &record)
        };
        let mut told = 0;
        let first = open();
        let mut content = Observed::new(Repeatable::new(first, || Ok(open())), |bytes| {
            told += bytes;
            Ok(())
        });
        io::copy(&mut (&mut content).take(100_000), &mut io::sink()).unwrap();
        assert!(content.is_repeatable() && content.start_over());
        let mut read = Vec::new();
        content.read_to_end(&mut read).unwrap();
        assert!(read == right);
        assert!(content.start_over());
        assert!(io::copy(&mut content, &mut io::sink()).is_err());
        drop(content);
        assert_eq!(told, 300_000, "what is read again is not told again");
        assert!(!Checked::new(&right[..], &record).start_over());
    }
}
