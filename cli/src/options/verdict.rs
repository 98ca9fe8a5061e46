//! How an archive is judged: what `verify`, `import`, `extract` and `sign` have in common.

use std::io::Read;

use clap::Args;
use sealift_archive_format::reader::SealedReader;
use sealift_core::trust::Purpose;
use sealift_core::trust_store::Trust;
use sealift_core::verify::{self, Judged};
use sealift_proof::freshness::{AskedClock, parse_instant};
use sealift_proof::in_toto::Inspections;
use sealift_sandbox::{Sandbox, SandboxLimits};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};

/// By which clock expiry is judged.
#[derive(Debug, Clone, Args)]
pub(crate) struct VerdictArguments {
    /// The clock by which expiry is judged, instead of the policy's: at-export, now, or a time (for audits) such as
    /// 2026-01-31T12:00:00Z; an import may only be stricter than the policy
    #[arg(long = "freshness", value_name = "WHEN", value_parser = parse_freshness, help_heading = "Proof")]
    pub(crate) clock: Option<AskedClock>,

    #[command(flatten)]
    inspections: InspectionArguments,
}

/// Whether the commands in in-toto layouts are run.
#[derive(Debug, Clone, Args)]
pub(crate) struct InspectionArguments {
    /// Run the inspections in in-toto layouts: commands that the publisher chose, in a sandbox without network
    ///
    /// By default they are not run, and an archive with such a layout is refused unless policy.toml makes them
    /// optional.
    #[arg(long, help_heading = "Proof")]
    run_inspections: bool,
}

impl InspectionArguments {
    /// The sandbox, if inspections are to be run.
    pub(crate) fn sandbox(&self) -> Result<Option<Sandbox>, Failure> {
        if !self.run_inspections {
            return Ok(None);
        }
        let launcher = std::env::current_exe()
            .map_err(|source| Reason::File { path: "sealift".into(), source })
            .attempt(|| "cannot set up the sandbox for inspections".to_owned())?;
        Ok(Some(Sandbox::new(launcher, SandboxLimits::default())))
    }
}

/// How inspections are handled with a sandbox, or without one.
pub(crate) fn inspections(sandbox: Option<&Sandbox>) -> Inspections<'_> {
    sandbox.map_or(Inspections::NotRun, |sandbox| Inspections::Run(sandbox))
}

fn parse_freshness(text: &str) -> Result<AskedClock, String> {
    match text {
        "at-export" => Ok(AskedClock::AtExport),
        "now" => Ok(AskedClock::Now),
        text => parse_instant(text).map(AskedClock::AsOf).map_err(|error| format!("{error}, or at-export, or now")),
    }
}

impl VerdictArguments {
    /// Reads and judges the head of an archive whose first byte has arrived.
    pub(crate) fn judge<R: Read>(
        &self,
        input: R,
        trust: &Trust,
        context: &Context,
        attempt: impl Fn() -> String,
    ) -> Result<Judged<R>, Failure> {
        self.judge_for(Purpose::Acceptance, input, trust, context, attempt)
    }

    /// The same for a purpose.
    pub(crate) fn judge_for<R: Read>(
        &self,
        purpose: Purpose,
        input: R,
        trust: &Trust,
        context: &Context,
        attempt: impl Fn() -> String,
    ) -> Result<Judged<R>, Failure> {
        self.with_settings(purpose, context, |settings| verify::open(input, trust, settings).attempt(attempt))
    }

    /// Judges the head of an archive whose seal has been read.
    pub(crate) fn judge_sealed<R: Read>(
        &self,
        sealed: SealedReader<R>,
        trust: &Trust,
        context: &Context,
        attempt: impl Fn() -> String,
    ) -> Result<Judged<R>, Failure> {
        let judge = |settings: &verify::VerifySettings<'_>| verify::open_sealed(sealed, trust, settings);
        self.with_settings(Purpose::Acceptance, context, |settings| judge(settings).attempt(attempt))
    }

    fn with_settings<T>(
        &self,
        purpose: Purpose,
        context: &Context,
        judge: impl FnOnce(&verify::VerifySettings<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let sandbox = self.inspections.sandbox()?;
        judge(&verify::VerifySettings {
            now: context.now(),
            asked: self.clock,
            purpose,
            inspections: inspections(sandbox.as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        verdict: VerdictArguments,
    }

    #[test]
    fn a_clock_is_asked_for_by_name_or_as_a_time() {
        let clock = |text: &str| Command::try_parse_from(["sealift", "--freshness", text]).unwrap().verdict.clock;
        assert_eq!(clock("at-export"), Some(AskedClock::AtExport));
        assert_eq!(clock("now"), Some(AskedClock::Now));
        let instant = parse_instant("2026-01-31T12:00:00Z").unwrap();
        assert_eq!(clock("2026-01-31T12:00:00Z"), Some(AskedClock::AsOf(instant)));
    }

    #[test]
    fn a_clock_that_nobody_knows_is_refused() {
        assert!(Command::try_parse_from(["sealift", "--freshness", "yesterday"]).is_err());
    }
}
