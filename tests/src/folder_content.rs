//! All files below a folder, to compare what was there before with what is there after.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The files below `folder`, by their paths relative to it. None where there is no such folder.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if !folder.exists() {
        return BTreeMap::new();
    }
    let files = WalkDir::new(folder).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let read = |entry: walkdir::DirEntry| {
        let name = entry.path().strip_prefix(folder).unwrap().to_owned();
        (name, std::fs::read(entry.path()).unwrap())
    };
    files.map(read).collect()
}
