//! `sealift completions`: what a shell needs to complete Sealift's command line.

use clap::Args;

use crate::context::Context;
use crate::failure::Failure;

/// The shell to write completions for.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sealift completions bash > /etc/bash_completion.d/sealift")]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
}

/// Writes the completions to standard output.
pub(crate) fn run(
    arguments: &CompletionsArguments,
    mut interface: clap::Command,
    context: &Context,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut interface, "sealift", &mut script);
    context.data(&script)
}
