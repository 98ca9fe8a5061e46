//! `sealift sign`: one more exporter seals an existing archive, after verifying it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use clap::Args;
use sealift_archive_format::Digest;
use sealift_core::co_sign::CoSigner;
use sealift_core::transfer::Workers;
use sealift_core::verify::{Discard, Transport};
use sealift_core::volume_set;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::archive::unopened;
use crate::files::key::SigningKeyArguments;
use crate::options::verdict::VerdictArguments;
use crate::terminal::text::Text;

/// What to sign, and with which key.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift sign shop.sealift --key bert.pem\n  sealift sign shop.sealift --key bert.pem --statement sha256:8a18…\n\nThe whole archive is verified first against this side's trust store, as `sealift verify` does. Then the signature is added in place, to the same open file, and nothing else in it changes. If this side requires several exporters and the key belongs to one of them, enough others must have signed already."
)]
pub(crate) struct SignArguments {
    /// The archive, which must not be compressed
    archive: PathBuf,

    #[command(flatten)]
    key: SigningKeyArguments,

    #[command(flatten)]
    verdict: VerdictArguments,

    /// Sign the statement with this digest, as `sealift export` shows it, instead of verifying the archive
    ///
    /// For a signer who was told the digest by someone who verified the archive. Nothing else is checked: not who has
    /// sealed it so far, not the TUF and in-toto proof, not whether the file is complete. No trust store is needed.
    #[arg(long, value_name = "DIGEST", conflicts_with_all = ["clock", "run_inspections"], help_heading = "Seal")]
    statement: Option<Digest>,
}

/// The seal after it was signed, as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SealReport {
    statement: Digest,
    signed_by: Vec<Digest>,
    /// Whether the whole archive was verified first, rather than only its statement compared.
    verified: bool,
}

impl SignArguments {
    /// The file of the archive, if it is one.
    pub(crate) fn archive(&self) -> Option<&Path> {
        Some(&self.archive)
    }
}

/// Verifies the archive, and adds the signature.
pub(crate) fn run(arguments: &SignArguments, context: &Context) -> Result<(), Failure> {
    let path = &arguments.archive;
    let attempt = || format!("cannot sign {}", path.display());
    if volume_set::is_of_volumes(path) {
        return Err(Reason::VolumesToSign(path.clone())).attempt(attempt);
    }
    let key = arguments.key.read()?;
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let mut archive = opened.map_err(|source| unopened(path, source)).attempt(attempt)?;
    let mut signer = CoSigner::open(&mut archive, &key).attempt(attempt)?;
    let seal = if let Some(statement) = &arguments.statement {
        signer.sign_statement(statement).attempt(attempt)?
    } else {
        let store = context.trust_store()?;
        let trust = signer.terms(&store.load().attempt(attempt)?);
        // Said before the archive is read; the signer asks again.
        trust.policy.require_as_strict(arguments.verdict.clock).attempt(attempt)?;
        let sealed = signer.reader().attempt(attempt)?;
        let judged = arguments.verdict.judge_sealed(sealed, &trust, context, attempt)?;
        let progress = context.progress();
        progress.begin("verifying", Some(judged.remaining_bytes()));
        let transport = Transport { workers: Workers::cores(), file: None, progress: &*progress };
        let verified = judged.receive(&Discard, &transport);
        progress.finish();
        signer.sign_verified(&verified.attempt(attempt)?, &store).attempt(attempt)?
    };
    let signed_by: Vec<Digest> = seal.signatures().iter().map(|signature| signature.key.clone()).collect();
    let verified = arguments.statement.is_none();
    let report = SealReport { statement: seal.statement_digest(), signed_by, verified };
    context.result(&report, || {
        let checked = if verified { "verified, and is" } else { "not verified; it is" };
        let mut text = Text::from(format_args!("{} was {checked} now sealed by:", path.display()));
        for key in &report.signed_by {
            text.line(format_args!("  key {key}"));
        }
        text
    })
}
