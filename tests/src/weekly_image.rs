//! An image that changes every week, and what goes back and forth about it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sealift_core::export::{AssumedArchive, Base, assume};
use sealift_core::import::Delivered;
use sealift_core::receipt::{self, Receipt, ReceiptTerms, VerifiedReceipt};
use sealift_core::seal::ExporterKey;
use sealift_core::trust_store::{ReceiverKey, ReceiverName, TrustStore};
use sealift_proof::signature::SigningKey;

use crate::images::Image;
use crate::malicious_exporter::exporter_key;

/// The name of the site that imports.
pub const SITE: &str = "plant-7";

/// The image of a week: what all weeks share, what it shares with the week before, and what is new.
pub fn weekly_image(week: usize) -> Image {
    let file = |week: usize| format!("content of week {week}, {}", "x".repeat(week * 100)).into_bytes();
    let (before, new) = (file(week.saturating_sub(1)), file(week));
    Image::new("linux/amd64", &[("base", b"the same every week"), ("before", &before), ("before", &new)])
}

/// The key of the site.
pub fn site_key() -> SigningKey {
    SigningKey::from_seed(&[77; 32])
}

fn site() -> ReceiverName {
    SITE.parse().unwrap()
}

/// What the site signs after an import.
pub fn receipt_of(store: &TrustStore, delivered: &Delivered, now: Timestamp) -> Receipt {
    let (site, history) = (site(), store.history().unwrap());
    let terms = ReceiptTerms { site: &site, now, place: "the target" };
    receipt::make(&terms, &history, BTreeMap::new(), delivered.layers.clone()).unwrap()
}

/// The receipt as the connected side reads it.
pub fn verified(receipt: &Receipt) -> VerifiedReceipt {
    let receivers = BTreeMap::from([(site(), ReceiverKey(site_key().public_key().unwrap()))]);
    receipt::verify(&receipt.sign(&site_key()).unwrap(), &receivers, None).unwrap()
}

/// The receipt in one line of what was delivered, as the connected side reads it.
pub fn line_of(store: &TrustStore, now: Timestamp) -> VerifiedReceipt {
    let (site, history) = (site(), store.history().unwrap());
    let place = history.accepted().next().and_then(|line| line.place.clone()).unwrap();
    let line = receipt::make_brief(&ReceiptTerms { site: &site, now, place: &place }, &history).unwrap();
    let receivers = BTreeMap::from([(self::site(), ReceiverKey(site_key().public_key().unwrap()))]);
    receipt::verify(line.sign(&site_key()).as_bytes(), &receivers, None).unwrap()
}

/// The base that the receipt of an import is.
pub fn base_of(store: &TrustStore, delivered: &Delivered, now: Timestamp) -> Base {
    Base::of_receipt(&verified(&receipt_of(store, delivered, now)), [])
}

/// An archive that was sent before.
pub fn sent(archive: &[u8]) -> AssumedArchive {
    let exporter = ExporterKey { name: "self".to_owned(), key: exporter_key().public_key().unwrap() };
    assume(archive, &[exporter]).unwrap()
}
