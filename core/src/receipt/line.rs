//! A receipt in one line, for a phone, an email or a few keys to type: it confirms one archive, and lists no layers.
//!
//! Promise: a line is another way to write an envelope. The statement is made again from its parts, byte for byte, and the same signature is verified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sealift_archive_format::dsse::{DsseEnvelope, DsseSignature, pae};
use sealift_proof::signature::SigningKey;

use super::PAYLOAD_TYPE;
use super::error::ReceiptDamage;
use super::statement::{self, AcceptedArchive, PREDICATE_TYPE, Receipt};
use crate::trust_store::ReceiverName;

/// The longest line, in bytes, without the line feed.
pub(super) const MAXIMUM_LINE: usize = 8_192;
/// How many parts a line has.
pub(super) const PARTS: usize = 7;
/// What is written as `%` and two digits in the place: all but letters, digits and these.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// What a line says, and the signature below it, which nobody has verified yet.
pub(super) struct SignedLine {
    pub(super) site: ReceiverName,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Whether bytes begin like a line.
pub(super) fn is_line(bytes: &[u8]) -> bool {
    bytes.strip_prefix(PREDICATE_TYPE.as_bytes()).is_some_and(|rest| rest.starts_with(b","))
}

fn write(brief: &BriefReceipt, signature: &[u8]) -> String {
    let BriefReceipt { site, made_at, place, accepted: AcceptedArchive { statement, exported_at } } = brief;
    let (place, signature) = (utf8_percent_encode(place, ENCODED), URL_SAFE_NO_PAD.encode(signature));
    format!("{PREDICATE_TYPE},{site},{made_at},{exported_at},{statement},{place},{signature}")
}

/// What a receipt in one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BriefReceipt {
    /// The name of the site.
    pub site: ReceiverName,
    /// When it was made, by the site's clock.
    pub made_at: Timestamp,
    /// The registry or layout that the archive was delivered to.
    pub place: String,
    /// The archive that it confirms.
    pub accepted: AcceptedArchive,
}

impl From<BriefReceipt> for Receipt {
    fn from(brief: BriefReceipt) -> Self {
        let BriefReceipt { site, made_at, place, accepted } = brief;
        Self { site, made_at, place, accepted: vec![accepted], holds: Vec::new(), tuf: Default::default() }
    }
}

impl BriefReceipt {
    /// Signs it, as one line without a line feed. The same receipt gives the same line.
    pub fn sign(&self, key: &SigningKey) -> String {
        let payload = statement::encode(&self.clone().into());
        write(self, &key.sign(&pae(PAYLOAD_TYPE, &payload)))
    }
}

impl SignedLine {
    /// Reads a line, with at most one line feed at its end. What is not written as a line is written here is refused.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ReceiptDamage> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.len() > MAXIMUM_LINE {
            return Err(ReceiptDamage::LongLine { length: bytes.len() });
        }
        let line = std::str::from_utf8(bytes).map_err(|_| ReceiptDamage::Line)?;
        let parts: Vec<&str> = line.split(',').collect();
        let [_, site, made_at, exported_at, statement, place, signature] = *parts.as_slice() else {
            return Err(ReceiptDamage::Parts { count: parts.len() });
        };
        let part = |what: &'static str| ReceiptDamage::Part { what };
        let brief = BriefReceipt {
            site: site.parse().map_err(|_| part("the site"))?,
            made_at: made_at.parse().map_err(|_| part("the time when it was made"))?,
            place: percent_decode_str(place).decode_utf8().map_err(|_| part("the place"))?.into_owned(),
            accepted: AcceptedArchive {
                statement: statement.parse().map_err(|_| part("the digest of the archive"))?,
                exported_at: exported_at.parse().map_err(|_| part("the time of the export"))?,
            },
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| part("the signature"))?;
        // One way to write it.
        if write(&brief, &signature) != line {
            return Err(ReceiptDamage::Line);
        }
        let (site, payload) = (brief.site.clone(), statement::encode(&brief.into()));
        Ok(Self { site, payload, signature })
    }

    /// The envelope that it stands for, by the key that is pinned for its site.
    pub(super) fn into_envelope(self, key_id: String) -> DsseEnvelope {
        let signature = DsseSignature { key_id, bytes: self.signature };
        DsseEnvelope { payload_type: PAYLOAD_TYPE.to_owned(), payload: self.payload, signatures: vec![signature] }
    }
}
