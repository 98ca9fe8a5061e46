//! The SHA-256 of an archive, in a file beside it, as `sha256sum --check` reads it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use sealift_core::whole_file;

use crate::failure::Reason;

/// How much of an archive is hashed at once, in bytes.
const BUFFER_LENGTH: usize = 128 << 10;

/// The file that is beside an archive.
pub(crate) fn beside(archive: &Path) -> PathBuf {
    let mut path = archive.as_os_str().to_owned();
    path.push(".sha256");
    path.into()
}

/// The digest of a whole file, wherever others read in it.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn of_file(file: &File) -> io::Result<Digest> {
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut buffer = vec![0; BUFFER_LENGTH];
    let mut position = 0_u64;
    loop {
        match file.read_at(&mut buffer, position) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => {
                hasher.update(buffer.get(..read).unwrap_or_default());
                position = position.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes the file beside an archive, and returns the digest of the archive.
///
/// # Errors
/// A file cannot be read or written.
pub(crate) fn write(archive: &Path) -> Result<Digest, Reason> {
    let failed = |source| Reason::File { path: archive.to_owned(), source };
    let digest = File::open(archive).and_then(|file| of_file(&file)).map_err(failed)?;
    let path = beside(archive);
    let name = archive.file_name().unwrap_or_default().as_encoded_bytes();
    let written = whole_file::replace(&path, &line(&digest, name));
    written.map_err(|source| Reason::File { path, source })?;
    Ok(digest)
}

/// A line for a file. A name with a backslash or an end of line is written with escapes, and a backslash before the line says so.
fn line(digest: &Digest, name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            other => escaped.push(*other),
        }
    }
    let mark = if escaped == name { "" } else { "\\" };
    [mark.as_bytes(), digest.hex().as_bytes(), b"  ", &escaped, b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_sha256sum_does() {
        let digest = Digest::sha256(b"");
        let line = |name: &[u8]| String::from_utf8_lossy(&line(&digest, name)).replace(digest.hex(), "HEX");
        assert_eq!(line(b"shop.sealift"), "HEX  shop.sealift\n");
        assert_eq!(line(b"a\\b"), "\\HEX  a\\\\b\n");
        assert_eq!(line(b"a\nb"), "\\HEX  a\\nb\n");
    }
}
