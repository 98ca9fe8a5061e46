//! Volumes from a drive that holds one at a time: each is copied, until there are enough of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealift_archive_format::PositionedInput as _;
use sealift_archive_format::volume::{
    HeaderFault, MAXIMUM_VOLUMES, NamedVolume, OpenVolumes, SetId, VolumeCopy, VolumeError, VolumeHeader,
    VolumeSection, VolumeShape,
};

use super::find::volumes_in;
use super::{FoundVolumes, KeptVolumes, VolumeSetError, prefix_of};
use crate::free_room;
use crate::progress::Progress;

/// Volumes of one set that are read one after another. The first one that is found decides which set.
#[derive(Debug)]
pub struct DriveVolumes {
    drive: PathBuf,
    place: CopiesPlace,
    prefix: PathBuf,
    /// The set, once a volume was found.
    shape: Option<VolumeShape>,
    kept: Option<Arc<KeptVolumes>>,
    copies: BTreeMap<u8, VolumeCopy>,
    /// The volumes that were there when it was looked last.
    present: BTreeSet<u8>,
}

/// Where copies of what was read are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopiesPlace {
    /// In files without a name in this folder: nothing is left of them when they are no longer used, or the program has ended.
    Nameless(PathBuf),
    /// In a folder of the set in this folder: another command takes them up. Only [`KeptVolumes::remove`] removes them.
    Kept(PathBuf),
}

impl CopiesPlace {
    fn folder(&self) -> &Path {
        match self {
            Self::Nameless(folder) | Self::Kept(folder) => folder,
        }
    }
}

/// What was found in the drive.
#[derive(Debug)]
pub enum DriveFinding {
    /// There is no volume, or nothing that can be read.
    Nothing(Option<io::Error>),
    /// A volume that was wanted.
    Read {
        /// Its number.
        volume: u8,
        /// How many of its chunks are lost.
        lost: u64,
    },
    /// A volume that an earlier command read and kept.
    TakenUp {
        /// Its number.
        volume: u8,
        /// How many of its chunks are lost.
        lost: u64,
    },
    /// A volume that was read before, and is whole.
    KnownAlready(u8),
    /// A volume of another set.
    OtherSet {
        /// The file.
        file: PathBuf,
        /// Its set.
        set: SetId,
    },
    /// A volume that is shorter than it has to be. Perhaps it is still being copied.
    Short(u8),
    /// A file that is not a volume, or cannot be read.
    Unread {
        /// The file.
        file: PathBuf,
        /// Why.
        fault: HeaderFault,
    },
}

impl fmt::Display for DriveFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(None) => f.write_str("the drive holds no volume"),
            Self::Nothing(Some(error)) => write!(f, "the drive cannot be read: {error}"),
            Self::Read { volume, lost: 0 } => write!(f, "volume {volume} was read"),
            Self::Read { volume, lost: 1 } => write!(f, "volume {volume} was read, but for 1 chunk that is damaged"),
            Self::Read { volume, lost } => {
                write!(f, "volume {volume} was read, but for {lost} chunks that are damaged")
            }
            Self::TakenUp { volume, lost: 0 } => write!(f, "volume {volume} was read by an earlier command"),
            Self::TakenUp { volume, lost: 1 } => {
                write!(f, "volume {volume} was read by an earlier command, but for 1 chunk")
            }
            Self::TakenUp { volume, lost } => {
                write!(f, "volume {volume} was read by an earlier command, but for {lost} chunks")
            }
            Self::KnownAlready(volume) => write!(f, "volume {volume} was read before"),
            Self::OtherSet { file, set } => {
                write!(f, "{} is of another set ({:.12})", file.display(), set.to_string())
            }
            Self::Short(volume) => write!(f, "volume {volume} is not complete"),
            Self::Unread { file, fault } => write!(f, "{} was ignored: {fault}", file.display()),
        }
    }
}

/// Which volumes are still wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedVolumes {
    /// The set; `None` until a volume was found.
    pub set: Option<SetId>,
    /// The numbers of those that were not read yet, or of which something is lost.
    pub volumes: Vec<u8>,
    /// How many more have to be read, at least.
    pub needed: u8,
}

impl fmt::Display for WantedVolumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(set) = self.set else { return f.write_str("a first volume") };
        match (self.volumes.as_slice(), usize::from(self.needed)) {
            ([one], _) => write!(f, "volume {one}")?,
            (volumes, needed) if needed >= volumes.len() => write!(f, "volumes {}", VolumeNumbers(volumes))?,
            (volumes, needed) => write!(f, "any {needed} of volumes {}", VolumeNumbers(volumes))?,
        }
        write!(f, " of set {:.12}", set.to_string())
    }
}

