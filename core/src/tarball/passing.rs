//! Tar files that pass once, from their first byte to their last, and are kept nowhere.

use std::io::{self, Read};
use std::path::Path;

use super::TarEntry;
use super::error::TarballError;
use super::headers;
use super::unpacked::{Input, Unpacking};

/// A file in a tar file that passes.
pub(crate) struct PassingFile<'t> {
    /// Its name.
    pub(crate) name: String,
    /// Its content. What is left unread is passed over.
    pub(crate) content: &'t mut dyn Read,
}

/// Passes on each file of a tar file, plain or compressed with gzip or zstd, in its order. `path` is what errors call it, `length` says
/// how long the input is, and `free_expansion` how much may come out of very few bytes, both in bytes. The same limits hold as for a tar
/// file that is opened, but names are not kept: a name may come twice. Links are passed over.
///
/// # Errors
/// [`TarballError`], and what `found` returns.
pub(crate) fn pass<E: From<TarballError>>(
    path: &Path,
    input: impl Read,
    (length, free_expansion): (u64, u64),
    mut found: impl FnMut(PassingFile<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut input = Unpacking::passing(path, input, (length, free_expansion))?;
    headers::read_all(path, &mut input, |input, name, entry| {
        let TarEntry::Content { length, .. } = entry else { return Ok(()) };
        let mut content = PassingContent { input, left: length };
        found(PassingFile { name, content: &mut content })
    })
}

/// The content of a file as it passes.
struct PassingContent<'i, I> {
    input: &'i mut I,
    left: u64,
}

impl<I: Input> Read for PassingContent<'_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let wanted = buffer.get_mut(..wanted).unwrap_or_default();
        self.input.fill(wanted).map_err(io::Error::other)?;
        self.left -= wanted.len() as u64;
        Ok(wanted.len())
    }
}
