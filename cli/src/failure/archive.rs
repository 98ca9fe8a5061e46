//! What to tell the operator about archives: their frame, their seal, their documents.

use sealift_archive_format::{FormatError, Problem};
use sealift_core::oci::ReferrerKind;
use sealift_core::seal::SealError;
use sealift_core::trust::ReferrerRefusal;
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{HeadError, ReceiveError};

use super::seal::{CARRY_AGAIN, inventory, seal_format};
use super::{Advice, advice, judgement};
use crate::exit_code::ExitCode;

pub(super) fn head(error: &HeadError) -> Advice {
    match error {
        HeadError::Format(error) => format(error),
        HeadError::Seal(error) => seal(error),
        HeadError::Layout(_) | HeadError::TooMuchMetadata(_) => {
            advice(ExitCode::ArchiveFormat, "ask the exporter for an archive that Sealift wrote; nothing was imported")
        }
        HeadError::Documents(error) => documents(error),
        HeadError::Referrer(error) => referrer(error),
        HeadError::Judgement(error) => judgement::judgement(error),
    }
}

pub(super) fn receive<E: std::error::Error>(error: &ReceiveError<E>, receiver: impl FnOnce(&E) -> Advice) -> Advice {
    match error {
        ReceiveError::Archive(error) => format(error),
        ReceiveError::Attestation(error) => judgement::attestation(error),
        ReceiveError::Receiver(error) => receiver(error),
    }
}

pub(super) fn format(error: &FormatError) -> Advice {
    match &error.problem {
        Problem::Io(_) => advice(ExitCode::System, "check the medium that the archive is on, and try again"),
        Problem::NotAnArchive => {
            advice(ExitCode::ArchiveFormat, "check the path; an archive is a file that `sealift export` wrote")
        }
        Problem::Seal(error) => seal_format(error),
        Problem::Digest { .. } => advice(ExitCode::Content, format!("{CARRY_AGAIN}; nothing was tagged")),
        Problem::Truncated
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
        | Problem::RefusedBefore => advice(ExitCode::ArchiveFormat, CARRY_AGAIN),
    }
}

fn seal(error: &SealError) -> Advice {
    match error {
        SealError::UnknownExporter { .. } => advice(
            ExitCode::Seal,
            "if you expect this exporter, compare the fingerprint out of band, then: sealift trust add-exporter NAME KEY.pub",
        ),
        SealError::Threshold { .. } => advice(
            ExitCode::Seal,
            "ask the other exporters to add their signatures: sealift sign ARCHIVE --key KEY; nothing was imported",
        ),
        SealError::Inventory(error) => inventory(error),
        SealError::NotEd25519 { .. } | SealError::Key { .. } => {
            advice(ExitCode::TrustStore, "replace that exporter's key: sealift trust remove, then add-exporter")
        }
    }
}

pub(super) fn referrer(error: &ReferrerRefusal) -> Advice {
    match error {
        ReferrerRefusal::Kind { kind, .. } => advice(
            ExitCode::Policy,
            format!(
                "ask for an export without --referrers {kind}; or, knowing what it means, add \"{kind}\" to referrers in policy.toml"
            ),
        ),
        ReferrerRefusal::Unproven { kind, .. } => {
            let others = ReferrerKind::ALL.into_iter().filter(|other| other != kind && *other != ReferrerKind::Image);
            let others: Vec<_> = others.map(ReferrerKind::name).collect();
            advice(
                ExitCode::Policy,
                format!("ask its maker to attest it, or leave it out: sealift export --referrers {}", others.join(",")),
            )
        }
    }
}

pub(super) fn documents(error: &DocumentError) -> Advice {
    match error {
        DocumentError::TooMuch => advice(ExitCode::Content, "export fewer bundles and images at once"),
        DocumentError::Manifest { .. }
        | DocumentError::Bundle { .. }
        | DocumentError::Graph { .. }
        | DocumentError::Missing { .. }
        | DocumentError::Stray { .. }
        | DocumentError::BundleImage { .. }
        | DocumentError::ExtraImage { .. }
        | DocumentError::NotAReferrer { .. }
        | DocumentError::TooManyReferrers { .. }
        | DocumentError::ReferrerTooDeep { .. }
        | DocumentError::ReferrerOrder { .. }
        | DocumentError::Order { .. }
        | DocumentError::BundleAsAttestation { .. }
        | DocumentError::TooManySubjects { .. }
        | DocumentError::Platforms { .. }
        | DocumentError::Platform(_) => {
            advice(ExitCode::Content, "ask the exporter what was packed: the archive is complete, but inconsistent")
        }
        DocumentError::BundleIndexForm { .. } => advice(
            ExitCode::Content,
            "the bundle's index in the source does not match the bundle: ask its publisher to push it again",
        ),
        DocumentError::Reference { .. } => {
            advice(ExitCode::Content, "use a name of the form DOMAIN/PATH:TAG, and export again")
        }
        DocumentError::Promise { .. } => advice(
            ExitCode::Content,
            "the content is not what its name promises: export it from a source that has the right content",
        ),
        DocumentError::TwoContents { .. } => {
            advice(ExitCode::Content, "export the two in separate archives, or give one of them another name")
        }
    }
}
