//! How a command ends over a seal.

use sealift_archive_format::InventoryError;
use sealift_archive_format::co_signing::CoSigningError;
use sealift_archive_format::seal::SealFormatError;
use sealift_core::seal::SignError;

use super::{Conclusion, NOTHING_WRITTEN, judgement, key, trust_store};
use crate::exit_code::ExitCode;

pub(super) fn sign(error: &SignError) -> Conclusion {
    match error {
        SignError::Key(error) => key(error),
        SignError::Length { .. } => ExitCode::Key.into(),
        SignError::OtherStatement { .. } => ExitCode::Seal.noting(NOTHING_WRITTEN),
        SignError::Freshness(error) => judgement::looser_freshness(error),
        SignError::TrustStore(error) => trust_store::trust_store(error),
        SignError::CoSigning(error) => co_signing(error),
    }
}

fn co_signing(error: &CoSigningError) -> Conclusion {
    match error {
        CoSigningError::Io(_) => ExitCode::System.into(),
        CoSigningError::NotAnArchive => ExitCode::ArchiveFormat.noting(NOTHING_WRITTEN),
        CoSigningError::Seal(error) => seal_format(error),
        CoSigningError::AlreadySigned(_) | CoSigningError::NoRoom => ExitCode::Seal.noting(NOTHING_WRITTEN),
    }
}

/// What a seal carries.
pub(super) fn inventory(error: &InventoryError) -> Conclusion {
    match error {
        InventoryError::NewerMajor { .. }
        | InventoryError::NotAStatement { .. }
        | InventoryError::NotAnInventory { .. }
        | InventoryError::Json(_)
        | InventoryError::FormatVersion { .. }
        | InventoryError::Base
        | InventoryError::Absent { .. }
        | InventoryError::NotCanonical { .. }
        | InventoryError::Subject
        | InventoryError::WriteVersion { .. }
        | InventoryError::ExportTime { .. }
        | InventoryError::Text { .. }
        | InventoryError::TooManyPlatforms { .. }
        | InventoryError::TooManyLeftOut { .. }
        | InventoryError::PlatformOrder { .. }
        | InventoryError::LeftOutOrder { .. }
        | InventoryError::ReferrerChoice { .. }
        | InventoryError::Tag { .. }
        | InventoryError::RepositoryOrder { .. }
        | InventoryError::FileAndFolder { .. }
        | InventoryError::TooManyEntries { .. }
        | InventoryError::TooLarge
        | InventoryError::DuplicateReference { .. }
        | InventoryError::DuplicateComponent { .. }
        | InventoryError::MisplacedImage { .. }
        | InventoryError::DuplicateRepository { .. }
        | InventoryError::EmptyRepository { .. }
        | InventoryError::UnlistedRepository { .. }
        | InventoryError::MissingEntry { .. }
        | InventoryError::DuplicateEntry { .. }
        | InventoryError::WrongOrder { .. }
        | InventoryError::EntryDigest { .. }
        | InventoryError::MissingBlob { .. }
        | InventoryError::ThickBundleDigests { .. }
        | InventoryError::TooManyFiles { .. }
        | InventoryError::FileForm { .. }
        | InventoryError::FilesCollide { .. }
        | InventoryError::DescriptorSize { .. } => ExitCode::Seal.into(),
    }
}

pub(super) fn seal_format(error: &SealFormatError) -> Conclusion {
    match error {
        SealFormatError::Inventory(error) => inventory(error),
        SealFormatError::PayloadType { .. }
        | SealFormatError::TooLong { .. }
        | SealFormatError::Envelope
        | SealFormatError::Slot { .. }
        | SealFormatError::NoSignature
        | SealFormatError::Fingerprint { .. }
        | SealFormatError::DuplicateKey { .. }
        | SealFormatError::TooManySignatures { .. } => ExitCode::Seal.into(),
    }
}