struct VolumeNumbers<'a>(&'a [u8]);

impl fmt::Display for VolumeNumbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = self.0.iter();
        numbers.next().map_or(Ok(()), |first| first.fmt(f))?;
        numbers.try_for_each(|number| write!(f, ", {number}"))
    }
}

impl DriveVolumes {
    /// Reads from the folder `drive`.
    pub fn new(drive: &Path, place: CopiesPlace) -> Self {
        let (drive, prefix, copies, present) = (drive.to_owned(), PathBuf::new(), BTreeMap::new(), BTreeSet::new());
        Self { drive, place, prefix, shape: None, kept: None, copies, present }
    }

    /// The set that the next look will begin, if none was begun yet: that of the first volume in the drive.
    pub fn first_shape(&self) -> Option<VolumeShape> {
        let paths = if self.shape.is_none() { volumes_in(&self.drive).unwrap_or_default() } else { Vec::new() };
        let header = |path| File::open(path).ok().and_then(|file| VolumeHeader::read(&file).ok());
        paths.into_iter().take(MAXIMUM_VOLUMES.into()).find_map(header).map(|header| header.shape)
    }

    /// The folder of the copies, once a volume was found, if they are kept.
    pub fn kept(&self) -> Option<&Arc<KeptVolumes>> {
        self.kept.as_ref()
    }

    /// Which volumes are still wanted; `None` if there are enough.
    pub fn wanted(&self) -> Option<WantedVolumes> {
        let Some(shape) = &self.shape else {
            return Some(WantedVolumes { set: None, volumes: Vec::new(), needed: 1 });
        };
        let has = usize::from(VolumeCopy::most_lost_in_a_stripe(self.copies.values()));
        let needed = (usize::from(shape.data()) + has).saturating_sub(self.copies.len());
        let is_wanted = |number: &u8| self.copies.get(number).is_none_or(|copy| copy.lost() > 0);
        let volumes = (1..=shape.volumes()).filter(is_wanted).collect();
        let needed = u8::try_from(needed).unwrap_or(u8::MAX);
        (needed > 0).then(|| WantedVolumes { set: Some(shape.set()), volumes, needed })
    }

    /// Reads what is in the drive and is wanted. While somebody waits for another disc, `waits`, a volume that has stayed where it was is not read again, and one that is not complete
    /// is left for the next time.
    ///
    /// # Errors
    /// [`VolumeSetError`], where there is no room, or a volume lies about its set.
    pub fn look(&mut self, waits: bool, progress: &dyn Progress) -> Result<Vec<DriveFinding>, VolumeSetError> {
        let paths = match volumes_in(&self.drive) {
            Ok(paths) => paths,
            Err(VolumeSetError::Access { source, .. }) => return Ok(self.nothing(Some(source))),
            Err(error) => return Err(error),
        };
        if paths.is_empty() {
            return Ok(self.nothing(None));
        }
        if paths.len() > MAXIMUM_VOLUMES.into() {
            return Err(VolumeError::TooManyFiles(paths.len()).into());
        }
        let before = std::mem::take(&mut self.present);
        let mut findings = Vec::new();
        for path in paths {
            if self.wanted().is_none() {
                break;
            }
            let found = self.take(path, waits.then_some(&before), &mut findings, progress)?;
            findings.extend(found);
        }
        Ok(findings)
    }

    fn nothing(&mut self, error: Option<io::Error>) -> Vec<DriveFinding> {
        self.present.clear();
        vec![DriveFinding::Nothing(error.filter(|error| error.kind() != io::ErrorKind::NotFound))]
    }

