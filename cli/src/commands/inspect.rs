//! `sealift inspect`: what an archive says about itself. Nothing is trusted, and the output says so.

use std::path::Path;

use clap::Args;
use indicatif::HumanBytes;
use sealift_core::inspect::{self, Overview};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::files::archive::ArchiveArgument;
use crate::terminal::report;
use crate::terminal::shell::{quoted_path, sealift};
use crate::terminal::text::{Line, Text, counted};

/// What to look at.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  sealift inspect shop.sealift\n\nThe head of the archive is shown as it is. Signatures are not checked, and no trust store is needed: to find out whether any of it is true, use `sealift verify`."
)]
pub(crate) struct InspectArguments {
    #[command(flatten)]
    archive: ArchiveArgument,
}

impl InspectArguments {
    /// The file of the archive, if it is one.
    pub(crate) fn archive(&self) -> Option<&Path> {
        self.archive.path()
    }
}

/// Shows the inventory and the TUF metadata.
pub(crate) fn run(arguments: &InspectArguments, context: &Context) -> Result<(), Failure> {
    let name = arguments.archive.name();
    let input = arguments.archive.open(context)?;
    let mut inspection = inspect::inspect(input.reader).attempt(|| format!("cannot inspect {name}"))?;
    inspection.warnings.extend(input.source.warnings());
    context.result(&inspection, || text(&inspection, &arguments.archive))
}

fn text(inspection: &Overview, archive: &ArchiveArgument) -> Text {
    let name = archive.name();
    let warn = anstyle::AnsiColor::Yellow.on_default().bold();
    let warning = format_args!("Nothing below has been verified: it is what {name} says about itself.");
    let mut text = Text::from(Line::default().styled(warn, warning));
    text.line(format_args!(
        "Format {}, {}, exported at {} by {}",
        inspection.format_version, inspection.compression, inspection.exported_at, inspection.exporter
    ));
    for key in &inspection.sealed_by {
        text.line(format_args!("Seal     by key {key}"));
    }
    for repository in &inspection.repositories {
        text.line(format_args!("TUF      repository {}", repository.name));
        for file in &repository.files {
            let version = file.version.map(|version| format!("version {version}")).unwrap_or_default();
            let expires = file.expires.as_ref().map(|expires| format!("expires {expires}")).unwrap_or_default();
            let keys = file.signed_by.len();
            text.line(format_args!("           {:<40} {version:<10} {keys} signatures  {expires}", file.name));
        }
        for target in &repository.targets {
            text.line(format_args!("           target {target}"));
        }
    }
    for item in &inspection.items {
        let platforms = item.platforms.join(", ");
        text.line(format_args!("{:<10} {}  {}  {platforms}", item.kind, item.reference, item.digest));
        if item.left_out > 0 {
            text.line(format_args!("           left out on purpose: {}", item.left_out));
        }
        if item.referrers > 0 {
            text.line(format_args!("           referrers: {}", item.referrers));
        }
    }
    text.join(report::warnings(&inspection.warnings));
    let absent = inspection.entries.iter().filter(|entry| entry.absent);
    let (count, bytes) = absent.fold((0_usize, 0_u64), |(count, bytes), it| (count + 1, bytes.saturating_add(it.size)));
    let carried = inspection.entries.len().saturating_sub(count);
    text.line(format_args!("Content  {carried} entries, {}", HumanBytes(inspection.bytes)));
    if count > 0 {
        text.line(format_args!("         left out: {}, {}", counted(count, "layer"), HumanBytes(bytes)));
    }
    let path = archive.path().map_or_else(|| "-".to_owned(), quoted_path);
    text.line(format_args!("Next: {}", sealift(format_args!("verify {path}"))));
    text
}
