//! `sealift shipment`: the file that lists what is exported.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sealift_core::shipment_file::TEMPLATE;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::files::output::write_new;
use crate::terminal::shell::quoted_path;

/// What to do with a shipment.
#[derive(Debug, Subcommand)]
pub(crate) enum ShipmentCommand {
    /// Write a file to start from, with every key, its default and an example
    Init(InitArguments),
}

/// Where to write it.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sealift shipment init shipment.toml")]
pub(crate) struct InitArguments {
    /// The file to write; one that is there already is not replaced
    #[arg(value_name = "FILE", default_value = "shipment.toml")]
    file: PathBuf,
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
    }
}
