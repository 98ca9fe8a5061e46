//! Reading the small files that a person names: keys, roots, maps.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::failure::{FilePurpose, Reason};

/// Reads a file of at most `limit` bytes.
pub(crate) fn read_file(path: &Path, purpose: FilePurpose, limit: u64) -> Result<Vec<u8>, Reason> {
    let failed = |source| Reason::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(bytes)
    } else {
        Err(Reason::FileTooLong { path: path.to_owned(), purpose, limit })
    }
}
