//! How a command ends over an archive: its frame, its seal, its documents.

use std::error::Error;

use sealift_archive_format::volume::{ShapeError, VolumeError};
use sealift_archive_format::{FormatError, Problem};
use sealift_core::seal::SealError;
use sealift_core::thick_bundle::ThickContentError;
use sealift_core::trust::ReferrerRefusal;
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{HeadError, ReceiveError};
use sealift_core::volume_set::VolumeSetError;

use super::seal::{inventory, seal_format};
use super::{Conclusion, NOTHING_IMPORTED, NOTHING_TAGGED, judgement};
use crate::exit_code::ExitCode;

pub(super) fn head(error: &HeadError) -> Conclusion {
    match error {
        HeadError::Format(error) => format(error),
        HeadError::Seal(error) => seal(error),
        HeadError::Layout(_) | HeadError::TooMuchMetadata(_) => ExitCode::ArchiveFormat.noting(NOTHING_IMPORTED),
        HeadError::Documents(error) => documents(error),
        HeadError::Referrer(error) => referrer(error),
        HeadError::Judgement(error) => judgement::judgement(error),
    }
}

pub(super) fn receive<E: Error>(error: &ReceiveError<E>, receiver: impl FnOnce(&E) -> Conclusion) -> Conclusion {
    match error {
        ReceiveError::Archive(error) => format(error),
        ReceiveError::Attestation(error) => judgement::attestation(error),
        ReceiveError::ThickBundle(error) => thick_content(error),
        ReceiveError::Receiver(error) => receiver(error),
    }
}

pub(super) fn thick_content(error: &ThickContentError) -> Conclusion {
    match error {
        ThickContentError::Tarball { .. }
        | ThickContentError::NotOneBundle { .. }
        | ThickContentError::OtherBundle { .. }
        | ThickContentError::Missing { .. }
        | ThickContentError::Blob { .. }
        | ThickContentError::Digest { .. } => ExitCode::Content.noting(NOTHING_TAGGED),
    }
}

pub(super) fn format(error: &FormatError) -> Conclusion {
    match &error.problem {
        Problem::Io(_) => ExitCode::System.into(),
        Problem::Seal(error) => seal_format(error),
        Problem::Digest { .. } => ExitCode::Content.noting(NOTHING_TAGGED),
        Problem::Volumes(error) => volumes(error),
        Problem::NotAnArchive
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
        | Problem::RefusedBefore => ExitCode::ArchiveFormat.into(),
    }
}

pub(super) fn volume_set(error: &VolumeSetError) -> Conclusion {
    match error {
        VolumeSetError::Access { .. }
        | VolumeSetError::Exists(_)
        | VolumeSetError::InUse(_)
        | VolumeSetError::Foreign { .. }
        | VolumeSetError::NoRoom(_) => ExitCode::System.into(),
        VolumeSetError::StillWanted { .. } => ExitCode::ArchiveFormat.into(),
        VolumeSetError::Shape(error) => shape(error),
        VolumeSetError::Volumes(error) => volumes(error),
    }
}

pub(super) fn shape(error: &ShapeError) -> Conclusion {
    match error {
        ShapeError::NoData
        | ShapeError::TooManyVolumes { .. }
        | ShapeError::ArchiveLength(_)
        | ShapeError::VolumeSize { .. } => ExitCode::Usage.into(),
    }
}

fn volumes(error: &VolumeError) -> Conclusion {
    match error {
        VolumeError::Io(_) => ExitCode::System.into(),
        VolumeError::NoVolumes
        | VolumeError::TooManyFiles(_)
        | VolumeError::Header { .. }
        | VolumeError::MixedSets(_)
        | VolumeError::Contradiction { .. }
        | VolumeError::Twice { .. }
        | VolumeError::TooFew { .. }
        | VolumeError::Lost { .. }
        | VolumeError::BeyondRepair { .. }
        | VolumeError::FileDamaged { .. }
        | VolumeError::Inconsistent(_)
        | VolumeError::Padding
        | VolumeError::Length { .. }
        | VolumeError::Outputs { .. } => ExitCode::ArchiveFormat.into(),
    }
}

pub(super) fn seal(error: &SealError) -> Conclusion {
    match error {
        SealError::UnknownExporter { .. } => ExitCode::Seal.into(),
        SealError::Threshold { .. } => ExitCode::Seal.noting(NOTHING_IMPORTED),
        SealError::Inventory(error) => inventory(error),
        SealError::NotEd25519 { .. } | SealError::Key { .. } => ExitCode::TrustStore.into(),
    }
}

pub(super) fn referrer(error: &ReferrerRefusal) -> Conclusion {
    match error {
        ReferrerRefusal::Kind { .. } | ReferrerRefusal::Unproven { .. } => ExitCode::Policy.into(),
    }
}

pub(super) fn documents(error: &DocumentError) -> Conclusion {
    match error {
        DocumentError::TooMuch
        | DocumentError::Manifest { .. }
        | DocumentError::Bundle { .. }
        | DocumentError::Graph { .. }
        | DocumentError::Missing { .. }
        | DocumentError::Absent { .. }
        | DocumentError::Stray { .. }
        | DocumentError::BundleImage { .. }
        | DocumentError::ExtraImage { .. }
        | DocumentError::NotAReferrer { .. }
        | DocumentError::TooManyReferrers { .. }
        | DocumentError::ReferrerTooDeep { .. }
        | DocumentError::ReferrerOrder { .. }
        | DocumentError::Tagged { .. }
        | DocumentError::Order { .. }
        | DocumentError::BundleAsAttestation { .. }
        | DocumentError::ThickBundleElsewhere { .. }
        | DocumentError::FileElsewhere { .. }
        | DocumentError::TooManySubjects { .. }
        | DocumentError::Platforms { .. }
        | DocumentError::BundleIndexForm { .. }
        | DocumentError::Reference { .. }
        | DocumentError::Promise { .. }
        | DocumentError::TwoContents { .. } => ExitCode::Content.into(),
    }
}
