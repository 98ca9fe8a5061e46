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
mod terminal;

use std::process;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::terminal::text::{Line, Text};

fn main() -> process::ExitCode {
    // An inspection's sandbox starts this program again; in that case it is only the sandbox.
    sealift_sandbox::main_if_invoked();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && asks_for_json() => {
            let failure = Failure::command_line(&error);
            failure.report(true);
            return failure.exit_code().into();
        }
        Err(error) if error.use_stderr() => {
            terminal::tell(&mistake(&error));
            return ExitCode::Usage.into();
        }
        // Help or the version. If the reader has gone away, that is no error.
        Err(help) => {
            let _ = terminal::help(&help);
            return ExitCode::Success.into();
        }
    };
    let json = arguments.json;
    if let Err(error) = interruption::watch() {
        terminal::tell(&format!("warning: an interruption will end this without a word: {error}").into());
    }
    let result = Context::new(arguments.trust, json, arguments.quiet)
        .and_then(|context| commands::run(arguments.command, Arguments::command, &context));
    match result {
        Ok(()) => ExitCode::Success.into(),
        Err(failure) => {
            failure.report(json);
            failure.exit_code().into()
        }
    }
}

/// A mistake on the command line, as a person reads it: clap's message around what was typed. Arguments may come from
/// outside too, through a script, and clap quotes them; so clap is given escaped arguments to describe.
fn mistake(error: &clap::Error) -> Text {
    let shown = std::env::args_os().map(|argument| Line::from(argument.display()).as_str().to_owned());
    let Some(shown) = Arguments::try_parse_from(shown).err().filter(|shown| shown.kind() == error.kind()) else {
        // Here the acting character is itself the mistake.
        return Failure::command_line(error).text();
    };
    let words = shown.render().to_string();
    let mut text = Text::default();
    match words.strip_prefix("error:") {
        Some(words) => {
            let (first, others) = words.split_once('\n').unwrap_or((words, ""));
            text.line(Line::default().styled(failure::ERROR, "error:").then(first));
            text.block(others);
        }
        None => text.block(&words),
    }
    text
}

/// Whether a command line that cannot be read asks for JSON.
fn asks_for_json() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}
