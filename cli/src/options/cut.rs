//! How an archive is cut into volumes, and how much parity is added.

use std::str::FromStr;

use bytesize::ByteSize;
use clap::Args;
use sealift_core::volume_set::Cut;

use crate::failure::Reason;

/// How an archive is cut.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct CutArguments {
    /// Cut the archive into volumes of this size at most: 4.7GB, 650MB, 25GiB
    ///
    /// `export -o FILE` calls them FILE.001.sealift-volume and so on; they appear when all are complete. Every command that reads an
    /// archive reads their folder, or any one of them.
    #[arg(long, value_name = "SIZE", help_heading = "Volumes")]
    volume_size: Option<ByteSize>,

    /// Add parity, which makes up for what is lost or damaged: a COUNT of volumes with --volume-size, or so much of one file: 10%
    ///
    /// As many volumes may be lost, whichever these are, or that part of a file be destroyed, in one piece or in small ones. Every command
    /// that reads an archive restores it, and says so.
    #[arg(long, value_name = "COUNT|PERCENT", help_heading = "Volumes")]
    parity: Option<Parity>,
}

/// How much parity is added.
#[derive(Debug, Clone, Copy)]
enum Parity {
    /// So many volumes.
    Volumes(u8),
    /// So much of one file, in percent.
    Percent(u8),
}

impl FromStr for Parity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self::Percent),
            None => text.parse().ok().map(Self::Volumes),
        };
        parsed.ok_or("give a number of volumes, 0 to 255, or 1% to 100%")
    }
}

impl CutArguments {
    /// How the archive is cut; `None` if it stays whole.
    ///
    /// # Errors
    /// [`Reason::CommandLine`] where the two options do not go together.
    pub(crate) fn read(self) -> Result<Option<Cut>, Reason> {
        let why = match (self.volume_size, self.parity) {
            (None, None) => return Ok(None),
            (None, Some(Parity::Percent(percent))) => return Ok(Some(Cut::OneFile { percent })),
            (Some(size), None) => return Ok(Some(Cut::Volumes { size: size.as_u64(), parity: 0 })),
            (Some(size), Some(Parity::Volumes(parity))) => {
                return Ok(Some(Cut::Volumes { size: size.as_u64(), parity }));
            }
            (Some(_), Some(Parity::Percent(_))) => "with --volume-size, --parity is a number of volumes",
            (None, Some(Parity::Volumes(_))) => {
                "a number of volumes goes with --volume-size; for one file, give for example --parity 10%"
            }
        };
        Err(Reason::CommandLine(why.to_owned()))
    }
}
