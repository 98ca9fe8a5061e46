//! The bytes of a tar file on their way out.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use flate2::write::GzEncoder;

/// The length of a header, and what the length of content is rounded up to, in bytes.
const BLOCK: u64 = 512;

/// Where the bytes of the file go.
pub(super) enum TarOutput {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Write for TarOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(bytes),
            Self::Gzip(output) => output.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Gzip(output) => output.flush(),
        }
    }
}

impl TarOutput {
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut output) => output.flush(),
            Self::Gzip(output) => output.finish()?.flush(),
        }
    }
}

/// A header that says nothing about who wrote the file, and when.
pub(super) fn header(kind: tar::EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// How long an entry with so much content is, in bytes: a header, and whole blocks.
pub(super) fn entry_length(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK).and_then(|content| content.checked_add(BLOCK)).unwrap_or(u64::MAX)
}
