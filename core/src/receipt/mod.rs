//! Receipts: what a site has accepted, and what its registry or layout holds, signed by the site (`docs/receipt.md`).
//!
//! Promise: a [`VerifiedReceipt`] exists only if a pinned receiver signed exactly the [`Receipt`] that it holds, under the name that the
//! receipt gives itself. What nobody pinned signed is never read as a receipt. A receipt decides what is sent, and never what is trusted:
//! the site proves again what it holds.

mod error;
mod file;
mod holding;
mod line;
mod statement;
mod survey;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::Digest;
use sealift_archive_format::dsse::{DsseEnvelope, DsseSignature, pae};
use sealift_proof::signature::{Candidate, KeyError, SigningKey, require_threshold};

pub use error::{ReceiptDamage, ReceiptError};
pub use holding::{Holding, Holdings};
pub use line::BriefReceipt;
pub use statement::{
    AcceptedArchive, AcceptedRepository, HeldRepository, MAXIMUM_ACCEPTED, MAXIMUM_BLOBS, PREDICATE_TYPE, Receipt,
};
pub use survey::{SurveyError, survey};

use line::SignedLine;

use crate::trust_store::{ReceiverKey, ReceiverName, SeenReceipt, TrustHistory};

/// The longest receipt that is read, in bytes: as a file, and as what a compressed file unpacks to.
pub const MAXIMUM_LENGTH: u64 = 16 << 20;
/// How far the clock of a site may be ahead of this side's.
pub const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(1);
/// The payload type of an in-toto statement in an envelope.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A receipt that a pinned receiver signed.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// # use sealift_core::receipt::VerifiedReceipt;
/// # fn forge() -> VerifiedReceipt {
/// VerifiedReceipt { receipt: unreachable!(), seen: unreachable!(), form: unreachable!() }
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct VerifiedReceipt {
    receipt: Receipt,
    seen: SeenReceipt,
    form: ReceiptForm,
}

/// How a receipt is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptForm {
    /// As a file, which lists the layers that the site holds.
    File,
    /// As one line, which confirms an archive alone.
    Line,
}

impl Receipt {
    /// Signs it: a DSSE envelope over an in-toto Statement, as compact JSON, in a gzip member. The same receipt gives the same bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the key has no public half.
    pub fn sign(&self, key: &SigningKey) -> Result<Vec<u8>, KeyError> {
        let payload = statement::encode(self);
        let signature = DsseSignature {
            key_id: key.public_key()?.fingerprint()?.hex().to_owned(),
            bytes: key.sign(&pae(PAYLOAD_TYPE, &payload)),
        };
        let envelope = DsseEnvelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures: vec![signature] };
        let mut bytes = envelope.encode();
        bytes.push(b'\n');
        Ok(file::pack(bytes))
    }
}

/// Verifies a receipt: that a pinned receiver signed it, under the name that it has here. Where one receiver is `expected`, it is that one.
///
/// # Errors
/// [`ReceiptError`].
pub fn verify(
    bytes: &[u8],
    receivers: &BTreeMap<ReceiverName, ReceiverKey>,
    expected: Option<&ReceiverName>,
) -> Result<VerifiedReceipt, ReceiptError> {
    let (envelope, form) = read(bytes, receivers)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(ReceiptError::Damaged(ReceiptDamage::OtherPayload));
    }
    let mut claims = Vec::new();
    for (name, ReceiverKey(key)) in receivers {
        let fingerprint = key.fingerprint().map_err(ReceiptError::Key)?;
        let own = envelope.signatures.iter().find(|signature| signature.key_id == fingerprint.hex());
        claims.extend(own.map(|signature| (name, key, fingerprint, signature)));
    }
    let Some((name, key, fingerprint, signature)) = claims.into_iter().next() else {
        let keys = envelope.signatures.iter().map(|it| it.key_id.chars().take(64).collect()).collect();
        return Err(ReceiptError::UnknownReceiver { keys });
    };
    let candidate = Candidate { key_id: name.as_str(), key, signature: &signature.bytes };
    require_threshold(NonZeroU32::MIN, &envelope.signed_bytes(), [candidate])
        .map_err(|_| ReceiptError::Forged { receiver: name.clone() })?;
    let receipt = statement::parse(&envelope.payload).map_err(ReceiptError::Damaged)?;
    let site = receipt.site.clone();
    if let Some(receiver) = [Some(name), expected].into_iter().flatten().find(|it| **it != site) {
        return Err(ReceiptError::OtherSite { site, receiver: receiver.clone() });
    }
    let statement = Digest::sha256(&envelope.payload);
    let seen = SeenReceipt { receiver: name.clone(), key: fingerprint, made_at: receipt.made_at, statement };
    Ok(VerifiedReceipt { receipt, seen, form })
}

