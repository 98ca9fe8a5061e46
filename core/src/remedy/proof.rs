//! What can be done about the errors of `sealift-proof`, except those of where its bytes come from.

use sealift_proof::freshness::{FreshnessError, LooserFreshness};
use sealift_proof::in_toto::AttestationError;
use sealift_proof::signature::{KeyError, SigningKeyError};
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::{FetchError, TufError};

use super::{PublisherMatter, Remediable, Remedy};

impl Remediable for TufError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Signatures { .. } => Remedy::CompareRoot,
            Self::Rollback { .. } | Self::Removed(_) => Remedy::ExportFromPublisher,
            Self::Expired { .. } | Self::CertificatesExpired { .. } => Remedy::RenewMetadata,
            Self::CertificatesNotYetValid { .. } => Remedy::SetClock,
            Self::Malformed { .. } => Remedy::CheckMetadata,
            Self::Version { .. }
            | Self::Mismatch { .. }
            | Self::NotInSnapshot { .. }
            | Self::TooManyRoles { .. }
            | Self::TooMuchMatching { .. }
            | Self::TooDeep { .. }
            | Self::Unprovable { .. } => Remedy::ExportConsistent,
            Self::SharedCertificate { .. } => Remedy::AskPublisher { about: PublisherMatter::Root },
            Self::TooManyRoots { .. } => Remedy::PinNewerRoot,
            Self::Missing { .. } => Remedy::LocateMetadata,
            Self::Provider(error) => error.remedy(),
            Self::DamagedState { .. } => Remedy::RestoreState { repository: None },
            Self::TrustedRoot { .. } => Remedy::RestoreRoot { repository: None },
        }
    }
}

impl Remediable for FetchError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Provider(error) => error.remedy(),
            Self::Missing { .. } | Self::Mismatch { .. } => Remedy::AskPublisher { about: PublisherMatter::ListedFile },
        }
    }
}

impl Remediable for MapSearchError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NoAgreement { .. } => Remedy::AskPublisher { about: PublisherMatter::Disagreement },
            Self::Repository { repository, source, .. } => source.remedy().in_repository(repository),
        }
    }
}

impl Remediable for FreshnessError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NoExportTime => Remedy::JudgeNow,
            Self::ExportedInTheFuture { .. } => Remedy::SetClock,
            Self::ClockBehindLastAccepted { .. } => Remedy::SetThisClock { repository: None },
            // Of an export: an archive that comes late is judged by what was accepted since.
            Self::OlderThanLastAccepted { exported_at, .. } => Remedy::CorrectExportTime { exported_at: *exported_at },
            Self::TooLongInTransit { exported_at, .. } => Remedy::CarryFaster { exported_at: *exported_at },
        }
    }
}

impl Remediable for LooserFreshness {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Audit { instant } => Remedy::OnlyVerify { as_of: Some(*instant) },
            Self::Memory => Remedy::OnlyVerify { as_of: None },
            Self::AtExport | Self::LongerTransit { .. } => Remedy::KeepFreshness,
        }
    }
}

impl Remediable for AttestationError {
    fn remedy(&self) -> Remedy {
        let about = match self {
            Self::NotSigned { .. } => return Remedy::AddAttester,
            Self::NotAboutThis { .. } => PublisherMatter::MisplacedAttestation,
            Self::TooLong { .. } | Self::TooManySubjects { .. } => PublisherMatter::LongAttestation,
            Self::Work(_) => PublisherMatter::CostlyAttestation,
            Self::Json(_) | Self::Envelope(_) | Self::PlainSignature | Self::NotAStatement(_) => {
                PublisherMatter::NotAnAttestation
            }
        };
        Remedy::AskPublisher { about }
    }
}

impl Remediable for KeyError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Malformed(_) | Self::TooLong { .. } => Remedy::GivePublicKey,
            Self::UnsupportedAlgorithm(_) | Self::SchemeMismatch(_) | Self::RsaSize { .. } => Remedy::UseSupportedKey,
            Self::BadSignature => Remedy::MatchKeys,
        }
    }
}

impl Remediable for SigningKeyError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::PassphraseNeeded => Remedy::GivePassphrase,
            Self::WrongPassphrase => Remedy::CheckPassphrase,
            Self::Malformed(_) => Remedy::GivePrivateKey,
            Self::NoRandomness => Remedy::CheckRandomness,
        }
    }
}
