//! How a command ends over the judgement: TUF, freshness, in-toto, level.

use sealift_core::trust::{AttestationRefusal, JudgementError, LookupError, RepositoryError, SupplyChainError};
use sealift_proof::freshness::{FreshnessError, LooserFreshness};
use sealift_proof::in_toto::AttestationError;
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::{FetchError, ProviderError, TufError};

use super::{Conclusion, NOTHING_TAGGED, NOTHING_WRITTEN};
use crate::exit_code::ExitCode;

pub(super) fn judgement(error: &JudgementError) -> Conclusion {
    match error {
        JudgementError::NoMap { .. } => ExitCode::TrustStore.into(),
        JudgementError::Repository(error) => repository(error),
        JudgementError::OtherTarget { .. } | JudgementError::TwoTargets { .. } | JudgementError::NotBrought { .. } => {
            ExitCode::Tuf.noting(NOTHING_WRITTEN)
        }
        JudgementError::Search { source, .. } => search(source),
        JudgementError::Binding { .. } => ExitCode::Tuf.into(),
        JudgementError::SupplyChain { source, .. } => supply_chain(source),
        JudgementError::Level { .. }
        | JudgementError::NotVouchedFor { .. }
        | JudgementError::UnpinnedRequired { .. } => ExitCode::Policy.noting(NOTHING_WRITTEN),
        JudgementError::Late { .. } | JudgementError::Undated { .. } => ExitCode::Rollback.into(),
    }
}

/// A file that nobody lists has nothing that could be carried.
pub(super) fn lookup(error: &LookupError) -> Conclusion {
    match error {
        LookupError::Judgement { source, .. } => judgement(source),
        LookupError::NoRepository { .. } | LookupError::NotListed { .. } => ExitCode::Tuf.noting(NOTHING_WRITTEN),
    }
}

pub(super) fn attestation(error: &AttestationRefusal) -> Conclusion {
    let source = match error {
        AttestationRefusal::Refused { source, .. } => source,
        AttestationRefusal::NotRead { .. } => return ExitCode::InToto.noting(NOTHING_TAGGED),
    };
    match source {
        AttestationError::NotAboutThis { .. } => ExitCode::InToto.noting(NOTHING_TAGGED),
        AttestationError::NotSigned { .. }
        | AttestationError::TooLong { .. }
        | AttestationError::TooManySubjects { .. }
        | AttestationError::Work(_)
        | AttestationError::Json(_)
        | AttestationError::Envelope(_)
        | AttestationError::PlainSignature
        | AttestationError::NotAStatement(_) => ExitCode::InToto.into(),
    }
}

fn repository(error: &RepositoryError) -> Conclusion {
    match error {
        RepositoryError::NotPinned { .. } => ExitCode::TrustStore.into(),
        RepositoryError::NotCarried { .. } => ExitCode::Tuf.into(),
        RepositoryError::Stray { .. } => ExitCode::Tuf.noting(NOTHING_WRITTEN),
        RepositoryError::ArchiveTime(source) | RepositoryError::Freshness { source, .. } => freshness(source),
        RepositoryError::Tuf { source, .. } | RepositoryError::Remembered { source, .. } => tuf(source),
        RepositoryError::Target { source, .. } => match source {
            FetchError::Provider(error) => provider(error),
            FetchError::Missing { .. } | FetchError::Mismatch { .. } => ExitCode::Tuf.into(),
        },
    }
}

fn search(error: &MapSearchError) -> Conclusion {
    match error {
        MapSearchError::NoAgreement { .. } => ExitCode::Tuf.into(),
        MapSearchError::Repository { source, .. } => tuf(source),
    }
}

fn tuf(error: &TufError) -> Conclusion {
    match error {
        TufError::Signatures { .. }
        | TufError::Expired { .. }
        | TufError::CertificatesExpired { .. }
        | TufError::CertificatesNotYetValid { .. }
        | TufError::SharedCertificate { .. }
        | TufError::Missing { .. } => ExitCode::Tuf.into(),
        TufError::Rollback { .. } | TufError::Removed(_) => ExitCode::Rollback.into(),
        TufError::Malformed { .. }
        | TufError::Version { .. }
        | TufError::Mismatch { .. }
        | TufError::NotInSnapshot { .. }
        | TufError::TooManyRoles { .. }
        | TufError::TooMuchMatching { .. }
        | TufError::TooDeep { .. }
        | TufError::Unprovable { .. }
        | TufError::TooManyRoots { .. } => ExitCode::Tuf.noting(NOTHING_WRITTEN),
        TufError::Provider(error) => provider(error),
        TufError::DamagedState { .. } | TufError::TrustedRoot { .. } => ExitCode::TrustStore.into(),
    }
}

pub(super) fn provider(error: &ProviderError) -> Conclusion {
    match error {
        ProviderError::TooLong { .. } => ExitCode::Tuf.noting(NOTHING_WRITTEN),
        ProviderError::TooMuch { .. } => ExitCode::Source.noting(NOTHING_WRITTEN),
        ProviderError::Unavailable { .. } => ExitCode::Source.into(),
    }
}

pub(super) fn looser_freshness(error: &LooserFreshness) -> Conclusion {
    match error {
        LooserFreshness::Audit { .. } | LooserFreshness::Memory => ExitCode::Usage.noting(NOTHING_WRITTEN),
        LooserFreshness::AtExport | LooserFreshness::LongerTransit { .. } => ExitCode::Policy.noting(NOTHING_WRITTEN),
    }
}

fn freshness(error: &FreshnessError) -> Conclusion {
    match error {
        FreshnessError::OlderThanLastAccepted { .. } => ExitCode::Rollback.into(),
        FreshnessError::NoExportTime
        | FreshnessError::ExportedInTheFuture { .. }
        | FreshnessError::ClockBehindLastAccepted { .. }
        | FreshnessError::TooLongInTransit { .. } => ExitCode::Policy.into(),
    }
}

fn supply_chain(error: &SupplyChainError) -> Conclusion {
    match error {
        SupplyChainError::Listing { .. }
        | SupplyChainError::Layouts { .. }
        | SupplyChainError::Unexpected { .. }
        | SupplyChainError::NoKeys { .. }
        | SupplyChainError::Within { .. }
        | SupplyChainError::LayoutElsewhere { .. }
        | SupplyChainError::LayoutNotListed { .. }
        | SupplyChainError::LayoutNotThere { .. }
        | SupplyChainError::NotATarget { .. }
        | SupplyChainError::DuplicateLink { .. }
        | SupplyChainError::Key { .. }
        | SupplyChainError::NotFromTopLevel { .. }
        | SupplyChainError::InspectionsNotRun { .. } => ExitCode::InToto.into(),
        SupplyChainError::Repository(error) => repository(error),
        SupplyChainError::Work(_) | SupplyChainError::Refused(_) => ExitCode::InToto.noting(NOTHING_WRITTEN),
    }
}
