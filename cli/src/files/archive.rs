//! The archive that a command reads: a file, standard input, or volumes that it is cut into.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sealift_archive_format::volume::{OpenVolumes, PositionedVolumes, Repairs, VolumeReader, VolumeSection};
use sealift_archive_format::{Digest, PositionedInput};
use sealift_core::report::{Warning, WarningReport};
use sealift_core::volume_set::{FoundVolumes, damage_warnings};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::checksum;
use crate::files::drive::DriveArguments;

/// Which archive.
#[derive(Debug, Clone, Args)]
pub(crate) struct ArchiveArgument {
    /// The archive; - for standard input; a folder of volumes, one of them, or all of them
    #[arg(required_unless_present = "from_drive", conflicts_with = "from_drive")]
    archive: Vec<PathBuf>,

    #[command(flatten)]
    drive: DriveArguments,
}

impl ArchiveArgument {
    /// The archive that one path means.
    pub(crate) fn named(path: &Path) -> Self {
        Self { archive: vec![path.to_owned()], drive: DriveArguments::default() }
    }

    /// The archive that one path means, or the volumes from a drive.
    pub(crate) fn of(path: Option<&Path>, drive: &DriveArguments) -> Self {
        Self { archive: path.map(Path::to_owned).into_iter().collect(), drive: drive.clone() }
    }

    /// Whether it is volumes from a drive.
    pub(crate) fn is_on_drive(&self) -> bool {
        self.drive.drive().is_some()
    }

    /// Its name in messages.
    pub(crate) fn name(&self) -> String {
        if self.is_standard_input() {
            return "the archive on standard input".to_owned();
        }
        if let Some(drive) = self.drive.drive() {
            return format!("the volumes in {}", drive.display());
        }
        match self.archive.len() {
            0 | 1 => self.first().display().to_string(),
            files => format!("{} and {} more", self.first().display(), files - 1),
        }
    }

    fn first(&self) -> &Path {
        self.archive.first().map(PathBuf::as_path).or(self.drive.drive()).unwrap_or(Path::new(""))
    }

    /// The name for what is made of it: its own without the ending, or `archive` if it is not a regular file with a name of its own.
    pub(crate) fn stem<'a>(&'a self, input: &'a ArchiveInput) -> &'a OsStr {
        let path = match &input.source {
            InputSource::Stream => None,
            InputSource::File(_) => self.path().filter(|path| !names_something_open(path)).and_then(Path::file_stem),
            InputSource::Volumes(volumes) => volumes.prefix.file_name(),
        };
        path.unwrap_or(OsStr::new("archive"))
    }

    /// The file or folder, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        (!self.is_standard_input()).then_some(self.first())
    }

    fn is_standard_input(&self) -> bool {
        self.first().as_os_str() == "-"
    }

    /// Opens it, and waits for its first byte: at the other end of a pipe it may not have been made yet, and this
    /// side's clock must be read only after that (see [`Context::now`](crate::context::Context::now)).
    pub(crate) fn open(&self, context: &Context) -> Result<ArchiveInput, Failure> {
        match self.drive.drive() {
            None => self.open_files(),
            Some(drive) => {
                let found = self.drive.read(drive, context).map(ArchiveInput::of_volumes);
                found.attempt(|| format!("cannot read {}", self.name()))
            }
        }
    }

    /// Its volumes, if it is in volumes.
    pub(crate) fn volumes(&self, context: &Context) -> Result<Option<FoundVolumes>, Reason> {
        match self.drive.drive() {
            None => Ok(FoundVolumes::open(&self.archive)?),
            Some(drive) => self.drive.read(drive, context).map(Some),
        }
    }

    /// Opens it where it is no drive.
    pub(crate) fn open_files(&self) -> Result<ArchiveInput, Failure> {
        let attempt = || format!("cannot read {}", self.name());
        if let Some(found) = FoundVolumes::open(&self.archive).attempt(attempt)? {
            return Ok(ArchiveInput::of_volumes(found));
        }
        self.input().map_err(|source| unopened(self.first(), source)).attempt(attempt)
    }

    /// Opens it, and states the SHA-256 of exactly what was opened, if that is asked for.
    ///
    /// What is not a regular file is refused before it is opened: a pipe would be gone once it was read.
    pub(crate) fn open_and_hash_if(
        &self,
        asked: bool,
        context: &Context,
    ) -> Result<(ArchiveInput, Option<Digest>), Failure> {
        if !asked {
            return self.open(context).map(|input| (input, None));
        }
        let attempt = || format!("cannot state the SHA-256 of {}", self.name());
        let found = self.path().and_then(|path| path.metadata().ok());
        // What is not there, or is a folder, is told of where it is opened.
        if self.is_standard_input()
            || self.drive.drive().is_some()
            || found.is_some_and(|it| !it.is_file() && !it.is_dir())
        {
            return Err(not_a_file()).attempt(attempt);
        }
        let input = self.open(context)?;
        let sha256 = input.sha256(self.first()).attempt(attempt)?;
        Ok((input, Some(sha256)))
    }

    fn input(&self) -> io::Result<ArchiveInput> {
        if self.is_standard_input() {
            let mut reader: Box<dyn BufRead> = Box::new(io::stdin().lock());
            wait(&mut *reader)?;
            return Ok(ArchiveInput { reader: Box::new(reader), source: InputSource::Stream });
        }
        let file = File::open(self.first())?;
        let by_position = if file.metadata()?.is_file() { Some(file.try_clone()?) } else { None };
        let mut reader = BufReader::new(file);
        wait(&mut reader)?;
        let source = by_position.map_or(InputSource::Stream, InputSource::File);
        Ok(ArchiveInput { reader: Box::new(reader), source })
    }
}

