//! The archive that a command reads: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
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
    /// What messages call it.
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

    /// Opens it.
    pub(crate) fn open(&self) -> Result<Box<dyn Read>, Failure> {
        if self.is_standard_input() {
            return Ok(Box::new(io::stdin().lock()));
        }
        let failed = |source| Reason::File { path: self.archive.clone(), source };
        let file = File::open(&self.archive).map_err(failed);
        Ok(Box::new(file.attempt(|| format!("cannot read {}", self.name()))?))
    }
}
