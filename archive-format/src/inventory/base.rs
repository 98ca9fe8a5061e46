//! On whose word an archive leaves something out.

use serde::{Deserialize, Serialize};

use super::InventoryError;
use super::forms::present;
use crate::digest::{Digest, DigestAlgorithm};

/// The most archives that an archive may rest on.
pub const MAXIMUM_BASE: usize = 1_000;

/// By what it is known that the blobs that are absent are where the archive goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawBase", into = "RawBase")]
pub enum BaseRecord {
    /// These archives were sent before: their statement digests, sorted, each once.
    Archives(Vec<Digest>),
    /// The site has said so.
    Receipt(ReceiptRecord),
}

/// The receipt by which something is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRecord {
    /// The fingerprint of the site's key.
    pub key: Digest,
    /// The digest of the receipt's statement.
    pub statement: Digest,
}

/// A base as JSON writes it.
#[derive(Clone, Serialize, Deserialize)]
struct RawBase {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    archives: Option<Vec<Digest>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptRecord>,
}

impl TryFrom<RawBase> for BaseRecord {
    type Error = &'static str;

    fn try_from(raw: RawBase) -> Result<Self, Self::Error> {
        match (raw.archives, raw.receipt) {
            (Some(archives), None) => Ok(Self::Archives(archives)),
            (None, Some(receipt)) => Ok(Self::Receipt(receipt)),
            _ => Err("a base has either `archives` or a `receipt`"),
        }
    }
}

impl From<BaseRecord> for RawBase {
    fn from(base: BaseRecord) -> Self {
        match base {
            BaseRecord::Archives(archives) => Self { archives: Some(archives), receipt: None },
            BaseRecord::Receipt(receipt) => Self { archives: None, receipt: Some(receipt) },
        }
    }
}

impl BaseRecord {
    /// The digests are SHA-256; those of archives are sorted, each once, and there are some.
    pub(super) fn check(&self) -> Result<(), InventoryError> {
        let is_sha256 = |digest: &Digest| digest.algorithm() == DigestAlgorithm::Sha256;
        let is_right = match self {
            Self::Receipt(ReceiptRecord { key, statement }) => is_sha256(key) && is_sha256(statement),
            Self::Archives(statements) => {
                let is_sorted = statements.windows(2).all(|pair| matches!(pair, [one, other] if one < other));
                (1..=MAXIMUM_BASE).contains(&statements.len()) && is_sorted && statements.iter().all(is_sha256)
            }
        };
        if is_right { Ok(()) } else { Err(InventoryError::Base) }
    }
}