/// The envelope that a file or a line has or stands for.
fn read(
    bytes: &[u8],
    receivers: &BTreeMap<ReceiverName, ReceiverKey>,
) -> Result<(DsseEnvelope, ReceiptForm), ReceiptError> {
    if line::is_line(bytes) {
        let line = SignedLine::parse(bytes).map_err(ReceiptError::Damaged)?;
        let Some(ReceiverKey(key)) = receivers.get(&line.site) else {
            return Err(ReceiptError::UnknownSite { site: line.site });
        };
        let key_id = key.fingerprint().map_err(ReceiptError::Key)?.hex().to_owned();
        return Ok((line.into_envelope(key_id), ReceiptForm::Line));
    }
    let envelope = file::unpack(bytes).map_err(ReceiptError::Damaged)?;
    let envelope = DsseEnvelope::parse(&envelope).map_err(|error| ReceiptError::Damaged(error.into()))?;
    Ok((envelope, ReceiptForm::File))
}

impl VerifiedReceipt {
    /// What the site says.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// How it is written.
    pub fn form(&self) -> ReceiptForm {
        self.form
    }

    /// Who signed it, when, and the digest of its statement.
    pub fn seen(&self) -> &SeenReceipt {
        &self.seen
    }

    /// Refuses a receipt that is older than one of the same key with which this side has exported before, or another one of the same time;
    /// and one of a later time than [`CLOCKS_APART`] from now, after which no right one would be the newest.
    ///
    /// # Errors
    /// [`ReceiptError::Replayed`] and [`ReceiptError::Future`].
    pub fn require_newest(&self, history: &TrustHistory, now: Timestamp) -> Result<(), ReceiptError> {
        let made_at = self.seen.made_at;
        if made_at.duration_since(now) > CLOCKS_APART {
            return Err(ReceiptError::Future { receiver: self.seen.receiver.clone(), made_at, now });
        }
        let newest = history.newest_receipt(&self.seen.key);
        let is_old = |newest: &&SeenReceipt| {
            newest.made_at > self.seen.made_at
                || (newest.made_at == self.seen.made_at && newest.statement != self.seen.statement)
        };
        match newest.filter(is_old) {
            None => Ok(()),
            Some(newest) => Err(ReceiptError::Replayed {
                receiver: self.seen.receiver.clone(),
                made_at: self.seen.made_at,
                newest: newest.made_at,
            }),
        }
    }

    /// The blobs that the site holds.
    pub fn blobs(&self) -> HashSet<&Digest> {
        self.receipt.holds.iter().flat_map(|held| &held.blobs).collect()
    }
}

/// What a receipt says beside what the site holds.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptTerms<'a> {
    /// The name of the site.
    pub site: &'a ReceiverName,
    /// This side's clock.
    pub now: Timestamp,
    /// The registry or layout.
    pub place: &'a str,
}

/// Makes a receipt of what this side remembers and its registry or layout holds.
///
/// # Errors
/// [`ReceiptError::NothingAccepted`], and [`ReceiptError::TooMuch`] where it holds more than a receipt may list.
pub fn make(
    terms: &ReceiptTerms<'_>,
    history: &TrustHistory,
    tuf: BTreeMap<String, AcceptedRepository>,
    holdings: Holdings,
) -> Result<Receipt, ReceiptError> {
    let accepted: Vec<AcceptedArchive> = history
        .accepted()
        .take(MAXIMUM_ACCEPTED)
        .map(|line| AcceptedArchive { statement: line.archive.clone(), exported_at: line.exported_at })
        .collect();
    if accepted.is_empty() {
        return Err(ReceiptError::NothingAccepted { place: None });
    }
    let holds = holdings.into_repositories();
    let count = holds.iter().map(|held| held.blobs.len()).sum();
    if count > MAXIMUM_BLOBS {
        return Err(ReceiptError::TooMuch { count });
    }
    let (site, place) = (terms.site.clone(), terms.place.to_owned());
    Ok(Receipt { site, made_at: terms.now, place, accepted, holds, tuf })
}

/// Makes a receipt in one line: of the archives that were accepted into its place, it confirms the one that was exported last.
///
/// # Errors
/// [`ReceiptError::NothingAccepted`].
pub fn make_brief(terms: &ReceiptTerms<'_>, history: &TrustHistory) -> Result<BriefReceipt, ReceiptError> {
    let into_place = history.accepted().filter(|line| line.place.as_deref() == Some(terms.place));
    let nothing = || ReceiptError::NothingAccepted { place: Some(terms.place.to_owned()) };
    let newest = into_place.max_by_key(|line| line.exported_at).ok_or_else(nothing)?;
    let accepted = AcceptedArchive { statement: newest.archive.clone(), exported_at: newest.exported_at };
    Ok(BriefReceipt { site: terms.site.clone(), made_at: terms.now, place: terms.place.to_owned(), accepted })
}
