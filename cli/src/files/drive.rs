//! Volumes from a drive that holds one disc at a time: who is asked for the next one, and how long is waited.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::HumanBytes;
use jiff::SignedDuration;
use sealift_archive_format::volume::SetId;
use sealift_core::volume_set::{
    CopiesPlace, DriveFinding, DriveVolumes, FoundVolumes, KeptVolumes, VolumeSetError, WantedVolumes,
};

use crate::context::Context;
use crate::failure::Reason;
use crate::interruption;
use crate::terminal;
use crate::terminal::text::{Line, counted};

/// How long to wait until the drive is looked at again.
const INTERVAL: Duration = Duration::from_millis(500);
/// The longest answer that is read, in bytes.
const MAXIMUM_ANSWER: u64 = 1024;

/// The drive, if volumes are read from one.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Volumes")]
pub(crate) struct DriveArguments {
    /// Read volumes one after another from this folder, where a drive is mounted, and ask for the next disc
    ///
    /// As many volumes are read as are needed. Without a terminal nobody can be asked: then the folder must hold enough volumes, or --wait says how long to wait.
    #[arg(long, value_name = "DIR")]
    from_drive: Option<PathBuf>,

    /// Keep what was read from the drive in this folder until the command has succeeded: if it ends early, the same command goes on from there
    ///
    /// By default, the volumes are in files without a name in the folder for temporary files, and gone when the command ends.
    #[arg(long, value_name = "DIR", requires = "from_drive")]
    keep_in: Option<PathBuf>,

    /// Ask nobody, but wait this long for each next volume in the folder of the drive: 30s, 10m, 2h
    #[arg(long, value_name = "TIME", requires = "from_drive")]
    wait: Option<WaitingTime>,
}

/// How long to wait for a volume.
#[derive(Debug, Clone, Copy)]
struct WaitingTime(Duration);

impl FromStr for WaitingTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed: Option<SignedDuration> = text.parse().ok();
        let time = parsed.and_then(|time| Duration::try_from(time).ok());
        time.map(Self).ok_or_else(|| format!("{text:?} is not a time such as 30s, 10m or 2h"))
    }
}

impl DriveArguments {
    /// The folder of the drive.
    pub(crate) fn drive(&self) -> Option<&Path> {
        self.from_drive.as_deref()
    }

    /// Reads volumes from the drive until there are enough.
    pub(crate) fn read(&self, drive: &Path, context: &Context) -> Result<FoundVolumes, Reason> {
        let place = match &self.keep_in {
            Some(folder) => CopiesPlace::Kept(folder.clone()),
            None => CopiesPlace::Nameless(std::env::temp_dir()),
        };
        interruption::leaves(|| "nothing was delivered; begin again with any of the volumes".to_owned());
        let volumes = DriveVolumes::new(drive, place.clone());
        let mut reading = DriveReading { volumes, place, drive, context, said: Vec::new() };
        reading.look(self.wait.is_some())?;
        while let Some(wanted) = reading.volumes.wanted() {
            let goes_on = match self.wait {
                Some(WaitingTime(time)) => reading.wait(time)?,
                None if can_ask() => reading.ask(&wanted)?,
                None => false,
            };
            if !goes_on {
                break;
            }
        }
        Ok(reading.volumes.into_found()?)
    }
}

/// Where copies of a set are, and for how long.
fn kept_where(place: &CopiesPlace, set: SetId) -> String {
    match place {
        CopiesPlace::Nameless(folder) => format!("{} until this command ends", folder.display()),
        CopiesPlace::Kept(folder) => {
            format!("{} until this command has succeeded", KeptVolumes::path_in(folder, set).display())
        }
    }
}

/// Whether somebody is there to exchange discs.
fn can_ask() -> bool {
    terminal::is_watched() && io::stdin().is_terminal()
}

struct DriveReading<'a> {
    volumes: DriveVolumes,
    place: CopiesPlace,
    drive: &'a Path,
    context: &'a Context,
    /// What was said of the drive last.
    said: Vec<String>,
}

impl DriveReading<'_> {
    /// Looks at the drive once, and says what is new. Returns whether a volume was read.
    fn look(&mut self, waits: bool) -> Result<bool, VolumeSetError> {
        if let Some(shape) = self.volumes.first_shape() {
            let (count, length) = (shape.data(), shape.volume_length());
            self.context.remark(format_args!(
                "{}, {} each, to be read from {}; kept in {}.",
                counted(count.into(), "volume"),
                HumanBytes(length),
                self.drive.display(),
                kept_where(&self.place, shape.set())
            ));
        }
        let progress = self.context.progress();
        let findings = self.volumes.look(waits, &*progress);
        // What was read is kept even if it cannot go on.
        if let Some(kept) = self.volumes.kept() {
            self.context.keep(kept);
        }
        let findings = findings?;
        let has_read = findings.iter().any(|finding| matches!(finding, DriveFinding::Read { .. }));
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        if self.said != lines {
            lines.iter().for_each(|line| self.context.remark(line.as_str()));
        }
        self.said = lines;
        Ok(has_read)
    }

    /// Asks for the next disc. Returns whether there may be one.
    fn ask(&mut self, wanted: &WantedVolumes) -> Result<bool, Reason> {
        let question =
            format_args!("Still wanted: {wanted}. Put it into {}, and press Enter (q ends): ", self.drive.display());
        terminal::ask_on(&Line::from(question)).map_err(Reason::Terminal)?;
        let mut answer = String::new();
        let read = io::stdin().lock().take(MAXIMUM_ANSWER).read_line(&mut answer).map_err(Reason::Terminal)?;
        let goes_on = read > 0 && answer.trim() != "q";
        self.said.clear();
        if goes_on {
            self.look(false)?;
        }
        Ok(goes_on)
    }

    /// Waits for the next volume. Returns whether it came.
    fn wait(&mut self, time: Duration) -> Result<bool, Reason> {
        let began = Instant::now();
        loop {
            if self.look(true)? {
                return Ok(true);
            }
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            thread::sleep(left.min(INTERVAL));
        }
    }
}
