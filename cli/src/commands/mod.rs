//! The commands, one file each: its arguments, and `run`.

pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod sign;
pub(crate) mod trust;
pub(crate) mod verify;

use crate::arguments::Command;
use crate::context::Context;
use crate::failure::Failure;

/// Runs a command.
pub(crate) fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Export(arguments) => export::run(&arguments, context),
        Command::Verify(arguments) => verify::run(&arguments, context),
        Command::Import(arguments) => import::run(&arguments, context),
        Command::Inspect(arguments) => inspect::run(&arguments, context),
        Command::Demo(arguments) => demo::run(&arguments, context),
        Command::Key(command) => key::run(command, context),
        Command::Trust(command) => trust::run(command, context),
        Command::Sign(arguments) => sign::run(&arguments, context),
        Command::Completions(arguments) => completions::run(&arguments, context),
        Command::Man(arguments) => man::run(&arguments, context),
    }
}
