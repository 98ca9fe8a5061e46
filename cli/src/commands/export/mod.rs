//! `sealift export`: packs bundles and images, with the proof about them, into one sealed archive.

mod gathered;
mod report;
mod repositories;
mod request;

use std::fs::{FileType, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bytesize::ByteSize;
use clap::Args;
use sealift_archive_format::Digest;
use sealift_core::export::{self, ExportError, PrepareError, Prepared, Unfinished};
use sealift_core::progress::Progress;
use sealift_core::trust::{Item, JudgementError};
use sealift_core::trust_store::{Policy, Trust};
use sealift_core::volume_set::{self, NewVolumes, VolumeSetError};

pub(crate) use gathered::{Gathered, gather, settings};
pub(crate) use repositories::{Servers, carriers};

use crate::context::{Context, ExportTime};
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::checksum;
use crate::files::key::SigningKeyArguments;
use crate::files::output::names_folder;
use crate::interruption;
use crate::options::base::{BaseArguments, ReadBase};
use crate::options::connections::ConnectionArguments;
use crate::options::lock::LockedShipment;
use crate::options::network::{self, MirrorArguments, NetworkArguments};
use crate::options::source::OpenedSources;
use crate::options::verdict::{InspectionArguments, inspections};
use crate::options::wanted::{Wanted, WantedArguments};
use crate::terminal;
use crate::terminal::ground::Ground;
use crate::terminal::shell::quoted_path;

/// What to export, and how.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift export --bundle example.com/org/shop:1.4 \\\n      --tuf example=https://metadata.example.com/shop \\\n      --key exporter.pem -o shop.sealift\n  sealift export --bundle example.com/org/shop:1.4=localhost:5000/org/shop:1.4 \\\n      --tuf example=./tuf --key exporter.pem -o - | sealift verify -\n  sealift export --bundle example.com/org/shop:1.4=shop-1.4.tgz \\\n      --key exporter.pem -o shop.sealift\n  sealift export --image example.com/org/app:1=docker-archive:app.tar \\\n      --key exporter.pem -o app.sealift\n  sealift export --image example.com/acme/web:1.0 \\\n      --notary acme=https://notary.example.com --key exporter.pem -o web.sealift\n  sealift export --file simple/app/app-1.4-py3-none-any.whl \\\n      --tuf acme=https://tuf.example.com --key exporter.pem -o app.sealift\n  sealift export -f shipment.toml --key exporter.pem -o week-48.sealift\n  sealift export --from-file images.txt --tuf acme=https://tuf.example.com \\\n      --key exporter.pem -o images.sealift\n  sealift export -f shipment.toml --since plant-7.receipt \\\n      --key exporter.pem -o week-49.sealift\n  sealift export -f shipment.toml --assume week-48.sealift \\\n      --key exporter.pem -o week-49.sealift\n  sealift export --bundle example.com/org/shop:1.4 \\\n      --tuf example=./tuf --key exporter.pem \\\n      --volume-size 4.7GB --parity 2 -o discs/shop\n  sealift export -f shipment.toml --key exporter.pem \\\n      --parity 10% -o week-48.sealift\n\nNAME is the reference that the far side and the TUF repository use. WHERE says where it is stored, if that is elsewhere:\n  docker://REFERENCE, or REFERENCE  in a registry\n  oci:DIR[:REFERENCE], or DIR       in an OCI image layout\n  oci-archive:FILE[:REFERENCE]      in an OCI image layout in a tar file,\n                                    from skopeo, podman, buildah or ctr\n  docker-archive:FILE[:REFERENCE]   in what docker save writes\n  FILE                              any of these files, a bundle.json, or\n                                    a thick bundle (.tgz) of Porter or Duffle\nTar files may be compressed with gzip or zstd; they are then unpacked into a file without a name in the folder that\nTMPDIR names. A file or folder that exists here is never looked for in a registry.\n\nEverything that the far side checks is checked here first, against the roots pinned on this side."
)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    wanted: WantedArguments,

    #[command(flatten)]
    base: BaseArguments,

    #[command(flatten)]
    key: SigningKeyArguments,

    /// The archive to write; - for standard output. A pipe (FIFO) may be named too. An existing file is not replaced
    ///
    /// Until it is complete it is called FILE.partial. If the command is interrupted, or fails, that file keeps what is complete, and
    /// the same command takes it up.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,

    /// Cut the archive into volumes of this size at most: 4.7GB, 650MB, 25GiB
    ///
    /// They are called FILE.001.sealift-volume and so on, where FILE is what -o says, and appear when all are complete. Every command that
    /// reads an archive reads their folder, or any one of them.
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["fresh", "sha256"], help_heading = "Output")]
    volume_size: Option<ByteSize>,

    /// Add parity, which makes up for what is lost or damaged: a COUNT of volumes with --volume-size, or so much of one file: 10%
    ///
    /// As many volumes may be lost, whichever these are, or that part of a file be destroyed, in one piece or in small ones. Every command that reads an archive restores it, and says so.
    #[arg(long, value_name = "COUNT|PERCENT", help_heading = "Output")]
    parity: Option<Parity>,

    /// Start over, even if an earlier attempt has left FILE.partial
    #[arg(long, help_heading = "Output")]
    fresh: bool,

    /// Also write FILE.sha256, which `sha256sum --check` reads on the far side
    ///
    /// The archive is read once more for it. It finds out whether a copy is whole, and proves nothing.
    #[arg(long, help_heading = "Output")]
    sha256: bool,

    #[command(flatten)]
    inspections: InspectionArguments,

    #[command(flatten)]
    connections: ConnectionArguments,

    #[command(flatten)]
    network: NetworkArguments,

    #[command(flatten)]
    mirrors: MirrorArguments,
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

