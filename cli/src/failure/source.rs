//! How a command ends over what is exported, and where it comes from.

use sealift_archive_format::WriteError;
use sealift_core::export::{ExportError, PlanError, PrepareError, UnfinishedError};

use super::{Conclusion, NOTHING_WRITTEN, archive, judgement, seal};
use crate::exit_code::ExitCode;

pub(super) fn plan(error: &PlanError) -> Conclusion {
    match error {
        PlanError::Source { .. }
        | PlanError::NoPlatform { .. }
        | PlanError::Config { .. }
        | PlanError::Graph { .. }
        | PlanError::Manifest { .. }
        | PlanError::Referrers { .. }
        | PlanError::TooManyReferrers { .. }
        | PlanError::ReferrerTooDeep { .. }
        | PlanError::NotAReferrer { .. }
        | PlanError::AnImage { .. }
        | PlanError::RegistryForm { .. }
        | PlanError::Read { .. }
        | PlanError::Bundle { .. }
        | PlanError::NoDigest { .. }
        | PlanError::OtherContent { .. }
        | PlanError::TooManyRequests
        | PlanError::Dependencies { .. }
        | PlanError::DependencyReference { .. }
        | PlanError::NoVersion { .. }
        | PlanError::TooManyDependencies
        | PlanError::Names(_)
        | PlanError::TooSlow { .. } => ExitCode::Source.into(),
    }
}

pub(super) fn prepare(error: &PrepareError) -> Conclusion {
    match error {
        PrepareError::NotPinned { .. } => ExitCode::TrustStore.into(),
        PrepareError::Judgement(error) => judgement::judgement(error),
        PrepareError::Attestation(error) => judgement::attestation(error),
        PrepareError::Referrer(error) => archive::referrer(error),
        PrepareError::Documents(_)
        | PrepareError::Source { .. }
        | PrepareError::Read { .. }
        | PrepareError::Layout(_)
        | PrepareError::TooMuchMetadata(_)
        | PrepareError::EntryName(_)
        | PrepareError::Inventory(_) => ExitCode::Source.noting(NOTHING_WRITTEN),
        PrepareError::Sign(error) => seal::sign(error),
        PrepareError::Seal(error) => seal::seal_format(error),
    }
}

pub(super) fn export(error: &ExportError) -> Conclusion {
    match error {
        ExportError::Source { .. } => ExitCode::Source.into(),
        ExportError::Write(error) => match error {
            WriteError::Output(_) => ExitCode::System.into(),
            WriteError::Content { .. }
            | WriteError::WrongEntry { .. }
            | WriteError::Size { .. }
            | WriteError::Digest { .. }
            | WriteError::MissingEntry { .. }
            | WriteError::FailedBefore => ExitCode::Source.into(),
        },
        ExportError::Unfinished(error) => unfinished(error),
        ExportError::Unplanned { .. } => ExitCode::System.noting("nothing that looks finished was left"),
    }
}

fn unfinished(error: &UnfinishedError) -> Conclusion {
    match error {
        UnfinishedError::Access { .. }
        | UnfinishedError::Exists { .. }
        | UnfinishedError::Foreign { .. }
        | UnfinishedError::OtherItems { .. }
        | UnfinishedError::InUse { .. }
        | UnfinishedError::NoRoom { .. } => ExitCode::System.into(),
    }
}
