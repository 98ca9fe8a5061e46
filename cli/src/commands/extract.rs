//! `sealift extract`: verify, then take something out of an archive, and remember nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use sealift_core::import::{self, DeliveryWishes, Sparse, TargetProof};
use sealift_core::layout::LayoutSink;
use sealift_core::verify::{SelectedName, SelectedNames, Selection, Transport};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::archive::ArchiveArgument;
use crate::files::drive::DriveArguments;
use crate::interruption;
use crate::options::connections::ConnectionArguments;
use crate::options::selection::PlatformArguments;
use crate::options::target::{FileTarget, IN_ORDER};
use crate::options::verdict::VerdictArguments;
use crate::terminal::tags::TagsOf;
use crate::terminal::{report, tags};

/// What to take out, and where to.
#[derive(Debug, Args)]
#[command(
    mut_group("FileTarget", |group| group.required(true)),
    mut_arg("connections", |argument| argument.conflicts_with_all(IN_ORDER)),
    after_long_help = "Examples:\n  sealift extract shop.sealift example.com/org/shop:1.4 \\\n      --to-thick-bundle shop.tgz\n  sealift extract shop.sealift nginx:1 --platform linux/amd64 \\\n      --to-docker-archive nginx.tar\n  sealift extract --from-drive /media/cdrom nginx:1 --to-layout images\n\nThe archive is judged and verified as a whole, exactly as by import, and refused for the same reasons. But nothing is remembered: what this side has accepted does not move, and no tag counts as set here. So the target is always new: a file that does not exist, or a folder that is empty or does not exist."
)]
pub(crate) struct ExtractArguments {
    /// The archive; - for standard input; a folder of volumes, or one of them; none with --from-drive
    #[arg(required_unless_present = "from_drive")]
    archive: Option<PathBuf>,

    /// The bundles, images and files (file:/NAME) to take out; a part of a bundle may be named too
    #[arg(value_name = "NAME", required_unless_present = "from_drive")]
    names: Vec<SelectedName>,

    #[command(flatten)]
    drive: DriveArguments,

    #[command(flatten)]
    platforms: PlatformArguments,

    #[command(flatten)]
    target: FileTarget,

    #[command(flatten)]
    verdict: VerdictArguments,

    #[command(flatten)]
    connections: ConnectionArguments,
}

impl ExtractArguments {
    /// The file of the archive, if it is one.
    pub(crate) fn archive(&self) -> Option<&Path> {
        let archive = self.drive.drive().or(self.archive.as_deref());
        archive.filter(|path| path.as_os_str() != "-")
    }

    /// The archive, and what is taken out. With a drive, there is no archive before the names.
    fn what(&self) -> Result<(ArchiveArgument, Vec<SelectedName>), Failure> {
        if self.drive.drive().is_none() {
            return Ok((ArchiveArgument::of(self.archive.as_deref(), &self.drive), self.names.clone()));
        }
        let refused = |why: String| Failure::new("cannot extract".to_owned(), Reason::CommandLine(why));
        let first = self.archive.as_ref().ok_or_else(|| refused("say what to take out: NAME".to_owned()))?;
        let first = first.to_string_lossy();
        let named: Result<SelectedName, _> = first.parse();
        let named = named.map_err(|error| refused(format!("{first:?} is not a name: {error}")))?;
        let names = std::iter::once(named).chain(self.names.iter().cloned()).collect();
        Ok((ArchiveArgument::of(None, &self.drive), names))
    }
}

/// Verifies, and takes out.
pub(crate) fn run(arguments: &ExtractArguments, context: &Context) -> Result<(), Failure> {
    let (archive, names) = arguments.what()?;
    let name = archive.name();
    let attempt = || format!("cannot extract from {name}");
    if let Some(folder) = arguments.target.to_layout.as_ref().or(arguments.target.to_files.as_ref()) {
        let mut entries = std::fs::read_dir(folder).into_iter().flatten();
        if entries.next().is_some() {
            return Err(Reason::FileExists(folder.clone())).attempt(attempt);
        }
    }
    let trust = context.trust_store()?.load().attempt(attempt)?;
    trust.policy.require_as_strict(arguments.verdict.clock).attempt(attempt)?;
    let input = archive.open(context)?;
    let mut judged = arguments.verdict.judge(input.reader, &trust, context, attempt)?;
    let names = SelectedNames::Only(names);
    let selection = Selection { names, platforms: arguments.platforms.platforms() };
    let Some((destination, sink)) = arguments.target.open(&mut judged, &selection, LayoutSink::begin)? else {
        return Err(Reason::CommandLine("say where to: --to-layout, --to-files, or one of the new files".to_owned()))
            .attempt(attempt);
    };
    let progress = context.progress();
    progress.begin("extracting", Some(judged.remaining_bytes()));
    interruption::leaves(|| {
        "what was taken out is not complete; run the same command again, into a new place".to_owned()
    });
    let transport =
        Transport { workers: arguments.connections.workers(), file: input.source.positioned(), progress: &*progress };
    let wishes =
        DeliveryWishes { selection, replace: &[], sparse: Sparse::Keep, mirror: None, proof: TargetProof::ReadBack };
    let extracted = import::extract(judged, &destination, &wishes, &*sink, &transport);
    progress.finish();
    let extracted = extracted.attempt(attempt)?;
    interruption::leaves(|| "everything was taken out".to_owned());
    context.remark(tags::left_behind_lines(&extracted.left_behind));
    let mut report = extracted.verified().report();
    report.warnings.extend(input.source.warnings());
    let delivery = tags::DeliveryReport::new(&report, &extracted.tags, &extracted.attached, &extracted.left_behind);
    context.result(&delivery, || {
        let mut text = report::summary(&report);
        text.line("Taken out, and not remembered:");
        text.join(tags::lines(&extracted.tags, &extracted.attached, TagsOf::NewPlace));
        text
    })
}