impl ExportArguments {
    /// What the archive is written to.
    fn output(&self) -> Result<ArchiveOutput, Reason> {
        let cuts = self.volume_size.is_some();
        let output = ArchiveOutput::of(&self.output, cuts)?;
        let why = match (self.parity, output) {
            (None, _) => return Ok(output),
            (Some(Parity::Percent(_)), ArchiveOutput::File) if !self.fresh => return Ok(ArchiveOutput::OneFile),
            (Some(Parity::Volumes(_)), ArchiveOutput::Volumes) => return Ok(output),
            (Some(Parity::Percent(_)), ArchiveOutput::Volumes) => "with --volume-size, --parity is a number of volumes",
            (Some(Parity::Percent(_)), _) => {
                "parity in percent is for one new file, which is written from its beginning"
            }
            (Some(Parity::Volumes(_)), _) => {
                "a number of volumes goes with --volume-size; for one file, give for example --parity 10%"
            }
        };
        Err(Reason::CommandLine(why.to_owned()))
    }
}

/// Exports.
pub(crate) fn run(arguments: &ExportArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || "cannot export".to_owned();
    let output = arguments.output().attempt(attempt)?;
    let to_file = matches!(output, ArchiveOutput::File | ArchiveOutput::OneFile);
    let beside = arguments.sha256.then(|| checksum::beside(&arguments.output));
    let first = (output == ArchiveOutput::Volumes).then(|| volume_set::path_of(&arguments.output, 1));
    let mut written = to_file.then_some(&arguments.output).into_iter().chain(&beside).chain(&first);
    if let Some(there) = written.find(|path| path.exists()) {
        return Err(Reason::FileExists(there.clone())).attempt(attempt);
    }
    if !to_file && arguments.sha256 {
        let why = "--sha256 is for a file: a pipe or a device has none beside it";
        return Err(Reason::CommandLine(why.to_owned())).attempt(attempt);
    }
    if output == ArchiveOutput::Standard && terminal::is_shown() {
        let why = "an archive is not for a terminal: give a file with -o, or send standard output somewhere else";
        return Err(Reason::CommandLine(why.to_owned())).attempt(attempt);
    }
    let remains = UnfinishedRemains::of(&arguments.output);
    interruption::leaves(move || match output {
        ArchiveOutput::Volumes => "no volume was written".to_owned(),
        ArchiveOutput::OneFile => "nothing was written".to_owned(),
        ArchiveOutput::Standard | ArchiveOutput::Stream | ArchiveOutput::File => remains.after_interruption(),
    });
    let Wanted { options: mut wanted, shipment } = arguments.wanted.with_files()?;
    let mut locked = shipment.map(LockedShipment::of).transpose()?;
    locked.as_ref().map_or(Ok(()), |locked| locked.require_names(&wanted.tags))?;
    require_lock(&wanted, locked.as_ref())?;
    let export_time = context.export_time()?;
    let key = arguments.key.read()?;
    let store = context.trust_store()?;
    // That it can be changed is shown before anything moves.
    let trust = store.update_soon().and_then(|update| update.trust()).attempt(attempt)?;
    let ReadBase { base, receipt } = arguments.base.read(&store, (&trust, context.now()), Some(&key))?;
    remark_on(export_time, &trust.policy, context);
    let web = arguments.network.web()?;
    let servers = Servers { web: &web, network: &arguments.network, mirrors: &arguments.mirrors };
    let (progress, workers) = (context.progress(), arguments.connections.workers());
    let gathered = gather(&mut wanted, (locked.as_mut(), false), (&trust, &servers, &workers), &*progress, context)?;
    let Gathered { opened, mut repositories, plan, passed_over } = gathered;
    let live = carriers(&mut repositories);
    let sandbox = arguments.inspections.sandbox()?;
    let settings = settings(
        &wanted,
        (std::slice::from_ref(&key), base.as_ref()),
        inspections(sandbox.as_ref()),
        workers,
        context,
    )?;
    let new_lock = locked.filter(|locked| locked.lock.is_none()).map(|locked| {
        let lock = locked.planned(&plan);
        (locked, lock)
    });
    progress.begin("proving", None);
    let bundles = plan.bundles_among_images();
    let prepared = export::prepare(plan, &trust, live, &settings);
    progress.finish();
    let prepared = prepared.map_err(|error| {
        let meant = thick_bundle_meant(&error, &wanted, &opened);
        let is_bundle = binding(&error).is_some_and(|(item, _)| bundles.contains(&item.reference));
        let failure = Failure::new(attempt(), error.into()).in_thick_bundle(meant);
        if is_bundle { failure.of_bundle() } else { failure }
    })?;

    if let Some(until) = wanted.valid_until(context.now()) {
        export::require_valid_until(prepared.judgement().findings(), until).attempt(attempt)?;
    }

    let volumes = write(&prepared, arguments, output, &*progress, context)?;
    store
        .update_soon()
        .and_then(|update| {
            update.advance(&trust, &prepared.states(&trust))?;
            update.note(prepared.history_line(context.now(), sealed_by(&prepared, &trust), receipt))
        })
        .attempt(|| "the archive was written, but the trust store could not be updated".to_owned())?;

    if let Some((locked, lock)) = new_lock {
        locked.write(&lock).attempt(|| format!("the archive was written, but not {}", locked.file.display()))?;
        context.remark(format_args!("Locked: {} keeps the digests for the next export.", locked.file.display()));
    }

    let sha256 = match arguments.sha256 && to_file {
        true => Some(
            checksum::write(&arguments.output)
                .attempt(|| format!("{} was written, but not its SHA-256", arguments.output.display()))?,
        ),
        false => None,
    };
    let ground = Ground::of_export(sealed_by(&prepared, &trust), &prepared.judgement().findings().items);
    let about_sources = passed_over.into_iter().chain(network::remarks()).collect();
    let report = report::of(&prepared, (&arguments.output, &wanted), (sha256, volumes), about_sources);
    let next = output.next(&arguments.output);
    if output != ArchiveOutput::Standard {
        return context.result(&report, || report::text(&report, &ground, next.as_deref()));
    }
    // Standard output holds the archive.
    context.remark(report::text(&report, &ground, next.as_deref()));
    Ok(())
}

