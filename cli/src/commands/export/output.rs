//! What an archive is written to: a file that can be taken up, volumes, a pipe or standard output.

use std::fs::{FileType, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sealift_core::export::{ExportError, Prepared, Unfinished};
use sealift_core::progress::Progress;
use sealift_core::volume_set::{self, Cut, NewVolumes, VolumeSetError};

use super::ExportArguments;
use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::output::names_folder;
use crate::terminal;
use crate::terminal::shell::quoted_path;

/// What an archive is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveOutput {
    /// Standard output, by whatever name.
    Standard,
    /// A pipe, or a device that takes what comes.
    Stream,
    /// A file that does not exist yet.
    File,
    /// A file that does not exist yet, with parity, or volumes, whose names begin with the path.
    Cut(Cut),
}

impl ArchiveOutput {
    /// What the path of `-o` is for the archive.
    ///
    /// # Errors
    /// [`Reason::CommandLine`], [`Reason::FileExists`], [`Reason::OutputKind`] and [`Reason::StandardOutput`].
    pub(super) fn of(arguments: &ExportArguments) -> Result<Self, Reason> {
        let Some(cut) = arguments.cut.read()? else { return Self::of_whole(&arguments.output) };
        let why = match (cut, Self::of_whole(&arguments.output)) {
            (Cut::Volumes { .. }, Ok(Self::Standard | Self::Stream)) => {
                "volumes are several files: give the beginning of their names with -o"
            }
            (Cut::Volumes { .. }, Ok(Self::File | Self::Cut(_)) | Err(Reason::FileExists(_))) => {
                return Ok(Self::Cut(cut));
            }
            (Cut::OneFile { .. }, Ok(Self::File)) if !arguments.fresh => return Ok(Self::Cut(cut)),
            (Cut::OneFile { .. }, Ok(_)) => {
                "parity in percent is for one new file, which is written from its beginning"
            }
            (_, Err(error)) => return Err(error),
        };
        Err(Reason::CommandLine(why.to_owned()))
    }

    /// Whether there will be one file, under the path of `-o`.
    pub(super) fn is_one_file(self) -> bool {
        matches!(self, Self::File | Self::Cut(Cut::OneFile { .. }))
    }

    /// What is there when the command is interrupted.
    pub(super) fn after_interruption(self, remains: &UnfinishedRemains) -> String {
        match self {
            Self::Cut(Cut::Volumes { .. }) => "no volume was written".to_owned(),
            Self::Cut(Cut::OneFile { .. }) => "nothing was written".to_owned(),
            Self::Standard | Self::Stream | Self::File => remains.after_interruption(),
        }
    }

    fn of_whole(path: &Path) -> Result<Self, Reason> {
        let other = |kind| Err(Reason::OutputKind { path: path.to_owned(), kind });
        if ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path.as_os_str() == *name) {
            if terminal::is_closed() {
                let lost = io::Error::other("it is closed, so the archive would be lost");
                return Err(Reason::StandardOutput(lost));
            }
            return Ok(Self::Standard);
        }
        if names_folder(path) && !path.is_dir() {
            return other("the name of a folder, because of the / at its end");
        }
        match (path.metadata(), path.symlink_metadata()) {
            (Ok(found), _) if is_stream(found.file_type()) => Ok(Self::Stream),
            (Ok(found), _) if found.file_type().is_block_device() => other("a block device"),
            (Ok(found), _) if found.file_type().is_socket() => other("a socket"),
            (Ok(found), _) if found.is_dir() => other("a folder"),
            (Ok(_), _) => Err(Reason::FileExists(path.to_owned())),
            (Err(_), Ok(link)) if link.is_symlink() => other("a symbolic link to something that does not exist"),
            (Err(_), _) => {
                // Said here, where it has the name that the person gave.
                let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let found = folder.metadata().map_err(|source| Reason::File { path: folder.to_owned(), source })?;
                if found.is_dir() {
                    return Ok(Self::File);
                }
                Err(Reason::OutputKind { path: folder.to_owned(), kind: "not a folder" })
            }
        }
    }

    /// What to do on the far side with what was written here; `None` if it is gone.
    pub(super) fn next(self, path: &Path) -> Option<String> {
        match self {
            Self::File | Self::Cut(Cut::OneFile { .. }) => Some(format!("sealift verify {}", quoted_path(path))),
            Self::Cut(Cut::Volumes { .. }) => {
                Some(format!("sealift verify {}", quoted_path(volume_set::path_of(path, 1))))
            }
            Self::Standard | Self::Stream => {
                let device = |path: &Path| path.metadata().ok().map(|found| found.rdev());
                let is_gone = self == Self::Stream && device(path) == device(Path::new("/dev/null"));
                (!is_gone).then(|| "sealift verify - (with the archive on standard input)".to_owned())
            }
        }
    }
}

/// Whether it is a pipe, or a device that takes what comes.
fn is_stream(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_char_device()
}