    /// Reads a file, if it is a volume that is wanted. What was read before goes to `findings`.
    fn take(
        &mut self,
        file: PathBuf,
        before: Option<&BTreeSet<u8>>,
        findings: &mut Vec<DriveFinding>,
        progress: &dyn Progress,
    ) -> Result<Option<DriveFinding>, VolumeSetError> {
        let opened = File::open(&file).map_err(HeaderFault::Io);
        let read = opened.and_then(|input| VolumeHeader::read(&input).map(|header| (input, header)));
        let (input, header) = match read {
            Ok(read) => read,
            Err(fault) => return Ok(Some(DriveFinding::Unread { file, fault })),
        };
        match &self.shape {
            Some(shape) if shape.set() != header.shape.set() => {
                return Ok(Some(DriveFinding::OtherSet { file, set: header.shape.set() }));
            }
            Some(shape) if *shape != header.shape => {
                let (name, other) = (file.display().to_string(), "a volume that was read before".to_owned());
                return Err(VolumeError::Contradiction { name, other }.into());
            }
            Some(_) | None => {}
        }
        let volume = header.number;
        let has_stayed = !self.present.insert(volume) || before.is_some_and(|before| before.contains(&volume));
        let is_short = input.length().is_ok_and(|length| length < header.shape.volume_length());
        if before.is_some() && is_short && self.copies.get(&volume).is_none_or(|copy| copy.lost() > 0 && !has_stayed) {
            self.present.remove(&volume);
            return Ok(Some(DriveFinding::Short(volume)));
        }
        if self.shape.is_none() {
            self.prefix = prefix_of(&file);
            self.begin_set(header.shape, findings, progress)?;
            if self.wanted().is_none() {
                return Ok(None);
            }
        }
        match self.copies.get(&volume) {
            Some(copy) if copy.lost() == 0 || has_stayed => return Ok(Some(DriveFinding::KnownAlready(volume))),
            Some(_) => {}
            None => self.begin(header)?,
        }
        self.fill(header, &input, progress).map(Some)
    }

    /// Begins a set, with what was read before and kept.
    fn begin_set(
        &mut self,
        shape: VolumeShape,
        findings: &mut Vec<DriveFinding>,
        progress: &dyn Progress,
    ) -> Result<(), VolumeSetError> {
        self.shape = Some(shape);
        let CopiesPlace::Kept(folder) = &self.place else { return Ok(()) };
        let kept = KeptVolumes::open(folder, shape)?;
        let headers = (1..=shape.volumes()).map(|number| VolumeHeader { shape, number });
        for header in headers {
            let Some(file) = kept.volume(header)? else { continue };
            progress.begin(&format!("looking at volume {}", header.number), Some(shape.volume_length()));
            let copy = VolumeCopy::take_up(header, file, |bytes| progress.advance(bytes));
            progress.finish();
            let copy = copy.map_err(VolumeSetError::access(kept.path()))?;
            findings.push(DriveFinding::TakenUp { volume: header.number, lost: copy.lost() });
            self.copies.insert(header.number, copy);
        }
        self.kept = Some(Arc::new(kept));
        Ok(())
    }

    /// Copies what a volume has and its copy has not.
    fn fill(
        &mut self,
        header: VolumeHeader,
        input: &File,
        progress: &dyn Progress,
    ) -> Result<DriveFinding, VolumeSetError> {
        let volume = header.number;
        let failed = VolumeSetError::access(self.place.folder());
        let Some(copy) = self.copies.get_mut(&volume) else { return Ok(DriveFinding::KnownAlready(volume)) };
        progress.begin(&format!("reading volume {volume}"), Some(header.shape.volume_length()));
        let filled = copy.fill(input, |bytes| progress.advance(bytes));
        progress.finish();
        filled.map_err(failed)?;
        if let Some(kept) = &self.kept {
            kept.finish(volume, copy.file())?;
        }
        Ok(DriveFinding::Read { volume, lost: copy.lost() })
    }

    /// Begins the copy of a volume. There has to be room for all that are needed.
    fn begin(&mut self, header: VolumeHeader) -> Result<(), VolumeSetError> {
        let folder = self.place.folder();
        let needed = self.wanted().map_or(header.shape.data(), |wanted| wanted.needed);
        let lengths = (0..needed).map(|_| header.shape.volume_length());
        if let Some(shortage) = free_room::shortage(folder, lengths).map_err(VolumeSetError::access(folder))? {
            return Err(shortage.into());
        }
        let file = match &self.kept {
            Some(kept) => kept.begin(header.number)?,
            None => tempfile::tempfile_in(folder).map_err(VolumeSetError::access(folder))?,
        };
        let copy = VolumeCopy::begin(header, file).map_err(VolumeSetError::access(folder))?;
        self.copies.insert(header.number, copy);
        Ok(())
    }

    /// The volumes that were read.
    ///
    /// # Errors
    /// [`VolumeSetError::StillWanted`] if they are not enough.
    pub fn into_found(self) -> Result<FoundVolumes, VolumeSetError> {
        if let Some(wanted) = self.wanted() {
            return Err(VolumeSetError::StillWanted { drive: self.drive, wanted });
        }
        let drive = self.drive.display().to_string();
        let named = |(number, copy): (u8, VolumeCopy)| {
            let name = format!("volume {number} from {drive}");
            NamedVolume { name, input: VolumeSection::whole(copy.into_file()) }
        };
        let volumes = OpenVolumes::open(self.copies.into_iter().map(named).collect())?;
        Ok(FoundVolumes::chosen(volumes, self.prefix))
    }
}
