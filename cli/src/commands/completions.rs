//! `sealift completions`: what a shell needs to complete Sealift's command line.

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::text::Text;

/// The shell to write completions for.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sealift completions bash > /etc/bash_completion.d/sealift")]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
}

/// The completions, as `--json` shows them.
#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

/// Writes the completions to standard output.
pub(crate) fn run(
    arguments: &CompletionsArguments,
    mut interface: clap::Command,
    context: &Context,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut interface, "sealift", &mut script);
    if !context.is_json() {
        return context.data(&script);
    }
    let script = String::from_utf8_lossy(&script).into_owned();
    context.result(&Completions { shell: arguments.shell.to_string(), script }, Text::default)
}
