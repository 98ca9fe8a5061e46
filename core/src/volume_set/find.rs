//! Which files are the volumes of an archive.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_archive_format::volume::{
    Damage, DamageKind, HeaderFault, MAXIMUM_VOLUMES, NamedVolume, OpenVolumes, VolumeError, VolumeHeader,
    VolumeSection,
};

use super::{EXTENSION, VolumeSetError, prefix_of};
use crate::report::Warning;

/// The volumes of one archive, which are open.
#[derive(Debug)]
pub struct FoundVolumes {
    volumes: Arc<OpenVolumes<VolumeSection<File>>>,
    /// What comes before the number in the name of the first volume that is there.
    prefix: PathBuf,
    /// Whether those that are missing were not looked for.
    are_chosen: bool,
    /// The file that holds several of them, one after another.
    together: Option<PathBuf>,
    /// The file that holds all of them, as it was opened.
    one_file: Option<File>,
}

impl FoundVolumes {
    /// Volumes that are enough, of which no others were looked for.
    pub(super) fn chosen(volumes: OpenVolumes<VolumeSection<File>>, prefix: PathBuf) -> Self {
        Self { volumes: Arc::new(volumes), prefix, are_chosen: true, together: None, one_file: None }
    }

    /// Opens the volumes that `given` means: those in a folder; several files; or one file, with the others of its set in its folder. `None`
    /// where it is something else.
    ///
    /// # Errors
    /// [`VolumeSetError`], where volumes are meant and cannot be used.
    pub fn open(given: &[PathBuf]) -> Result<Option<Self>, VolumeSetError> {
        let paths = match given {
            [one] if one.is_dir() => volumes_in(one)?,
            [one] if holds_several(one) => vec![one.clone()],
            [one] if is_volume(one) => set_of(one)?,
            [] | [_] => return Ok(None),
            several => several.to_vec(),
        };
        let Some(first) = paths.first() else { return Ok(None) };
        let prefix = prefix_of(first);
        // Before any more of them are opened.
        if paths.len() > MAXIMUM_VOLUMES.into() {
            return Err(VolumeError::TooManyFiles(paths.len()).into());
        }
        let (mut files, mut together, mut one_file, is_one) = (Vec::new(), None, None, paths.len() == 1);
        for path in paths {
            let opened = File::open(&path).map_err(VolumeSetError::access(&path))?;
            let again = if is_one { Some(opened.try_clone().map_err(VolumeSetError::access(&path))?) } else { None };
            let sections = VolumeSection::all(opened);
            let name = path.display().to_string();
            if sections.iter().any(VolumeSection::is_part) {
                together.get_or_insert(path);
                one_file = again;
            }
            files.extend(sections.into_iter().map(|input| NamedVolume { name: name.clone(), input }));
        }
        let open = if one_file.is_some() { OpenVolumes::open_in_one_file } else { OpenVolumes::open };
        let volumes = Arc::new(open(files)?);
        let prefix = together.as_ref().map_or(prefix, |file| file.with_extension(""));
        Ok(Some(Self { volumes, prefix, are_chosen: false, together, one_file }))
    }

    /// The file that holds several of the volumes, one after another, if there is one.
    pub fn together(&self) -> Option<&Path> {
        self.together.as_deref()
    }

    /// The file that holds all of the volumes, as it was opened, if there is one. It is there once.
    pub fn take_one_file(&mut self) -> Option<File> {
        self.one_file.take()
    }

    /// The volumes.
    pub fn volumes(&self) -> &OpenVolumes<VolumeSection<File>> {
        &self.volumes
    }

    /// What comes before the number in the name of the first volume that is there.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The volumes, to be read.
    pub fn shared(&self) -> Arc<OpenVolumes<VolumeSection<File>>> {
        Arc::clone(&self.volumes)
    }

    /// What is known to be amiss before a chunk is read: volumes that are missing, and files that are not volumes although they were named.
    pub fn warnings(&self) -> Vec<Warning> {
        let missing = if self.are_chosen { Vec::new() } else { self.volumes.missing() };
        let missing = missing.into_iter().map(|volume| Warning::VolumeMissing { volume });
        missing.chain(self.unread()).collect()
    }

    /// The files that are not volumes although they were named.
    pub fn unread(&self) -> Vec<Warning> {
        let unread = self.volumes.unrecognised().iter();
        let warning = |(file, fault): &(String, HeaderFault)| {
            let reason = fault.to_string();
            Warning::VolumeUnread { file: file.clone(), reason }
        };
        unread.map(warning).collect()
    }
}

/// A warning for each volume of which chunks were restored.
pub fn damage_warnings(damage: &Damage) -> Vec<Warning> {
    let found = damage.ranges().iter().filter(|range| range.kind != DamageKind::Missing);
    let mut warnings: Vec<Warning> = Vec::new();
    for range in found {
        let there = warnings.iter_mut().find_map(|warning| match warning {
            Warning::VolumeDamaged { volume, damaged } if *volume == range.volume => Some(damaged),
            _ => None,
        });
        match there {
            Some(damaged) => damaged.push(*range),
            None => warnings.push(Warning::VolumeDamaged { volume: range.volume, damaged: vec![*range] }),
        }
    }
    warnings
}

/// Whether a file holds several volumes, one after another.
fn holds_several(path: &Path) -> bool {
    path.is_file() && File::open(path).is_ok_and(|file| VolumeSection::all(file).iter().any(VolumeSection::is_part))
}

/// Whether a file is a volume by its name, or by its header.
fn is_volume(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    path.extension().is_some_and(|it| it == EXTENSION)
        || File::open(path).is_ok_and(|file| VolumeHeader::read(&file).is_ok())
}

/// The files in a folder that have names of volumes, in the order of their names.
pub(super) fn volumes_in(folder: &Path) -> Result<Vec<PathBuf>, VolumeSetError> {
    let failed = || VolumeSetError::access(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())? {
        let path = entry.map_err(failed())?.path();
        if path.extension().is_some_and(|it| it == EXTENSION) && path.is_file() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A volume, and the others of its set in its folder. Volumes of other sets, and what cannot be read, are left alone.
fn set_of(path: &Path) -> Result<Vec<PathBuf>, VolumeSetError> {
    let header = |path: &Path| File::open(path).ok().and_then(|file| VolumeHeader::read(&file).ok());
    let folder = crate::whole_file::folder_of(path);
    let beside = volumes_in(folder)?;
    // The name as it was given stays the name in messages.
    let is_same = |other: &Path| other.file_name() == path.file_name();
    let others = beside.into_iter().filter(|other| !is_same(other));
    let set = header(path).map(|header| header.shape.set());
    let of_set = others.filter(|other| match (set, header(other)) {
        (Some(set), Some(other)) => other.shape.set() == set,
        // Without a header of its own it can be told only by its name.
        (None, _) => prefix_of(other).file_name() == prefix_of(path).file_name(),
        (Some(_), None) => false,
    });
    let mut found: Vec<PathBuf> = std::iter::once(path.to_owned()).chain(of_set).collect();
    found.sort_unstable();
    Ok(found)
}
