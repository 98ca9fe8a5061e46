//! Records the files of the working directory as in-toto artifacts: relative name and SHA-256.
//!
//! Every regular file is recorded, whatever it is called. A link counts as the file that it points to, as in the
//! reference, if that is in the working directory. A dangling link is not an artifact, and one that points outside is
//! an error. The directory is read after everything in it has stopped running, so nothing changes meanwhile.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use sealift_archive_format::digest::{DigestAlgorithm, Hasher};

use super::protocol::{Record, Reply};

/// How deep directories may nest.
const MAXIMUM_DEPTH: usize = 64;

/// Why a directory cannot be recorded.
#[derive(Debug)]
pub(super) struct Unrecordable {
    name: String,
    problem: String,
}

impl From<Unrecordable> for Reply {
    fn from(Unrecordable { name, problem }: Unrecordable) -> Self {
        Self::Unrecordable { name, problem }
    }
}

impl Unrecordable {
    fn new(name: &Path, problem: impl std::fmt::Display) -> Self {
        let name = name.to_string_lossy().chars().take(400).collect();
        Self { name, problem: problem.to_string() }
    }
}

/// Records all files below `folder`. Errors name what cannot be recorded.
pub(super) fn record(folder: &Path) -> Result<Record, Unrecordable> {
    let root = rustix::fs::openat(CWD, folder, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| Unrecordable::new(folder, error))?;
    let mut files = BTreeMap::new();
    // Several names for one file, through hard or symbolic links, are hashed once.
    let mut hashes: BTreeMap<u64, String> = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        if directory.components().count() > MAXIMUM_DEPTH {
            return Err(Unrecordable::new(&directory, format_args!("nested deeper than {MAXIMUM_DEPTH} levels")));
        }
        let cannot_read = |error| Unrecordable::new(&directory, error);
        for entry in fs::read_dir(folder.join(&directory)).map_err(cannot_read)? {
            let entry = entry.map_err(cannot_read)?;
            let path = directory.join(entry.file_name());
            let kind = entry.file_type().map_err(|error| Unrecordable::new(&path, error))?;
            if kind.is_dir() {
                waiting.push(path);
            } else if (kind.is_file() || kind.is_symlink())
                && let Some(file) = open(&root, &path)?
            {
                let name = path.to_str().ok_or_else(|| Unrecordable::new(&path, "its name is not UTF-8"))?;
                let sha256 = hash(file, &mut hashes).map_err(|error| Unrecordable::new(&path, error))?;
                files.insert(name.to_owned(), sha256);
            }
        }
    }
    Ok(files.into_iter().collect())
}

/// Opens a regular file within the working directory; `None` for anything else.
fn open(root: &impl std::os::fd::AsFd, path: &Path) -> Result<Option<File>, Unrecordable> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
        Ok(file) => {
            let file = File::from(file);
            let is_file = file.metadata().map_err(|error| Unrecordable::new(path, error))?.is_file();
            Ok(is_file.then_some(file))
        }
        // A link that is dangling, or points to itself or to a socket.
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::NOTDIR) => Ok(None),
        Err(Errno::XDEV) => Err(Unrecordable::new(path, "a link that points out of the working directory")),
        Err(error) => Err(Unrecordable::new(path, error)),
    }
}

fn hash(mut file: File, known: &mut BTreeMap<u64, String>) -> std::io::Result<String> {
    let inode = file.metadata()?.ino();
    if let Some(hash) = known.get(&inode) {
        return Ok(hash.clone());
    }
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut buffer = [0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(buffer.get(..read).unwrap_or_default()),
        }
    }
    let hash = hasher.finish().hex().to_owned();
    known.insert(inode, hash.clone());
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/file"), "").unwrap();
        folder
    }

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn files_and_links_to_files_are_recorded_by_relative_name() {
        let folder = folder();
        symlink("sub/file", folder.path().join("link")).unwrap();
        symlink("nothing", folder.path().join("dangling")).unwrap();
        symlink("round", folder.path().join("round")).unwrap();
        symlink("sub", folder.path().join("to-directory")).unwrap();
        let expected = ["link", "sub/file"].map(|name| (name.to_owned(), EMPTY.to_owned()));
        assert_eq!(record(folder.path()).unwrap(), expected);
    }

    #[test]
    fn a_link_that_leads_out_is_refused() {
        for target in ["/etc/hostname", "../outside", "sub/../../outside", "/proc/self/exe"] {
            let folder = folder();
            symlink(target, folder.path().join("link")).unwrap();
            let refused = record(folder.path()).unwrap_err();
            assert!(refused.problem.contains("points out"), "{target}: {refused:?}");
        }
    }

    #[test]
    fn names_must_be_utf_8_and_directories_not_too_deep() {
        use std::os::unix::ffi::OsStrExt as _;
        let directory = folder();
        fs::write(directory.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        assert!(record(directory.path()).unwrap_err().problem.contains("UTF-8"));
        let directory = folder();
        fs::create_dir_all(directory.path().join("d/".repeat(MAXIMUM_DEPTH + 1))).unwrap();
        assert!(record(directory.path()).unwrap_err().problem.contains("deeper"));
    }
}
