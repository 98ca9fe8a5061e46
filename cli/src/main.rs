//! The `sealift` command: arguments, clock, environment, terminal, exit codes and hints.
//!
//! It decides nothing about trust: that is `sealift-core`'s.

mod arguments;
mod commands;
mod context;
mod exit_code;
mod failure;
mod files;
mod interruption;
mod options;
#[cfg(test)]
mod pasted;
mod terminal;
mod usage;

use std::ffi::OsString;
use std::{env, process};

use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::terminal::shell;

fn main() -> process::ExitCode {
    // An inspection's sandbox starts this program again; in that case it is only the sandbox.
    sealift_sandbox::main_if_invoked();
    let typed: Vec<OsString> = env::args_os().collect();
    shell::remember_command(usage::command(&typed));
    let arguments = match Arguments::read(&typed) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && has_option(&typed, "--json") => {
            let failure = usage::failure(&error, &typed);
            failure.report(true);
            return failure.exit_code().into();
        }
        Err(error) if error.use_stderr() => {
            terminal::tell(&usage::text(&error, &typed));
            return ExitCode::Usage.into();
        }
        // Help or the version. If the reader has gone away, that is no error.
        Err(help) => {
            let _ = terminal::help(&help);
            return ExitCode::Success.into();
        }
    };
    let json = arguments.json;
    if has_option(&typed, "--trust") {
        arguments.trust.iter().for_each(|folder| shell::repeat_trust_store(folder));
    }
    if let Err(error) = interruption::watch() {
        terminal::tell(
            &format!(
                "warning: an interruption will end this command without a message: {}",
                failure::in_one_line(&error)
            )
            .into(),
        );
    }
    let context = Context::new(arguments.trust, json, arguments.quiet);
    match commands::run(arguments.command, Arguments::command, &context) {
        Ok(()) => ExitCode::Success.into(),
        Err(failure) => {
            failure.report(json);
            failure.exit_code().into()
        }
    }
}

/// Whether an option was typed, also on a command line that cannot be read.
fn has_option(typed: &[OsString], option: &str) -> bool {
    let is_it = |argument: &OsString| {
        let rest = argument.as_encoded_bytes().strip_prefix(option.as_bytes());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"="))
    };
    typed.iter().take_while(|argument| *argument != "--").any(is_it)
}
