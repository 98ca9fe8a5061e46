//! Attestations are checked on both sides, before any layer passes.

use std::fs;

use sealift_archive_format::inventory::{EntryRecord, Inventory};
use sealift_archive_format::{Digest, DigestAlgorithm};
use sealift_archive_format::{EntryPlace, Reader, Seal, Writer};
use sealift_core::export::PrepareError;
use sealift_core::import::ImportError;
use sealift_core::oci::ReferrerKind;
use sealift_core::report::AttestationReport;
use sealift_core::trust::AttestationRefusal;
use sealift_core::trust_store::TrustStore;
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{HeadError, ReceiveError};
use sealift_proof::in_toto::attestation::MAXIMUM_LENGTH;
use sealift_proof::in_toto::{AttestationClaim, AttestationError, SignatureCheck};
use sealift_proof::signature::SigningKey;
use sealift_tests::archive_mutator::image as image_of;
use sealift_tests::crossing::{Crossing, Refused};
use sealift_tests::images::Image;
use sealift_tests::malicious_exporter::exporter_key;

use super::statements::{BARE, DSSE, SIGSTORE, digest, in_a_bundle, provenance, sbom, signed};

fn builder() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

fn pin(store: &TrustStore, key: &SigningKey) {
    let pem = key.public_key().unwrap().to_pem().unwrap();
    store.begin().unwrap().add_attester(&"builder".parse().unwrap(), pem.as_bytes()).unwrap();
}

fn image() -> Image {
    Image::new("linux/amd64", &[("app", b"the app"), ("data", b"its data")])
}

/// An image with one thing attached to it.
fn attach(layer_type: &str, content: &[u8]) -> (Crossing, Image) {
    let (crossing, image) = (Crossing::of_images(), image());
    let referrer = Image::referrer(image.root().descriptor(), layer_type, content);
    crossing.publish_image(&image, &[referrer]);
    (crossing, image)
}

/// What the far side reports about the attestations of the only image.
fn reported(crossing: &Crossing, archive: &[u8]) -> Vec<AttestationReport> {
    crossing.far.import(archive).unwrap().verified().report().items[0].attestations.clone()
}

/// Why the near side refused to seal an attestation.
fn near_refusal(refused: Refused) -> AttestationError {
    match refused {
        Refused::Prepare(PrepareError::Attestation(AttestationRefusal::Refused { source, .. })) => source,
        other => panic!("{other:?}"),
    }
}

/// Why the far side refused an attestation. No layer was delivered, and nothing was tagged.
fn far_refusal(crossing: &Crossing, image: &Image, refused: Refused) -> AttestationError {
    let delivered = crossing.path("delivered");
    let there = |digest: &Digest| delivered.join("blobs/sha256").join(digest.hex()).exists();
    for (descriptor, _) in image.blobs.values() {
        assert!(!descriptor.media_type.contains("layer") || !there(&descriptor.digest), "a layer was delivered");
    }
    assert!(!delivered.join("index.json").exists(), "something was listed");
    match refused {
        Refused::Import(ImportError::Receive(ReceiveError::Attestation(AttestationRefusal::Refused {
            source,
            ..
        }))) => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_statement_is_about_what_every_digest_in_it_says() {
    let content = image().root().bytes().to_vec();
    let about = |digests: serde_json::Value| {
        let mut said: serde_json::Value = serde_json::from_slice(&sbom(&Digest::sha256(&content))).unwrap();
        said["subject"][0]["digest"] = digests;
        let (crossing, image) = attach(BARE, said.to_string().as_bytes());
        (crossing.export(&crossing.request()), digest(&image))
    };
    let sha256 = Digest::sha256(&content);
    let sha512 = Digest::of(DigestAlgorithm::Sha512, &content);
    let other = Digest::of(DigestAlgorithm::Sha512, b"another image");
    about(serde_json::json!({ "sha512": sha512.hex() })).0.unwrap();
    about(serde_json::json!({ "sha256": sha256.hex(), "sha512": sha512.hex() })).0.unwrap();
    let (refused, image) = about(serde_json::json!({ "sha256": sha256.hex(), "sha512": other.hex() }));
    match near_refusal(refused.unwrap_err()) {
        AttestationError::NotAboutThis { attached_to, .. } => assert_eq!(attached_to, image),
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_bare_statement_is_reported_as_not_signed() {
    let image = image();
    let (crossing, image) = attach(BARE, &sbom(&digest(&image)));
    let found = reported(&crossing, &crossing.archive());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].attached_to, digest(&image));
    assert_eq!(found[0].attestation.signature, SignatureCheck::Unsigned);
    assert_eq!(found[0].attestation.claim, AttestationClaim::Sbom { format: "SPDX-2.3".to_owned(), components: 3 });
}

#[test]
fn without_a_pinned_key_a_signature_is_reported_as_not_checked() {
    let envelope = signed(provenance(&digest(&image())), &builder());
    for (layer_type, content) in [(DSSE, envelope.clone()), (SIGSTORE, in_a_bundle(&envelope))] {
        let (crossing, _) = attach(layer_type, &content);
        let found = reported(&crossing, &crossing.archive());
        assert_eq!(found[0].attestation.signature, SignatureCheck::NotChecked, "{layer_type}");
        assert!(
            matches!(&found[0].attestation.claim, AttestationClaim::Provenance { builder, .. } if builder.ends_with("builder"))
        );
    }
}

#[test]
fn a_pinned_key_is_named_when_it_signed() {
    let (crossing, _) = attach(DSSE, &signed(provenance(&digest(&image())), &builder()));
    pin(&crossing.near(), &builder());
    pin(&crossing.far.store(), &builder());
    let found = reported(&crossing, &crossing.archive());
    assert_eq!(found[0].attestation.signature, SignatureCheck::SignedBy(["builder".to_owned()].into()));
}

#[test]
fn a_checked_attestation_is_evidence_about_the_item_that_it_is_attached_to() {
    let statement = provenance(&digest(&image()));
    let (crossing, image) = attach(DSSE, &signed(statement, &builder()));
    pin(&crossing.far.store(), &builder());
    let delivered = crossing.far.import(&crossing.archive()).unwrap();
    let finding = &delivered.verified().judgement().findings().items[0];
    let found: Vec<_> = finding.attestations().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].attached_to(), &digest(&image));
    assert_eq!(found[0].signers().collect::<Vec<_>>(), ["builder"]);
}

