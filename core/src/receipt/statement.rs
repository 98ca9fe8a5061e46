//! The statement of a receipt: an in-toto Statement v1 with a predicate of our own. `docs/receipt.md` is normative.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::inventory::STATEMENT_TYPE;
use sealift_archive_format::strict_json::{self, Names};
use serde::{Deserialize, Serialize};

use super::error::ReceiptDamage;
use crate::trust_store::ReceiverName;

/// The predicate type of a receipt.
pub const PREDICATE_TYPE: &str = "sealift:receipt/v1";
/// The most archives that a receipt confirms: the newest that were accepted.
pub const MAXIMUM_ACCEPTED: usize = 1_000;
/// The most blobs that a receipt lists.
pub const MAXIMUM_BLOBS: usize = 100_000;
/// The most TUF repositories that a receipt lists.
pub(super) const MAXIMUM_TUF: usize = 1_000;
/// The longest text in a receipt, in bytes.
const MAXIMUM_TEXT: usize = 1_024;

/// What a site says that it has accepted, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The name of the site.
    pub site: ReceiverName,
    /// When it was made, by the site's clock.
    pub made_at: Timestamp,
    /// The registry or layout that it is about.
    pub place: String,
    /// The archives that the site has accepted, the newest first.
    pub accepted: Vec<AcceptedArchive>,
    /// The layers that are there, each once, by repository.
    pub holds: Vec<HeldRepository>,
    /// What was last accepted from each TUF repository, by its name on the site.
    pub tuf: BTreeMap<String, AcceptedRepository>,
}

/// An archive that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedArchive {
    /// The digest of its statement.
    pub statement: Digest,
    /// When it was exported.
    pub exported_at: Timestamp,
}

/// The layers that a repository holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldRepository {
    /// The layers, sorted.
    pub blobs: Vec<Digest>,
    /// The path of the repository.
    pub name: String,
}

/// What was last accepted from a TUF repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedRepository {
    /// The time of the last accepted export: no earlier one is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Timestamp>,
    /// The version of each top-level role.
    pub versions: BTreeMap<String, u64>,
}

#[derive(Serialize, Deserialize)]
struct ReceiptStatement {
    #[serde(rename = "_type")]
    kind: String,
    predicate: ReceiptPredicate,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<ReceiptSubject>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReceiptPredicate {
    holds: Vec<HeldRepository>,
    made_at: Timestamp,
    place: String,
    site: ReceiverName,
    tuf: BTreeMap<String, AcceptedRepository>,
}

/// An accepted archive. Its name is the time of its export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptSubject {
    digest: SubjectDigest,
    name: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectDigest {
    sha256: String,
}

/// Only what says which kind of statement it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptKind {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
}

/// The bytes that are signed.
pub(super) fn encode(receipt: &Receipt) -> Vec<u8> {
    let Receipt { site, made_at, place, accepted, holds, tuf } = receipt.clone();
    let subject = |it: AcceptedArchive| ReceiptSubject {
        digest: SubjectDigest { sha256: it.statement.hex().to_owned() },
        name: it.exported_at,
    };
    let statement = ReceiptStatement {
        kind: STATEMENT_TYPE.to_owned(),
        predicate: ReceiptPredicate { holds, made_at, place, site, tuf },
        predicate_type: PREDICATE_TYPE.to_owned(),
        subject: accepted.into_iter().map(subject).collect(),
    };
    serde_json::json!(statement).to_string().into_bytes()
}

/// Reads what was signed.
pub(super) fn parse(bytes: &[u8]) -> Result<Receipt, ReceiptDamage> {
    let ReceiptKind { kind, predicate_type } = strict_json::read(bytes, Names::Exact)?;
    if kind != STATEMENT_TYPE || predicate_type != PREDICATE_TYPE {
        let found = if kind == STATEMENT_TYPE { predicate_type } else { kind };
        return Err(ReceiptDamage::OtherStatement { found: found.chars().take(80).collect() });
    }
    let ReceiptStatement { predicate, subject, .. } = strict_json::read_again(bytes, Names::Exact)?;
    let ReceiptPredicate { holds, made_at, place, site, tuf } = predicate;
    let blobs = holds.iter().map(|held| held.blobs.len()).sum();
    if subject.is_empty() || subject.len() > MAXIMUM_ACCEPTED || blobs > MAXIMUM_BLOBS || tuf.len() > MAXIMUM_TUF {
        return Err(ReceiptDamage::Count { accepted: subject.len(), blobs, repositories: tuf.len() });
    }
    let mut names = tuf.iter().flat_map(|(name, accepted)| std::iter::once(name).chain(accepted.versions.keys()));
    text("place", &place)?;
    holds.iter().try_for_each(|held| text("the name of a repository", &held.name))?;
    names.try_for_each(|name| text("a name of TUF", name))?;
    let accepted = |it: ReceiptSubject| {
        let statement = format!("sha256:{}", it.digest.sha256).parse();
        let statement = statement.map_err(|_| ReceiptDamage::Text { what: "the digest of an archive" })?;
        Ok(AcceptedArchive { statement, exported_at: it.name })
    };
    let accepted = subject.into_iter().map(accepted).collect::<Result<_, ReceiptDamage>>()?;
    Ok(Receipt { site, made_at, place, accepted, holds, tuf })
}

fn text(what: &'static str, text: &str) -> Result<(), ReceiptDamage> {
    match (1..=MAXIMUM_TEXT).contains(&text.len()) && !text.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(ReceiptDamage::Text { what }),
    }
}
