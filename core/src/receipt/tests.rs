use std::collections::BTreeMap;

use sealift_archive_format::dsse::{DsseEnvelope, EnvelopeError};
use serde_json::{Value, json};

use super::*;
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use crate::transfer::{BlobContent, Source, SourceError};
use crate::trust_store::{DeliveredTag, Deliveries, HistoryEvent, NewHistoryLine, Replacement, TrustStore};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn name(text: &str) -> ReceiverName {
    text.parse().unwrap()
}

fn receivers(pinned: &[(&str, u8)]) -> BTreeMap<ReceiverName, ReceiverKey> {
    pinned.iter().map(|(site, seed)| (name(site), ReceiverKey(key(*seed).public_key().unwrap()))).collect()
}

fn receipt() -> Receipt {
    Receipt {
        site: name("plant-7"),
        made_at: "2026-01-03T08:00:00Z".parse().unwrap(),
        place: "r.inner:5000/mirror".to_owned(),
        accepted: vec![AcceptedArchive {
            statement: Digest::sha256(b"archive"),
            exported_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        }],
        holds: vec![HeldRepository { name: "mirror/app".to_owned(), blobs: vec![Digest::sha256(b"layer")] }],
        tuf: BTreeMap::from([(
            "acme".to_owned(),
            AcceptedRepository {
                floor: Some("2026-01-02T03:04:05Z".parse().unwrap()),
                versions: BTreeMap::from([("root".to_owned(), 3)]),
            },
        )]),
    }
}

/// A receipt whose statement was changed before it was signed.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut statement: Value = serde_json::from_slice(&statement::encode(&receipt())).unwrap();
    change(&mut statement);
    sealed(PAYLOAD_TYPE, statement.to_string().as_bytes())
}

fn sealed(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let bytes = key(7).sign(&pae(payload_type, payload));
    let key_id = key(7).public_key().unwrap().fingerprint().unwrap().hex().to_owned();
    let (payload_type, payload) = (payload_type.to_owned(), payload.to_vec());
    DsseEnvelope { payload_type, payload, signatures: vec![DsseSignature { key_id, bytes }] }.encode()
}

