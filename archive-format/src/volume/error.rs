//! Why volumes do not give back an archive.

use std::fmt;
use std::io;

use super::header::HeaderFault;
use super::shape::{MAXIMUM_VOLUMES, SetId};

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// There is nothing to read.
    #[error("there are no volumes")]
    NoVolumes,
    /// There are more files than a set has volumes.
    #[error("there are {0} files; a set has at most {MAXIMUM_VOLUMES} volumes")]
    TooManyFiles(usize),
    /// No file has a header that can be read.
    #[error("{name} cannot be read as a volume")]
    Header {
        /// The first file.
        name: String,
        /// What is wrong with its header.
        source: HeaderFault,
    },
    /// There are volumes of more than one set.
    #[error("the volumes are of {} sets: {}", .0.len(), Joined(.0, "; "))]
    MixedSets(Vec<VolumeGroup>),
    /// Two volumes of one set describe it differently: one of them lies.
    #[error("{name} and {other} have the same set id, but describe different sets")]
    Contradiction {
        /// The first.
        name: String,
        /// The one that differs.
        other: String,
    },
    /// A volume is there twice.
    #[error("volume {number} is there twice: {name} and {other}")]
    Twice {
        /// Its number.
        number: u8,
        /// The first.
        name: String,
        /// The second.
        other: String,
    },
    /// Too many volumes are missing.
    #[error("{} missing, and parity makes up for {parity}: at least {needed} of them must be sent again", NumberedVolumes(.missing, " is", " are"))]
    TooFew {
        /// The numbers of all that are missing.
        missing: Vec<u8>,
        /// How many of them would be enough.
        needed: u8,
        /// How many the parity makes up for.
        parity: u8,
    },
    /// Too much of a stripe is damaged.
    #[error("chunk {stripe} of {} damaged or missing, and parity makes up for {parity}: at least {needed} of these volumes must be sent again", NumberedVolumes(.volumes, " is", " is"))]
    Lost {
        /// The first stripe that cannot be restored, from 0.
        stripe: u64,
        /// The numbers of the volumes whose chunk is damaged or missing.
        volumes: Vec<u8>,
        /// How many of them would be enough for this stripe.
        needed: usize,
        /// How many the parity makes up for.
        parity: u8,
    },
    /// Too much of at least one stripe is damaged; everything was looked at.
    #[error("{stripes} {} beyond repair: send again {}", if *.stripes == 1 { "stripe is" } else { "stripes are" }, NumberedVolumes(.volumes, "", ""))]
    BeyondRepair {
        /// How many stripes.
        stripes: u64,
        /// The numbers of all volumes that are damaged or missing there.
        volumes: Vec<u8>,
    },
    /// Too much is damaged of one file that holds all volumes.
    #[error(
        "too much of the file is damaged: {lost} of its {volumes} volumes are lost in one place, and its parity makes up for {parity}"
    )]
    FileDamaged {
        /// How many volumes are lost there.
        lost: usize,
        /// How many volumes the file holds.
        volumes: u8,
        /// How many the parity makes up for.
        parity: u8,
    },
    /// The chunks of a stripe have their digests, and do not belong together.
    #[error(
        "the chunks {0} of the volumes contradict one another: at least one was made to deceive, or its maker was at fault"
    )]
    Inconsistent(u64),
    /// What fills up the last stripe is not zeros.
    #[error("bytes follow the end of the archive in its last chunks")]
    Padding,
    /// What was written is not as long as was announced.
    #[error("{written} bytes were to be cut into volumes; {announced} were announced")]
    Length {
        /// How many came, at least.
        written: u64,
        /// How many were announced.
        announced: u64,
    },
    /// There are not as many outputs as volumes.
    #[error("the set has {volumes} volumes, and there are {outputs} outputs")]
    Outputs {
        /// How many volumes.
        volumes: u8,
        /// How many outputs.
        outputs: usize,
    },
    /// Writing a volume, or computing parity, failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The volumes of one set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeGroup {
    /// The set.
    pub set: SetId,
    /// The names of its volumes.
    pub names: Vec<String>,
}

impl fmt::Display for VolumeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:.12})", self.names.join(", "), self.set.to_string())
    }
}

/// Errors that travel through [`io::Read`] and [`io::Write`].
impl From<VolumeError> for io::Error {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Io(error) => error,
            error => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// Things with something between them.
struct Joined<'a, T>(&'a [T], &'a str);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, thing)| {
            f.write_str(if index == 0 { "" } else { self.1 })?;
            thing.fmt(f)
        })
    }
}

/// `volume 3 is` or `volumes 3, 5 are`.
struct NumberedVolumes<'a>(&'a [u8], &'a str, &'a str);

impl fmt::Display for NumberedVolumes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [number] => write!(f, "volume {number}{}", self.1),
            numbers => write!(f, "volumes {}{}", Joined(numbers, ", "), self.2),
        }
    }
}
