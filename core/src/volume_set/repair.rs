//! Volumes that are written again, because they are lost or damaged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sealift_archive_format::volume::{CHUNK_LENGTH, Survey};
use tempfile::NamedTempFile;

use super::cut::sections;
use super::{FoundVolumes, VolumeSetError, path_of};
use crate::progress::Progress;
use crate::whole_file::{self, folder_of, sync_folder};

/// What was written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairedVolumes {
    /// What was found damaged.
    pub survey: Survey,
    /// Each volume that was written, by its number.
    pub written: BTreeMap<u8, PathBuf>,
}

impl FoundVolumes {
    /// Looks at everything, and writes the volumes again that are lost or damaged: each in its place, or into `folder`. A damaged one stays
    /// until all new ones are complete.
    ///
    /// # Errors
    /// [`VolumeSetError`]. Nothing has changed, but where names cannot be given at the end some have been.
    pub fn repair(&self, folder: Option<&Path>, progress: &dyn Progress) -> Result<RepairedVolumes, VolumeSetError> {
        let shape = self.volumes().shape();
        let of_stripe = u64::from(shape.data()) * CHUNK_LENGTH as u64;
        let all = shape.stripes().saturating_mul(of_stripe);
        let passed = |stripes: u64| progress.advance(stripes.saturating_mul(of_stripe));
        progress.begin("looking at every chunk", Some(all));
        let survey = self.volumes().survey(passed);
        progress.finish();
        let survey = survey?;
        if let Some(file) = self.together() {
            let path =
                folder.map_or_else(|| file.to_owned(), |folder| folder.join(file.file_name().unwrap_or_default()));
            return self.repair_together(
                survey,
                VolumePlace { path, is_new: folder.is_some() },
                (all, of_stripe),
                progress,
            );
        }
        let place = |number: &u8| (*number, self.place_of(*number, folder));
        let places: BTreeMap<u8, VolumePlace> = survey.to_write.iter().map(place).collect();
        if let Some(there) = places.values().find(|place| place.is_new && place.path.symlink_metadata().is_ok()) {
            return Err(VolumeSetError::Exists(there.path.clone()));
        }
        if !places.is_empty() {
            let outputs = places.iter().map(|(number, place)| Ok((*number, begin(&place.path)?)));
            let outputs = outputs.collect::<Result<BTreeMap<u8, _>, VolumeSetError>>()?;
            progress.begin("writing volumes again", Some(all));
            let written = self.volumes().write_again(outputs, passed);
            progress.finish();
            place_all(written?, &places)?;
        }
        let written = places.into_iter().map(|(number, place)| (number, place.path)).collect();
        Ok(RepairedVolumes { survey, written })
    }

    /// Writes the one file again that holds all volumes, if anything of it is damaged.
    fn repair_together(
        &self,
        survey: Survey,
        place: VolumePlace,
        (all, of_stripe): (u64, u64),
        progress: &dyn Progress,
    ) -> Result<RepairedVolumes, VolumeSetError> {
        if place.is_new && place.path.symlink_metadata().is_ok() {
            return Err(VolumeSetError::Exists(place.path));
        }
        let damaged = survey.to_write.clone();
        if !damaged.is_empty() {
            let file = begin(&place.path)?;
            let sections =
                sections(file.as_file(), self.volumes().shape()).map_err(VolumeSetError::access(&place.path))?;
            progress.begin("writing the file again", Some(all));
            let passed = |stripes: u64| progress.advance(stripes.saturating_mul(of_stripe));
            let written = self.volumes().write_again((1..).zip(sections).collect(), passed);
            progress.finish();
            written?;
            place_all(
                BTreeMap::from([(0, file)]),
                &BTreeMap::from([(0, VolumePlace { path: place.path.clone(), ..place })]),
            )?;
        }
        let written = damaged.into_iter().map(|number| (number, place.path.clone())).collect();
        Ok(RepairedVolumes { survey, written })
    }

    /// Where a volume is, or where it belongs.
    fn place_of(&self, number: u8, folder: Option<&Path>) -> VolumePlace {
        let usual = path_of(self.prefix(), number);
        match (folder, self.volumes().name(number)) {
            (Some(folder), _) => VolumePlace { path: folder.join(usual.file_name().unwrap_or_default()), is_new: true },
            (None, Some(there)) => VolumePlace { path: there.into(), is_new: false },
            (None, None) => VolumePlace { path: usual, is_new: true },
        }
    }
}

/// Where a volume is written to.
struct VolumePlace {
    path: PathBuf,
    /// Whether nothing may be there yet.
    is_new: bool,
}

fn begin(path: &Path) -> Result<NamedTempFile, VolumeSetError> {
    whole_file::begin(folder_of(path)).map_err(VolumeSetError::access(folder_of(path)))
}

/// Makes all durable before the first of them gets its name.
fn place_all(written: BTreeMap<u8, NamedTempFile>, places: &BTreeMap<u8, VolumePlace>) -> Result<(), VolumeSetError> {
    for (file, place) in written.values().zip(places.values()) {
        file.as_file().sync_all().map_err(VolumeSetError::access(&place.path))?;
    }
    for (file, VolumePlace { path, is_new }) in written.into_values().zip(places.values()) {
        let placed = if *is_new { file.persist_noclobber(path) } else { file.persist(path) };
        let placed = placed.map_err(|error| error.error).and_then(|_| sync_folder(folder_of(path)));
        placed.map_err(VolumeSetError::access(path))?;
    }
    Ok(())
}
