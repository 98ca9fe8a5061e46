//! The small files that a command writes: each is complete, or what was there before.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use sealift_core::whole_file;
use serde::Serialize;

use crate::failure::Reason;
use crate::terminal::text;

/// Writes a value as JSON, in place of what was there.
pub(crate) fn replace(path: &Path, value: &impl Serialize) -> Result<(), Reason> {
    let json = text::json(value).map_err(io::Error::other);
    let written = json.and_then(|json| whole_file::replace(path, format!("{json}\n").as_bytes()));
    written.map_err(|source| Reason::File { path: path.to_owned(), source })
}

/// Whether a path can only be that of a folder: it ends with a slash.
pub(crate) fn names_folder(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/")
}
