//! Receipts that another implementation wrote, `tests/vectors/receipt/`, and the verdict that each has to get.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift_proof::signature::PublicKey;

use super::*;

#[derive(serde::Deserialize)]
struct ReceiptVectors {
    receivers: BTreeMap<ReceiverName, String>,
    vectors: Vec<ReceiptVector>,
}

#[derive(serde::Deserialize)]
struct ReceiptVector {
    name: String,
    file: String,
    verdict: String,
    #[serde(flatten)]
    accepted: Option<AcceptedVector>,
}

#[derive(serde::Deserialize)]
struct AcceptedVector {
    statement: String,
    archives: usize,
    layers: usize,
    place: String,
}

fn verdict(error: &ReceiptError) -> &'static str {
    match error {
        ReceiptError::Damaged(_) => "damaged",
        ReceiptError::UnknownReceiver { .. } => "unknown-receiver",
        ReceiptError::UnknownSite { .. } => "unknown-site",
        ReceiptError::OtherSite { .. } => "other-site",
        ReceiptError::Forged { .. } => "forged",
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_another_implementation_wrote_gets_its_verdict() {
    let ReceiptVectors { receivers, vectors } =
        serde_json::from_str(include_str!("../../../tests/vectors/receipt/vectors.json")).unwrap();
    let pinned = |(name, pem): (ReceiverName, String)| (name, ReceiverKey(PublicKey::from_pem(&pem, None).unwrap()));
    let receivers: BTreeMap<ReceiverName, ReceiverKey> = receivers.into_iter().map(pinned).collect();
    assert_eq!(vectors.len(), 54);
    for ReceiptVector { name, file, verdict: expected, accepted } in vectors {
        let read = verify(&STANDARD.decode(file).unwrap(), &receivers, None);
        assert_eq!(read.as_ref().map_or_else(verdict, |_| "accepted"), expected, "{name}: {read:?}");
        assert_eq!(accepted.is_some(), read.is_ok(), "{name}");
        if let (Some(accepted), Ok(read)) = (accepted, read) {
            assert_eq!(read.seen().statement.hex(), accepted.statement, "{name}");
            let receipt = read.receipt();
            let found = (receipt.accepted.len(), read.blobs().len(), &receipt.place);
            assert_eq!(found, (accepted.archives, accepted.layers, &accepted.place), "{name}");
        }
    }
}