/// An archive that is open, and whose first byte has arrived.
pub(crate) struct ArchiveInput {
    /// Reads it from its beginning to its end.
    pub(crate) reader: Box<dyn Read>,
    /// Where it comes from.
    pub(crate) source: InputSource,
}

/// Where an archive comes from.
pub(crate) enum InputSource {
    /// A pipe or a device.
    Stream,
    /// A regular file.
    File(File),
    /// Volumes.
    Volumes(VolumesInput),
}

/// What is known of the volumes that an archive is read from.
pub(crate) struct VolumesInput {
    prefix: PathBuf,
    amiss: Vec<Warning>,
    repairs: Repairs,
    volumes: Arc<OpenVolumes<VolumeSection<File>>>,
    /// The file that holds all of them.
    one_file: Option<File>,
}

impl ArchiveInput {
    fn of_volumes(mut found: FoundVolumes) -> Self {
        let one_file = found.take_one_file();
        let (prefix, amiss) = (found.prefix().to_owned(), found.warnings());
        let volumes = found.shared();
        let reader = VolumeReader::new(Arc::clone(&volumes));
        let source = InputSource::Volumes(VolumesInput { prefix, amiss, repairs: reader.repairs(), volumes, one_file });
        Self { reader: Box::new(reader), source }
    }

    /// The digest of the whole file, of which `path` is the name in messages.
    fn sha256(&self, path: &Path) -> Result<Digest, Reason> {
        let file = match &self.source {
            InputSource::Volumes(volumes) => volumes.one_file.as_ref(),
            InputSource::Stream | InputSource::File(_) => self.source.file(),
        };
        let file = file.ok_or_else(not_a_file)?;
        checksum::of_file(file).map_err(|source| Reason::File { path: path.to_owned(), source })
    }
}

impl InputSource {
    /// The file that the archive is in, if it is a regular one.
    pub(crate) fn file(&self) -> Option<&File> {
        match self {
            Self::File(file) => Some(file),
            Self::Stream | Self::Volumes(_) => None,
        }
    }

    /// The file to read by its position while it is verified. Volumes are read from their beginning to their end, so that what is damaged is told.
    pub(crate) fn positioned(&self) -> Option<&dyn PositionedInput> {
        self.file().map(|file| file as &dyn PositionedInput)
    }

    /// The same archive, to be read at any position later, as long as the program runs. `None` where it comes through a pipe.
    ///
    /// # Errors
    /// The operating system's error.
    #[cfg_attr(not(feature = "network"), expect(dead_code, reason = "only a server reads an archive later"))]
    pub(crate) fn kept_open(&self) -> io::Result<Option<Box<dyn PositionedInput>>> {
        Ok(match self {
            Self::Stream => None,
            Self::File(file) => Some(Box::new(file.try_clone()?)),
            Self::Volumes(volumes) => Some(Box::new(PositionedVolumes::new(Arc::clone(&volumes.volumes)))),
        })
    }

    /// What was missing or damaged, and was restored, as far as the archive has been read.
    pub(crate) fn warnings(&self) -> Vec<WarningReport> {
        let Self::Volumes(volumes) = self else { return Vec::new() };
        let damaged = damage_warnings(&volumes.repairs.damage());
        volumes.amiss.iter().cloned().chain(damaged).map(WarningReport::from).collect()
    }
}

/// Why an archive was not opened.
pub(crate) fn unopened(path: &Path, source: io::Error) -> Reason {
    match source.kind() {
        io::ErrorKind::IsADirectory => Reason::ArchiveIsFolder(path.to_owned()),
        _ => Reason::File { path: path.to_owned(), source },
    }
}

fn not_a_file() -> Reason {
    let why = "--sha256 is for a regular file: what comes through a pipe is gone once it was read, and volumes are several files";
    Reason::CommandLine(why.to_owned())
}

/// Whether a path is the system's name of something that is open already (`/dev/stdin`, `/dev/fd/63`), and not the name of a file.
fn names_something_open(path: &Path) -> bool {
    let is_number = path.parent().is_some_and(|folder| folder.ends_with("fd"));
    path == Path::new("/dev/stdin") || is_number && (path.starts_with("/dev") || path.starts_with("/proc"))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_digest_is_of_what_was_opened_and_of_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.sealift");
        std::fs::write(&path, "the archive").unwrap();
        let mut input = ArchiveArgument::named(&path).open_files().unwrap();
        input.reader.read_exact(&mut [0; 4]).unwrap();
        std::fs::write(folder.path().join("other"), "another one").unwrap();
        std::fs::rename(folder.path().join("other"), &path).unwrap();
        assert_eq!(input.sha256(&path).unwrap(), Digest::sha256(b"the archive"));
        let mut rest = String::new();
        input.reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "archive");
    }

    #[test]
    fn what_has_no_name_of_its_own_is_called_archive() {
        let stem = |archive: &str, source| {
            let input = ArchiveInput { reader: Box::new(io::empty()), source };
            ArchiveArgument::named(Path::new(archive)).stem(&input).to_string_lossy().into_owned()
        };
        let file = || InputSource::File(tempfile::tempfile().unwrap());
        for archive in ["shop.sealift", "/media/stick/shop.sealift", "/dev/shm/shop.sealift", "fd/shop.sealift"] {
            assert_eq!(stem(archive, file()), "shop", "{archive}");
        }
        for archive in ["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0", "-"] {
            assert_eq!(stem(archive, file()), "archive", "{archive}");
        }
        assert_eq!(stem("pipe", InputSource::Stream), "archive");
    }
}
