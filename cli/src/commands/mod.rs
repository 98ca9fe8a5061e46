//! The commands, one file each: its arguments, and `run`.

pub(crate) mod completions;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod sign;
pub(crate) mod trust;

use crate::arguments::Command;
use crate::context::Context;
use crate::failure::Failure;

/// Runs a command.
pub(crate) fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Key(command) => key::run(command, context),
        Command::Trust(command) => trust::run(command, context),
        Command::Sign(arguments) => sign::run(&arguments, context),
        Command::Completions(arguments) => completions::run(&arguments, context),
        Command::Man(arguments) => man::run(&arguments, context),
    }
}
