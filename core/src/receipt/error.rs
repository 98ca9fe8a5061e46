//! Why a receipt is not used, or cannot be made.

use std::io;

use jiff::Timestamp;
use sealift_archive_format::dsse::EnvelopeError;
use sealift_archive_format::strict_json::JsonError;
use sealift_proof::signature::KeyError;

use super::MAXIMUM_LENGTH;
use super::line::{MAXIMUM_LINE, PARTS};
use super::statement::{MAXIMUM_ACCEPTED, MAXIMUM_BLOBS, MAXIMUM_TUF, PREDICATE_TYPE};
use crate::remedy::{Remediable, Remedy};
use crate::trust_store::ReceiverName;

/// Why a receipt is not used, or cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// It is not a receipt, or a damaged one.
    #[error("not a receipt that can be read")]
    Damaged(#[source] ReceiptDamage),
    /// No pinned receiver signed it.
    #[error("the receipt was signed by {}, and none of these keys belongs to a pinned receiver", .keys.join(" and "))]
    UnknownReceiver {
        /// The key ids in the envelope.
        keys: Vec<String>,
    },
    /// No key is pinned for the site that a receipt in one line names.
    #[error("it is the receipt of site {site}, and no receiver of that name is pinned")]
    UnknownSite {
        /// The site, as the line names it.
        site: ReceiverName,
    },
    /// The signature of a pinned receiver does not verify.
    #[error("the signature of {receiver} does not verify: the receipt was changed")]
    Forged {
        /// The receiver whose key is named.
        receiver: ReceiverName,
    },
    /// It is the receipt of another site than the receiver that is meant.
    #[error("it is the receipt of site {site}, not of {receiver}")]
    OtherSite {
        /// The site, as the receipt names it.
        site: ReceiverName,
        /// The receiver, as this side calls it.
        receiver: ReceiverName,
    },
    /// A newer one of the same receiver was used here before.
    #[error("{receiver} made it at {made_at}, and one that was made at {newest} was used here before")]
    Replayed {
        /// The receiver.
        receiver: ReceiverName,
        /// When it was made.
        made_at: Timestamp,
        /// When the newest that was used here was made.
        newest: Timestamp,
    },
    /// It says that it was made later than now. Once used, it would make every right one an older one.
    #[error("{receiver} made it at {made_at}, by its clock; here it is {now}")]
    Future {
        /// The receiver.
        receiver: ReceiverName,
        /// When it was made, as it says.
        made_at: Timestamp,
        /// This side's clock.
        now: Timestamp,
    },
    /// A pinned key cannot be used.
    #[error("the key of a receiver cannot be used")]
    Key(#[source] KeyError),
    /// There is nothing to confirm.
    #[error("nothing was accepted {} yet, so there is nothing to confirm", .place.as_ref().map_or("here".to_owned(), |place| format!("into {place}")))]
    NothingAccepted {
        /// The place that the receipt is about, if it confirms only what was delivered there.
        place: Option<String>,
    },
    /// More is held than a receipt may list.
    #[error("{count} blobs are held; the limit of a receipt is {MAXIMUM_BLOBS}")]
    TooMuch {
        /// How many blobs are held.
        count: usize,
    },
}

/// Why bytes are not a receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptDamage {
    /// It begins like a gzip member, and is not exactly one.
    #[error("it cannot be decompressed")]
    Compressed(#[source] io::Error),
    /// It is compressed, and too long.
    #[error("more than {MAXIMUM_LENGTH} bytes come out of it")]
    TooLong,
    /// The line is too long.
    #[error("its line is {length} bytes long; the limit is {MAXIMUM_LINE}")]
    LongLine {
        /// How long it is, in bytes.
        length: usize,
    },
    /// The line has other parts than those of a receipt.
    #[error("its line has {count} parts, not {PARTS}")]
    Parts {
        /// How many parts it has.
        count: usize,
    },
    /// A part of the line is not what it should be.
    #[error("{what} in its line is damaged")]
    Part {
        /// Which part.
        what: &'static str,
    },
    /// The line is not written in the one way that is allowed.
    #[error("its line is not written as a receipt is")]
    Line,
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The payload is not a statement.
    #[error("its payload is not an in-toto statement")]
    OtherPayload,
    /// The statement is not the JSON of a receipt.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A statement of another kind.
    #[error("its statement is of type {found:?}, not {PREDICATE_TYPE:?}")]
    OtherStatement {
        /// The predicate type that it states.
        found: String,
    },
    /// It names nothing that was accepted, or too many things.
    #[error(
        "it lists {accepted} archives, {blobs} blobs and {repositories} repositories; the limits are {MAXIMUM_ACCEPTED}, {MAXIMUM_BLOBS} and {MAXIMUM_TUF}, and one archive at least"
    )]
    Count {
        /// How many archives.
        accepted: usize,
        /// How many blobs.
        blobs: usize,
        /// How many repositories of TUF.
        repositories: usize,
    },
    /// A text is empty, too long, or has control characters.
    #[error("{what} is not a text of 1 to 1,024 bytes without control characters")]
    Text {
        /// Which text.
        what: &'static str,
    },
}

impl Remediable for ReceiptError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Damaged(_) => Remedy::GiveReceipt,
            Self::UnknownReceiver { .. } | Self::UnknownSite { .. } => Remedy::AddReceiver,
            Self::Forged { .. } | Self::Replayed { .. } | Self::Future { .. } => Remedy::AskForReceipt,
            Self::OtherSite { site, receiver } => {
                Remedy::MatchReceiver { site: site.to_string(), receiver: receiver.to_string() }
            }
            Self::Key(error) => error.remedy(),
            Self::NothingAccepted { .. } => Remedy::ImportFirst,
            Self::TooMuch { .. } => Remedy::SplitReceipt,
        }
    }
}
