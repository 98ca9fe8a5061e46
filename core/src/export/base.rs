//! What is where an archive goes already, so that it need not be carried.

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::num::NonZeroU32;

use sealift_archive_format::entry_name::EntryPlace;
use sealift_archive_format::inventory::{BaseRecord, ReceiptRecord};
use sealift_archive_format::reader::Reader;
use sealift_archive_format::{Digest, FormatError};

use crate::receipt::{ReceiptForm, VerifiedReceipt};
use crate::remedy::{Remediable, Remedy};
use crate::seal::{self, ExporterKey, SealError};
use crate::trust_store::ReceiverName;

/// What is where an archive goes, and by whose word.
#[derive(Debug, Clone)]
pub struct Base {
    pub(super) record: BaseRecord,
    held: HashSet<Digest>,
    carry: HashSet<Digest>,
}

/// An archive that was sent before: its statement digest, and the blobs that are where it went.
#[derive(Debug, Clone)]
pub struct AssumedArchive {
    statement: Digest,
    blobs: Vec<Digest>,
}

/// Why an archive that was sent before cannot be assumed.
#[derive(Debug, thiserror::Error)]
pub enum AssumeError {
    /// It is not an archive.
    #[error("it cannot be read")]
    Format(#[source] FormatError),
    /// It was not sealed by an exporter of this side.
    #[error("it was not sealed here")]
    Seal(#[source] SealError),
    /// The receipt does not say that it has arrived.
    #[error("the receipt of {site} does not confirm its statement {statement}")]
    Unconfirmed {
        /// Whose receipt it is.
        site: ReceiverName,
        /// The statement digest of the archive.
        statement: Digest,
        /// The newest archive that the receipt confirms.
        newest: Option<Digest>,
    },
    /// The receipt lists no layers, and no archive is assumed.
    #[error("the receipt of {site} is one line, which confirms an archive and lists no layers")]
    NothingAssumed {
        /// Whose receipt it is.
        site: ReceiverName,
        /// The archive that the receipt confirms.
        newest: Option<Digest>,
    },
}

impl Remediable for AssumeError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Format(error) => error.remedy(),
            Self::Seal(error) => error.remedy(),
            Self::Unconfirmed { newest, .. } | Self::NothingAssumed { newest, .. } => {
                newest.as_ref().map_or(Remedy::AskForReceipt, |it| Remedy::AssumeConfirmed { archive: it.clone() })
            }
        }
    }
}

/// Reads the seal of an archive that was sent before, and nothing after it. One of the `exporters` has to have sealed it.
///
/// # Errors
/// [`AssumeError`].
pub fn assume<R: Read>(archive: R, exporters: &[ExporterKey]) -> Result<AssumedArchive, AssumeError> {
    let sealed = Reader::open(archive).map_err(AssumeError::Format)?;
    let seal = seal::verify(sealed.seal(), exporters, NonZeroU32::MIN).map_err(AssumeError::Seal)?;
    let blobs = seal.inventory().entries.iter().filter_map(|entry| match entry.name.place() {
        EntryPlace::Blob(digest) => Some(digest.clone()),
        _ => None,
    });
    Ok(AssumedArchive { statement: seal.statement_digest().clone(), blobs: blobs.collect() })
}

impl Base {
    /// What a site says that it holds, except for what is carried all the same.
    pub fn of_receipt(receipt: &VerifiedReceipt, carry: impl IntoIterator<Item = Digest>) -> Self {
        let seen = receipt.seen();
        let record = ReceiptRecord { key: seen.key.clone(), statement: seen.statement.clone() };
        let held = receipt.blobs().into_iter().cloned().collect();
        Self { record: BaseRecord::Receipt(record), held, carry: carry.into_iter().collect() }
    }

    /// What a site says that it holds, and what is in archives that it says have arrived, except for what is carried all the same.
    ///
    /// # Errors
    /// [`AssumeError::Unconfirmed`] for an archive that the receipt does not confirm, and [`AssumeError::NothingAssumed`] for a receipt in
    /// one line without an archive.
    pub fn of_confirmed(
        receipt: &VerifiedReceipt,
        archives: Vec<AssumedArchive>,
        carry: impl IntoIterator<Item = Digest>,
    ) -> Result<Self, AssumeError> {
        let (site, accepted) = (receipt.seen().receiver.clone(), &receipt.receipt().accepted);
        let newest = accepted.first().map(|it| it.statement.clone());
        if receipt.form() == ReceiptForm::Line && archives.is_empty() {
            return Err(AssumeError::NothingAssumed { site, newest });
        }
        let is_confirmed = |archive: &&AssumedArchive| accepted.iter().any(|it| it.statement == archive.statement);
        if let Some(other) = archives.iter().find(|archive| !is_confirmed(archive)) {
            return Err(AssumeError::Unconfirmed { site, statement: other.statement.clone(), newest });
        }
        let mut base = Self::of_receipt(receipt, carry);
        base.held.extend(archives.into_iter().flat_map(|archive| archive.blobs));
        Ok(base)
    }

    /// What was sent before, except for what is carried all the same.
    pub fn of_archives(archives: Vec<AssumedArchive>, carry: impl IntoIterator<Item = Digest>) -> Self {
        let statements: BTreeSet<Digest> = archives.iter().map(|archive| archive.statement.clone()).collect();
        let held = archives.into_iter().flat_map(|archive| archive.blobs).collect();
        let record = BaseRecord::Archives(statements.into_iter().collect());
        Self { record, held, carry: carry.into_iter().collect() }
    }

    /// Whether a layer is left out.
    pub fn leaves_out(&self, layer: &Digest) -> bool {
        self.held.contains(layer) && !self.carry.contains(layer)
    }
}
