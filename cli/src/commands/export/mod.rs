//! `sealift export`: packs bundles and images, with the proof about them, into one sealed archive.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{FileType, OpenOptions};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgGroup, Args, ValueEnum};
use sealift_archive_format::inventory::{Exporter, ItemRecord};
use sealift_archive_format::{Digest, FileName};
use sealift_core::export::{
    self, Dependencies, ExportError, ExportRequest, ItemOrigin, ItemRequest, Plan, PrepareError, Prepared, Unfinished,
};
use sealift_core::measured_file::MeasuredFile;
use sealift_core::oci::{ForeignLayers, PlatformWish, Platforms, Reference};
use sealift_core::place::https_host;
use sealift_core::plain_file::{FileSource, TargetFile};
use sealift_core::progress::Progress;
use sealift_core::trust::{self, Carrier, Extent, JudgementError, LookedUpFile};
use sealift_core::trust_store::{Policy, RepositoryName, Trust};
use sealift_core::tuf_repository::{NotaryRepository, RepositoryFolder, TargetFiles};
use sealift_proof::tuf::provider::CarriedTargets;
use sealift_proof::tuf::{Dialect, Gun, MetadataProvider, TargetProvider};

use crate::commands::trust::folder_of;
use crate::context::{Context, ExportTime};
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::checksum;
use crate::files::key::SigningKeyArguments;
use crate::files::output::names_folder;
use crate::interruption;
use crate::options::connections::ConnectionArguments;
use crate::options::network::{self, MirrorArguments, NetworkArguments, Web};
use crate::options::place::{Location, Named, NamedFile, NotaryPlace, TufPlace};
use crate::options::referrers::Referrers;
use crate::options::source::OpenedSources;
use crate::options::verdict::{InspectionArguments, inspections};
use crate::terminal;
use crate::terminal::ground::Ground;
use crate::terminal::shell::quoted_path;

/// How many odd entries of layouts are told of.
const MAXIMUM_REMARKS: usize = 20;

/// What to export, and how.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("bundles").multiple(true),
    group = ArgGroup::new("what").args(["bundle", "thick_bundle", "image", "file"]).multiple(true).required(true),
    after_long_help = "Examples:\n  sealift export --bundle example.com/org/shop:1.4 \\\n      --tuf example=https://metadata.example.com/shop \\\n      --key exporter.pem -o shop.sealift\n  sealift export --bundle example.com/org/shop:1.4=localhost:5000/org/shop:1.4 \\\n      --tuf example=./tuf --key exporter.pem -o - | sealift verify -\n  sealift export --bundle example.com/org/shop:1.4=shop-1.4.tgz \\\n      --key exporter.pem -o shop.sealift\n  sealift export --image example.com/org/app:1=docker-archive:app.tar \\\n      --key exporter.pem -o app.sealift\n  sealift export --image example.com/acme/web:1.0 \\\n      --notary acme=https://notary.example.com --key exporter.pem -o web.sealift\n  sealift export --file simple/app/app-1.4-py3-none-any.whl \\\n      --tuf acme=https://tuf.example.com --key exporter.pem -o app.sealift\n\nNAME is the reference that the far side and the TUF repository use. WHERE says where it is stored, if that is elsewhere:\n  docker://REFERENCE, or REFERENCE  in a registry\n  oci:DIR[:REFERENCE], or DIR       in an OCI image layout\n  oci-archive:FILE[:REFERENCE]      in an OCI image layout in a tar file,\n                                    from skopeo, podman, buildah or ctr\n  docker-archive:FILE[:REFERENCE]   in what docker save writes\n  FILE                              any of these files, a bundle.json, or\n                                    a thick bundle (.tgz) of Porter or Duffle\nTar files may be compressed with gzip or zstd; they are then unpacked into a file without a name in the folder that\nTMPDIR names. A file or folder that exists here is never looked for in a registry.\n\nEverything that the far side checks is checked here first, against the roots pinned on this side."
)]
pub(crate) struct ExportArguments {
    /// A CNAB bundle, with all its images
    #[arg(long, value_name = "NAME[=WHERE]", group = "bundles", help_heading = "What")]
    bundle: Vec<Named>,

