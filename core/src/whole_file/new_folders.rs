//! Folders that are made for something new, and removed again where nothing came into them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::create_folder;

/// Folders that were made for something. Those that are still empty at the end are removed.
#[derive(Debug)]
pub(crate) struct NewFolders {
    /// The innermost one first.
    made: Vec<PathBuf>,
}

impl NewFolders {
    /// Makes a folder and its missing parents, durably.
    pub(crate) fn make(path: &Path) -> io::Result<Self> {
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && folder.symlink_metadata().is_err();
        let made = Self { made: path.ancestors().take_while(is_missing).map(Path::to_owned).collect() };
        create_folder(path)?;
        Ok(made)
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        // Only an empty folder can be removed so.
        let _ = self.made.iter().try_for_each(fs::remove_dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_and_is_empty_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("there")).unwrap();
        drop(NewFolders::make(&path("there/new/newer")).unwrap());
        assert!(path("there").is_dir() && !path("there/new").exists());
        let made = NewFolders::make(&path("there/new/newer")).unwrap();
        fs::write(path("there/new/file"), "").unwrap();
        drop(made);
        assert!(path("there/new/file").exists() && !path("there/new/newer").exists());
        drop(NewFolders::make(&path("there")).unwrap());
        assert!(path("there").is_dir());
        fs::write(path("file"), "").unwrap();
        NewFolders::make(&path("file/new")).unwrap_err();
        assert!(path("file").is_file());
    }
}
