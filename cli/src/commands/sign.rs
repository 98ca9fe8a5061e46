//! `sealift sign`: one more exporter seals an archive that is already written.

use std::fs::OpenOptions;
use std::path::PathBuf;

use clap::Args;
use sealift_archive_format::Digest;
use sealift_core::seal;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::key_file::SigningKeyArguments;
use crate::text::Text;

/// What to sign, and with which key.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  sealift verify shop.sealift && sealift sign shop.sealift --key bert.pem\n\nThe signature is added in place: nothing else of the archive is read or written. Look at what you sign first."
)]
pub(crate) struct SignArguments {
    /// The archive; not a compressed one
    archive: PathBuf,

    #[command(flatten)]
    key: SigningKeyArguments,
}

/// The seal after it was signed, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SealReport {
    statement: Digest,
    signed_by: Vec<Digest>,
}

/// Adds the signature.
pub(crate) fn run(arguments: &SignArguments, context: &Context) -> Result<(), Failure> {
    let path = &arguments.archive;
    let attempt = || format!("cannot sign {}", path.display());
    let key = arguments.key.read()?;
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let mut archive = opened.map_err(|source| Reason::File { path: path.clone(), source }).attempt(attempt)?;
    let seal = seal::co_sign(&mut archive, &key).attempt(attempt)?;
    let signed_by: Vec<Digest> = seal.signatures().iter().map(|signature| signature.key.clone()).collect();
    let report = SealReport { statement: seal.statement_digest(), signed_by };
    context.result(&report, || {
        let mut text = Text::from(format_args!("{} is now sealed by:", path.display()));
        for key in &report.signed_by {
            text.line(format_args!("  key {key}"));
        }
        text
    })
}
