//! What to tell the operator about seals.

use sealift_archive_format::InventoryError;
use sealift_archive_format::co_signing::CoSigningError;
use sealift_archive_format::seal::SealFormatError;
use sealift_core::seal::SignError;

use super::{Advice, advice, judgement, key};
use crate::exit_code::ExitCode;

pub(super) fn sign(error: &SignError) -> Advice {
    match error {
        SignError::Key(error) => key(error),
        SignError::Length { .. } => advice(ExitCode::Key, "sign with an ed25519 key"),
        SignError::OtherStatement { .. } => advice(
            ExitCode::Seal,
            "compare the digest with the person who told you; without --statement, the archive is verified here instead; nothing was written",
        ),
        SignError::Freshness(error) => judgement::looser_freshness(error),
        SignError::CoSigning(error) => co_signing(error),
    }
}

fn co_signing(error: &CoSigningError) -> Advice {
    match error {
        CoSigningError::Io(_) => advice(ExitCode::System, "check who may write the archive, and the disk it is on"),
        CoSigningError::NotAnArchive => {
            advice(ExitCode::ArchiveFormat, "decompress the archive first; nothing was written")
        }
        CoSigningError::Seal(error) => seal_format(error),
        CoSigningError::AlreadySigned(_) => advice(ExitCode::Seal, "there is nothing to do; nothing was written"),
        CoSigningError::NoRoom => advice(ExitCode::Seal, "export again, and sign with fewer keys; nothing was written"),
    }
}

/// What all refusals of a damaged archive have in common.
pub(super) const CARRY_AGAIN: &str =
    "carry the archive again, and compare its SHA-256 on both sides; if they are equal, ask the exporter";

/// What to do about something that was signed, and is not an archive's inventory.
const ANOTHER_STATEMENT: &str =
    "give an archive that `sealift export` wrote: this file is a signed statement of another kind";

/// What a seal carries.
pub(super) fn inventory(error: &InventoryError) -> Advice {
    let hint = match error {
        InventoryError::NewerMajor { .. } => {
            "a newer release of Sealift wrote this archive: carry a newer release across too"
        }
        InventoryError::NotAStatement { .. } | InventoryError::NotAnInventory { .. } => ANOTHER_STATEMENT,
        InventoryError::Json(_)
        | InventoryError::FormatVersion { .. }
        | InventoryError::Delta
        | InventoryError::NotCanonical { .. }
        | InventoryError::Subject
        | InventoryError::WriteVersion { .. }
        | InventoryError::ExportTime { .. }
        | InventoryError::Text { .. }
        | InventoryError::TooManyPlatforms { .. }
        | InventoryError::PlatformOrder { .. }
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
        | InventoryError::DescriptorSize { .. } => CARRY_AGAIN,
    };
    advice(ExitCode::Seal, hint)
}

pub(super) fn seal_format(error: &SealFormatError) -> Advice {
    let hint = match error {
        SealFormatError::Inventory(error) => return inventory(error),
        SealFormatError::PayloadType { .. } => ANOTHER_STATEMENT,
        SealFormatError::TooLong { .. } | SealFormatError::Envelope => CARRY_AGAIN,
        SealFormatError::Slot { .. } => "sign it again with the key whose signing was interrupted",
        SealFormatError::NoSignature | SealFormatError::Fingerprint { .. } | SealFormatError::DuplicateKey { .. } => {
            "ask the exporter for an archive that Sealift wrote"
        }
        SealFormatError::TooManySignatures { .. } => "seal with fewer keys",
    };
    advice(ExitCode::Seal, hint)
}
