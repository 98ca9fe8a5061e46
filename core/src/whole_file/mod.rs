//! Files that appear complete: even after a power cut, a reader finds either the old file or the whole new one.

mod new_folders;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use tempfile::{NamedTempFile, TempDir};

pub(crate) use new_folders::NewFolders;

/// The prefix of unfinished files' names.
const UNFINISHED: &str = ".sealift-";
/// Where the kernel shows the open files of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Whether a file with this name was begun but not placed.
pub(crate) fn is_unfinished(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

/// Begins a file in `folder` that does not have its own name yet; [`place`] gives it one. As long as it is open it is locked, so
/// that [`remove_abandoned`] leaves it.
pub(crate) fn begin(folder: &Path) -> io::Result<NamedTempFile> {
    loop {
        // Others may read what is delivered; the umask narrows this, as for any new file. An error of `tempfile_in` would name
        // the unfinished file, which says nothing to anybody: whoever reports it names the file that was to be.
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o644);
        let file = tempfile::Builder::new().prefix(UNFINISHED).make_in(folder, |path| options.open(path))?;
        // Where there are no locks, nothing is removed either. Somebody else holds the lock only to remove the file.
        if file.as_file().lock().is_err() || file.as_file().metadata()?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Removes the files in `folder` that were begun by somebody who was stopped before they were placed.
pub(crate) fn remove_abandoned(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !is_unfinished(&entry.file_name()) || !entry.file_type()?.is_file() {
            continue;
        }
        // What cannot be opened, locked or removed is left: it is only in the way of nobody.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            // The lock is held until it is gone.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Shows that files can be made in a folder.
///
/// # Errors
/// The operating system's error.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    begin(folder).map(drop)
}

/// Makes the content of a file durable, and then gives it its name, replacing what had that name. The name is durable
/// once [`sync_folder`] has returned.
pub(crate) fn place(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// A file that is to be new. Where the file system has files without a name, it has none until it is placed: nothing is left of it
/// if the process ends before that. Elsewhere it is one that [`remove_abandoned`] finds.
pub(crate) enum PendingFile {
    Nameless(File),
    Named(NamedTempFile),
}

impl PendingFile {
    /// Begins a file in `folder`.
    pub(crate) fn begin(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(folder_or_here(folder), flags, Mode::from_raw_mode(0o644)) {
            // Such a file gets its name through its descriptor.
            Ok(file) if Path::new(DESCRIPTORS).is_dir() => Ok(Self::Nameless(file.into())),
            _ => begin(folder).map(Self::Named),
        }
    }

    pub(crate) fn as_file(&self) -> &File {
        match self {
            Self::Nameless(file) => file,
            Self::Named(file) => file.as_file(),
        }
    }

    /// Makes its content durable, and then gives it its name, which is durable too. Nothing that has that name is replaced.
    pub(crate) fn place(self, path: &Path) -> io::Result<()> {
        self.as_file().sync_all()?;
        match self {
            Self::Nameless(file) => {
                let descriptor = format!("{DESCRIPTORS}/{}", file.as_raw_fd());
                rustix::fs::linkat(CWD, descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
            }
            Self::Named(file) => drop(file.persist_noclobber(path).map_err(|error| error.error)?),
        }
        sync_folder(folder_of(path))
    }
}

impl io::Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.as_file().flush()
    }
}

/// Unfinished files of any number, in a folder of their own: none of them is held open. As long as this exists the folder is locked, and
/// it is removed with all that is left in it: at the end, or by the next who begins one beside it.
pub(crate) struct UnfinishedFolder {
    handle: OwnedFd,
    folder: TempDir,
}

impl UnfinishedFolder {
    /// Begins one in `parent`. What others left there who were stopped is removed.
    pub(crate) fn begin(parent: &Path) -> io::Result<Self> {
        let parent = folder_or_here(parent);
        remove_abandoned_folders(parent)?;
        loop {
            // The error of `tempdir_in` would name what nobody knows.
            let made = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(parent);
            let folder = made.map_err(|error| io::Error::from(error.kind()))?;
            let handle = match open_folder(CWD, folder.path()) {
                Err(Errno::NOENT) => continue,
                handle => handle?,
            };
            // Where there are no locks, nothing is removed either. Somebody else holds the lock only to remove the folder.
            let locked = rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive);
            if locked != Err(Errno::WOULDBLOCK) && folder.path().is_dir() {
                return Ok(Self { handle, folder });
            }
        }
    }

    /// Begins a file in it, in the place of one that was begun under this name.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.handle, name, flags, Mode::from_raw_mode(0o644))?.into())
    }

    /// Opens a file in it; `None` if there is none of this name.
    pub(crate) fn open(&self, name: &str) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => Ok(None),
            file => Ok(Some(file?.into())),
        }
    }

    /// Gives a file of it, which is durable, its name in an open folder. That is durable, too.
    pub(crate) fn place(&self, name: &str, folder: &OwnedFd, as_name: &str, there: Existing) -> io::Result<()> {
        match there {
            Existing::Replaced => rustix::fs::renameat(&self.handle, name, folder, as_name)?,
            Existing::Kept => {
                match rustix::fs::renameat_with(&self.handle, name, folder, as_name, RenameFlags::NOREPLACE) {
                    // Not every file system can do that. A link replaces nothing either.
                    Err(Errno::INVAL | Errno::NOSYS) => {
                        rustix::fs::linkat(&self.handle, name, folder, as_name, AtFlags::empty())?;
                        rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?;
                    }
                    placed => placed?,
                }
            }
        }
        Ok(rustix::fs::fsync(folder)?)
    }
}

