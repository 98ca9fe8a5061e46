//! New volumes, which get their names when all of them are complete.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sealift_archive_format::volume::{VolumeShape, VolumeWriter};

use super::{VolumeSetError, path_of};
use crate::free_room;
use crate::whole_file::{PendingFile, folder_of};

/// Volumes that are written. Until all are complete, none of them has a name.
pub struct NewVolumes {
    writer: VolumeWriter<PendingFile>,
    paths: Vec<PathBuf>,
}

impl NewVolumes {
    /// Begins the volumes `PREFIX.001.sealift-volume` and so on. There has to be room for all of them, and none may exist.
    ///
    /// # Errors
    /// [`VolumeSetError`]; nothing was written.
    pub fn begin(prefix: &Path, shape: VolumeShape) -> Result<Self, VolumeSetError> {
        let paths: Vec<PathBuf> = (1..=shape.volumes()).map(|number| path_of(prefix, number)).collect();
        if let Some(there) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
            return Err(VolumeSetError::Exists(there.clone()));
        }
        let folder = folder_of(prefix);
        let lengths = paths.iter().map(|_| shape.volume_length());
        if let Some(shortage) = free_room::shortage(folder, lengths).map_err(VolumeSetError::access(folder))? {
            return Err(shortage.into());
        }
        let begun = paths.iter().map(|_| PendingFile::begin(folder)).collect::<io::Result<_>>();
        let writer = VolumeWriter::new(shape, begun.map_err(VolumeSetError::access(folder))?)?;
        Ok(Self { writer, paths })
    }

    /// Makes the volumes durable and gives them their names.
    ///
    /// # Errors
    /// [`VolumeSetError`]. A volume that has its name by then keeps it.
    pub fn finish(self) -> Result<Vec<PathBuf>, VolumeSetError> {
        let written = self.writer.finish()?;
        for (volume, path) in written.into_iter().zip(&self.paths) {
            volume.place(path).map_err(VolumeSetError::access(path))?;
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
