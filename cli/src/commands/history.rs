//! `sealift history`: what was imported and exported here, and when.

use clap::Args;
use sealift_core::trust_store::{HistoryEvent, HistoryLine, NewHistoryLine};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::terminal::text::{Text, counted};

/// How much to show.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift history\n  sealift history --last 10\n  sealift --json history | jq -r '.lines[] | \"\\(.time) \\(.archive)\"'\n\nThe trust store keeps a line of each archive that was imported or exported. Each line has the digest of the one before, so a line that\nis changed or removed is found."
)]
pub(crate) struct HistoryArguments {
    /// Show only this many, the newest
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
}

/// The history, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryReport<'h> {
    lines: &'h [HistoryLine],
}

/// Shows it.
pub(crate) fn run(arguments: &HistoryArguments, context: &Context) -> Result<(), Failure> {
    let history = context.trust_store()?.history().attempt(|| "cannot show the history".to_owned())?;
    let first = arguments.last.map_or(0, |last| history.lines.len().saturating_sub(last));
    let report = HistoryReport { lines: history.lines.get(first..).unwrap_or_default() };
    context.result(&report, || {
        let mut text = Text::default();
        report.lines.iter().for_each(|line| text.line(line_text(&line.what)));
        if report.lines.is_empty() {
            text.line("Nothing was imported or exported here yet.");
        }
        text
    })
}

fn line_text(line: &NewHistoryLine) -> String {
    let NewHistoryLine { time, event, archive, exported_at, sealed_by, items, level, place, receipt } = line;
    let what = match event {
        HistoryEvent::Import => "imported",
        HistoryEvent::Export => "exported",
    };
    let mut facts = vec![counted(*items, "item")];
    facts.extend(level.iter().map(|level| format!("level {level}")));
    facts.push(format!("sealed by {}", sealed_by.join(" and ")));
    if *event == HistoryEvent::Import {
        facts.push(format!("exported {exported_at}"));
    }
    facts.extend(place.iter().map(|place| format!("to {place}")));
    facts.extend(receipt.iter().map(|it| format!("by the receipt of {} of {}", it.receiver, it.made_at)));
    format!("{time}  {what}  {archive}  {}", facts.join(", "))
}
