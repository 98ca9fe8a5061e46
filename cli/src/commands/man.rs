//! `sealift man`: the manual pages, one for each command.

use std::path::PathBuf;

use clap::Args;

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
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(interface, folder))
        .map_err(|source| Reason::File { path: folder.clone(), source })
        .attempt(|| "cannot write the manual pages".to_owned())?;
    context.done("man", vec![format!("Wrote the manual pages to {}.", folder.display())])
}
