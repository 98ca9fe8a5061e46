//! The file that an archive is written into until it is complete: `NAME.partial` beside `NAME`.
//!
//! Promise: the archive appears under its name complete, or not at all, and never in the place of another file; what an interrupted
//! attempt has written is kept, and used again by the next attempt once its digest was found right. Only a file that begins as an
//! archive does, and that was begun for one of the same items, is written to.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, RenameFlags};
use sealift_archive_format::compression::Compression;
use sealift_archive_format::content::Checked;
use sealift_archive_format::inventory::EntryRecord;
use sealift_archive_format::{Digest, EntryOffsets, FormatError, Inventory, Problem, Reader, SealedReader};

use crate::export::Prepared;
use crate::free_room::{self, NoRoom};
use crate::remedy::{Remediable, Remedy};
use crate::whole_file;

/// What the name of an unfinished archive ends in.
const ENDING: &str = ".partial";
/// What the name of one ends in whose entries have other places than in the one that is written now.
const EARLIER_ENDING: &str = ".partial.earlier";
/// A block of what a file system says it has used.
const USED_BLOCK: u64 = 512;

/// Why an unfinished archive cannot be begun or taken up.
#[derive(Debug, thiserror::Error)]
pub enum UnfinishedError {
    /// The file cannot be opened, read or written.
    #[error("cannot write {}", .path.display())]
    Access {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// There is a file with the name of the archive.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is a file with the name that an unfinished archive has, and it is something else.
    #[error("{} exists, and is not an unfinished archive", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The unfinished archive is one of other things.
    #[error("{} is an unfinished archive of something else: {}", .path.display(), .items.join(", "))]
    OtherItems {
        /// The file.
        path: PathBuf,
        /// The first references in it.
        items: Vec<String>,
    },
    /// Another process writes it.
    #[error("{} is being written by another export", .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The archive is longer than the room that is left.
    #[error("there is not enough room for the archive")]
    NoRoom(#[from] NoRoom),
}

impl Remediable for UnfinishedError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Access { path, source } => Remedy::of_file(path, source),
            Self::Exists { path } | Self::Foreign { path } => Remedy::ChooseAnotherName { path: path.clone() },
            Self::OtherItems { path, .. } => Remedy::StartAfresh { path: path.clone() },
            Self::InUse { .. } => Remedy::AwaitExport,
            Self::NoRoom(error) => error.remedy(),
        }
    }
}

/// An archive that is not complete yet. Dropped, it leaves its file where it is.
#[derive(Debug)]
pub struct Unfinished {
    file: File,
    path: PathBuf,
    output: PathBuf,
    earlier: Option<Earlier>,
}

/// An unfinished archive whose entries have other places.
#[derive(Debug)]
struct Earlier {
    file: File,
    path: PathBuf,
    /// How many bytes were written, roughly.
    used: u64,
    /// Where the content of each digest begins.
    places: HashMap<Digest, u64>,
}

impl Unfinished {
    /// The name that an archive has until it is complete.
    pub fn path_of(output: &Path) -> PathBuf {
        with_ending(output, ENDING)
    }

