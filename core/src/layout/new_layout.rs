//! A layout that is made for a delivery, and removed again where the delivery ends too early.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{INDEX_FILE, LAYOUT_CONTENT, LAYOUT_FILE};
use crate::whole_file::{self, NewFolders};

/// Which part of a delivery that ended too early stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leftover {
    /// The blobs that have arrived: the next attempt goes on with them.
    Blobs,
    /// Nothing.
    Nothing,
}

/// The folder of a layout, and what of it is new.
#[derive(Debug)]
pub(super) struct NewLayout {
    path: PathBuf,
    leftover: Leftover,
    /// Whether it stays as it is.
    is_kept: AtomicBool,
    _folders: NewFolders,
}

impl NewLayout {
    /// Makes a layout where the folder is empty or does not exist; leaves it as it is where something is in it.
    pub(super) fn make(path: &Path, leftover: Leftover) -> io::Result<Self> {
        let folders = NewFolders::make(path)?;
        let new = Self { path: path.to_owned(), leftover, is_kept: AtomicBool::new(false), _folders: folders };
        match holds_other_than(path, None)? {
            true => new.keep(),
            false => {
                whole_file::write(&path.join(LAYOUT_FILE), LAYOUT_CONTENT)?;
                whole_file::sync_folder(path)?;
            }
        }
        Ok(new)
    }

    /// From now on it stays.
    pub(super) fn keep(&self) {
        self.is_kept.store(true, Ordering::Release);
    }

    fn remove(&self) -> io::Result<()> {
        if self.leftover == Leftover::Nothing {
            let _ = fs::remove_file(self.path.join(INDEX_FILE));
            let _ = fs::remove_dir_all(self.path.join("blobs"));
        }
        match holds_other_than(&self.path, Some(LAYOUT_FILE))? {
            true => Ok(()),
            false => fs::remove_file(self.path.join(LAYOUT_FILE)),
        }
    }
}

impl Drop for NewLayout {
    fn drop(&mut self) {
        if !self.is_kept.load(Ordering::Acquire) {
            // What cannot be removed stays: the delivery has failed already, and says why.
            let _ = self.remove();
        }
    }
}

/// Whether something else is in a folder. What an interrupted start left behind counts as nothing.
fn holds_other_than(folder: &Path, name: Option<&str>) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let found = entry?.file_name();
        if !whole_file::is_unfinished(&found) && name.is_none_or(|name| found != name) {
            return Ok(true);
        }
    }
    Ok(false)
}