#[test]
fn where_a_key_is_pinned_an_attestation_without_its_signature_is_refused_on_both_sides() {
    let statement = provenance(&digest(&image()));
    for (layer_type, content) in [(DSSE, signed(statement.clone(), &stranger())), (BARE, statement)] {
        let (crossing, image) = attach(layer_type, &content);
        let archive = crossing.archive();
        pin(&crossing.far.store(), &builder());
        let refused = far_refusal(&crossing, &image, crossing.far.import(&archive).err().unwrap());
        assert!(matches!(refused, AttestationError::NotSigned { ref asked, .. } if asked.len() == 1), "{refused:?}");

        pin(&crossing.near(), &builder());
        let refused = near_refusal(crossing.export(&crossing.request()).unwrap_err());
        assert!(matches!(refused, AttestationError::NotSigned { .. }), "{refused:?}");
    }
}

#[test]
fn an_attestation_about_something_else_is_not_sealed() {
    for content in [provenance(&Digest::sha256(b"another image")), b"{}".to_vec(), b"not JSON".to_vec()] {
        let (crossing, _) = attach(BARE, &content);
        match near_refusal(crossing.export(&crossing.request()).unwrap_err()) {
            AttestationError::NotAboutThis { .. } | AttestationError::Envelope(_) | AttestationError::Json(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_statement_of_buildkit_is_checked_against_the_manifest_beside_it() {
    let crossing = Crossing::of_images();
    let platform = image();
    let with_statement = Image::with_buildkit_attestation(&platform, &provenance(&digest(&platform)));
    crossing.publish_image(&with_statement, &[]);
    let found = reported(&crossing, &crossing.archive());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].attached_to, digest(&platform));

    let crossing = Crossing::of_images();
    crossing.publish_image(&Image::with_buildkit_attestation(&platform, &provenance(&Digest::sha256(b"other"))), &[]);
    let refused = near_refusal(crossing.export(&crossing.request()).unwrap_err());
    assert!(matches!(refused, AttestationError::NotAboutThis { .. }), "{refused:?}");
}

#[test]
fn a_plain_signature_is_carried_and_claims_nothing() {
    let bundle = serde_json::json!({"mediaType": SIGSTORE, "messageSignature": {"signature": "AA=="}}).to_string();
    let (crossing, _) = attach(SIGSTORE, bundle.as_bytes());
    let report = crossing.far.import(&crossing.archive()).unwrap().verified().report();
    let kinds: Vec<_> = report.items[0].referrers.iter().map(|it| (it.kind, it.looked_at)).collect();
    assert_eq!(kinds, [(ReferrerKind::Signature, false)], "whatever its media type is");
    fs::remove_dir_all(crossing.path("delivered")).unwrap();
    assert!(reported(&crossing, &crossing.archive()).is_empty());
    let blob = crossing.path("delivered/blobs/sha256").join(Digest::sha256(bundle.as_bytes()).hex());
    assert_eq!(fs::read(blob).unwrap(), bundle.as_bytes());
}

/// An archive as an exporter who does not look would seal it: entries and inventory are changed first.
fn resealed(archive: &[u8], change: impl FnOnce(&mut Inventory, &mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut reader = Reader::open(archive).unwrap().read_inventory().unwrap();
    let mut inventory = Inventory::clone(reader.inventory());
    let mut contents = Vec::new();
    while let Some(mut entry) = reader.next_entry().unwrap() {
        contents.push(entry.read_all().unwrap());
    }
    change(&mut inventory, &mut contents);
    let signature = sealift_core::seal::sign(&inventory.to_statement().unwrap(), &exporter_key()).unwrap();
    let mut writer = Writer::new(Vec::new(), &Seal::new(inventory.clone(), vec![signature]).unwrap()).unwrap();
    for (entry, content) in inventory.entries.iter().zip(&contents) {
        writer.append(&entry.name, &mut content.as_slice()).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn the_far_side_does_not_rely_on_the_near_side() {
    // An exporter who signs attestations off unseen: its archive is about an image that the statement does not name.
    let (crossing, image) = attach("text/plain", &provenance(&Digest::sha256(b"another image")));
    let archive = crossing.archive();
    crossing.far.import(&archive).unwrap();
    fs::remove_dir_all(crossing.path("delivered")).unwrap();

    let attached = Image::referrer(image.root().descriptor(), BARE, &provenance(&Digest::sha256(b"another image")));
    let plain =
        Image::referrer(image.root().descriptor(), "text/plain", &provenance(&Digest::sha256(b"another image")));
    let archive = resealed(&archive, |inventory, contents| replace_manifest(inventory, contents, &plain, &attached));
    let refused = far_refusal(&crossing, &image, crossing.far.import(&archive).err().unwrap());
    assert!(matches!(refused, AttestationError::NotAboutThis { .. }), "{refused:?}");
}

/// Puts one referrer in the place of another, and its layer to the place of attestations.
fn replace_manifest(inventory: &mut Inventory, contents: &mut Vec<Vec<u8>>, old: &Image, new: &Image) {
    let bytes = new.root().bytes().to_vec();
    let at = inventory.entries.iter().position(|entry| entry.digest == digest(old)).unwrap();
    inventory.entries[at] = EntryRecord::blob(&digest(new), bytes.len() as u64);
    contents[at] = bytes;
    let referrer = &mut image_of(inventory).referrers[0];
    referrer.digest = digest(new);
    referrer.size = new.root().bytes().len() as u64;
    let layer = new.blobs.values().find(|(descriptor, _)| descriptor.media_type == BARE).unwrap().0.digest.clone();
    let (from, to) = (position(inventory, &layer), first_layer(inventory));
    let (entry, content) = (inventory.entries.remove(from), contents.remove(from));
    inventory.entries.insert(to, entry);
    contents.insert(to, content);
    refresh_index(inventory, contents);
}

fn position(inventory: &Inventory, digest: &Digest) -> usize {
    inventory.entries.iter().position(|entry| entry.digest == *digest).unwrap()
}

/// Where the first layer of the image stands: after its manifest, the referrer's, and both configurations.
fn first_layer(inventory: &Inventory) -> usize {
    let is_blob = |entry: &EntryRecord| matches!(entry.name.place(), EntryPlace::Blob(_));
    inventory.entries.iter().position(is_blob).unwrap() + 4
}

fn refresh_index(inventory: &mut Inventory, contents: &mut [Vec<u8>]) {
    let at = inventory.entries.iter().position(|entry| matches!(entry.name.place(), EntryPlace::OciIndex)).unwrap();
    contents[at] = sealift_core::archive_layout::index(inventory).unwrap();
    let name = inventory.entries[at].name.clone();
    inventory.entries[at] = EntryRecord::of(name, &contents[at]);
}

#[test]
fn an_attestation_behind_a_layer_is_refused_before_anything_is_delivered() {
    let (crossing, image) = attach(BARE, &provenance(&digest(&image())));
    let archive = resealed(&crossing.archive(), |inventory, contents| {
        let attestation = position(inventory, &Digest::sha256(&provenance(&digest(&image))));
        let (entry, content) = (inventory.entries.remove(attestation), contents.remove(attestation));
        inventory.entries.push(entry);
        contents.push(content);
    });
    let refused = crossing.far.import(&archive).err().unwrap();
    let is_order = |error: &HeadError| matches!(error, HeadError::Documents(DocumentError::Order { .. }));
    assert!(matches!(&refused, Refused::Head(error) if is_order(error)), "{refused:?}");
}

#[test]
fn a_referrer_of_something_else_is_refused() {
    let (crossing, image) = attach("text/plain", b"a note");
    let note = |about: &Image| Image::referrer(about.root().descriptor(), "text/plain", b"a note");
    let elsewhere = note(&Image::new("linux/amd64", &[("other", b"other")]));
    let archive = resealed(&crossing.archive(), |inventory, contents| {
        let at = position(inventory, &digest(&note(&image)));
        contents[at] = elsewhere.root().bytes().to_vec();
        inventory.entries[at] = EntryRecord::blob(&digest(&elsewhere), contents[at].len() as u64);
        image_of(inventory).referrers[0].digest = digest(&elsewhere);
        image_of(inventory).referrers[0].size = contents[at].len() as u64;
        refresh_index(inventory, contents);
    });
    let refused = crossing.far.import(&archive).err().unwrap();
    let is_subject = |error: &HeadError| matches!(error, HeadError::Documents(DocumentError::NotAReferrer { .. }));
    assert!(matches!(&refused, Refused::Head(error) if is_subject(error)), "{refused:?}");
}

#[test]
fn a_referrer_that_is_left_out_of_the_inventory_leaves_strays_that_are_noticed() {
    let (crossing, _) = attach("text/plain", b"a note");
    let archive = resealed(&crossing.archive(), |inventory, contents| {
        image_of(inventory).referrers.clear();
        refresh_index(inventory, contents);
    });
    let refused = crossing.far.import(&archive).err().unwrap();
    let is_stray = |error: &HeadError| matches!(error, HeadError::Documents(DocumentError::Stray { .. }));
    assert!(matches!(&refused, Refused::Head(error) if is_stray(error)), "{refused:?}");
}

/// A statement that is so many bytes long.
fn long(length: usize) -> Vec<u8> {
    let mut statement = provenance(&digest(&image()));
    statement.resize(length, b' ');
    statement
}

#[test]
fn an_attestation_longer_than_is_read_is_refused_on_both_sides() {
    attach(BARE, &long(MAXIMUM_LENGTH)).0.archive();
    let (crossing, _) = attach(BARE, &long(MAXIMUM_LENGTH + 1));
    let refused = near_refusal(crossing.export(&crossing.request()).unwrap_err());
    assert!(matches!(refused, AttestationError::TooLong { length } if length == MAXIMUM_LENGTH + 1), "{refused:?}");

    let content = long(MAXIMUM_LENGTH + 1);
    let (crossing, image) = attach("text/plain", &content);
    let [plain, attached] = ["text/plain", BARE].map(|kind| Image::referrer(image.root().descriptor(), kind, &content));
    let archive = crossing.archive();
    let archive = resealed(&archive, |inventory, contents| replace_manifest(inventory, contents, &plain, &attached));
    // It is refused for its length, of which nothing has to be there.
    let layout = Reader::open(archive.as_slice()).unwrap().read_inventory().unwrap().layout();
    let entry = layout.entries.iter().find(|entry| entry.size == content.len() as u64).unwrap();
    let cut = usize::try_from(entry.content_offset).unwrap() + 1;
    for archive in [&archive, &archive[..cut]] {
        let refused = far_refusal(&crossing, &image, crossing.far.import(archive).err().unwrap());
        assert!(matches!(refused, AttestationError::TooLong { .. }), "{refused:?}");
    }
}

#[test]
fn an_attestation_about_more_than_is_read_is_refused() {
    let about = |count: usize| {
        let image = image();
        let mut said: serde_json::Value = serde_json::from_slice(&sbom(&digest(&image))).unwrap();
        let subject = said["subject"][0].clone();
        said["subject"] = serde_json::json!(vec![subject; count]);
        let (crossing, _) = attach(BARE, said.to_string().as_bytes());
        crossing.export(&crossing.request())
    };
    about(10_000).unwrap();
    let refused = near_refusal(about(10_001).unwrap_err());
    assert!(matches!(refused, AttestationError::TooManySubjects { count: 10_001 }), "{refused:?}");
}
