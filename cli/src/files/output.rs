//! The small files that a command writes: each is complete, or what was there before.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
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

/// Writes a file that must not exist yet, with these permissions from the start.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Reason> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Reason::FileExists(path.to_owned()),
        _ => Reason::File { path: path.to_owned(), source },
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| {
        // It did not exist before, so what is there is a part of ours.
        let _ = fs::remove_file(path);
        failed(source)
    })
}