    /// A thick bundle that travels as it is, because its makers vouch for the file itself (CNAB-Sec 303)
    ///
    /// --bundle takes such a file too, and carries what is in it: for that, its makers have to vouch for its bundle.json.
    #[arg(long, value_name = "NAME=FILE.tgz", group = "bundles", conflicts_with = "platform", help_heading = "What")]
    thick_bundle: Vec<Named>,

    /// An image that belongs to no bundle
    #[arg(long, value_name = "NAME[=WHERE]", help_heading = "What")]
    image: Vec<Named>,

    /// A plain file that is a TUF target of this name: a wheel, a chart, an installer, a policy
    ///
    /// It is taken from the targets of the TUF repository that lists it, or from PATH, which must be what the repository lists. On the far
    /// side its name is file:/NAME.
    #[arg(long, value_name = "NAME[=PATH]", help_heading = "What")]
    file: Vec<NamedFile>,

    /// Where to find the images of a bundle.json by the digests that it states: a repository, a layout, or a file, in any form of WHERE
    #[arg(long, value_name = "WHERE", help_heading = "What")]
    images_from: Option<String>,

    /// Carry the bundles that bundles need, and those that these need, from their registries
    ///
    /// A bundle says which versions will do; the newest of these is carried. One that is named with --bundle is carried from where that
    /// says. Without this option they are named, and left behind.
    #[arg(long, requires = "bundles", help_heading = "What")]
    with_dependencies: bool,

    /// A TUF repository whose root is pinned here: a folder or a URL (http, https, file) with metadata/ and
    /// targets/ in it
    #[arg(long, value_name = "REPOSITORY=LOCATION[,TARGETS]", help_heading = "Proof")]
    tuf: Vec<TufPlace>,

    /// A collection of Docker Content Trust (Notary v1) whose root is pinned here with its GUN: the URL of its server, or a
    /// folder of its files, as a client keeps them
    ///
    /// The credentials are those for the server or, if there are none, those for the registry that the GUN names, as with docker. A name
    /// is GUN:TAG. Without REPOSITORY= it is about every collection pinned here that something exported belongs to: they are behind one
    /// server, or in one folder, each in LOCATION/GUN or LOCATION/GUN/metadata.
    #[arg(long, value_name = "[REPOSITORY=]LOCATION", help_heading = "Proof")]
    notary: Vec<NotaryPlace>,

    /// Carry the metadata of every role of the TUF repositories, for a mirror on the far side, instead of only what
    /// proves the chosen names
    #[arg(long, help_heading = "Proof")]
    whole_metadata: bool,

    /// Carry only these platforms of images, for example linux/amd64 or windows/amd64:10.0.17763.1; all by default
    ///
    /// One variant of an architecture is chosen. Where you name none, it is the usual one: amd64/v1, arm/v7, arm64/v8, or none, as the
    /// index writes it. linux/arm/v6 is another one, and linux/arm/* is every variant.
    #[arg(long, value_name = "PLATFORM", help_heading = "What")]
    platform: Vec<PlatformWish>,

    /// The kinds of referrers of images and bundles to carry, cosign's tags too: attestation, signature, sbom, other, image; or all, or
    /// none. By default all except runnable images
    #[arg(
        long,
        value_name = "KIND[,KIND…]",
        default_value = "attestation,signature,sbom,other",
        hide_default_value = true,
        help_heading = "What"
    )]
    referrers: Referrers,

    /// What to do with layers of images that registries are not meant to distribute (foreign layers, of Windows): carry (the
    /// default), or leave-out
    #[arg(long, value_name = "HOW", hide_possible_values = true, help_heading = "What")]
    foreign_layers: Option<ForeignLayersArgument>,

    #[command(flatten)]
    key: SigningKeyArguments,

    /// The archive to write; - for standard output. A pipe (FIFO) may be named too. An existing file is not replaced
    ///
    /// Until it is complete it is called FILE.partial. If the command is interrupted, or fails, that file keeps what is complete, and
    /// the same command takes it up.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,

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

