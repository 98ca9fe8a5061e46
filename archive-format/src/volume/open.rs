//! Finds out which volumes there are, from what their headers say and never from their names.

use super::chunk;
use super::damage::DamageKind;
use super::error::{VolumeError, VolumeGroup};
use super::header::{HEADER_LENGTH, HeaderFault, VolumeHeader};
use super::shape::{CHUNK_LENGTH, MAXIMUM_VOLUMES, VolumeShape};
use super::writer::header_at;
use crate::positioned_input::PositionedInput;

/// A file that may be a volume.
#[derive(Debug)]
pub struct NamedVolume<I> {
    /// Its name in messages.
    pub name: String,
    /// The file.
    pub input: I,
}

/// The volumes of one set, as many of them as are there: enough for its archive, if their chunks are whole.
#[derive(Debug)]
pub struct OpenVolumes<I> {
    shape: VolumeShape,
    /// In the order of their numbers.
    volumes: Vec<Option<NamedVolume<I>>>,
    unrecognised: Vec<(String, HeaderFault)>,
    /// Whether they are all in one file, so that none of them can be sent again alone.
    are_in_one_file: bool,
}

impl<I: PositionedInput> OpenVolumes<I> {
    /// Reads the headers, in whatever order the files come. A file whose header and the copy of it are both damaged counts as missing.
    ///
    /// # Errors
    /// [`VolumeError`] when the files are not enough volumes of one set.
    pub fn open(files: Vec<NamedVolume<I>>) -> Result<Self, VolumeError> {
        Self::open_where(files, false)
    }

    /// The same for the sections of one file, so that refusals are about the file.
    ///
    /// # Errors
    /// [`VolumeError`], among them [`VolumeError::FileDamaged`].
    pub fn open_in_one_file(sections: Vec<NamedVolume<I>>) -> Result<Self, VolumeError> {
        Self::open_where(sections, true)
    }

    fn open_where(files: Vec<NamedVolume<I>>, are_in_one_file: bool) -> Result<Self, VolumeError> {
        if files.len() > MAXIMUM_VOLUMES.into() {
            return Err(VolumeError::TooManyFiles(files.len()));
        }
        let (mut found, mut unrecognised) = (Vec::new(), Vec::new());
        for file in files {
            match VolumeHeader::read(&file.input) {
                Ok(header) => found.push((header, file)),
                Err(fault) => unrecognised.push((file.name, fault)),
            }
        }
        let Some(shape) = found.first().map(|(header, _)| header.shape) else {
            let first = unrecognised.into_iter().next();
            return Err(first.map_or(VolumeError::NoVolumes, |(name, source)| VolumeError::Header { name, source }));
        };
        require_one_set(&found)?;
        let opened = Self { shape, volumes: in_order(shape, found)?, unrecognised, are_in_one_file };
        opened.require_enough()?;
        Ok(opened)
    }

    /// The set.
    pub fn shape(&self) -> &VolumeShape {
        &self.shape
    }

    /// The numbers of the volumes that are missing.
    pub fn missing(&self) -> Vec<u8> {
        let positions = self.volumes.iter().enumerate().filter(|(_, volume)| volume.is_none());
        positions.map(|(position, _)| header_at(self.shape, position).number).collect()
    }

    /// The files whose header and the copy of it are both damaged, or that are something else.
    pub fn unrecognised(&self) -> &[(String, HeaderFault)] {
        &self.unrecognised
    }

    /// The name of the volume with this number, if it is there.
    pub fn name(&self, number: u8) -> Option<&str> {
        let volume = self.volumes.get(usize::from(number).checked_sub(1)?)?;
        volume.as_ref().map(|volume| volume.name.as_str())
    }

    fn require_enough(&self) -> Result<(), VolumeError> {
        let (missing, parity) = (self.missing(), self.shape.parity());
        match u8::try_from(missing.len()).unwrap_or(u8::MAX).checked_sub(parity) {
            None | Some(0) => Ok(()),
            Some(needed) => Err(self.refusal(missing.len(), VolumeError::TooFew { missing, needed, parity })),
        }
    }

    /// Why too much is lost: so many volumes in one place. `of_files` says it of volumes that are files.
    pub(super) fn refusal(&self, lost: usize, of_files: VolumeError) -> VolumeError {
        let (volumes, parity) = (self.shape.volumes(), self.shape.parity());
        if self.are_in_one_file { VolumeError::FileDamaged { lost, volumes, parity } } else { of_files }
    }

    /// Reads a chunk into the beginning of `record`, which has room for its digest too. `position` is that of the volume, from 0.
    pub(super) fn read_chunk(&self, position: usize, stripe: u64, record: &mut [u8]) -> Result<(), DamageKind> {
        let volume = self.volumes.get(position).and_then(Option::as_ref).ok_or(DamageKind::Missing)?;
        let read = volume.input.read_exact_at(record, self.shape.record_offset(stripe));
        read.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => DamageKind::Short,
            _ => DamageKind::Unreadable,
        })?;
        let (chunk, digest) = record.split_at_checked(CHUNK_LENGTH).ok_or(DamageKind::Short)?;
        let expected = chunk::digest(&header_at(self.shape, position), stripe, chunk);
        if digest == expected { Ok(()) } else { Err(DamageKind::Changed) }
    }

    /// Whether both headers of a volume are as they must be, and nothing follows. `position` is that of the volume, from 0.
    pub(super) fn is_framed(&self, position: usize) -> bool {
        let Some(volume) = self.volumes.get(position).and_then(Option::as_ref) else { return false };
        let (expected, length) = (header_at(self.shape, position), self.shape.volume_length());
        let is_there = |offset| VolumeHeader::read_at(&volume.input, offset).is_ok_and(|header| header == expected);
        volume.input.length().is_ok_and(|found| found == length)
            && is_there(0)
            && is_there(length - HEADER_LENGTH as u64)
    }
}

fn require_one_set<I>(found: &[(VolumeHeader, NamedVolume<I>)]) -> Result<(), VolumeError> {
    let mut groups: Vec<VolumeGroup> = Vec::new();
    for (header, file) in found {
        match groups.iter_mut().find(|group| group.set == header.shape.set()) {
            Some(group) => group.names.push(file.name.clone()),
            None => groups.push(VolumeGroup { set: header.shape.set(), names: vec![file.name.clone()] }),
        }
    }
    if groups.len() > 1 {
        return Err(VolumeError::MixedSets(groups));
    }
    let Some(((first, file), rest)) = found.split_first() else { return Ok(()) };
    match rest.iter().find(|(header, _)| header.shape != first.shape) {
        None => Ok(()),
        Some((_, other)) => Err(VolumeError::Contradiction { name: file.name.clone(), other: other.name.clone() }),
    }
}

fn in_order<I>(
    shape: VolumeShape,
    found: Vec<(VolumeHeader, NamedVolume<I>)>,
) -> Result<Vec<Option<NamedVolume<I>>>, VolumeError> {
    let mut volumes: Vec<Option<NamedVolume<I>>> = (0..shape.volumes()).map(|_| None).collect();
    for (header, file) in found {
        // A header's number is one that its set has.
        let Some(place) = volumes.get_mut(usize::from(header.number) - 1) else { continue };
        if let Some(first) = place {
            let name = first.name.clone();
            return Err(VolumeError::Twice { number: header.number, name, other: file.name });
        }
        *place = Some(file);
    }
    Ok(volumes)
}
