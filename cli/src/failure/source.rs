//! How a command ends over what is exported, and where it comes from.

use std::io;

use sealift_archive_format::WriteError;
use sealift_core::docker_archive::DockerArchiveError;
use sealift_core::export::{ExportError, PlanError, PrepareError, UnfinishedError};
use sealift_core::layout::LayoutError;
use sealift_core::plain_file::FileSourceError;
use sealift_core::source_file::SourceFileError;
use sealift_core::tarball::TarballError;
use sealift_core::thick_bundle::ThickBundleError;

use super::{Conclusion, NOTHING_WRITTEN, archive, judgement, seal};
use crate::exit_code::ExitCode;

pub(super) fn file(error: &SourceFileError) -> Conclusion {
    match error {
        SourceFileError::Tarball(error) => tarball(error),
        SourceFileError::Layout(error) => layout(error),
        SourceFileError::DockerArchive(error) => docker_archive(error),
        SourceFileError::ThickBundle(error) => match error {
            ThickBundleError::Tarball(error) => tarball(error),
            ThickBundleError::Layout(error) => layout(error),
            ThickBundleError::NotOne { .. }
            | ThickBundleError::TwoBundles { .. }
            | ThickBundleError::NoLayout { .. }
            | ThickBundleError::Mapping { .. } => ExitCode::Source.into(),
        },
        SourceFileError::NoForm { .. } | SourceFileError::Unknown { .. } => ExitCode::Source.into(),
    }
}

pub(super) fn plain_file(error: &FileSourceError) -> Conclusion {
    match error {
        FileSourceError::Missing { .. } | FileSourceError::Mismatch { .. } => ExitCode::Tuf.noting(NOTHING_WRITTEN),
        FileSourceError::Provider(error) => judgement::provider(error),
        FileSourceError::Read { .. } => ExitCode::Source.into(),
        FileSourceError::Local { .. } => ExitCode::System.into(),
    }
}

fn tarball(error: &TarballError) -> Conclusion {
    match error {
        TarballError::Access { source, .. } if source.kind() == io::ErrorKind::InvalidData => ExitCode::Source.into(),
        TarballError::Access { .. } | TarballError::NotRegular { .. } | TarballError::Unpack { .. } => {
            ExitCode::System.into()
        }
        TarballError::Expansion { .. }
        | TarballError::Method { .. }
        | TarballError::Truncated { .. }
        | TarballError::Header { .. }
        | TarballError::EntryType { .. }
        | TarballError::Record { .. }
        | TarballError::TooManyEntries { .. }
        | TarballError::NamesLength { .. }
        | TarballError::Name { .. }
        | TarballError::LinkOut { .. }
        | TarballError::Twice { .. }
        | TarballError::Link { .. }
        | TarballError::Dangling { .. }
        | TarballError::TooLarge { .. } => ExitCode::Source.into(),
    }
}

/// A layout in a tar file: one in a folder is a matter of the system.
pub(super) fn layout(error: &LayoutError) -> Conclusion {
    match error {
        LayoutError::Tarball(error) => tarball(error),
        LayoutError::NotALayout { .. }
        | LayoutError::NoIndex { .. }
        | LayoutError::Version { .. }
        | LayoutError::Json { .. }
        | LayoutError::TooLarge { .. }
        | LayoutError::NotRegular { .. }
        | LayoutError::NotAFolder { .. }
        | LayoutError::TooMuchListed { .. }
        | LayoutError::BlobNotFound { .. }
        | LayoutError::Size { .. }
        | LayoutError::NameNotFound { .. }
        | LayoutError::NameAmbiguous { .. }
        | LayoutError::Manifest { .. } => ExitCode::Source.into(),
        LayoutError::Access { .. } => ExitCode::System.into(),
    }
}

fn docker_archive(error: &DockerArchiveError) -> Conclusion {
    match error {
        DockerArchiveError::Tarball(error) => tarball(error),
        DockerArchiveError::NotOne { .. }
        | DockerArchiveError::TooOld { .. }
        | DockerArchiveError::OtherForm { .. }
        | DockerArchiveError::Json { .. }
        | DockerArchiveError::TooMany { .. }
        | DockerArchiveError::Missing { .. }
        | DockerArchiveError::Config { .. }
        | DockerArchiveError::LayerCount { .. }
        | DockerArchiveError::Expansion { .. }
        | DockerArchiveError::Layer { .. }
        | DockerArchiveError::Manifest { .. }
        | DockerArchiveError::NameNotFound { .. }
        | DockerArchiveError::DigestNotFound { .. }
        | DockerArchiveError::BlobNotFound { .. } => ExitCode::Source.into(),
    }
}

pub(super) fn plan(error: &PlanError) -> Conclusion {
    match error {
        PlanError::Source { .. }
        | PlanError::Unavailable { .. }
        | PlanError::NoPlatform { .. }
        | PlanError::ForeignLayer { .. }
        | PlanError::Config { .. }
        | PlanError::Graph { .. }
        | PlanError::Manifest { .. }
        | PlanError::Referrers { .. }
        | PlanError::TooManyReferrers { .. }
        | PlanError::ReferrerTooDeep { .. }
        | PlanError::NotAReferrer { .. }
        | PlanError::ReferrerMissing { .. }
        | PlanError::AnImage { .. }
        | PlanError::RegistryForm { .. }
        | PlanError::MadeOnImport { .. }
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
        | PlanError::FileName(_)
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
        | PrepareError::ThickBundle(_)
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
        | UnfinishedError::NoRoom(_) => ExitCode::System.into(),
    }
}
