//! `sealift shipment`: the file that lists what is exported.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealift_core::image_scan::{self, FoundImage, ImageScan, Untaken};
use sealift_core::shipment_file::{self, Additions, TEMPLATE, add_images};
use sealift_core::whole_file;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, FilePurpose, Reason};
use crate::files::input::{read_file, read_input};
use crate::files::output::write_new;
use crate::terminal::shell::quoted_path;
use crate::terminal::text::{Text, counted};

/// What to do with a shipment.
#[derive(Debug, Subcommand)]
pub(crate) enum ShipmentCommand {
    /// Write a file to start from, with every key, its default and an example
    Init(InitArguments),
    /// Add the images that Kubernetes manifests, files of Compose and charts name
    Add(AddArguments),
}

/// Where to write it.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sealift shipment init shipment.toml")]
pub(crate) struct InitArguments {
    /// The file to write; one that is there already is not replaced
    #[arg(value_name = "FILE", default_value = "shipment.toml")]
    file: PathBuf,
}

/// What to add, and to which shipment.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift shipment add --from deployment.yaml --from compose.yaml\n  helm template shop ./chart | sealift shipment add --from - week.toml\n\nNothing is run, rendered or looked up. What looks like an image and is not where images are named is listed, and not added: arguments, variables, names in several parts. What operators start by themselves, and what is injected into pods, is in no manifest."
)]
pub(crate) struct AddArguments {
    /// The shipment; whatever else is in it stays as it is
    #[arg(value_name = "SHIPMENT", default_value = "shipment.toml")]
    shipment: PathBuf,
    /// Rendered Kubernetes manifests, what helm template writes, a file of Compose or a Chart.yaml, or - for standard input; may be
    /// given more than once
    #[arg(long, value_name = "FILE", required = true)]
    from: Vec<PathBuf>,
}

/// Runs `sealift shipment …`.
pub(crate) fn run(command: ShipmentCommand, context: &Context) -> Result<(), Failure> {
    match command {
        ShipmentCommand::Init(InitArguments { file }) => {
            let attempt = || format!("cannot write {}", file.display());
            write_new(&file, TEMPLATE.as_bytes(), 0o666).attempt(attempt)?;
            let next = format!("sealift export -f {} --key KEY -o FILE", quoted_path(&file));
            let written = format!("Wrote {}: write what to carry into it, then: {next}", file.display());
            context.done("shipment-init", vec![written])
        }
        ShipmentCommand::Add(arguments) => add(&arguments, context),
    }
}

/// What was added, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddReport {
    shipment: PathBuf,
    /// The names that were added to it.
    added: Vec<String>,
    /// Those that were in it already.
    present: Vec<String>,
    /// What may be an image, and was not added.
    not_added: Vec<NotAdded>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotAdded {
    text: String,
    file: PathBuf,
    line: usize,
    owner: String,
    reason: &'static str,
    #[serde(skip)]
    words: &'static str,
}

fn add(arguments: &AddArguments, context: &Context) -> Result<(), Failure> {
    let AddArguments { shipment, from } = arguments;
    let (mut names, mut not_added) = (Vec::new(), Vec::new());
    for file in from {
        let attempt = || format!("cannot find images in {}", file.display());
        let bytes = read_input(file, FilePurpose::Content, image_scan::MAXIMUM_LENGTH).attempt(attempt)?;
        let ImageScan { images, untaken } = image_scan::scan(&bytes).attempt(attempt)?;
        names.extend(images.into_iter().map(|FoundImage { name, .. }| name));
        not_added.extend(untaken.into_iter().map(|Untaken { text, owner, line, reason }| {
            let file = file.clone();
            NotAdded { text, file, line, owner, reason: reason.word(), words: reason.text() }
        }));
    }
    let attempt = || format!("cannot add images to {}", shipment.display());
    if names.is_empty() {
        return Err(Reason::NothingNamed).attempt(attempt);
    }
    let before = read_file(shipment, FilePurpose::Shipment, shipment_file::MAXIMUM_LENGTH).attempt(attempt)?;
    let Additions { text, added, present } = add_images(&before, &names).attempt(attempt)?;
    if text.as_bytes() != before {
        let failed = |source| Reason::File { path: shipment.clone(), source };
        whole_file::replace(shipment, text.as_bytes()).map_err(failed).attempt(attempt)?;
    }
    let report = AddReport { shipment: shipment.clone(), added, present, not_added };
    context.result(&report, || lines(&report))
}

/// As a person reads it.
fn lines(report: &AddReport) -> Text {
    let AddReport { shipment, added, present, not_added } = report;
    let there = if present.is_empty() { String::new() } else { format!(", {} there already", present.len()) };
    let images = counted(added.len(), "image");
    let mut text = Text::from(format_args!("{}: {images} added{there}", shipment.display()));
    added.iter().for_each(|name| text.line(format_args!("  {name}")));
    for NotAdded { text: written, file, line, owner, words, .. } in not_added {
        let of = if owner.is_empty() { String::new() } else { format!(" of {owner}") };
        text.line(format_args!("  not added: {written} ({}, line {line}{of}): it {words}", file.display()));
    }
    text.line("What operators start by themselves, and what is injected into pods, is in no manifest.");
    let next = if shipment.as_os_str() == "shipment.toml" { "shipment.toml".to_owned() } else { quoted_path(shipment) };
    text.line(format_args!("Next: sealift plan -f {next}"));
    text
}