impl std::fmt::Debug for UnfinishedFolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UnfinishedFolder").field(&self.folder.path()).finish()
    }
}

/// What becomes of a file that already has the name that another one is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is replaced.
    Replaced,
    /// It stays, and that is an error.
    Kept,
}

fn open_folder(parent: impl std::os::fd::AsFd, name: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Opens a folder below an open one, part by part: a part that is a symbolic link is an error, whenever it became one. Missing folders
/// are made durably if `makes` says so; otherwise the answer is `None`.
pub(crate) fn folder_below<'p>(
    root: &OwnedFd,
    parts: impl Iterator<Item = &'p str>,
    makes: bool,
) -> io::Result<Option<OwnedFd>> {
    let mut folder = root.try_clone()?;
    for part in parts {
        let inside = match open_folder(&folder, part) {
            Err(Errno::NOENT) if makes => {
                match rustix::fs::mkdirat(&folder, part, Mode::from_raw_mode(0o777)) {
                    Err(Errno::EXIST) => {}
                    made => made?,
                }
                rustix::fs::fsync(&folder)?;
                open_folder(&folder, part)
            }
            inside => inside,
        };
        folder = match inside {
            Err(Errno::NOENT) if !makes => return Ok(None),
            Err(Errno::LOOP | Errno::MLINK | Errno::NOTDIR) => return Err(io::ErrorKind::NotADirectory.into()),
            inside => inside?,
        };
    }
    Ok(Some(folder))
}

/// Removes the folders of unfinished files in `parent` whose makers were stopped.
fn remove_abandoned_folders(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !is_unfinished(&entry.file_name()) || !entry.file_type()?.is_dir() {
            continue;
        }
        // What cannot be opened, locked or removed is left: it is only in the way of nobody.
        if let Ok(folder) = open_folder(CWD, entry.path())
            && rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            // The lock is held until it is gone.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// Writes a file in the place of whatever has its name, in a folder that is created if necessary, and makes it durable. What an
/// interrupted attempt began in that folder is removed.
///
/// # Errors
/// The operating system's error.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content)?;
    remove_abandoned(folder_of(path))?;
    sync_folder(folder_of(path))
}

/// Begins, writes and places a file, in a folder that is created if necessary.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    create_folder(folder)?;
    let file = begin(folder)?;
    file.as_file().write_all(content)?;
    place(file, path)
}

