//! The `sealift` command: arguments, clock, environment, terminal, exit codes and hints.
//!
//! It decides nothing about trust: that is `sealift-core`'s.

mod archive_input;
mod arguments;
mod commands;
mod context;
mod exit_code;
mod failure;
mod input_file;
mod key_file;
mod network;
mod output_file;
mod place;
mod progress;
mod referrers;
mod report_text;
mod verdict;

use std::process;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;

fn main() -> process::ExitCode {
    // An inspection's sandbox starts this program again; then it is the sandbox, and nothing else.
    sealift_core::in_toto::sandbox::main_if_invoked();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && asks_for_json() => {
            let failure = Failure::command_line(&error);
            failure.report(true);
            return failure.exit_code().into();
        }
        // Help, the version, or a mistake, as a person reads them.
        Err(error) => error.exit(),
    };
    let json = arguments.json;
    let result = Context::new(&arguments).and_then(|context| commands::run(arguments.command, &context));
    match result {
        Ok(()) => ExitCode::Success.into(),
        Err(failure) => {
            failure.report(json);
            failure.exit_code().into()
        }
    }
}

/// Whether a command line that cannot be read asks for JSON.
fn asks_for_json() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}