/// Requires that a shipment of which a shard is exported is locked.
fn require_lock(wanted: &WantedArguments, locked: Option<&LockedShipment>) -> Result<(), Failure> {
    match locked {
        Some(open) if open.lock.is_none() && wanted.shard.is_some() => {
            Err(Reason::NotLocked { shipment: open.path().to_owned() }).attempt(|| "cannot export a shard".to_owned())
        }
        _ => Ok(()),
    }
}

/// The file that a bundle was taken from, where TUF lists something of the file's length for the name of the bundle.
fn thick_bundle_meant(error: &PrepareError, wanted: &WantedArguments, opened: &OpenedSources<'_>) -> Option<PathBuf> {
    let (item, listed_length) = binding(error)?;
    let named = wanted.bundle.iter().find(|named| named.name == item.reference)?;
    opened.thick_file(named).filter(|file| file.metadata().is_ok_and(|it| it.len() == listed_length))
}

/// The item that is not what TUF lists for its name, and the length that it lists, in bytes.
fn binding(error: &PrepareError) -> Option<(&Item, u64)> {
    match error {
        PrepareError::Judgement(JudgementError::Binding { item, listed_length, .. }) => Some((item, *listed_length)),
        _ => None,
    }
}

/// Who sealed an archive: by the name that its key has here, or by its fingerprint.
fn sealed_by(prepared: &Prepared, trust: &Trust) -> Vec<String> {
    let name = |key: Digest| {
        let mut known = trust.exporters.iter().filter(|(_, it)| it.fingerprint().is_ok_and(|it| it == key));
        known.next().map_or_else(|| format!("key {key}"), |(name, _)| name.to_string())
    };
    prepared.sealed_by().into_iter().map(name).collect()
}