/// Begins and writes a file of what a reader supplies, in a folder that is created if necessary. [`place`] gives it its name.
pub(crate) fn begin_copy(path: &Path, content: &mut impl io::Read) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new(""));
    create_folder(folder)?;
    let mut file = begin(folder)?;
    io::copy(content, &mut file)?;
    Ok(file)
}

/// Makes a folder and its missing parents, durably.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    // The parent of a relative path of one part is the empty path.
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    create_folder(parent)?;
    match fs::create_dir(path) {
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(parent),
    }
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_or_here(path))?.sync_all()
}

/// The parent of a path of one part is the empty path, which no call of the system takes.
fn folder_or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_new_file_appears_complete_and_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let begin: [fn(&Path) -> PendingFile; 2] =
            [|folder| PendingFile::begin(folder).unwrap(), |folder| PendingFile::Named(begin(folder).unwrap())];
        for begin in begin {
            let file = begin(folder.path());
            file.as_file().write_all(b"content").unwrap();
            assert!(!path.exists());
            file.place(&path).unwrap();
            assert_eq!(
                (fs::read(&path).unwrap().as_slice(), names(folder.path())),
                (&b"content"[..], vec!["new".to_owned()])
            );
            let refused = begin(folder.path()).place(&path).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(
                (fs::read(&path).unwrap().as_slice(), names(folder.path())),
                (&b"content"[..], vec!["new".to_owned()])
            );
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn an_error_does_not_name_the_unfinished_file() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("absent"), "/proc/self".into()] {
            let said = begin(&path).unwrap_err().to_string();
            assert!(said.contains("os error") && !said.contains(UNFINISHED), "{said}");
        }
    }

    #[test]
    fn a_folder_of_unfinished_files_is_removed_only_when_its_maker_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join(".sealift-left")).unwrap();
        fs::write(parent.path().join(".sealift-left/file"), b"left").unwrap();
        let first = UnfinishedFolder::begin(parent.path()).unwrap();
        first.create("file").unwrap().write_all(b"content").unwrap();
        assert_eq!(names(parent.path()), [first.folder.path().file_name().unwrap().to_str().unwrap()]);
        let second = UnfinishedFolder::begin(parent.path()).unwrap();
        assert!(first.open("file").unwrap().is_some() && second.open("file").unwrap().is_none());
        drop((first, second));
        assert_eq!(names(parent.path()), Vec::<String>::new());
    }

    #[test]
    fn an_unfinished_file_replaces_another_only_if_it_may() {
        let parent = tempfile::tempdir().unwrap();
        let unfinished = UnfinishedFolder::begin(parent.path()).unwrap();
        let root: OwnedFd = File::open(parent.path()).unwrap().into();
        let folder = folder_below(&root, ["a", "b"].into_iter(), true).unwrap().unwrap();
        for (content, there, is_placed) in
            [("first", Existing::Kept, true), ("second", Existing::Kept, false), ("third", Existing::Replaced, true)]
        {
            unfinished.create("file").unwrap().write_all(content.as_bytes()).unwrap();
            assert_eq!(unfinished.place("file", &folder, "file", there).is_ok(), is_placed, "{content}");
            assert_eq!(fs::read_to_string(parent.path().join("a/b/file")).unwrap() == content, is_placed);
        }
        assert!(folder_below(&root, ["a", "c"].into_iter(), false).unwrap().is_none());
        std::os::unix::fs::symlink("a", parent.path().join("link")).unwrap();
        for makes in [true, false] {
            let refused = folder_below(&root, ["link", "b"].into_iter(), makes).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
        }
    }

    #[test]
    fn nothing_is_left_of_a_nameless_file_that_is_not_placed() {
        let folder = tempfile::tempdir().unwrap();
        // Not every file system has such files.
        if let PendingFile::Nameless(mut file) = PendingFile::begin(folder.path()).unwrap() {
            file.write_all(b"content").unwrap();
            assert_eq!(names(folder.path()), Vec::<String>::new(), "also while it is written");
        }
    }
}