/// What to do with layers that registries are not meant to distribute.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ForeignLayersArgument {
    Carry,
    LeaveOut,
}

impl From<ForeignLayersArgument> for ForeignLayers {
    fn from(foreign_layers: ForeignLayersArgument) -> Self {
        match foreign_layers {
            ForeignLayersArgument::Carry => Self::Carry,
            ForeignLayersArgument::LeaveOut => Self::LeaveOut,
        }
    }
}

/// Exports.
pub(crate) fn run(arguments: &ExportArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || "cannot export".to_owned();
    let output = ArchiveOutput::of(&arguments.output).attempt(attempt)?;
    let to_file = output == ArchiveOutput::File;
    let beside = arguments.sha256.then(|| checksum::beside(&arguments.output));
    if let Some(there) = to_file.then_some(&arguments.output).into_iter().chain(&beside).find(|path| path.exists()) {
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
    interruption::leaves(move || remains.after_interruption());
    let export_time = context.export_time()?;
    let key = arguments.key.read()?;
    let store = context.trust_store()?;
    // That it can be changed is shown before anything moves.
    let trust = store.update_soon().and_then(|update| update.trust()).attempt(attempt)?;
    remark_on(export_time, &trust.policy, context);
    let web = arguments.network.web()?;
    let progress = context.progress();
    let registries = arguments.network.registry_source(&arguments.mirrors, https_only(arguments))?;
    let mut opened = OpenedSources::new(registries, &*progress);
    let mut repositories = live_repositories(arguments, &trust, &web)?;
    let files = files(arguments, &trust, &mut repositories, &*progress, context)?;
    let request = request(arguments, &mut opened, files)?;

    progress.begin("resolving references", None);
    let plan = export::plan(&request, &arguments.connections.workers());
    progress.finish();
    let plan = plan.attempt(attempt)?;
    let passed_over = opened.passed_over(MAXIMUM_REMARKS);
    passed_over.iter().for_each(|remark| context.remark(format_args!("warning: {remark}")));

    add_needed_collections(&mut repositories, &plan, arguments, &trust, &web)?;
    let live = carriers(&mut repositories);
    let sandbox = arguments.inspections.sandbox()?;
    let exporter = Exporter { name: "sealift".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let settings = export::ExportSettings {
        now: context.now(),
        exported_at: export_time.instant(),
        exporter,
        keys: std::slice::from_ref(&key),
        inspections: inspections(sandbox.as_ref()),
        extent: if arguments.whole_metadata { Extent::EveryRole } else { Extent::WhatIsNeeded },
        workers: arguments.connections.workers(),
    };
    progress.begin("proving", None);
    let prepared = export::prepare(plan, &trust, live, &settings);
    progress.finish();
    let prepared = prepared.map_err(|error| {
        let meant = thick_bundle_meant(&error, arguments, &opened);
        Failure::new(attempt(), error.into()).in_thick_bundle(meant)
    })?;

    write(&prepared, arguments, output, &*progress, context)?;
    store
        .update_soon()
        .and_then(|update| update.advance(&trust, &prepared.states(&trust)))
        .attempt(|| "the archive was written, but the trust store could not be updated".to_owned())?;

    let sha256 = match arguments.sha256 && to_file {
        true => Some(
            checksum::write(&arguments.output)
                .attempt(|| format!("{} was written, but not its SHA-256", arguments.output.display()))?,
        ),
        false => None,
    };
    let ground = Ground::of_export(sealed_by(&prepared, &trust), &prepared.judgement().findings().items);
    let about_sources = passed_over.into_iter().chain(network::remarks()).collect();
    let report = report::of(&prepared, arguments, sha256, about_sources);
    let next = output.next(&arguments.output);
    if output != ArchiveOutput::Standard {
        return context.result(&report, || report::text(&report, &ground, next.as_deref()));
    }
    // Standard output holds the archive.
    context.remark(report::text(&report, &ground, next.as_deref()));
    Ok(())
}

/// The registries that are written with `https://`.
fn https_only(arguments: &ExportArguments) -> impl Iterator<Item = String> {
    let named = arguments.bundle.iter().chain(&arguments.image).filter_map(Named::written);
    named.chain(arguments.images_from.as_deref()).filter_map(https_host).map(str::to_owned)
}

/// The file that a bundle was taken from, where TUF lists something of the file's length for the name of the bundle.
fn thick_bundle_meant(
    error: &PrepareError,
    arguments: &ExportArguments,
    opened: &OpenedSources<'_>,
) -> Option<PathBuf> {
    let PrepareError::Judgement(JudgementError::Binding { item, listed_length, .. }) = error else { return None };
    let named = arguments.bundle.iter().find(|named| named.name == item.reference)?;
    opened.thick_file(named).filter(|file| file.metadata().is_ok_and(|it| it.len() == *listed_length))
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
}

impl ArchiveOutput {
    /// What a path is for an archive.
    ///
    /// # Errors
    /// [`Reason::FileExists`], [`Reason::OutputKind`] and [`Reason::StandardOutput`].
    fn of(path: &Path) -> Result<Self, Reason> {
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
            Self::File => Some(format!("sealift verify {}", quoted_path(path))),
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
) -> Result<(), Failure> {
    let output = &arguments.output;
    let attempt = || match to {
        ArchiveOutput::Standard => "cannot write the archive to standard output".to_owned(),
        ArchiveOutput::Stream | ArchiveOutput::File => format!("cannot write {}", output.display()),
    };
    let workers = arguments.connections.workers();
    let failed = |source| match to {
        ArchiveOutput::Standard => Reason::StandardOutput(source),
        ArchiveOutput::Stream | ArchiveOutput::File => Reason::File { path: output.clone(), source },
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
    };
    if let Some(stream) = stream {
        progress.begin("exporting", Some(prepared.content_bytes()));
        let written = prepared.write(BufWriter::new(stream), &workers, progress);
        progress.finish();
        return written.attempt(attempt)?.flush().map_err(failed).attempt(attempt);
    }
    let unfinished =
        Unfinished::begin(output, prepared, arguments.fresh).map_err(ExportError::from).attempt(attempt)?;
    let remains = UnfinishedRemains::of(output);
    if unfinished.is_taken_up() {
        context.remark(format_args!("Continuing: {}.", remains.kept()));
    }
    let written = prepared.write_file(unfinished, &workers, progress);
    progress.finish();
    written.map(drop).attempt(|| format!("{}; {}", attempt(), remains.kept()))
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

/// The files that are named: their content is in files of this machine, or among the targets of the repositories that list them.
fn files(
    arguments: &ExportArguments,
    trust: &Trust,
    repositories: &mut BTreeMap<RepositoryName, LiveRepository>,
    progress: &dyn Progress,
    context: &Context,
) -> Result<Vec<ItemRequest>, Failure> {
    let listed: Vec<FileName> =
        arguments.file.iter().filter(|file| file.path.is_none()).map(|file| file.name.clone()).collect();
    progress.begin("looking files up", None);
    let found = trust::look_up(&listed, trust, carriers(repositories), context.now());
    progress.finish();
    let mut found = found.attempt(|| "cannot export".to_owned())?.into_iter();
    let mut items = Vec::new();
    for NamedFile { name, path } in &arguments.file {
        let attempt = || format!("cannot export file {}", name.path());
        let source = match (path, path.as_ref().map_or_else(|| found.next(), |_| None)) {
            (Some(path), _) => {
                let failed = |source| Reason::File { path: path.clone(), source };
                FileSource::Local(MeasuredFile::measure(path, progress).map_err(failed).attempt(attempt)?)
            }
            (None, Some(LookedUpFile { target, repository, has_consistent_snapshots })) => {
                let files = repositories.get(&repository).and_then(|live| live.files.clone());
                let files = files.ok_or_else(|| not_pinned(repository, trust)).attempt(attempt)?;
                let file = TargetFile::find(&target, has_consistent_snapshots, &files, progress);
                FileSource::Target(file.attempt(attempt)?)
            }
            (None, None) => continue,
        };
        items.push(ItemRequest { name: name.to_string(), origin: ItemOrigin::File(Arc::new(source)) });
    }
    Ok(items)
}

fn request(
    arguments: &ExportArguments,
    opened: &mut OpenedSources<'_>,
    files: Vec<ItemRequest>,
) -> Result<ExportRequest, Failure> {
    let mut items = Vec::new();
    for named in &arguments.bundle {
        items.push(ItemRequest {
            name: named.name.clone(),
            origin: opened.bundle(named, arguments.images_from.as_deref())?,
        });
    }
    for named in &arguments.thick_bundle {
        items.push(ItemRequest { name: named.name.clone(), origin: opened.thick_bundle(named)? });
    }
    for named in &arguments.image {
        items.push(ItemRequest { name: named.name.clone(), origin: opened.image(named)? });
    }
    items.extend(files);
    let platforms = match arguments.platform.as_slice() {
        [] => Platforms::All,
        chosen => Platforms::Only(chosen.to_vec()),
    };
    let dependencies = match arguments.with_dependencies {
        true => Some(Dependencies(opened.registries(|| "cannot carry what bundles need".to_owned())?)),
        false => None,
    };
    let referrers = arguments.referrers.0.clone();
    let foreign_layers = arguments.foreign_layers.map_or(ForeignLayers::Carry, ForeignLayers::from);
    Ok(ExportRequest { items, platforms, referrers, foreign_layers, dependencies })
}

/// A live repository: its metadata and its target files.
struct LiveRepository {
    metadata: Box<dyn MetadataProvider>,
    targets: Box<dyn TargetProvider>,
    /// The same files as streams. Notary has none.
    files: Option<Arc<dyn TargetFiles>>,
}

fn carriers(repositories: &mut BTreeMap<RepositoryName, LiveRepository>) -> BTreeMap<RepositoryName, Carrier<'_>> {
    let mut carriers = BTreeMap::new();
    for (name, LiveRepository { metadata, targets, .. }) in repositories {
        carriers.insert(name.clone(), Carrier { metadata: &mut **metadata, targets: &mut **targets });
    }
    carriers
}

/// The repositories that are named. Each is read in the dialect with which its root was pinned.
fn live_repositories(
    arguments: &ExportArguments,
    trust: &Trust,
    web: &Web,
) -> Result<BTreeMap<RepositoryName, LiveRepository>, Failure> {
    let mut repositories = BTreeMap::new();
    for place @ TufPlace { repository, metadata, targets } in &arguments.tuf {
        let attempt = || format!("cannot use the TUF repository {repository}");
        let name: RepositoryName = repository.parse().attempt(attempt)?;
        match trust.repositories.get(&name).map(|pinned| &pinned.root.dialect) {
            // A missing root is reported later, when everything that needs one is known.
            None | Some(Dialect::Tuf) => {}
            Some(other @ Dialect::Notary(_)) => {
                return Err(Reason::OtherDialect { repository: repository.clone(), dialect: other.clone() })
                    .attempt(attempt);
            }
        }
        let metadata: Box<dyn MetadataProvider> = match metadata {
            Location::Web(location) => Box::new(web.repository(location)),
            Location::Folder(folder) if folder.is_dir() => Box::new(RepositoryFolder::new(folder, folder)),
            Location::Folder(folder) => {
                let meant = place.meant();
                return Err(Reason::NoTufFolder { repository: repository.clone(), metadata: folder.clone(), meant })
                    .attempt(attempt);
            }
        };
        // A repository need not have target files of its own.
        let (targets, files): (Box<dyn TargetProvider>, Arc<dyn TargetFiles>) = match targets {
            Location::Web(location) => (Box::new(web.repository(location)), Arc::new(web.repository(location))),
            Location::Folder(folder) => {
                let repository = RepositoryFolder::new(folder, folder);
                (Box::new(repository.clone()), Arc::new(repository))
            }
        };
        let live = LiveRepository { metadata, targets, files: Some(files) };
        if repositories.insert(name, live).is_some() {
            return Err(Reason::TufTwice).attempt(attempt);
        }
    }
    for NotaryPlace { repository, files } in &arguments.notary {
        let Some(repository) = repository else { continue };
        let attempt = || format!("cannot use the collection {repository}");
        let name: RepositoryName = repository.parse().attempt(attempt)?;
        let pinned = trust.repositories.get(&name);
        let pinned = pinned.ok_or_else(|| not_pinned(name.clone(), trust)).attempt(attempt)?;
        let Dialect::Notary(gun) = &pinned.root.dialect else {
            return Err(Reason::OtherDialect { repository: repository.clone(), dialect: pinned.root.dialect.clone() })
                .attempt(attempt);
        };
        let collection = collection(arguments, web, files, (&name, gun))?;
        if repositories.insert(name, collection).is_some() {
            return Err(Reason::TufTwice).attempt(attempt);
        }
    }
    Ok(repositories)
}

fn not_pinned(name: RepositoryName, trust: &Trust) -> PrepareError {
    PrepareError::NotPinned { meant: trust.meant(&name), name }
}

/// Adds the collections of Notary that something exported belongs to, where a place was named for all of them.
fn add_needed_collections(
    repositories: &mut BTreeMap<RepositoryName, LiveRepository>,
    plan: &Plan,
    arguments: &ExportArguments,
    trust: &Trust,
    web: &Web,
) -> Result<(), Failure> {
    let exported = exported_repositories(plan);
    for NotaryPlace { files, .. } in arguments.notary.iter().filter(|place| place.repository.is_none()) {
        let mut has_any = false;
        for (name, pinned) in &trust.repositories {
            let Dialect::Notary(gun) = &pinned.root.dialect else { continue };
            if !exported.contains(gun.as_str()) {
                continue;
            }
            has_any = true;
            if repositories.contains_key(name) {
                continue;
            }
            let files = match files {
                Location::Folder(folder) => &Location::Folder(folder_of(folder, gun)),
                Location::Web(_) => files,
            };
            repositories.insert(name.clone(), collection(arguments, web, files, (name, gun))?);
        }
        if !has_any {
            let why = "no collection of Notary that is pinned here has the name of anything that is exported";
            return Err(Reason::CommandLine(why.to_owned())).attempt(|| "cannot use --notary".to_owned());
        }
    }
    Ok(())
}

/// The files of a collection of Notary.
fn collection(
    arguments: &ExportArguments,
    web: &Web,
    files: &Location,
    (name, gun): (&RepositoryName, &Gun),
) -> Result<LiveRepository, Failure> {
    let metadata = match files {
        Location::Web(location) => arguments.network.notary(web, location, gun)?,
        Location::Folder(folder) if folder.is_dir() => NotaryRepository::in_folder(folder),
        Location::Folder(folder) => {
            return Err(Reason::NoNotaryFolder { repository: name.to_string(), folder: folder.clone() })
                .attempt(|| format!("cannot use the collection {name}"));
        }
    };
    // The content that its targets describe is in registries.
    let targets = Box::new(CarriedTargets::default());
    Ok(LiveRepository { metadata: Box::new(metadata), targets, files: None })
}

/// The repositories that the names of what is exported are in, parts of bundles too.
fn exported_repositories(plan: &Plan) -> BTreeSet<String> {
    let parts = plan.items.iter().flat_map(ItemRecord::images).map(|image| image.reference.as_str());
    let names = plan.items.iter().map(ItemRecord::reference).chain(parts);
    names.filter_map(|name| Some(name.parse::<Reference>().ok()?.repository().to_string())).collect()
}
