//! `sealift sign`: one more exporter seals an existing archive, after verifying it.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use sealift_archive_format::reader::{Reader, SealedReader};
use sealift_archive_format::volume::VolumeReader;
use sealift_archive_format::{Digest, UnverifiedSeal};
use sealift_core::co_sign::{CoSigner, NewSignature};
use sealift_core::report::WarningReport;
use sealift_core::transfer::Workers;
use sealift_core::trust_store::Trust;
use sealift_core::verify::{Discard, HeadError, Transport, Verified};
use sealift_core::volume_set::{FoundVolumes, NewVolumes, VolumeSetError, damage_warnings, path_of};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Attempt as _, Failure, Reason};
use crate::files::archive::{ArchiveArgument, unopened};
use crate::files::key::SigningKeyArguments;
use crate::interruption;
use crate::options::verdict::VerdictArguments;
use crate::terminal::report;

/// What to sign, and with which key.
#[derive(Debug, Args)]
#[command(
    mut_arg("archive", |archive| {
        archive.help("The archive, which must not be compressed; a folder of volumes, one of them, or all of them")
    }),
    after_long_help = "Examples:\n  sealift sign shop.sealift --key bert.pem\n  sealift sign shop.sealift --key bert.pem --statement sha256:8a18…\n  sealift sign /media/discs --key bert.pem -o signed/shop\n  sealift sign --from-drive /media/cdrom --key bert.pem -o signed/shop\n\nThe whole archive is verified first against this side's trust store, as `sealift verify` does. Then the signature is added in place, to the same open file, and nothing else in it changes. If this side requires several exporters and the key belongs to one of them, enough others must have signed already.\n\nVolumes are never changed: a signature changes their first bytes, and with it every digest in them. So a new set is written to the place that -o names, and the old volumes stay as they are."
)]
pub(crate) struct SignArguments {
    #[command(flatten)]
    archive: ArchiveArgument,

    /// For volumes: what the names of the new ones begin with. They are as many, and as long
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

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
    /// The new volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<String>,
    /// What of the old volumes was missing or damaged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<WarningReport>,
}

impl SignArguments {
    /// The file of the archive, if it is one.
    pub(crate) fn archive(&self) -> Option<&Path> {
        self.archive.path()
    }
}

/// Verifies the archive, and adds the signature.
pub(crate) fn run(arguments: &SignArguments, context: &Context) -> Result<(), Failure> {
    let (path, name) = (arguments.archive().unwrap_or(Path::new("-")), arguments.archive.name());
    let attempt = || format!("cannot sign {name}");
    arguments.require_output_of_drive(path).attempt(attempt)?;
    let found = arguments.archive.volumes(context).attempt(attempt)?;
    let (seal, volumes, warnings) = match (found, &arguments.output) {
        (Some(_), None) => return Err(Reason::VolumesToSign(path.to_owned())).attempt(attempt),
        (Some(found), Some(output)) => arguments.sign_volumes(&found, output, context, attempt)?,
        (None, None) => (arguments.sign_file(path, context, attempt)?, Vec::new(), Vec::new()),
        (None, Some(_)) => {
            let why = "-o is for volumes: a single file is signed in place";
            return Err(Reason::CommandLine(why.to_owned())).attempt(attempt);
        }
    };
    let signed_by: Vec<Digest> = seal.signatures().iter().map(|signature| signature.key.clone()).collect();
    let verified = arguments.statement.is_none();
    let volumes = volumes.iter().map(|path| path.display().to_string()).collect();
    let report = SealReport { statement: seal.statement_digest(), signed_by, verified, volumes, warnings };
    context.result(&report, || {
        let checked = if verified { "verified, and is" } else { "not verified; it is" };
        let mut text = report::warnings(&report.warnings);
        text.line(format_args!("{name} was {checked} now sealed by:"));
        for key in &report.signed_by {
            text.line(format_args!("  key {key}"));
        }
        for volume in &report.volumes {
            text.line(format_args!("Written: {volume}"));
        }
        text
    })
}

impl SignArguments {
    /// Requires, before discs are read, that there is a place for the new volumes.
    fn require_output_of_drive(&self, drive: &Path) -> Result<(), Reason> {
        if !self.archive.is_on_drive() {
            return Ok(());
        }
        let output = self.output.as_ref().ok_or_else(|| Reason::VolumesToSign(drive.to_owned()))?;
        let first = path_of(output, 1);
        match first.symlink_metadata() {
            Ok(_) => Err(VolumeSetError::Exists(first).into()),
            Err(_) => Ok(()),
        }
    }

    /// Adds the signature to an archive in one file.
    fn sign_file(
        &self,
        path: &Path,
        context: &Context,
        attempt: impl Fn() -> String + Copy,
    ) -> Result<UnverifiedSeal, Failure> {
        let key = self.key.read()?;
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let mut archive = opened.map_err(|source| unopened(path, source)).attempt(attempt)?;
        let mut signer = CoSigner::open(&mut archive, &key).attempt(attempt)?;
        if let Some(statement) = &self.statement {
            return signer.sign_statement(statement).attempt(attempt);
        }
        let store = context.trust_store()?;
        let trust = signer.terms(&store.load().attempt(attempt)?);
        // Said before the archive is read; the signer asks again.
        trust.policy.require_as_strict(self.verdict.clock).attempt(attempt)?;
        let sealed = signer.reader().attempt(attempt)?;
        let verified = self.verify(sealed, &trust, context, attempt)?;
        signer.sign_verified(&verified, &store).attempt(attempt)
    }

    /// Writes the volumes again with one more signature. Returns the seal, the new volumes, and what was amiss with the old ones.
    fn sign_volumes(
        &self,
        found: &FoundVolumes,
        output: &Path,
        context: &Context,
        attempt: impl Fn() -> String + Copy,
    ) -> Result<(UnverifiedSeal, Vec<PathBuf>, Vec<WarningReport>), Failure> {
        let key = self.key.read()?;
        let reader = VolumeReader::new(found.shared());
        let repairs = reader.repairs();
        let sealed = Reader::open(reader).map_err(HeadError::from).attempt(attempt)?;
        let new = NewSignature::of(&sealed, &key).attempt(attempt)?;
        interruption::leaves(|| "no volume was written".to_owned());
        let seal = match &self.statement {
            Some(statement) => new.seal_statement(statement).attempt(attempt)?,
            None => {
                let store = context.trust_store()?;
                let trust = new.terms(&store.load().attempt(attempt)?);
                trust.policy.require_as_strict(self.verdict.clock).attempt(attempt)?;
                let verified = self.verify(sealed, &trust, context, attempt)?;
                new.seal_verified(&verified, &store).attempt(attempt)?
            }
        };
        let volumes = NewVolumes::resealed(output, found, &seal, &*context.progress()).attempt(attempt)?;
        let damaged = damage_warnings(&repairs.damage());
        let warnings = found.warnings().into_iter().chain(damaged).map(WarningReport::from).collect();
        Ok((seal, volumes, warnings))
    }

    /// Verifies the archive to its last byte.
    fn verify<R: Read>(
        &self,
        sealed: SealedReader<R>,
        trust: &Trust,
        context: &Context,
        attempt: impl Fn() -> String + Copy,
    ) -> Result<Verified, Failure> {
        let judged = self.verdict.judge_sealed(sealed, trust, context, attempt)?;
        let progress = context.progress();
        progress.begin("verifying", Some(judged.remaining_bytes()));
        let transport = Transport { workers: Workers::cores(), file: None, progress: &*progress };
        let verified = judged.receive(&Discard, &transport);
        progress.finish();
        verified.attempt(attempt)
    }
}
