//! `sealift export`: packs bundles and images, with the proof about them, into one sealed archive.

mod gathered;
mod output;
mod report;
mod repositories;
mod request;

use std::path::PathBuf;

use clap::Args;
use sealift_archive_format::Digest;
use sealift_core::export::{self, PrepareError, Prepared};
use sealift_core::trust::{Item, JudgementError};
use sealift_core::trust_store::{Policy, Trust};
use sealift_core::volume_set::{self, Cut};

pub(crate) use gathered::{Gathered, gather, settings};
pub(crate) use repositories::{Servers, carriers};

use crate::context::{Context, ExportTime};
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::checksum;
use crate::files::key::SigningKeyArguments;
use crate::interruption;
use crate::options::base::{BaseArguments, ReadBase};
use crate::options::connections::ConnectionArguments;
use crate::options::cut::CutArguments;
use crate::options::lock::LockedShipment;
use crate::options::network::{self, MirrorArguments, NetworkArguments};
use crate::options::source::OpenedSources;
use crate::options::verdict::{InspectionArguments, inspections};
use crate::options::wanted::{Wanted, WantedArguments};
use crate::terminal;
use crate::terminal::ground::Ground;
use output::{ArchiveOutput, UnfinishedRemains};

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

    #[command(flatten)]
    cut: CutArguments,

    /// Start over, even if an earlier attempt has left FILE.partial
    #[arg(long, conflicts_with = "volume_size", help_heading = "Output")]
    fresh: bool,

    /// Also write FILE.sha256, which `sha256sum --check` reads on the far side
    ///
    /// The archive is read once more for it. It finds out whether a copy is whole, and proves nothing.
    #[arg(long, conflicts_with = "volume_size", help_heading = "Output")]
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

/// Exports.
pub(crate) fn run(arguments: &ExportArguments, context: &Context) -> Result<(), Failure> {
    let attempt = || "cannot export".to_owned();
    let output = ArchiveOutput::of(arguments).attempt(attempt)?;
    let to_file = output.is_one_file();
    let beside = arguments.sha256.then(|| checksum::beside(&arguments.output));
    let is_several = matches!(output, ArchiveOutput::Cut(Cut::Volumes { .. }));
    let first = is_several.then(|| volume_set::path_of(&arguments.output, 1));
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
    interruption::leaves(move || output.after_interruption(&remains));
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

    let volumes = output::write(&prepared, arguments, output, &*progress, context)?;
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