fn damage(bytes: &[u8]) -> ReceiptDamage {
    match verify(bytes, &receivers(&[("plant-7", 7)]), None) {
        Err(ReceiptError::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_receipt_of_a_pinned_receiver_is_read_as_it_was_made() {
    let bytes = receipt().sign(&key(7)).unwrap();
    let verified = verify(&bytes, &receivers(&[("plant-7", 7), ("plant-8", 8)]), Some(&name("plant-7"))).unwrap();
    assert_eq!(*verified.receipt(), receipt());
    assert_eq!(verified.seen().receiver, name("plant-7"));
    assert_eq!(verified.blobs(), [&Digest::sha256(b"layer")].into());
}

#[test]
fn a_receipt_that_no_pinned_receiver_signed_is_refused() {
    let bytes = receipt().sign(&key(9)).unwrap();
    let refused = verify(&bytes, &receivers(&[("plant-7", 7)]), None);
    assert!(matches!(refused, Err(ReceiptError::UnknownReceiver { keys }) if keys.len() == 1));
}

#[test]
fn a_receipt_that_was_changed_is_refused() {
    let bytes = receipt().sign(&key(7)).unwrap();
    let mut envelope = DsseEnvelope::parse(&file::unpack(&bytes).unwrap()).unwrap();
    envelope.payload = String::from_utf8(envelope.payload).unwrap().replace("r.inner", "r.outer").into_bytes();
    let refused = verify(&envelope.encode(), &receivers(&[("plant-7", 7)]), None);
    assert!(matches!(refused, Err(ReceiptError::Forged { receiver }) if receiver == name("plant-7")));
    // Not JSON: code that reads it before it is verified fails on it in another way.
    envelope.payload = b"{".to_vec();
    let refused = verify(&envelope.encode(), &receivers(&[("plant-7", 7)]), None);
    assert!(matches!(refused, Err(ReceiptError::Forged { .. })));
}

#[test]
fn a_receipt_of_another_site_is_refused() {
    let bytes = receipt().sign(&key(7)).unwrap();
    let refused = verify(&bytes, &receivers(&[("plant-8", 7)]), None);
    assert!(matches!(refused, Err(ReceiptError::OtherSite { receiver, .. }) if receiver == name("plant-8")));
    let refused = verify(&bytes, &receivers(&[("plant-7", 7), ("plant-8", 8)]), Some(&name("plant-8")));
    assert!(matches!(refused, Err(ReceiptError::OtherSite { receiver, .. }) if receiver == name("plant-8")));
}

#[test]
fn bytes_that_are_no_receipt_are_refused_for_what_they_are() {
    assert!(matches!(damage(b"{}"), ReceiptDamage::Envelope(EnvelopeError::Json(_))));
    assert!(matches!(damage(&sealed("text/plain", b"{}")), ReceiptDamage::OtherPayload));
    assert!(matches!(damage(&sealed(PAYLOAD_TYPE, b"{")), ReceiptDamage::Json(_)));
    let other = changed(|it| it["predicateType"] = json!("sealift:inventory/v1"));
    assert!(matches!(damage(&other), ReceiptDamage::OtherStatement { found } if found == "sealift:inventory/v1"));
    assert!(matches!(damage(&changed(|it| it["predicate"]["more"] = json!(1))), ReceiptDamage::Json(_)));
    assert!(matches!(damage(&changed(|it| it["predicate"]["site"] = json!("../a"))), ReceiptDamage::Json(_)));
    let empty = changed(|it| it["subject"] = json!([]));
    assert!(matches!(damage(&empty), ReceiptDamage::Count { accepted: 0, .. }));
    let many = changed(|it| it["subject"] = json!(vec![it["subject"][0].clone(); MAXIMUM_ACCEPTED + 1]));
    assert!(matches!(damage(&many), ReceiptDamage::Count { accepted: 1_001, .. }));
    let many = changed(|it| {
        let digest = it["predicate"]["holds"][0]["blobs"][0].clone();
        it["predicate"]["holds"][0]["blobs"] = json!(vec![digest; MAXIMUM_BLOBS + 1]);
    });
    assert!(matches!(damage(&many), ReceiptDamage::Count { blobs: 100_001, .. }));
    for place in ["", "a\nb", &"a".repeat(1_025)] {
        let bad = changed(|it| it["predicate"]["place"] = json!(place));
        assert!(matches!(damage(&bad), ReceiptDamage::Text { what: "place" }));
    }
}

fn compressed(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_receipt_is_read_compressed_or_not_and_the_same_one_has_the_same_bytes() {
    let receivers = receivers(&[("plant-7", 7)]);
    let bytes = receipt().sign(&key(7)).unwrap();
    assert_eq!(bytes, receipt().sign(&key(7)).unwrap());
    // Level 9, and no time.
    assert_eq!(bytes[..9], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2]);
    let plain = file::unpack(&bytes).unwrap();
    for bytes in [&bytes, &*plain, &compressed(&plain)] {
        assert_eq!(*verify(bytes, &receivers, None).unwrap().receipt(), receipt());
    }
}

#[test]
fn a_compressed_receipt_is_one_whole_member_that_is_no_longer_than_a_plain_one() {
    let bytes = receipt().sign(&key(7)).unwrap();
    let mut wrong_sum = bytes.clone();
    let at = bytes.len() - 8;
    wrong_sum[at] ^= 1;
    for broken in [
        &bytes[..2],
        &bytes[..bytes.len() - 1],
        &wrong_sum,
        &[&bytes, &b"\n"[..]].concat(),
        &[&*bytes, &bytes].concat(),
    ] {
        assert!(matches!(damage(broken), ReceiptDamage::Compressed(_)), "{}", broken.len());
    }
    // Spaces may stand around JSON.
    let length = usize::try_from(MAXIMUM_LENGTH).unwrap();
    let mut long = file::unpack(&bytes).unwrap().into_owned();
    long.resize(length, b' ');
    verify(&compressed(&long), &receivers(&[("plant-7", 7)]), None).unwrap();
    long.push(b' ');
    assert!(matches!(damage(&compressed(&long)), ReceiptDamage::TooLong));
}

#[test]
fn a_receipt_confirms_something_and_not_too_much() {
    let terms = ReceiptTerms { site: &name("plant-7"), now: receipt().made_at, place: "r.inner" };
    let nothing = make(&terms, &TrustHistory::default(), BTreeMap::new(), Holdings::default());
    assert!(matches!(nothing, Err(ReceiptError::NothingAccepted { .. })));
}

#[test]
fn a_layer_is_listed_for_the_first_repository_that_has_it() {
    let held =
        |path: &str| Holding { repository: Repository::new("r.inner", path).unwrap(), layer: Digest::sha256(b"layer") };
    let holdings: Holdings = ["b", "a", "c"].map(held).into_iter().collect();
    let held: Vec<_> = holdings.into_repositories().into_iter().map(|it| (it.name, it.blobs.len())).collect();
    assert_eq!(held, [("a".to_owned(), 1)]);
}

fn line(receipt: Option<SeenReceipt>) -> NewHistoryLine {
    NewHistoryLine {
        time: receipt.as_ref().map_or(Timestamp::UNIX_EPOCH, |it| it.made_at),
        event: HistoryEvent::Import,
        archive: Digest::sha256(b"archive"),
        exported_at: Timestamp::UNIX_EPOCH,
        sealed_by: vec!["alice".to_owned()],
        items: 1,
        level: None,
        place: None,
        receipt,
    }
}

fn history(lines: impl IntoIterator<Item = NewHistoryLine>) -> TrustHistory {
    let folder = tempfile::tempdir().unwrap();
    let store = TrustStore::at(folder.path().join("trust"));
    let update = store.begin().unwrap();
    lines.into_iter().for_each(|line| update.note(line).unwrap());
    store.history().unwrap()
}

#[test]
fn a_receipt_that_is_older_than_one_that_was_used_is_refused() {
    let signed = |made_at: &str, place: &str| {
        let receipt = Receipt { made_at: made_at.parse().unwrap(), place: place.to_owned(), ..receipt() };
        verify(&receipt.sign(&key(7)).unwrap(), &receivers(&[("plant-7", 7)]), None).unwrap()
    };
    let (old, new) = (signed("2026-01-03T08:00:00Z", "r.inner"), signed("2026-01-10T08:00:00Z", "r.inner"));
    let history = history([line(Some(new.seen().clone())), line(Some(old.seen().clone()))]);
    let now = "2026-01-10T08:00:00Z".parse().unwrap();
    assert!(matches!(old.require_newest(&history, now), Err(ReceiptError::Replayed { .. })));
    new.require_newest(&history, now).unwrap();
    let twin = signed("2026-01-10T08:00:00Z", "r.other");
    assert!(matches!(twin.require_newest(&history, now), Err(ReceiptError::Replayed { .. })));
    signed("2026-01-10T08:00:01Z", "r.other").require_newest(&history, now).unwrap();
    // One from the future would make every right one an older one.
    signed("2026-01-10T09:00:00Z", "r.inner").require_newest(&history, now).unwrap();
    let future = signed("2026-01-10T09:00:01Z", "r.inner").require_newest(&history, now);
    assert!(matches!(future, Err(ReceiptError::Future { .. })));
}

#[test]
fn a_line_confirms_the_archive_of_its_place_that_was_exported_last() {
    let imported = |archive: &[u8], exported_at: &str, place: &str| NewHistoryLine {
        archive: Digest::sha256(archive),
        exported_at: exported_at.parse().unwrap(),
        place: Some(place.to_owned()),
        ..line(None)
    };
    let history = history([
        imported(b"third", "2026-01-15T00:00:00Z", "r.inner"),
        // Late.
        imported(b"second", "2026-01-08T00:00:00Z", "r.inner"),
        imported(b"elsewhere", "2026-01-22T00:00:00Z", "r.other"),
    ]);
    let site = name("plant-7");
    let terms = |place| ReceiptTerms { site: &site, now: receipt().made_at, place };
    let brief = make_brief(&terms("r.inner"), &history).unwrap();
    assert_eq!(brief.accepted.statement, Digest::sha256(b"third"));
    let nothing = make_brief(&terms("r.unknown"), &history).unwrap_err();
    assert_eq!(nothing.to_string(), "nothing was accepted into r.unknown yet, so there is nothing to confirm");
    let line = brief.sign(&key(7));
    let read = verify(line.as_bytes(), &receivers(&[("plant-7", 7)]), None).unwrap();
    assert_eq!((read.form(), read.receipt()), (ReceiptForm::Line, &Receipt::from(brief)));
    // A whole receipt of the same second is another one.
    let whole = make(&terms("r.inner"), &history, BTreeMap::new(), Holdings::default()).unwrap();
    let whole = verify(&whole.sign(&key(7)).unwrap(), &receivers(&[("plant-7", 7)]), None).unwrap();
    let used = self::history([self::line(Some(read.seen().clone()))]);
    read.require_newest(&used, receipt().made_at).unwrap();
    assert!(matches!(whole.require_newest(&used, receipt().made_at), Err(ReceiptError::Replayed { .. })));
}

#[test]
fn a_line_is_refused_for_what_is_wrong_with_it() {
    let accepted = receipt().accepted[0].clone();
    let brief =
        BriefReceipt { site: name("plant-7"), made_at: receipt().made_at, place: "r.inner".to_owned(), accepted };
    let line = brief.sign(&key(7));
    assert!(matches!(damage(format!("{line},").as_bytes()), ReceiptDamage::Parts { count: 8 }));
    assert!(matches!(damage(line.replace("r.inner", "%FF").as_bytes()), ReceiptDamage::Part { what: "the place" }));
    assert!(matches!(damage(line.replace("r.inner", "r%2Einner").as_bytes()), ReceiptDamage::Line));
    let long = line.replace("r.inner", &"a".repeat(8_193));
    assert!(matches!(damage(long.as_bytes()), ReceiptDamage::LongLine { .. }));
    let unknown = verify(line.as_bytes(), &receivers(&[("plant-8", 7)]), None);
    assert!(matches!(unknown, Err(ReceiptError::UnknownSite { site }) if site == name("plant-7")));
    let others = verify(line.as_bytes(), &receivers(&[("plant-7", 7), ("plant-8", 8)]), Some(&name("plant-8")));
    assert!(matches!(others, Err(ReceiptError::OtherSite { .. })));
}

#[test]
fn a_receipt_lists_no_more_than_is_read() {
    let terms = ReceiptTerms { site: &name("plant-7"), now: receipt().made_at, place: "r.inner" };
    let repository = Repository::new("r.inner", "a").unwrap();
    let held = |count: usize| -> Holdings {
        let layers = (0..count).map(|at| Digest::sha256(&at.to_be_bytes()));
        layers.map(|layer| Holding { repository: repository.clone(), layer }).collect()
    };
    let history = history([line(None)]);
    let made = make(&terms, &history, BTreeMap::new(), held(MAXIMUM_BLOBS)).unwrap();
    let bytes = made.sign(&key(7)).unwrap();
    let plain = file::unpack(&bytes).unwrap();
    assert!(u64::try_from(plain.len()).unwrap() <= MAXIMUM_LENGTH);
    assert!(bytes.len() < plain.len() / 2);
    assert_eq!(*verify(&bytes, &receivers(&[("plant-7", 7)]), None).unwrap().receipt(), made);
    let refused = make(&terms, &history, BTreeMap::new(), held(MAXIMUM_BLOBS + 1));
    assert!(matches!(refused, Err(ReceiptError::TooMuch { count: 100_001 })));
}

/// A place that does not answer.
struct Unreachable;

impl Source for Unreachable {
    fn resolve(&self, _: &Reference) -> Result<ManifestBytes, SourceError> {
        Err(SourceError::new(std::io::Error::other("no answer")))
    }

    fn find(&self, _: &Repository, _: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        unreachable!()
    }

    fn manifest(&self, _: &Repository, _: &Descriptor) -> Result<ManifestBytes, SourceError> {
        unreachable!()
    }

    fn blob(&self, _: &Repository, _: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        unreachable!()
    }

    fn referrers(&self, _: &Repository, _: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        unreachable!()
    }

    fn tags(&self, _: &Repository) -> Result<Vec<Tag>, SourceError> {
        unreachable!()
    }
}

#[test]
fn a_place_that_does_not_answer_and_a_record_that_is_damaged_make_no_receipt() {
    let remembering = |tag: &str| {
        let held = DeliveredTag {
            name: "example.com/app:1".to_owned(),
            digest: Digest::sha256(b"app"),
            level: "0".parse().unwrap(),
            time: Timestamp::UNIX_EPOCH,
            exported_at: None,
            before: None,
        };
        let mut deliveries = Deliveries::default();
        deliveries.set(tag.to_owned(), tag, held, Replacement::Refused).unwrap();
        deliveries
    };
    let asked = |tag: &str, place: &str| survey(place, &remembering(tag), &Unreachable);
    assert!(matches!(asked("r.inner/app:1", "r.inner"), Err(SurveyError::Source { .. })));
    assert!(matches!(asked("r.inner/App:1", "r.inner"), Err(SurveyError::Reference { .. })));
    assert!(asked("r.inner/app:1", "r.inne").unwrap().is_empty(), "another registry is not asked");
    assert!(asked("r.inner/app:1", "r.inner/mirror").unwrap().is_empty(), "nor another part of this one");
}
