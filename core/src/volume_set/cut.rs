//! New volumes, which get their names when all of them are complete.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_archive_format::UnverifiedSeal;
use sealift_archive_format::entry_name::EntryName;
use sealift_archive_format::tar_profile;
use sealift_archive_format::volume::{
    SectionWriter, SetId, ShapeError, VolumeError, VolumeReader, VolumeShape, VolumeWriter,
};

use super::{FoundVolumes, VolumeSetError, path_of};
use crate::free_room;
use crate::progress::Progress;
use crate::whole_file::{PendingFile, folder_of};

/// Into what an archive is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Volumes that are files of their own.
    Volumes {
        /// How long each may be, in bytes.
        size: u64,
        /// How many there are beside those with data, to make up for as many lost ones.
        parity: u8,
    },
    /// Volumes that stand in one file.
    OneFile {
        /// How much longer parity makes it, in percent.
        percent: u8,
    },
}

impl Cut {
    /// How many volumes with data, and how many with parity, an archive of `length` bytes is cut into.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub(crate) fn counts(self, length: u64) -> Result<(u8, u8), ShapeError> {
        match self {
            Self::Volumes { size, parity } => Ok((VolumeShape::data_volumes(length, size, parity)?, parity)),
            Self::OneFile { percent } => Ok(VolumeShape::in_one_file(length, percent)),
        }
    }
}

/// How an archive of `length` bytes that begins with this seal is cut.
///
/// # Errors
/// [`ShapeError`].
pub fn shape_of(seal: &UnverifiedSeal, data: u8, parity: u8, length: u64) -> Result<VolumeShape, ShapeError> {
    VolumeShape::new(SetId::of(&first_record(seal), data, parity, length), data, parity, length)
}

/// The first record of an archive with this seal.
fn first_record(seal: &UnverifiedSeal) -> Vec<u8> {
    let mut first = tar_profile::header(&EntryName::seal(), seal.length());
    first.extend_from_slice(&seal.to_bytes());
    first
}

/// Volumes that are written, each as a file of its own or all in one file. Until all are complete, none of them has a name.
pub struct NewVolumes {
    writer: VolumeWriter<VolumeOutput>,
    paths: Vec<PathBuf>,
    /// The one file.
    together: Option<PendingFile>,
}

/// Where a volume is written to.
enum VolumeOutput {
    File(PendingFile),
    Section(SectionWriter),
}

impl NewVolumes {
    /// Begins what an archive is cut into: volumes whose names begin with the path, or one file that has it.
    ///
    /// # Errors
    /// [`VolumeSetError`]; nothing was written.
    pub fn begin(cut: Cut, path: &Path, shape: VolumeShape) -> Result<Self, VolumeSetError> {
        match cut {
            Cut::Volumes { .. } => Self::in_files(path, shape),
            Cut::OneFile { .. } => Self::in_one_file(path, shape),
        }
    }

    /// Begins the volumes `PREFIX.001.sealift-volume` and so on. There has to be room for all of them, and none may exist.
    ///
    /// # Errors
    /// [`VolumeSetError`]; nothing was written.
    fn in_files(prefix: &Path, shape: VolumeShape) -> Result<Self, VolumeSetError> {
        let paths: Vec<PathBuf> = (1..=shape.volumes()).map(|number| path_of(prefix, number)).collect();
        let folder = folder_of(prefix);
        require_new(&paths, folder, &shape)?;
        let begun = paths.iter().map(|_| PendingFile::begin(folder).map(VolumeOutput::File)).collect::<io::Result<_>>();
        let writer = VolumeWriter::new(shape, begun.map_err(VolumeSetError::access(folder))?)?;
        Ok(Self { writer, paths, together: None })
    }

    /// Begins one file that holds all volumes, one after another.
    ///
    /// # Errors
    /// [`VolumeSetError`]; nothing was written.
    fn in_one_file(path: &Path, shape: VolumeShape) -> Result<Self, VolumeSetError> {
        let (paths, folder) = (vec![path.to_owned()], folder_of(path));
        require_new(&paths, folder, &shape)?;
        let failed = || VolumeSetError::access(folder);
        let file = PendingFile::begin(folder).map_err(failed())?;
        let outputs =
            sections(file.as_file(), &shape).map_err(failed())?.into_iter().map(VolumeOutput::Section).collect();
        Ok(Self { writer: VolumeWriter::new(shape, outputs)?, paths, together: Some(file) })
    }

    /// Writes the archive of other volumes under another seal, which has the same statement and so the same length: as many volumes, which are a set of their own.
    ///
    /// # Errors
    /// [`VolumeSetError`]; no volume has a name then.
    pub fn resealed(
        prefix: &Path,
        from: &FoundVolumes,
        seal: &UnverifiedSeal,
        progress: &dyn Progress,
    ) -> Result<Vec<PathBuf>, VolumeSetError> {
        let old = from.volumes().shape();
        let first = first_record(seal);
        let shape = shape_of(seal, old.data(), old.parity(), old.length())?;
        let mut new = match from.together() {
            None => Self::in_files(prefix, shape)?,
            Some(_) => Self::in_one_file(prefix, shape)?,
        };
        let mut reader = VolumeReader::new(from.shared());
        let skipped = io::copy(&mut (&mut reader).take(first.len() as u64), &mut io::sink());
        skipped.and_then(|_| new.write_all(&first)).map_err(of_volumes)?;
        progress.begin("writing volumes", Some(old.length()));
        let mut watched = WatchedReading { inner: reader, progress };
        let copied = io::copy(&mut watched, &mut new).map_err(of_volumes);
        progress.finish();
        copied?;
        new.finish()
    }

    /// Makes the volumes durable and gives them their names.
    ///
    /// # Errors
    /// [`VolumeSetError`]. A volume that has its name by then keeps it.
    pub fn finish(self) -> Result<Vec<PathBuf>, VolumeSetError> {
        let written = self.writer.finish()?;
        let files = written.into_iter().filter_map(|output| match output {
            VolumeOutput::File(file) => Some(file),
            VolumeOutput::Section(_) => None,
        });
        for (file, path) in files.chain(self.together).zip(&self.paths) {
            file.place(path).map_err(VolumeSetError::access(path))?;
        }
        Ok(self.paths)
    }
}

impl Write for NewVolumes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Write for VolumeOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Section(section) => section.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Section(section) => section.flush(),
        }
    }
}

/// The parts of one file that hold the volumes.
pub(super) fn sections(file: &File, shape: &VolumeShape) -> io::Result<Vec<SectionWriter>> {
    let file = Arc::new(file.try_clone()?);
    let starts = (0..u64::from(shape.volumes())).map(|index| index.saturating_mul(shape.volume_length()));
    Ok(starts.map(|start| SectionWriter::new(Arc::clone(&file), start)).collect())
}

/// Requires that none of the files exists, and that there is room for all volumes.
fn require_new(paths: &[PathBuf], folder: &Path, shape: &VolumeShape) -> Result<(), VolumeSetError> {
    if let Some(there) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(VolumeSetError::Exists(there.clone()));
    }
    let lengths = (0..shape.volumes()).map(|_| shape.volume_length());
    match free_room::shortage(folder, lengths).map_err(VolumeSetError::access(folder))? {
        Some(shortage) => Err(shortage.into()),
        None => Ok(()),
    }
}

/// The error that travelled through reading and writing.
fn of_volumes(error: io::Error) -> VolumeError {
    error.downcast().unwrap_or_else(VolumeError::Io)
}

/// Tells how much was read.
struct WatchedReading<'a, R> {
    inner: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for WatchedReading<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.progress.advance(read as u64);
        Ok(read)
    }
}
