//! `sealift man`: the manual pages, one for each command.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};

/// Where to write the manual pages.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  sealift man /usr/local/share/man/man1")]
pub(crate) struct ManArguments {
    /// The folder to write the pages to; it is created if necessary
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages.
pub(crate) fn run(arguments: &ManArguments, interface: clap::Command, context: &Context) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let mut interface = interface.disable_help_subcommand(true);
    interface.build();
    fs::create_dir_all(folder)
        .and_then(|()| write_pages(&interface, folder))
        .map_err(|source| Reason::File { path: folder.clone(), source })
        .attempt(|| "cannot write the manual pages".to_owned())?;
    context.done("man", vec![format!("Wrote the manual pages to {}.", folder.display())])
}

fn write_pages(command: &clap::Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(below, folder)?;
    }
    let (name, page) = page(command)?;
    fs::write(folder.join(name), page)
}

/// The page of a command, with the name of its file.
fn page(command: &clap::Command) -> io::Result<(String, Vec<u8>)> {
    let more = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command.clone().after_long_help(None));
    let mut page = Vec::new();
    man.render(&mut page)?;
    page.extend(more_of(&more).to_roff().into_bytes());
    Ok((man.get_filename(), page))
}

/// What a command's help says after its options: examples and tables, which are indented, stay line for line as they are, so that
/// they can be pasted; what is between them is text.
fn more_of(help: &str) -> Roff {
    let mut roff = Roff::new();
    let mut is_as_written = false;
    // No word of a command is cut.
    roff.control("nh", []);
    roff.control("SH", [if help.starts_with("Example") { "EXAMPLES" } else { "NOTES" }]);
    for line in help.lines().filter(|line| !matches!(*line, "Example:" | "Examples:")) {
        if line.starts_with(' ') != is_as_written {
            is_as_written = !is_as_written;
            roff.control(if is_as_written { "nf" } else { "fi" }, []);
        }
        match line {
            "" => roff.control("PP", []),
            line => roff.text([roman(line)]),
        };
    }
    if is_as_written {
        roff.control("fi", []);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_stay_as_they_are_and_the_rest_is_text() {
        let more = more_of("Examples:\n  sealift x \\\n      --key a-b.pem\n\nText\nmore.");
        let lines: Vec<String> = more.to_roff().lines().map(str::to_owned).collect();
        assert_eq!(
            lines.join("|"),
            ".nh|.SH EXAMPLES|.nf|  sealift x \\\\|      \\-\\-key a\\-b.pem|.fi|.PP|Text|more."
        );
    }
}