    /// Begins the file in which `prepared` is written before it is called `output`, or takes up the one that is there; `afresh`
    /// begins in any case. Checks that there is room.
    ///
    /// # Errors
    /// [`UnfinishedError`]; whatever was there is unchanged.
    pub fn begin(output: &Path, prepared: &Prepared, afresh: bool) -> Result<Self, UnfinishedError> {
        let require_free = || match output.symlink_metadata() {
            Ok(_) => Err(UnfinishedError::Exists { path: output.to_owned() }),
            Err(_) => Ok(()),
        };
        require_free()?;
        let path = Self::path_of(output);
        let mut file = open(&path)?;
        // Again under the lock: another export may just have given its archive that name.
        require_free()?;
        let (seal, inventory) = (&prepared.seal, prepared.seal.inventory());
        let found = FileFound::in_file(&file, &path)?;
        if let FileFound::Archive(found, _) = &found
            && !afresh
        {
            require_same_items(found, inventory, &path)?;
        }
        let moved = with_ending(output, EARLIER_ENDING);
        let mut earlier = Earlier::open(&moved)?;
        let has_moved = matches!(&found, FileFound::Archive(_, layout) if *layout != seal.layout());
        let used = used(&file, &path)?;
        require_room(output, prepared.length(), if has_moved && !afresh { 0 } else { used })?;
        if afresh {
            file.set_len(0).map_err(|source| access(&path, source))?;
            if let Some(earlier) = earlier.take() {
                earlier.remove();
            }
        } else if has_moved && earlier.as_ref().is_some_and(|earlier| earlier.used > used) {
            // What an attempt before the last has left is more.
            file.set_len(0).map_err(|source| access(&path, source))?;
        } else if has_moved {
            drop(earlier);
            fs::rename(&path, &moved).map_err(|source| access(&moved, source))?;
            // The old file and its lock are let go of before it is opened as the earlier one.
            file = open(&path)?;
            earlier = Earlier::open(&moved)?;
        }
        Ok(Self { file, path, output: output.to_owned(), earlier })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether an earlier attempt has left something.
    pub fn is_taken_up(&self) -> bool {
        self.earlier.is_some() || self.file.metadata().is_ok_and(|metadata| metadata.len() > 0)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn access(&self, source: io::Error) -> UnfinishedError {
        access(&self.path, source)
    }

    /// The content of an entry, if an earlier attempt has left it at another place.
    pub(super) fn earlier(&self, record: &EntryRecord) -> Option<Checked<impl Read>> {
        let earlier = self.earlier.as_ref()?;
        let offset = *earlier.places.get(&record.digest)?;
        Some(Checked::new(Section { file: &earlier.file, offset, remaining: record.size }, record))
    }

    /// Makes the file durable and gives it its name, if nothing has it yet.
    pub(super) fn finish(self) -> Result<(), UnfinishedError> {
        let Self { file, path, output, earlier } = self;
        file.sync_all().map_err(|source| access(&path, source))?;
        if !is_at(&file, &path) {
            return Err(UnfinishedError::InUse { path });
        }
        rename_new(&path, &output)?;
        if let Some(earlier) = earlier {
            earlier.remove();
        }
        whole_file::sync_folder(whole_file::folder_of(&output)).map_err(|source| access(&output, source))
    }
}

/// What a file holds.
enum FileFound {
    Nothing,
    /// An archive, or the beginning of one, and where its entries are. Nobody has verified it.
    Archive(Box<Inventory>, EntryOffsets),
}

impl FileFound {
    fn in_file(file: &File, path: &Path) -> Result<Self, UnfinishedError> {
        let length = file.metadata().map_err(|source| access(path, source))?.len();
        if length == 0 {
            return Ok(Self::Nothing);
        }
        let sealed = Reader::open(Section { file, offset: 0, remaining: u64::MAX });
        let plain = |sealed: &SealedReader<_>| sealed.compression() == Compression::None;
        let read = match sealed {
            Ok(sealed) if !plain(&sealed) => return Err(UnfinishedError::Foreign { path: path.to_owned() }),
            sealed => sealed.and_then(|sealed| sealed.read_inventory()),
        };
        match read {
            Ok(reader) => Ok(Self::Archive(Box::new(Inventory::clone(reader.inventory())), reader.layout())),
            Err(FormatError { problem: Problem::NotAnArchive | Problem::Compression(_), .. }) => {
                Err(UnfinishedError::Foreign { path: path.to_owned() })
            }
            Err(FormatError { problem: Problem::Io(source), .. }) => Err(access(path, source)),
            // It begins with a seal, which was not written to its end.
            Err(_) => Ok(Self::Nothing),
        }
    }
}

impl Earlier {
    /// Opens what an attempt before the last has left, if there is something.
    fn open(path: &Path) -> Result<Option<Self>, UnfinishedError> {
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let file = open(path)?;
        match FileFound::in_file(&file, path)? {
            FileFound::Nothing => Ok(None),
            FileFound::Archive(inventory, layout) => {
                let places = inventory.entries.iter().zip(layout.entries.iter().skip(1));
                let places = places.filter(|(record, _)| !record.absent);
                let places = places.map(|(record, place)| (record.digest.clone(), place.content_offset)).collect();
                let used = used(&file, path)?;
                Ok(Some(Self { file, path: path.to_owned(), used, places }))
            }
        }
    }

    /// Removes it. If that fails, it is only in the way of nobody.
    fn remove(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// How many bytes of a file, which may have holes, take room.
fn used(file: &File, path: &Path) -> Result<u64, UnfinishedError> {
    Ok(file.metadata().map_err(|source| access(path, source))?.blocks().saturating_mul(USED_BLOCK))
}

/// Refuses to begin what has no room beside what is used already.
fn require_room(output: &Path, length: u64, used: u64) -> Result<(), UnfinishedError> {
    let folder = whole_file::folder_of(output);
    let shortage = free_room::shortage(folder, [length.saturating_sub(used)]);
    shortage.map_err(|source| access(folder, source))?.map_or(Ok(()), |no_room| Err(no_room.into()))
}

/// Whether a file is still the one with this name.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |held: fs::Metadata, there: fs::Metadata| (held.dev(), held.ino()) == (there.dev(), there.ino());
    file.metadata().is_ok_and(|held| path.symlink_metadata().is_ok_and(|there| same(held, there)))
}

/// Refuses to write over what was begun for other things.
fn require_same_items(found: &Inventory, wanted: &Inventory, path: &Path) -> Result<(), UnfinishedError> {
    let wanted: HashSet<&str> = wanted.items.iter().map(|item| item.reference()).collect();
    if found.items.iter().any(|item| wanted.contains(item.reference())) {
        return Ok(());
    }
    let items = found.items.iter().take(3).map(|item| item.reference().to_owned()).collect();
    Err(UnfinishedError::OtherItems { path: path.to_owned(), items })
}

fn access(path: &Path, source: io::Error) -> UnfinishedError {
    UnfinishedError::Access { path: path.to_owned(), source }
}

fn with_ending(output: &Path, ending: &str) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Opens a regular file for reading and writing, makes it if it is not there, and keeps others from writing it.
fn open(path: &Path) -> Result<File, UnfinishedError> {
    // Without NONBLOCK, opening a pipe would wait for its other end.
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666));
    let file = match opened {
        Ok(handle) => File::from(handle),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::ISDIR | rustix::io::Errno::NXIO) => {
            return Err(UnfinishedError::Foreign { path: path.to_owned() });
        }
        Err(errno) => return Err(access(path, errno.into())),
    };
    let metadata = file.metadata().map_err(|source| access(path, source))?;
    // A file with another name is relied on under that name. Who owns it says nothing: some file systems give every file one owner.
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(UnfinishedError::Foreign { path: path.to_owned() });
    }
    match file.try_lock() {
        // Between opening and locking it may have got its final name.
        Ok(()) if is_at(&file, path) => Ok(file),
        Ok(()) => Err(UnfinishedError::InUse { path: path.to_owned() }),
        Err(fs::TryLockError::WouldBlock) => Err(UnfinishedError::InUse { path: path.to_owned() }),
        Err(fs::TryLockError::Error(source)) => Err(access(path, source)),
    }
}

/// Gives a file another name that nothing has yet.
fn rename_new(path: &Path, output: &Path) -> Result<(), UnfinishedError> {
    let here = rustix::fs::CWD;
    match rustix::fs::renameat_with(here, path, here, output, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(rustix::io::Errno::EXIST) => return Err(UnfinishedError::Exists { path: output.to_owned() }),
        // File systems that know no such renaming know links, or are asked whether the name is free.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
        Err(errno) => return Err(access(output, errno.into())),
    }
    match fs::hard_link(path, output) {
        Ok(()) => fs::remove_file(path).map_err(|source| access(path, source)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(UnfinishedError::Exists { path: output.to_owned() })
        }
        Err(_) if output.symlink_metadata().is_ok() => Err(UnfinishedError::Exists { path: output.to_owned() }),
        Err(_) => fs::rename(path, output).map_err(|source| access(output, source)),
    }
}

/// Some bytes of a file.
struct Section<'f> {
    file: &'f File,
    offset: u64,
    remaining: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(out.len());
        let read = self.file.read_at(out.get_mut(..wanted).unwrap_or_default(), self.offset)?;
        self.offset += read as u64;
        self.remaining -= read as u64;
        Ok(read)
    }
}