/// Writes the archive; returns the paths of its volumes, if it has several files.
pub(super) fn write(
    prepared: &Prepared,
    arguments: &ExportArguments,
    to: ArchiveOutput,
    progress: &dyn Progress,
    context: &Context,
) -> Result<Vec<PathBuf>, Failure> {
    let output = &arguments.output;
    let attempt = || match to {
        ArchiveOutput::Standard => "cannot write the archive to standard output".to_owned(),
        ArchiveOutput::Cut(Cut::Volumes { .. }) => format!("cannot write the volumes of {}", output.display()),
        ArchiveOutput::Stream | ArchiveOutput::File | ArchiveOutput::Cut(Cut::OneFile { .. }) => {
            format!("cannot write {}", output.display())
        }
    };
    match to {
        ArchiveOutput::Standard => {
            write_stream(prepared, arguments, terminal::data(), progress, Reason::StandardOutput).attempt(attempt)?;
        }
        ArchiveOutput::Stream => {
            let failed = |source| Reason::File { path: output.clone(), source };
            let stream = open_stream(output).attempt(attempt)?;
            write_stream(prepared, arguments, stream, progress, failed).attempt(attempt)?;
        }
        ArchiveOutput::File => write_file(prepared, arguments, progress, context, attempt)?,
        ArchiveOutput::Cut(cut) => return write_volumes(prepared, arguments, cut, progress).attempt(attempt),
    }
    Ok(Vec::new())
}

/// Opens what was a pipe or a device when the command began; a file that has taken its place since is somebody's.
fn open_stream(path: &Path) -> Result<std::fs::File, Reason> {
    let failed = |source| Reason::File { path: path.to_owned(), source };
    let opened = OpenOptions::new().write(true).open(path).map_err(failed)?;
    if opened.is_terminal() {
        return Err(Reason::CommandLine("an archive is not for a terminal: give a file with -o".to_owned()));
    }
    match is_stream(opened.metadata().map_err(failed)?.file_type()) {
        true => Ok(opened),
        false => Err(Reason::FileExists(path.to_owned())),
    }
}

fn write_stream(
    prepared: &Prepared,
    arguments: &ExportArguments,
    stream: impl io::Write,
    progress: &dyn Progress,
    failed: impl FnOnce(io::Error) -> Reason,
) -> Result<(), Reason> {
    progress.begin("exporting", Some(prepared.content_bytes()));
    let written = prepared.write(BufWriter::new(stream), &arguments.connections.workers(), progress);
    progress.finish();
    written?.flush().map_err(failed)
}

/// Writes a file, or goes on with the one that an earlier attempt has left.
fn write_file(
    prepared: &Prepared,
    arguments: &ExportArguments,
    progress: &dyn Progress,
    context: &Context,
    attempt: impl Fn() -> String,
) -> Result<(), Failure> {
    let output = &arguments.output;
    let begun = Unfinished::begin(output, prepared, arguments.fresh).map_err(ExportError::from);
    let unfinished = begun.attempt(&attempt)?;
    let remains = UnfinishedRemains::of(output);
    if unfinished.is_taken_up() {
        context.remark(format_args!("Continuing: {}.", remains.kept()));
    }
    let written = prepared.write_file(unfinished, &arguments.connections.workers(), progress);
    progress.finish();
    written.map(drop).attempt(|| format!("{}; {}", attempt(), remains.kept()))
}

fn write_volumes(
    prepared: &Prepared,
    arguments: &ExportArguments,
    cut: Cut,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, Reason> {
    let shape = prepared.volumes(cut).map_err(VolumeSetError::from)?;
    let volumes = NewVolumes::begin(cut, &arguments.output, shape)?;
    progress.begin("exporting", Some(prepared.content_bytes()));
    let written = prepared.write(volumes, &arguments.connections.workers(), progress);
    progress.finish();
    let written = written?.finish()?;
    Ok(if let Cut::Volumes { .. } = cut { written } else { Vec::new() })
}

/// What is there when an export ends before its time.
#[derive(Clone)]
pub(super) struct UnfinishedRemains {
    output: PathBuf,
    partial: PathBuf,
}

impl UnfinishedRemains {
    pub(super) fn of(output: &Path) -> Self {
        Self { output: output.to_owned(), partial: Unfinished::path_of(output) }
    }

    /// What the unfinished archive keeps.
    fn kept(&self) -> String {
        // A file with holes: what counts is what was written.
        let written = self.partial.metadata().map_or(0, |metadata| metadata.blocks().saturating_mul(512));
        format!("{} keeps {}", self.partial.display(), indicatif::HumanBytes(written))
    }

    fn after_interruption(&self) -> String {
        if self.output.as_os_str() == "-" {
            "the archive on standard output is not complete".to_owned()
        } else if !self.partial.exists() && self.output.metadata().is_ok_and(|it| !it.is_file()) {
            format!("the archive in {} is not complete", self.output.display())
        } else if self.partial.exists() {
            format!("{}; run the same command again to go on", self.kept())
        } else if self.output.exists() {
            format!("{} is complete", self.output.display())
        } else {
            "nothing was written".to_owned()
        }
    }
}
