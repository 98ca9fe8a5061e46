//! The commands, one file each: its arguments, and `run`.

mod completions;
mod demo;
mod export;
mod extract;
mod history;
mod import;
mod inspect;
mod key;
mod man;
mod plan;
mod receipt;
mod repair;
mod serve;
mod shipment;
mod sign;
mod trust;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pack bundles and images, with the proof about them, into one sealed archive
    Export(export::ExportArguments),
    /// Show what an export would carry, who vouches for it, and what would be refused; nothing is exported
    Plan(plan::PlanArguments),
    /// Make a list of what to export, for every week
    #[command(subcommand)]
    Shipment(shipment::ShipmentCommand),
    /// Check that an archive is what its makers released; no network, nothing written
    Verify(verify::VerifyArguments),
    /// Verify an archive, then deliver it to a registry or a layout
    Import(import::ImportArguments),
    /// Sign what was accepted here, and what a registry or layout holds, for the connected side
    Receipt(receipt::ReceiptArguments),
    /// Show what was imported and exported here, and when
    History(history::HistoryArguments),
    /// Verify an archive, then take something out of it into a new place, and remember nothing
    Extract(extract::ExtractArguments),
    /// Write the volumes of an archive again that are lost or damaged
    Repair(repair::RepairArguments),
    /// Verify archives, then serve what they hold as a read-only registry, straight from their files
    Serve(serve::ServeArguments),
    /// Show what an archive says about itself, without trusting it
    Inspect(inspect::InspectArguments),
    /// Watch the whole process on a sample that is made on the spot
    Demo(demo::DemoArguments),
    /// Make and show the keys that seal archives
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Manage what this side trusts: pinned roots, exporters' and attesters' keys, the threshold, the map
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// Add a signature to the seal of an archive, in place
    Sign(sign::SignArguments),
    /// Write the completions of a shell to standard output
    Completions(completions::CompletionsArguments),
    /// Write the manual pages into a folder
    Man(man::ManArguments),
}

/// Runs a command. `interface` describes the whole command line, for the commands that write about it.
pub(crate) fn run(command: Command, interface: fn() -> clap::Command, context: &Context) -> Result<(), Failure> {
    context.settle(run_to_its_end(command, interface, context))
}

fn run_to_its_end(command: Command, interface: fn() -> clap::Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Export(arguments) => export::run(&arguments, context),
        Command::Plan(arguments) => plan::run(&arguments, context),
        Command::Shipment(command) => shipment::run(command, context),
        Command::Verify(arguments) => {
            verify::run(&arguments, context).map_err(|failure| failure.about(arguments.archive()))
        }
        Command::Import(arguments) => {
            import::run(&arguments, context).map_err(|failure| failure.about(arguments.archive()))
        }
        Command::Extract(arguments) => {
            extract::run(&arguments, context).map_err(|failure| failure.about(arguments.archive()))
        }
        Command::Receipt(arguments) => receipt::run(&arguments, context),
        Command::History(arguments) => history::run(&arguments, context),
        Command::Serve(arguments) => serve::run(&arguments, context),
        Command::Inspect(arguments) => {
            inspect::run(&arguments, context).map_err(|failure| failure.about(arguments.archive()))
        }
        Command::Repair(arguments) => {
            repair::run(&arguments, context).map_err(|failure| failure.about(arguments.volumes()))
        }
        Command::Demo(arguments) => demo::run(&arguments, context),
        Command::Key(command) => key::run(command, context),
        Command::Trust(command) => trust::run(command, context),
        Command::Sign(arguments) => {
            sign::run(&arguments, context).map_err(|failure| failure.about(arguments.archive()))
        }
        Command::Completions(arguments) => completions::run(&arguments, interface(), context),
        Command::Man(arguments) => man::run(&arguments, interface(), context),
    }
}
