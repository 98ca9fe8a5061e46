//! What to tell the operator about what is exported, and where it comes from.

use sealift_archive_format::WriteError;
use sealift_core::export::{ExportError, PlanError, PrepareError, UnfinishedError};

use super::{Advice, advice, archive, judgement, seal};
use crate::exit_code::ExitCode;

pub(super) fn plan(error: &PlanError) -> Advice {
    let hint = match error {
        PlanError::Source { .. } => {
            "check the reference, the network and the credentials; if it is stored elsewhere, say where with NAME=WHERE"
        }
        PlanError::Graph { .. } | PlanError::Manifest { .. } => {
            "the image is incomplete in the source: push it there again, or choose platforms with --platform"
        }
        PlanError::Referrers { .. } => "check the network, and whether this source lists referrers correctly",
        PlanError::TooManyReferrers { .. } | PlanError::ReferrerTooDeep { .. } => {
            "delete referrers that are no longer needed, or export a copy of the image without them"
        }
        PlanError::NotAReferrer { .. } => "the source's list is out of date or wrong: correct it there",
        PlanError::AnImage { .. } => "export it with --image",
        PlanError::RegistryForm { .. } => {
            "if it is an image, export it with --image; else push the bundle again with a tool that follows CNAB Registries"
        }
        PlanError::Read { .. } => "check the network, and try again",
        PlanError::Bundle { .. } => "correct the bundle.json, and sign it again",
        PlanError::NoDigest { .. } => "leave out --images-from, or state contentDigest for every image in bundle.json",
        PlanError::OtherContent { .. } => {
            "the source does not have the content that the name promises: use a source that has it, or correct the name"
        }
        PlanError::TooManyRequests => {
            "export fewer bundles and images at once, or leave out referrers: --referrers none"
        }
        PlanError::TooSlow { .. } => "try again when the source is faster, or export fewer bundles and images at once",
        PlanError::Names(error) => return archive::documents(error),
    };
    advice(ExitCode::Source, hint)
}

pub(super) fn prepare(error: &PrepareError) -> Advice {
    match error {
        PrepareError::NotPinned { .. } => advice(
            ExitCode::TrustStore,
            "get the root from the publisher in a way that you trust, then: sealift trust pin-root NAME root.json",
        ),
        PrepareError::Judgement(error) => judgement::judgement(error),
        PrepareError::Source { .. } | PrepareError::Read { .. } => {
            advice(ExitCode::Source, "check the network, and try again; nothing was written")
        }
        PrepareError::Attestation(error) => judgement::attestation(error),
        PrepareError::Referrer(error) => archive::referrer(error),
        PrepareError::Documents(error) => archive::documents(error),
        PrepareError::Layout(_) => {
            advice(ExitCode::Source, "export fewer bundles and images at once; nothing was written")
        }
        PrepareError::TooMuchMetadata(_) => advice(
            ExitCode::Source,
            "export from fewer repositories at once, or leave out --whole-metadata; nothing was written",
        ),
        PrepareError::EntryName(_) => advice(
            ExitCode::Source,
            "an archive cannot hold a file with that name: leave out --whole-metadata, or ask the publisher; nothing was written",
        ),
        PrepareError::Inventory(_) => advice(ExitCode::Source, "shorten the name; nothing was written"),
        PrepareError::Sign(error) => seal::sign(error),
        PrepareError::Seal(error) => seal::seal_format(error),
    }
}

pub(super) fn export(error: &ExportError) -> Advice {
    match error {
        ExportError::Source { .. } => advice(
            ExitCode::Source,
            "check the network, and run the same command again: into a file, it goes on where it stopped",
        ),
        ExportError::Write(error) => match error {
            WriteError::Output(_) => advice(
                ExitCode::System,
                "check the free space on the disk, and run the same command again: into a file, it goes on where it stopped",
            ),
            WriteError::Content { .. }
            | WriteError::WrongEntry { .. }
            | WriteError::Size { .. }
            | WriteError::Digest { .. }
            | WriteError::MissingEntry { .. }
            | WriteError::FailedBefore => advice(
                ExitCode::Source,
                "the source failed, or sent bytes other than it announced: run the same command again; into a file, it goes on where it stopped",
            ),
        },
        ExportError::Unfinished(error) => unfinished(error),
        ExportError::Unplanned { .. } => {
            advice(ExitCode::System, "please report it, with the command; nothing that looks finished was left")
        }
    }
}

fn unfinished(error: &UnfinishedError) -> Advice {
    let hint = match error {
        UnfinishedError::Access { path, source } => return super::file(path, source),
        UnfinishedError::Exists { .. } => {
            "choose another name with -o, or move the existing file away first".to_owned()
        }
        UnfinishedError::Foreign { path } => {
            format!("move {} away, or choose another name with -o", path.display())
        }
        UnfinishedError::OtherItems { .. } => {
            "choose another name with -o, or write over it: run the same command with --fresh".to_owned()
        }
        UnfinishedError::InUse { .. } => "wait until the other export has ended".to_owned(),
        UnfinishedError::NoRoom { needed, free, .. } => {
            let lacking = indicatif::HumanBytes(needed.saturating_sub(*free));
            format!("free {lacking} more there, or name a place with more room with -o")
        }
    };
    advice(ExitCode::System, hint)
}
