//! What surrounds a command: the clock, the terminal, the trust store's place, and how results are written.
//!
//! The one place that reads the clock. Of the environment it reads what every command needs; how the network is reached is in `options/network.rs`.

use std::cell::OnceCell;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use etcetera::BaseStrategy as _;
use jiff::Timestamp;
use sealift_core::progress::{Progress, Unwatched};
use sealift_core::trust_store::TrustStore;
use sealift_core::volume_set::KeptVolumes;

use crate::failure::{Attempt as _, Failure, Reason};
use crate::interruption;
use crate::terminal;
use crate::terminal::progress::{Bar, Lines};
use crate::terminal::text::{self, Text};

/// What surrounds a command.
pub(crate) struct Context {
    now: OnceCell<Timestamp>,
    json: bool,
    quiet: bool,
    /// What was read from a drive, and is kept until the command has succeeded.
    kept: OnceCell<Arc<KeptVolumes>>,
    /// The folder of the trust store; `None` where none was named and there is no home folder.
    trust: Option<PathBuf>,
}

/// What a command did that has no other result, as `--json` shows it.
#[derive(serde::Serialize)]
struct ChangeMade {
    change: &'static str,
    messages: Vec<String>,
    /// What is no longer remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten: Option<serde_json::Value>,
}

/// The export time, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ExportTime {
    /// The clock of this side.
    Now(Timestamp),
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    Stated(Timestamp),
}

impl ExportTime {
    /// The time that the seal states.
    pub(crate) fn instant(self) -> Timestamp {
        match self {
            Self::Now(instant) | Self::Stated(instant) => instant,
        }
    }
}

/// What was read and is kept, and what to do with it.
fn goes_on_from(folder: &Path) -> String {
    let folder = folder.display();
    format!("what was read is kept in {folder}, and the same command goes on from there")
}

/// The system's time; the last that can be held, or the first, where the system's clock is beyond it.
fn of_system(time: SystemTime) -> Timestamp {
    let beyond = if time > SystemTime::UNIX_EPOCH { Timestamp::MAX } else { Timestamp::MIN };
    Timestamp::try_from(time).unwrap_or(beyond)
}

/// Archives and metadata state times to the second.
fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

impl Context {
    /// Reads the environment.
    pub(crate) fn new(trust: Option<PathBuf>, json: bool, quiet: bool) -> Self {
        let usual = || Some(etcetera::choose_base_strategy().ok()?.config_dir().join("sealift"));
        let trust = trust.or_else(usual);
        // With JSON, standard error is for a program, unless it is a terminal.
        if quiet || (json && !terminal::is_watched()) {
            terminal::be_quiet();
        }
        Self { now: OnceCell::new(), json, quiet, kept: OnceCell::new(), trust }
    }

    /// This side's clock, read when it is first needed and never again.
    ///
    /// An archive may still be being made while it arrives through a pipe, so a judge asks for the time only once its
    /// first byte has arrived.
    pub(crate) fn now(&self) -> Timestamp {
        *self.now.get_or_init(|| whole_second(of_system(SystemTime::now())))
    }

    /// The time of day, for a line of a log. Nothing is judged by it.
    #[cfg(feature = "network")]
    pub(crate) fn time_of_line() -> Timestamp {
        of_system(SystemTime::now())
    }

    /// Keeps what was read from a drive until the command has succeeded.
    pub(crate) fn keep(&self, volumes: &Arc<KeptVolumes>) {
        let kept = Arc::clone(self.kept.get_or_init(|| Arc::clone(volumes)));
        interruption::leaves(move || match kept.has_volumes() {
            true => format!("nothing was delivered; {}", goes_on_from(kept.path())),
            false => "nothing was delivered, and nothing was read yet".to_owned(),
        });
    }

