//! `sealift verify`: is an archive what its makers released? No network, nothing written.

use std::path::Path;

use clap::Args;
use sealift_core::remedy::Remedy;
use sealift_core::transfer::Workers;
use sealift_core::trust::Purpose;
use sealift_core::verify::{Discard, Transport};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure};
use crate::files::archive::ArchiveArgument;
use crate::options::verdict::VerdictArguments;
use crate::terminal::report;

/// What to verify.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  sealift verify shop.sealift\n  ssh far-host cat shop.sealift | sealift verify -\n  sealift verify /media/discs\n  sealift verify --audit --freshness 2026-01-31T12:00:00Z shop-2026-01.sealift\n\nThe archive is read once, from front to back. Nothing is written, and no network is used. With --quiet, the verdict is one line."
)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    archive: ArchiveArgument,

    /// Judge it for an audit: that it is older than what was accepted here is stated as a finding, and not refused
    ///
    /// For an archive of last year, with --freshness TIME to judge expiry as of then. Everything else is checked as always, against what
    /// this side trusts today. Nothing is changed, and nothing needs to be reset for it.
    #[arg(long, help_heading = "Proof")]
    audit: bool,

    /// Also state the SHA-256 of the archive's file in the report, which ties the report to that file
    ///
    /// The file, which must be a regular one, is read once more for it. The digest of the statement, which every report states, ties it to what is in the file.
    #[arg(long, help_heading = "Proof")]
    sha256: bool,

    #[command(flatten)]
    verdict: VerdictArguments,
}

impl VerifyArguments {
    /// The file of the archive, if it is one.
    pub(crate) fn archive(&self) -> Option<&Path> {
        self.archive.path()
    }
}

/// Verifies, and shows the report.
pub(crate) fn run(arguments: &VerifyArguments, context: &Context) -> Result<(), Failure> {
    let verified = verify(arguments, context);
    if arguments.audit { verified.map_err(Failure::in_audit) } else { verified }
}

fn verify(arguments: &VerifyArguments, context: &Context) -> Result<(), Failure> {
    let name = arguments.archive.name();
    let attempt = || format!("{name} is refused");
    let trust = context.trust_store()?.load().attempt(|| format!("cannot verify {name}"))?;
    let (input, sha256) = arguments.archive.open_and_hash_if(arguments.sha256)?;
    let purpose = if arguments.audit { Purpose::Audit } else { Purpose::Acceptance };
    let judged = arguments.verdict.judge_for(purpose, input.reader, &trust, context, attempt)?;
    let progress = context.progress();
    progress.begin("verifying", Some(judged.remaining_bytes()));
    let transport = Transport { workers: Workers::cores(), file: input.source.file(), progress: &*progress };
    let verified = judged.receive(&Discard, &transport);
    progress.finish();
    let mut report = verified.attempt(attempt)?.report();
    report.archive.sha256 = sha256;
    report.warnings.extend(input.source.warnings());
    if arguments.audit {
        report
            .warnings
            .iter_mut()
            .for_each(|warning| warning.remedy = warning.remedy.take().filter(|it| *it != Remedy::ImportSoon));
    }
    context.result(&report, || match context.is_quiet() {
        true => report::one_line(&report).into(),
        false => report::render(&report, &name),
    })
}
