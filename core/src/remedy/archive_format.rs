//! What can be done about the errors of `sealift-archive-format`.

use std::error::Error;
use std::io;

use sealift_archive_format::co_signing::CoSigningError;
use sealift_archive_format::seal::SealFormatError;
use sealift_archive_format::strict_json::ByteOrderMark;
use sealift_archive_format::volume::{HeaderFault, ShapeError, VolumeError};
use sealift_archive_format::{FormatError, InventoryError, NameError, Problem, WriteError};

use super::{ExporterMatter, Interrupter, Remediable, Remedy};

/// What can be done about a document that is not in UTF-8 alone, whatever it was read for: that says more than what can be done about an
/// error which came of it. `None` for any other failure.
pub fn of_byte_order_mark(error: &(dyn Error + 'static)) -> Option<Remedy> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(ByteOrderMark { .. }) = error.downcast_ref() {
            return Some(Remedy::SaveWithoutMark);
        }
        source = error.source();
    }
    None
}

impl Remediable for FormatError {
    fn remedy(&self) -> Remedy {
        match &self.problem {
            Problem::Io(_) => Remedy::CheckMedium,
            Problem::NotAnArchive => Remedy::GiveAnArchive,
            Problem::Volumes(error) => error.remedy(),
            Problem::Seal(error) => error.remedy(),
            Problem::Digest { .. }
            | Problem::Truncated
            | Problem::Compression(_)
            | Problem::MissingEntry
            | Problem::HeaderChecksum
            | Problem::EntryType { .. }
            | Problem::UnexpectedEntry { .. }
            | Problem::Size { .. }
            | Problem::PaxHeader
            | Problem::Header
            | Problem::Padding
            | Problem::End
            | Problem::TrailingBytes
            | Problem::RefusedBefore => Remedy::CarryAgain,
        }
    }
}

impl Remediable for InventoryError {
    fn remedy(&self) -> Remedy {
        match self {
            // Whoever names something twice is stopped before there is an archive.
            Self::DuplicateReference { .. } => Remedy::AskExporter { about: ExporterMatter::Archive },
            Self::NewerMajor { .. } => Remedy::UseNewerRelease,
            Self::NotAStatement { .. } | Self::NotAnInventory { .. } => Remedy::GiveAnotherStatement,
            Self::Json(_)
            | Self::FormatVersion { .. }
            | Self::Base
            | Self::Absent { .. }
            | Self::NotCanonical { .. }
            | Self::Subject
            | Self::WriteVersion { .. }
            | Self::ExportTime { .. }
            | Self::Text { .. }
            | Self::TooManyPlatforms { .. }
            | Self::TooManyLeftOut { .. }
            | Self::PlatformOrder { .. }
            | Self::LeftOutOrder { .. }
            | Self::ReferrerChoice { .. }
            | Self::Tag { .. }
            | Self::RepositoryOrder { .. }
            | Self::FileAndFolder { .. }
            | Self::TooManyEntries { .. }
            | Self::TooLarge
            | Self::DuplicateComponent { .. }
            | Self::MisplacedImage { .. }
            | Self::DuplicateRepository { .. }
            | Self::EmptyRepository { .. }
            | Self::UnlistedRepository { .. }
            | Self::MissingEntry { .. }
            | Self::DuplicateEntry { .. }
            | Self::WrongOrder { .. }
            | Self::EntryDigest { .. }
            | Self::MissingBlob { .. }
            | Self::ThickBundleDigests { .. }
            | Self::TooManyFiles { .. }
            | Self::FileForm { .. }
            | Self::FilesCollide { .. }
            | Self::DescriptorSize { .. } => Remedy::CarryAgain,
        }
    }
}

impl Remediable for SealFormatError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Inventory(error) => error.remedy(),
            Self::PayloadType { .. } => Remedy::GiveAnotherStatement,
            Self::TooLong { .. } | Self::Envelope => Remedy::CarryAgain,
            Self::Slot { .. } => Remedy::SignAgain,
            Self::NoSignature | Self::Fingerprint { .. } | Self::DuplicateKey { .. } => {
                Remedy::AskExporter { about: ExporterMatter::Archive }
            }
            Self::TooManySignatures { .. } => Remedy::SealWithFewerKeys,
        }
    }
}

impl Remediable for CoSigningError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Io(_) => Remedy::CheckArchive,
            Self::NotAnArchive => Remedy::Decompress,
            Self::Seal(error) => error.remedy(),
            Self::AlreadySigned(_) => Remedy::Nothing,
            Self::NoRoom => Remedy::SealWithFewerKeys,
        }
    }
}

impl Remediable for WriteError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Remedy::CheckReader,
            Self::Output(_) => Remedy::Resume { check: Interrupter::Disk },
            Self::Content { .. }
            | Self::WrongEntry { .. }
            | Self::Size { .. }
            | Self::Digest { .. }
            | Self::MissingEntry { .. }
            | Self::FailedBefore => Remedy::Resume { check: Interrupter::Source },
        }
    }
}

impl Remediable for VolumeError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::TooFew { missing: volumes, needed, .. } => {
                Remedy::SendVolumes { volumes: volumes.clone(), needed: *needed }
            }
            Self::Lost { volumes, .. } => Remedy::SurveyVolumes { volumes: volumes.clone() },
            Self::BeyondRepair { volumes, .. } => {
                let needed = u8::try_from(volumes.len()).unwrap_or(u8::MAX);
                Remedy::SendVolumes { volumes: volumes.clone(), needed }
            }
            Self::FileDamaged { .. } => Remedy::CopyFileAgain,
            Self::TooManyFiles(_) | Self::MixedSets(_) | Self::Twice { .. } => Remedy::SeparateVolumes,
            Self::Header { source: HeaderFault::Version(_), .. } => Remedy::UseNewerRelease,
            Self::Header { source: HeaderFault::Io(_), .. } => Remedy::CheckMedium,
            Self::NoVolumes | Self::Header { .. } => Remedy::GiveVolumes,
            Self::Contradiction { .. } | Self::Inconsistent(_) | Self::Padding => Remedy::CarryAgain,
            Self::Length { .. } | Self::Outputs { .. } => Remedy::Report,
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Remedy::CheckReader,
            Self::Io(_) => Remedy::CheckMedium,
        }
    }
}

impl Remediable for ShapeError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::NoData | Self::ArchiveLength(_) => Remedy::Report,
            Self::TooManyVolumes { .. } => Remedy::MakeFewerVolumes,
            Self::VolumeSize { .. } => Remedy::MakeLargerVolumes,
        }
    }
}

impl Remediable for NameError {
    fn remedy(&self) -> Remedy {
        Remedy::GiveName
    }
}
