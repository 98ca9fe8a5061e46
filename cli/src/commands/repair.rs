//! `sealift repair`: writes the volumes of an archive again that are lost or damaged.

use std::path::{Path, PathBuf};

use clap::Args;
use sealift_archive_format::volume::{DamageKind, DamagedRange};
use sealift_core::report::WarningReport;
use sealift_core::volume_set::FoundVolumes;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::interruption;
use crate::terminal::report;
use crate::terminal::shell::{quoted_path, sealift};
use crate::terminal::text::Text;

/// The most damaged places that are shown.
const MAXIMUM_SHOWN: usize = 20;

/// What to repair.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift repair /media/discs\n  sealift repair shop.001.sealift-volume\n  sealift repair /media/discs -o /srv/shop\n\nEvery chunk of every volume is read. Volumes that are missing or damaged are written again from the others, each complete or not at all; a damaged one is replaced only when all new ones are complete. If there are too few, nothing is changed, and the volumes to send again are named; one file with parity has to be copied again then.\n\nThis proves nothing: to find out whether the archive is what its makers released, use `sealift verify`."
)]
pub(crate) struct RepairArguments {
    /// A folder of volumes, one of them, or all of them
    #[arg(required = true)]
    volumes: Vec<PathBuf>,

    /// The folder for what is written again, instead of the places where the volumes are or belong
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    output: Option<PathBuf>,
}

impl RepairArguments {
    /// The folder, or the first of the volumes.
    pub(crate) fn volumes(&self) -> Option<&Path> {
        self.volumes.first().map(PathBuf::as_path)
    }
}

/// What was repaired, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RepairReport {
    /// How many volumes hold the archive, and how many make up for lost ones.
    data: u8,
    parity: u8,
    /// The damaged chunks.
    damage: Vec<DamagedRange>,
    /// How many more are damaged.
    untold: u64,
    /// The volumes that were written.
    written: Vec<WrittenVolume>,
    warnings: Vec<WarningReport>,
}

/// A volume that was written again.
#[derive(Serialize)]
struct WrittenVolume {
    volume: u8,
    file: String,
}

/// Repairs.
pub(crate) fn run(arguments: &RepairArguments, context: &Context) -> Result<(), Failure> {
    let first = arguments.volumes().unwrap_or(Path::new(""));
    let attempt = || format!("cannot repair {}", first.display());
    let found = FoundVolumes::open(&arguments.volumes).attempt(attempt)?;
    let none = || match first.metadata() {
        Ok(_) => Reason::NoVolumes(first.to_owned()),
        Err(source) => Reason::File { path: first.to_owned(), source },
    };
    let found = found.ok_or_else(none).attempt(attempt)?;
    interruption::leaves(|| {
        "the volumes are as they were, unless it was about to end; run the same command again".to_owned()
    });
    let progress = context.progress();
    let repaired = found.repair(arguments.output.as_deref(), &*progress);
    progress.finish();
    let repaired = repaired.attempt(attempt)?;
    let shape = found.volumes().shape();
    let written = repaired.written.iter();
    let report = RepairReport {
        data: shape.data(),
        parity: shape.parity(),
        damage: repaired.survey.damage.ranges().to_vec(),
        untold: repaired.survey.damage.untold(),
        written: written
            .map(|(volume, path)| WrittenVolume { volume: *volume, file: path.display().to_string() })
            .collect(),
        warnings: found.unread().into_iter().map(WarningReport::from).collect(),
    };
    context.result(&report, || text(&report, first, found.together()))
}

fn text(report: &RepairReport, first: &Path, together: Option<&Path>) -> Text {
    let mut text = Text::default();
    for range in report.damage.iter().take(MAXIMUM_SHOWN) {
        match range.kind {
            DamageKind::Missing => text.line(format_args!("volume {} is missing", range.volume)),
            DamageKind::Short | DamageKind::Unreadable | DamageKind::Changed => text.line(format_args!("{range}")),
        }
    }
    let more = report.damage.len().saturating_sub(MAXIMUM_SHOWN);
    if more > 0 || report.untold > 0 {
        text.line("and more; --json lists them");
    }
    text.join(report::warnings(&report.warnings));
    if report.written.is_empty() {
        let volumes = report.data.saturating_add(report.parity);
        match together {
            Some(file) => text.line(format_args!("{} is whole: nothing was written.", file.display())),
            None => text.line(format_args!("All {volumes} volumes are whole: nothing was written.")),
        }
    }
    for WrittenVolume { volume, file } in &report.written {
        text.line(format_args!("Written again: volume {volume}, {file}"));
    }
    text.line(format_args!("Next: {}", sealift(format_args!("verify {}", quoted_path(first)))));
    text
}
