//! The archive that a command reads: a file, or standard input.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use sealift_archive_format::Digest;

use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::checksum;

/// Which archive.
#[derive(Debug, Clone, Args)]
pub(crate) struct ArchiveArgument {
    /// The archive; - for standard input
    archive: PathBuf,
}

impl ArchiveArgument {
    /// The digest of the file, if it is asked for.
    pub(crate) fn sha256_if(&self, asked: bool) -> Result<Option<Digest>, Failure> {
        let attempt = || format!("cannot state the SHA-256 of {}", self.name());
        match (asked, self.path()) {
            (false, _) => Ok(None),
            (true, Some(path)) => checksum::of_file(path).map(Some).attempt(attempt),
            (true, None) => {
                let why = "--sha256 is for a file: what comes through a pipe is gone once it was read";
                Err(Reason::CommandLine(why.to_owned())).attempt(attempt)
            }
        }
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> String {
        if self.is_standard_input() {
            "the archive on standard input".to_owned()
        } else {
            self.archive.display().to_string()
        }
    }

    /// A path beside it: its name without the ending, and with another one. For standard input, in the current folder.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        let file = self.path().unwrap_or(Path::new("archive"));
        let mut name = file.file_stem().unwrap_or(OsStr::new("archive")).to_owned();
        name.push(ending);
        file.with_file_name(name)
    }

    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        (!self.is_standard_input()).then_some(&*self.archive)
    }

    fn is_standard_input(&self) -> bool {
        self.archive.as_os_str() == "-"
    }

    /// Opens it, and waits for its first byte: at the other end of a pipe it may not have been made yet, and this
    /// side's clock must be read only after that (see [`Context::now`](crate::context::Context::now)).
    pub(crate) fn open(&self) -> Result<ArchiveInput, Failure> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::IsADirectory => Reason::ArchiveIsFolder(self.archive.clone()),
            _ => Reason::File { path: self.archive.clone(), source },
        };
        self.input().map_err(failed).attempt(|| format!("cannot read {}", self.name()))
    }

    fn input(&self) -> io::Result<ArchiveInput> {
        if self.is_standard_input() {
            let mut reader: Box<dyn BufRead> = Box::new(io::stdin().lock());
            wait(&mut *reader)?;
            return Ok(ArchiveInput { reader: Box::new(reader), file: None });
        }
        let file = File::open(&self.archive)?;
        let by_position = if file.metadata()?.is_file() { Some(file.try_clone()?) } else { None };
        let mut reader = BufReader::new(file);
        wait(&mut reader)?;
        Ok(ArchiveInput { reader: Box::new(reader), file: by_position })
    }
}

/// An archive that is open, and whose first byte has arrived.
pub(crate) struct ArchiveInput {
    /// Reads it from its beginning to its end.
    pub(crate) reader: Box<dyn Read>,
    /// The file that it is in, if it is a regular one.
    pub(crate) file: Option<File>,
}

/// Waits for the first byte, or for the end.
fn wait(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome.map(drop),
        }
    }
}
