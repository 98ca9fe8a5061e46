//! Reading the small files that a person names: keys, roots, maps.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::failure::{FilePurpose, Reason};

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_file(path: &Path, purpose: FilePurpose, limit: u64) -> Result<Vec<u8>, Reason> {
    let file = File::open(path).map_err(|source| Reason::File { path: path.to_owned(), source })?;
    read_at_most(file, path, purpose, limit)
}

/// Reads a file of at most `limit` bytes, or standard input where its name is `-`.
pub(crate) fn read_input(path: &Path, purpose: FilePurpose, limit: u64) -> Result<Vec<u8>, Reason> {
    if path.as_os_str() == "-" {
        read_at_most(io::stdin().lock(), path, purpose, limit)
    } else {
        read_file(path, purpose, limit)
    }
}

fn read_at_most(input: impl Read, path: &Path, purpose: FilePurpose, limit: u64) -> Result<Vec<u8>, Reason> {
    let mut bytes = Vec::new();
    let read = input.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|source| Reason::File { path: path.to_owned(), source })?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Reason::FileTooLong { path: path.to_owned(), purpose, limit })
    }
}
