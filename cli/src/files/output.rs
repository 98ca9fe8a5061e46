//! Files that a command makes: complete, or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::Reason;
use crate::terminal::text;

/// A file that gets its name only when it is complete.
pub(crate) struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Begins a file that will be called `path`, in the same folder.
    pub(crate) fn begin(path: &Path) -> Result<Self, Reason> {
        let failed = |source| Reason::File { path: path.to_owned(), source };
        let folder = folder_of(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // The permissions are narrowed by the umask, as for any new file.
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Where to write.
    pub(crate) fn writer(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives the file its name, in place of whatever has it.
    pub(crate) fn finish(self) -> Result<(), Reason> {
        let Self { file, path } = self;
        let attempt = || {
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            File::open(folder_of(&path))?.sync_all()
        };
        attempt().map_err(|source| Reason::File { path: path.clone(), source })
    }
}

/// Writes a value as JSON, in place of what was there.
pub(crate) fn replace(path: &Path, value: &impl Serialize) -> Result<(), Reason> {
    let failed = |source| Reason::File { path: path.to_owned(), source };
    let json = text::json(value).map_err(|error| failed(io::Error::other(error)))?;
    let mut file = NewFile::begin(path)?;
    writeln!(file.writer(), "{json}").map_err(failed)?;
    file.finish()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