/// Names the variable that causes the archive to be refused, because the refusal does not know about it.
fn remark_on(export_time: ExportTime, policy: &Policy, context: &Context) {
    match export_time {
        ExportTime::Now(_) => {}
        ExportTime::Stated(instant) => {
            let (now, longest) = (context.now(), policy.maximum_transit);
            if instant > now {
                context.remark(format_args!(
                    "warning: SOURCE_DATE_EPOCH sets the export time to {instant}, which is later than now ({now}): no far side accepts the archive before then"
                ));
            } else if now.duration_since(instant) > longest.0 {
                context.remark(format_args!(
                    "warning: SOURCE_DATE_EPOCH sets the export time to {instant}, longer ago than an archive may be in transit ({longest})"
                ));
            }
        }
    }
}

/// What an archive is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArchiveOutput {
    /// Standard output, by whatever name.
    Standard,
    /// A pipe, or a device that takes what comes.
    Stream,
    /// A file that does not exist yet.
    File,
    /// A file that does not exist yet, with parity.
    OneFile,
    /// Volumes, whose names begin with the path.
    Volumes,
}

impl ArchiveOutput {
    /// What a path is for an archive.
    ///
    /// # Errors
    /// [`Reason::FileExists`], [`Reason::OutputKind`] and [`Reason::StandardOutput`].
    fn of(path: &Path, cuts: bool) -> Result<Self, Reason> {
        match Self::of_whole(path) {
            Ok(Self::Standard | Self::Stream) if cuts => {
                let why = "volumes are several files: give the beginning of their names with -o";
                Err(Reason::CommandLine(why.to_owned()))
            }
            Ok(Self::File) | Err(Reason::FileExists(_)) if cuts => Ok(Self::Volumes),
            whole => whole,
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
}

impl ArchiveOutput {
    /// What to do on the far side with what was written here; `None` if it is gone.
    fn next(self, path: &Path) -> Option<String> {
        match self {
            Self::File | Self::OneFile => Some(format!("sealift verify {}", quoted_path(path))),
            Self::Volumes => Some(format!("sealift verify {}", quoted_path(volume_set::path_of(path, 1)))),
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

fn write(
    prepared: &Prepared,
    arguments: &ExportArguments,
    to: ArchiveOutput,
    progress: &dyn Progress,
    context: &Context,
) -> Result<Vec<PathBuf>, Failure> {
    let output = &arguments.output;
    let attempt = || match to {
        ArchiveOutput::Standard => "cannot write the archive to standard output".to_owned(),
        ArchiveOutput::Stream | ArchiveOutput::File | ArchiveOutput::OneFile => {
            format!("cannot write {}", output.display())
        }
        ArchiveOutput::Volumes => format!("cannot write the volumes of {}", output.display()),
    };
    let workers = arguments.connections.workers();
    let failed = |source| match to {
        ArchiveOutput::Standard => Reason::StandardOutput(source),
        ArchiveOutput::Stream | ArchiveOutput::File | ArchiveOutput::OneFile | ArchiveOutput::Volumes => {
            Reason::File { path: output.clone(), source }
        }
    };
    let stream: Option<Box<dyn io::Write>> = match to {
        ArchiveOutput::Standard => Some(Box::new(terminal::data())),
        ArchiveOutput::Stream => {
            let opened = OpenOptions::new().write(true).open(output).map_err(failed).attempt(attempt)?;
            if opened.is_terminal() {
                let why = "an archive is not for a terminal: give a file with -o";
                return Err(Reason::CommandLine(why.to_owned())).attempt(attempt);
            }
            // It was a pipe or a device when the command began; a file that has taken its place since is somebody's.
            let found = opened.metadata().map_err(failed).attempt(attempt)?;
            if !is_stream(found.file_type()) {
                return Err(Reason::FileExists(output.clone())).attempt(attempt);
            }
            Some(Box::new(opened))
        }
        ArchiveOutput::File => None,
        ArchiveOutput::OneFile | ArchiveOutput::Volumes => {
            return write_volumes(prepared, arguments, progress).attempt(attempt);
        }
    };
    if let Some(stream) = stream {
        progress.begin("exporting", Some(prepared.content_bytes()));
        let written = prepared.write(BufWriter::new(stream), &workers, progress);
        progress.finish();
        written.attempt(attempt)?.flush().map_err(failed).attempt(attempt)?;
        return Ok(Vec::new());
    }
    let unfinished =
        Unfinished::begin(output, prepared, arguments.fresh).map_err(ExportError::from).attempt(attempt)?;
    let remains = UnfinishedRemains::of(output);
    if unfinished.is_taken_up() {
        context.remark(format_args!("Continuing: {}.", remains.kept()));
    }
    let written = prepared.write_file(unfinished, &workers, progress);
    progress.finish();
    written.map(|_| Vec::new()).attempt(|| format!("{}; {}", attempt(), remains.kept()))
}

fn write_volumes(
    prepared: &Prepared,
    arguments: &ExportArguments,
    progress: &dyn Progress,
) -> Result<Vec<PathBuf>, Reason> {
    let volumes = match arguments.parity {
        Some(Parity::Percent(percent)) => {
            let shape = prepared.volumes_in_one_file(percent).map_err(VolumeSetError::from)?;
            NewVolumes::begin_in_one_file(&arguments.output, shape)?
        }
        parity => {
            let count = if let Some(Parity::Volumes(count)) = parity { count } else { 0 };
            let size = arguments.volume_size.map_or(u64::MAX, |size| size.as_u64());
            let shape = prepared.volumes(size, count).map_err(VolumeSetError::from)?;
            NewVolumes::begin(&arguments.output, shape)?
        }
    };
    progress.begin("exporting", Some(prepared.content_bytes()));
    let written = prepared.write(volumes, &arguments.connections.workers(), progress);
    progress.finish();
    let written = written?.finish()?;
    Ok(if arguments.volume_size.is_some() { written } else { Vec::new() })
}

/// What is there when an export ends before its time.
#[derive(Clone)]
struct UnfinishedRemains {
    output: PathBuf,
    partial: PathBuf,
}

impl UnfinishedRemains {
    fn of(output: &Path) -> Self {
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
