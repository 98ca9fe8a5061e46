//! `sealift verify`: is an archive what its makers released? No network, nothing written.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use sealift_core::import::{self, Destination, Naming, TargetProof};
use sealift_core::layout::{LayoutSink, LayoutSource};
use sealift_core::remedy::Remedy;
use sealift_core::transfer::Workers;
use sealift_core::trust::Purpose;
use sealift_core::verify::{Discard, Transport};

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::archive::ArchiveArgument;
use crate::options::naming::NamingArguments;
use crate::options::network::NetworkArguments;
use crate::options::registry_name::{self, RegistryName};
use crate::options::target::OpenedTarget;
use crate::options::verdict::VerdictArguments;
use crate::terminal::report;

/// What to verify.
#[derive(Debug, Args)]
#[command(
    mut_arg("names", |argument| argument.requires("target").help_heading("Proof")),
    after_long_help = "Examples:\n  sealift verify shop.sealift\n  ssh far-host cat shop.sealift | sealift verify -\n  sealift verify /media/discs\n  sealift verify --from-drive /media/cdrom\n  sealift verify week-49.sealift --target registry.internal:5000/mirror\n  sealift verify --audit --freshness 2026-01-31T12:00:00Z shop-2026-01.sealift\n\nThe archive is read once, from front to back. Nothing is written, and no network is used, unless --target names a registry. With --quiet, the verdict is one line."
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

    /// Look whether what a delta leaves out is where it goes: a registry, HOST or HOST/PREFIX, or a layout, oci:DIR
    #[arg(long, value_name = "WHERE", help_heading = "Proof")]
    target: Option<LookedInto>,

    #[command(flatten)]
    names: NamingArguments,

    /// Believe the registry that it holds what a delta leaves out, without reading it back
    #[arg(long, requires = "target", help_heading = "Proof")]
    trust_target: bool,

    /// Also state the SHA-256 of the archive's file in the report, which ties the report to that file
    ///
    /// The file, which must be a regular one, is read once more for it. The digest of the statement, which every report states, ties it to what is in the file.
    #[arg(long, help_heading = "Proof")]
    sha256: bool,

    #[command(flatten)]
    verdict: VerdictArguments,

    #[command(flatten)]
    network: NetworkArguments,
}

/// Where what a delta leaves out is looked for.
#[derive(Debug, Clone)]
enum LookedInto {
    Layout(PathBuf),
    Registry(RegistryName),
}

impl FromStr for LookedInto {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("oci:") {
            Some(folder) => Ok(Self::Layout(folder.into())),
            None => registry_name::target(text).map(Self::Registry),
        }
    }
}

impl LookedInto {
    fn open(&self, naming: Naming, network: &NetworkArguments) -> Result<OpenedTarget, Failure> {
        match self {
            Self::Layout(folder) => {
                let attempt = || format!("cannot look into {}", folder.display());
                // A sink would make it.
                LayoutSource::open(folder).attempt(attempt)?;
                let failed = |source| Reason::File { path: folder.clone(), source };
                let destination = Destination::layout(folder).map_err(failed).attempt(attempt)?;
                Ok((destination, Box::new(LayoutSink::open(folder).attempt(attempt)?)))
            }
            Self::Registry(RegistryName { name, https_only }) => {
                let (domain, prefix) = name.split_once('/').unwrap_or((name, ""));
                let (domain, prefix) = (domain.to_owned(), prefix.to_owned());
                let destination = Destination::Registry { domain, prefix, naming };
                Ok((destination, network.registry_sink(https_only.as_ref())?))
            }
        }
    }
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
    let store = context.trust_store()?;
    let trust = store.load().attempt(|| format!("cannot verify {name}"))?;
    let (input, sha256) = arguments.archive.open_and_hash_if(arguments.sha256, context)?;
    let purpose = if arguments.audit { Purpose::Audit } else { Purpose::Acceptance };
    let mut judged = arguments.verdict.judge_for(purpose, input.reader, &trust, context, attempt)?;
    let progress = context.progress();
    progress.begin("verifying", Some(judged.remaining_bytes()));
    let transport = Transport { workers: Workers::cores(), file: input.source.positioned(), progress: &*progress };
    let proof = if arguments.trust_target { TargetProof::Present } else { TargetProof::ReadBack };
    let looked = arguments.target.as_ref().map(|target| -> Result<(), Failure> {
        let naming = arguments.names.read()?;
        let (destination, sink) = target.open(naming, &arguments.network)?;
        import::look(&mut judged, &destination, proof, &store, &*sink, &transport).attempt(attempt)
    });
    looked.transpose()?;
    let verified = judged.receive(&Discard, &transport);
    progress.finish();
    let mut report = verified.attempt(attempt)?.report();
    if arguments.target.is_some() {
        report.saw(proof.into());
    }
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
