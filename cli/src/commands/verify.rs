//! `sealift verify`: is an archive what its makers released? No network, nothing written.

use clap::Args;
use sealift_core::transfer::Workers;
use sealift_core::verify::{Discard, Transport};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::files::archive::ArchiveArgument;
use crate::options::verdict::VerdictArguments;
use crate::terminal::report;

/// What to verify.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift verify shop.sealift\n  ssh far-host cat shop.sealift | sealift verify -\n\nThe archive is read once, from front to back. Nothing is written, and no network is used."
)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    archive: ArchiveArgument,

    #[command(flatten)]
    verdict: VerdictArguments,
}

/// Verifies, and shows the report.
pub(crate) fn run(arguments: &VerifyArguments, context: &Context) -> Result<(), Failure> {
    let name = arguments.archive.name();
    let attempt = || format!("{name} is refused");
    let trust = context.trust_store().load().attempt(|| format!("cannot verify {name}"))?;
    let input = arguments.archive.open()?;
    let judged = arguments.verdict.judge(input.reader, &trust, context, attempt)?;
    let progress = context.progress();
    progress.begin("verifying", Some(judged.remaining_bytes()));
    let transport = Transport { workers: Workers::cores(), file: input.file.as_ref(), progress: &*progress };
    let verified = judged.receive(&Discard, &transport);
    progress.finish();
    let report = verified.attempt(attempt)?.report();
    context.result(&report, || report::render(&report, &name))
}
