//! Tar files that pass once, from their first byte to their last, and are kept nowhere.

use std::collections::HashSet;
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

/// Passes on each file of a tar file, plain or compressed with gzip or zstd, in its order. `path` is what errors call it, and
/// `length` says how long the input is, in bytes. The same limits hold as for a tar file that is opened; links are passed over.
///
/// # Errors
/// [`TarballError`], and what `found` returns.
pub(crate) fn pass<E: From<TarballError>>(
    path: &Path,
    input: impl Read,
    length: u64,
    mut found: impl FnMut(PassingFile<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut input = Unpacking::passing(path, input, length)?;
    let mut names = HashSet::new();
    headers::read_all(path, &mut input, |input, name, entry| {
        if !names.insert(name.clone()) {
            return Err(TarballError::Twice { path: path.to_owned(), name }.into());
        }
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
