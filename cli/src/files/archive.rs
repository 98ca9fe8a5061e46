//! The archive that a command reads: a file, or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use clap::Args;

use crate::failure::{Attempt as _, Failure, Reason};

/// Which archive.
#[derive(Debug, Clone, Args)]
pub(crate) struct ArchiveArgument {
    /// The archive; - for standard input
    archive: PathBuf,
}

impl ArchiveArgument {
    /// Its name in messages.
    pub(crate) fn name(&self) -> String {
        if self.is_standard_input() {
            "the archive on standard input".to_owned()
        } else {
            self.archive.display().to_string()
        }
    }

    /// The name of its file without folder and ending, for files made beside it.
    pub(crate) fn stem(&self) -> String {
        let stem = if self.is_standard_input() { None } else { self.archive.file_stem() };
        stem.map_or_else(|| "archive".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    fn is_standard_input(&self) -> bool {
        self.archive.as_os_str() == "-"
    }

    /// Opens it, and waits for its first byte: at the other end of a pipe it may not have been made yet, and this
    /// side's clock must be read only after that (see [`Context::now`](crate::context::Context::now)).
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, Failure> {
        let attempt = || format!("cannot read {}", self.name());
        let failed = |source| Reason::File { path: self.archive.clone(), source };
        let mut input: Box<dyn BufRead> = if self.is_standard_input() {
            Box::new(io::stdin().lock())
        } else {
            Box::new(BufReader::new(File::open(&self.archive).map_err(failed).attempt(attempt)?))
        };
        wait(&mut *input).map_err(failed).attempt(attempt)?;
        Ok(Box::new(input))
    }
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