    /// Says what becomes of what was read from a drive: it is removed once the command has succeeded, and else stays for the next one.
    pub(crate) fn settle(&self, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let Some(kept) = self.kept.get() else { return outcome };
        if let Err(failure) = outcome {
            return Err(match kept.has_volumes() {
                true => failure.leaving(goes_on_from(kept.path())),
                false => {
                    // Nobody has a use for an empty folder; if it cannot be removed, it is in nobody's way.
                    let _ = kept.remove();
                    failure
                }
            });
        }
        let path = kept.path().display();
        match kept.remove() {
            Ok(true) => self.remark(format_args!("The volumes that were kept in {path} were removed.")),
            Ok(false) => self.remark(format_args!("{path} was left: something else is in it.")),
            Err(error) => self.remark(format_args!("{path} was left: {error}")),
        }
        Ok(())
    }

    /// The trust store. It may not exist yet.
    pub(crate) fn trust_store(&self) -> Result<TrustStore, Failure> {
        let folder = self.trust.as_ref().ok_or(Reason::NoHomeFolder);
        folder.map(TrustStore::at).attempt(|| "cannot find the trust store".to_owned())
    }

    /// The export time.
    pub(crate) fn export_time(&self) -> Result<ExportTime, Failure> {
        let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") else { return Ok(ExportTime::Now(self.now())) };
        text.to_str()
            .and_then(|text| text.parse().ok())
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
            .map(ExportTime::Stated)
            .ok_or_else(|| Reason::SourceDateEpoch(text.to_string_lossy().into_owned()))
            .attempt(|| "cannot determine the export time".to_owned())
    }

    /// Writes a result to standard output: `value` as JSON with `--json`, else the text that `text` makes.
    pub(crate) fn result<T: Into<Text>>(
        &self,
        value: &impl serde::Serialize,
        text: impl FnOnce() -> T,
    ) -> Result<(), Failure> {
        if !self.json {
            return self.print(text());
        }
        let json = text::json(value)
            .map_err(io::Error::other)
            .map_err(Reason::StandardOutput)
            .attempt(|| "the work is done, but its result cannot be written".to_owned())?;
        let mut text = Text::default();
        text.block(&json);
        self.print(text)
    }

    /// Tells what was done, on standard error; with `--json`, on standard output.
    pub(crate) fn done(&self, change: &'static str, messages: Vec<String>) -> Result<(), Failure> {
        self.done_forgetting(change, messages, None)
    }

    /// Tells what was done, and what was forgotten by it; `None` where that is not known.
    pub(crate) fn done_forgetting(
        &self,
        change: &'static str,
        messages: Vec<String>,
        forgotten: Option<serde_json::Value>,
    ) -> Result<(), Failure> {
        if self.json {
            return self.result(&ChangeMade { change, messages, forgotten }, Text::default);
        }
        messages.into_iter().for_each(|message| self.remark(message));
        Ok(())
    }

    /// Writes lines to standard output, with colours where it is a terminal.
    pub(crate) fn print(&self, text: impl Into<Text>) -> Result<(), Failure> {
        shown(terminal::print(&text.into()))
    }

    /// Writes bytes to standard output.
    pub(crate) fn data(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = terminal::data();
        shown(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// Tells the person something, on standard error; not with `--quiet` or `--json`.
    pub(crate) fn remark(&self, text: impl Into<Text>) {
        if !self.json {
            terminal::tell_on_the_way(&text.into());
        }
    }

    /// Whether results are written as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether the person asked for results only.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// How long work shows its progress: a bar on a terminal, lines elsewhere, nothing with `--quiet`. With `--json`,
    /// standard error is for a program, unless it is a terminal.
    pub(crate) fn progress(&self) -> Box<dyn Progress> {
        if self.quiet {
            Box::new(Unwatched)
        } else if terminal::is_watched() {
            Box::new(Bar::default())
        } else if self.json {
            Box::new(Unwatched)
        } else {
            Box::new(Lines::default())
        }
    }
}

/// The outcome of writing to standard output. A reader that closes it early, as `head` does, is no failure.
fn shown(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written
            .map_err(Reason::StandardOutput)
            .attempt(|| "the work is done, but its result cannot be written".to_owned()),
    }
}
