//! The command line: its commands and arguments.
//!
//! The arguments of a command live beside it, in `commands/`; here is the list of commands, and what all share.

use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Parser, Subcommand};

use crate::commands::{completions, demo, export, import, inspect, key, man, sign, trust, verify};

/// Headings and names in the help, where the terminal has colours.
const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Carry CNAB bundles and container images across an air gap, and prove what arrived.
#[derive(Debug, Parser)]
#[command(name = "sealift", version, styles = STYLES, propagate_version = true, disable_help_subcommand = false)]
pub(crate) struct Arguments {
    /// The folder that holds what this side trusts: pinned roots, exporters' keys, the policy
    ///
    /// Without it: the folder `sealift` in the user's configuration folder.
    #[arg(long, global = true, env = "SEALIFT_TRUST", value_name = "DIR")]
    pub(crate) trust: Option<PathBuf>,

    /// Write results to standard output as JSON, and errors to standard error as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Show no progress and no remarks; results and errors are still written
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pack bundles and images, with the proof about them, into one sealed archive
    Export(export::ExportArguments),
    /// Check that an archive is what its makers released; no network, nothing written
    Verify(verify::VerifyArguments),
    /// Verify an archive, then deliver it to a registry or a layout
    Import(import::ImportArguments),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn check(command: &clap::Command) {
            if command.get_subcommands().next().is_none() {
                let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example"), "`{}` has no example", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
