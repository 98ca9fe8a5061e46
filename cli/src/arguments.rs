//! The command line: a command, and the arguments that all commands share.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::commands::Command;
use crate::options::local_path;

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
    #[arg(long, global = true, env = "SEALIFT_TRUST", value_name = "DIR", help_heading = "In every command")]
    pub(crate) trust: Option<PathBuf>,

    /// Write results to standard output as JSON, and errors to standard error as JSON
    #[arg(long, global = true, help_heading = "In every command")]
    pub(crate) json: bool,

    /// Show no progress and no remarks; results and errors are still written
    #[arg(short, long, global = true, help_heading = "In every command")]
    pub(crate) quiet: bool,

    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads what was typed.
    ///
    /// # Errors
    /// Help, the version, or what is wrong with it.
    pub(crate) fn read(typed: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let mut matches = command.try_get_matches_from_mut(typed)?;
        local_path::require(&matches, &mut command)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_options_of_long_commands_are_in_groups() {
        for command in ["export", "import"] {
            let mut all = Arguments::command();
            all.build();
            let command = all.find_subcommand(command).unwrap();
            let options = command.get_arguments().filter(|it| !it.is_positional());
            let own = options.filter(|it| !["help", "version"].contains(&it.get_id().as_str()));
            let ungrouped: Vec<_> = own.filter(|it| it.get_help_heading().is_none()).map(|it| it.get_id()).collect();
            assert!(ungrouped.is_empty(), "{}: {ungrouped:?}", command.get_name());
        }
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

    /// What is to be pasted, or stands in columns, is not wrapped on a narrow terminal.
    #[test]
    fn examples_fit_on_a_terminal_of_80_columns() {
        fn check(command: &clap::Command) {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter(|line| line.starts_with(' ')) {
                assert!(line.chars().count() <= 80, "`{}`: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }

    #[test]
    fn every_command_is_in_the_page_of_the_schemas() {
        fn names(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            for below in command.get_subcommands().filter(|it| it.get_name() != "help") {
                let name = format!("{path} {}", below.get_name());
                // What takes arguments of its own, or has no subcommands, does something.
                if below.get_subcommands().next().is_none() || below.get_positionals().next().is_some() {
                    found.push(name.trim_start().to_owned());
                }
                names(below, &name, found);
            }
        }
        let (mut all, page) = (Vec::new(), include_str!("../../docs/schema/README.md"));
        names(&Arguments::command(), "", &mut all);
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `sealift ")?.split_once('`'));
        let mut described: Vec<&str> = rows.map(|(command, _)| command).collect();
        all.sort();
        described.sort_unstable();
        assert_eq!(described, all);
    }
}
