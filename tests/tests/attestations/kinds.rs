//! What refers to an image is let in by its kind, and named; where attesters are pinned, one of them vouches for all of it.

use std::fs;
use std::path::Path;

use sealift_core::export::{ExportRequest, LeftOutReferrer, PrepareError};
use sealift_core::import::ImportError;
use sealift_core::oci::Descriptor;
use sealift_core::oci::ReferrerKind;
use sealift_core::progress::Unwatched;
use sealift_core::report::ReferrerReport;
use sealift_core::transfer::Workers;
use sealift_core::trust::{AttestationRefusal, ReferrerRefusal};
use sealift_core::trust_store::TrustStore;
use sealift_core::verify::documents::DocumentError;
use sealift_core::verify::{HeadError, ReceiveError};
use sealift_proof::in_toto::{AttestationError, SignatureCheck};
use sealift_proof::signature::SigningKey;
use sealift_tests::crossing::{Crossing, IMAGE, Refused};
use sealift_tests::images::Image;

use super::statements::{BARE, DSSE, SIGSTORE, digest, provenance, signed};

fn builder() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn image() -> Image {
    Image::new("linux/amd64", &[("app", b"the app")])
}

fn about(image: &Image, kind: &str, content: &[u8]) -> Image {
    Image::referrer(image.root().descriptor(), kind, content)
}

/// Something else that calls itself a Statement.
fn in_name_only(image: &Image) -> Image {
    let note = about(image, "application/json", b"{}");
    let mut document: serde_json::Value = serde_json::from_slice(note.root().bytes()).unwrap();
    document["artifactType"] = BARE.into();
    note.with_manifest(&document)
}

/// As cosign attaches a signature that makes no claim.
fn signature_in_a_bundle(image: &Image) -> Image {
    let bundle = serde_json::json!({"mediaType": SIGSTORE, "messageSignature": {"signature": "AA=="}}).to_string();
    let bundle = about(image, SIGSTORE, bundle.as_bytes());
    let mut document: serde_json::Value = serde_json::from_slice(bundle.root().bytes()).unwrap();
    document["annotations"] = serde_json::json!({ "dev.sigstore.bundle.content": "message-signature" });
    bundle.with_manifest(&document)
}

/// The same, as something that refers to nothing by itself.
fn hanging(referrer: &Image) -> Image {
    let mut document: serde_json::Value = serde_json::from_slice(referrer.root().bytes()).unwrap();
    document.as_object_mut().unwrap().remove("subject");
    referrer.clone().with_manifest(&document)
}

fn crossing(referrers: &[Image]) -> Crossing {
    let crossing = Crossing::of_images();
    crossing.publish_image(&image(), referrers);
    crossing
}

fn pin(store: &TrustStore) {
    let pem = builder().public_key().unwrap().to_pem().unwrap();
    store.begin().unwrap().add_attester(&"builder".parse().unwrap(), pem.as_bytes()).unwrap();
}

fn reported(crossing: &Crossing, archive: &[u8]) -> Vec<ReferrerReport> {
    crossing.far.import(archive).unwrap().verified().report().items[0].referrers.clone()
}

/// Exports with these kinds of referrers; returns what was left out too.
fn export_kinds(crossing: &Crossing, kinds: &[ReferrerKind]) -> Result<(Vec<u8>, Vec<LeftOutReferrer>), Refused> {
    let referrers = kinds.iter().copied().collect();
    let prepared = crossing.prepare(&ExportRequest { referrers, ..crossing.request() })?;
    Ok((prepared.write(Vec::new(), &Workers::default(), &Unwatched).unwrap(), prepared.left_out().to_vec()))
}

/// Lets the side of this trust store take these kinds of referrers.
fn let_in(trust: &Path, kinds: &[ReferrerKind]) {
    let kinds: Vec<String> = kinds.iter().map(|kind| format!("{:?}", kind.name())).collect();
    let policy = format!("minimum_level = \"0\"\nreferrers = [{}]\n", kinds.join(", "));
    fs::write(trust.join("policy.toml"), policy).unwrap();
}

fn refusal(crossing: &Crossing, archive: &[u8]) -> ReferrerRefusal {
    match crossing.far.import(archive).err().unwrap() {
        Refused::Head(HeadError::Referrer(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Images that could be run, in every form that a referrer can have.
fn runnable() -> Vec<Image> {
    let image = image();
    let subject = image.root().descriptor();
    let evil = || Image::new("linux/amd64", &[("run", b"#!/bin/sh")]);
    // One that calls itself something else, over a real configuration of an image.
    let called = |artifact_type: &str, layer: &str| {
        let evil = evil().about(subject);
        let mut document: serde_json::Value = serde_json::from_slice(evil.root().bytes()).unwrap();
        document["artifactType"] = artifact_type.into();
        document["layers"][0]["mediaType"] = layer.into();
        evil.with_manifest(&document)
    };
    let in_disguise = about(&image, "application/vnd.oci.image.layer.v1.tar+gzip", b"a layer");
    vec![
        evil().about(subject),
        Image::index(&[evil(), Image::new("linux/arm64", &[("run", b"#!/bin/sh")])]).about(subject),
        Image::index(&[Image::index(&[evil()])]).about(subject),
        Image::index(&[hanging(&about(&image, BARE, &provenance(&digest(&image)))), evil()]).about(subject),
        in_disguise,
        called("application/spdx+json", "application/vnd.syft.tar+gzip"),
        called("application/vnd.cncf.notary.signature", "application/octet-stream"),
        Image::new("linux/amd64", &[]).about(subject),
    ]
}

#[test]
fn an_image_that_could_be_run_is_left_out_and_named() {
    for evil in runnable() {
        let note = about(&image(), "text/plain", b"a note");
        let crossing = crossing(&[evil.clone(), note.clone()]);
        let usual = ReferrerKind::ALL.into_iter().filter(|kind| *kind != ReferrerKind::Image).collect::<Vec<_>>();
        let (archive, left_out) = export_kinds(&crossing, &usual).unwrap();
        let named: Vec<_> = left_out.iter().map(|it| (it.image.as_str(), &it.digest, it.kind)).collect();
        assert_eq!(named, [(IMAGE, &digest(&evil), ReferrerKind::Image)]);
        let reported = reported(&crossing, &archive);
        assert_eq!(reported.iter().map(|it| &it.digest).collect::<Vec<_>>(), [&digest(&note)]);
    }
}

#[test]
fn an_image_that_could_be_run_is_refused_unless_both_sides_ask_for_it() {
    for evil in runnable() {
        let crossing = crossing(std::slice::from_ref(&evil));
        let refused = export_kinds(&crossing, &ReferrerKind::ALL).unwrap_err();
        assert!(
            matches!(refused, Refused::Prepare(PrepareError::Referrer(ReferrerRefusal::Kind { .. }))),
            "{refused:?}"
        );
        let_in(&crossing.path("near"), &ReferrerKind::ALL);
        let (archive, _) = export_kinds(&crossing, &ReferrerKind::ALL).unwrap();
        let refused = refusal(&crossing, &archive);
        let expected =
            ReferrerRefusal::Kind { image: IMAGE.to_owned(), referrer: digest(&evil), kind: ReferrerKind::Image };
        assert_eq!(refused, expected);
        let_in(&crossing.path("far"), &ReferrerKind::ALL);
        let reported = reported(&crossing, &archive);
        assert_eq!((&reported[0].digest, reported[0].kind), (&digest(&evil), ReferrerKind::Image));
    }
}

#[test]
fn each_referrer_is_reported_with_its_kind_its_size_and_who_vouches_for_it() {
    let image = image();
    let referrers = [
        (about(&image, BARE, &provenance(&digest(&image))), ReferrerKind::Attestation, BARE),
        (about(&image, "application/spdx+json", b"{}"), ReferrerKind::Sbom, "application/spdx+json"),
        (
            about(&image, "application/vnd.cncf.notary.signature", b"x"),
            ReferrerKind::Signature,
            "application/vnd.cncf.notary.signature",
        ),
        (about(&image, "text/plain", b"a note"), ReferrerKind::Other, "text/plain"),
        (in_name_only(&image), ReferrerKind::Attestation, BARE),
        (signature_in_a_bundle(&image), ReferrerKind::Signature, SIGSTORE),
    ];
    let crossing = crossing(&referrers.clone().map(|(referrer, _, _)| referrer));
    let reported = reported(&crossing, &crossing.archive());
    assert_eq!(reported.len(), referrers.len());
    for (referrer, kind, artifact_type) in referrers {
        let found = reported.iter().find(|found| found.digest == digest(&referrer)).unwrap();
        let manifest = referrer.root().descriptor().size;
        let size = manifest + referrer.blobs.values().map(|(descriptor, _)| descriptor.size).sum::<u64>();
        assert_eq!((found.kind, found.artifact_type.as_str(), found.size), (kind, artifact_type, size));
        assert_eq!((&found.subject, found.attested_by.len()), (&digest(&image), 0));
        let is_read = kind == ReferrerKind::Attestation && digest(&referrer) != digest(&in_name_only(&image));
        let signature = is_read.then_some(SignatureCheck::Unsigned);
        assert_eq!((found.looked_at, &found.signature), (signature.is_some(), &signature));
    }
}

#[test]
fn kinds_that_are_not_asked_for_are_left_out() {
    let image = image();
    let crossing =
        crossing(&[about(&image, "text/plain", b"a note"), about(&image, BARE, &provenance(&digest(&image)))]);
    let (archive, left_out) = export_kinds(&crossing, &[ReferrerKind::Attestation]).unwrap();
    assert_eq!(left_out.iter().map(|it| it.kind).collect::<Vec<_>>(), [ReferrerKind::Other]);
    assert_eq!(reported(&crossing, &archive).len(), 1);
    let (archive, left_out) = export_kinds(&crossing, &[]).unwrap();
    assert!(left_out.is_empty() && reported(&crossing, &archive).is_empty());
}

/// The policy of the far side asks for someone by the name of the image, and by that of another.
#[test]
fn who_must_vouch_for_what_hangs_off_an_image_is_asked_by_name() {
    let image = image();
    let statement = provenance(&digest(&image));
    let by_builder = about(&image, DSSE, &signed(statement.clone(), &builder()));
    let crossing = crossing(&[by_builder, about(&image, "text/plain", b"a note")]);
    let archive = crossing.archive();
    pin(&crossing.far.store());
    let asking = |attested_by: &str| {
        let other = "[[require]]\nnames = [\"example.com/other\"]\nlevel = \"0\"\nattested_by = []\n";
        let own = format!("[[require]]\nnames = [\"example.com/org/*\"]\nlevel = \"0\"\nattested_by = {attested_by}\n");
        fs::write(crossing.path("far").join("policy.toml"), format!("minimum_level = \"0\"\n{other}{own}")).unwrap();
    };
    asking("[]");
    assert_eq!(reported(&crossing, &archive).len(), 2, "nobody needs to vouch for this name");
    for (asked, names) in [("[\"builder\"]", ["builder"]), ("[\"scanner\"]", ["scanner"])] {
        asking(asked);
        let refused = refusal(&crossing, &archive);
        assert!(matches!(&refused, ReferrerRefusal::Unproven { asked, .. } if asked[..] == names), "{refused:?}");
    }
}

#[test]
fn an_attestation_by_another_attester_than_the_one_asked_for_by_name() {
    let image = image();
    let crossing = crossing(&[about(&image, DSSE, &signed(provenance(&digest(&image)), &builder()))]);
    let archive = crossing.archive();
    pin(&crossing.far.store());
    let policy = |asked: &str| {
        let text = format!("[[require]]\nnames = [\"*\"]\nlevel = \"0\"\nattested_by = [{asked:?}]\n");
        fs::write(crossing.path("far").join("policy.toml"), text).unwrap();
    };
    policy("builder");
    assert_eq!(reported(&crossing, &archive).len(), 1);
    policy("scanner");
    let refused = crossing.far.import(&archive).err().unwrap();
    let Refused::Import(ImportError::Receive(ReceiveError::Attestation(AttestationRefusal::Refused {
        source, ..
    }))) = refused
    else {
        panic!("{refused:?}")
    };
    assert!(matches!(&source, AttestationError::NotSigned { asked, .. } if asked[..] == ["scanner"]), "{source:?}");
}

/// Whatever hangs off an image and is not proven by the pinned attester, whatever its type and however deep it hangs.
#[test]
fn where_an_attester_is_pinned_nothing_unproven_hangs_off_an_image() {
    let image = image();
    let statement = provenance(&digest(&image));
    let right = || about(&image, DSSE, &signed(statement.clone(), &builder()));
    let plain = |kind: &str| about(&image, kind, &statement);
    let below = |inner: Image| Image::index(&[hanging(&inner)]).about(image.root().descriptor());
    for unproven in [
        plain("application/vnd.in-toto.provenance+dsse"),
        plain("application/spdx+json"),
        plain("application/octet-stream"),
        in_name_only(&image),
        below(plain("application/spdx+json")),
        below(below(plain("text/plain"))),
        Image::index(&[hanging(&right()), hanging(&plain("application/json"))]).about(image.root().descriptor()),
        Image::index(&[]).about(image.root().descriptor()),
        about(&image, "application/vnd.cncf.notary.signature", b"x"),
    ] {
        let crossing = crossing(&[right(), unproven.clone()]);
        let archive = crossing.archive();
        assert_eq!(reported(&crossing, &archive).len(), 2, "nobody is pinned yet");
        pin(&crossing.far.store());
        let refused = refusal(&crossing, &archive);
        assert!(
            matches!(&refused, ReferrerRefusal::Unproven { referrer, asked, .. } if *referrer == digest(&unproven) && asked.len() == 1),
            "{refused:?}"
        );
        pin(&crossing.near());
        let refused = crossing.export(&crossing.request()).unwrap_err();
        assert!(matches!(refused, Refused::Prepare(PrepareError::Referrer(ReferrerRefusal::Unproven { .. }))));
    }
}

/// A Statement that stands one index lower is an attestation like one that stands directly under the image.
#[test]
fn a_statement_is_found_by_walking_and_held_to_the_pinned_key() {
    let image = image();
    let statement = provenance(&digest(&image));
    for content in [statement.clone(), signed(statement, &SigningKey::from_seed(&[2; 32]))] {
        let inner = about(&image, if content.starts_with(b"{\"payload") { DSSE } else { BARE }, &content);
        let crossing = crossing(&[Image::index(&[hanging(&inner)]).about(image.root().descriptor())]);
        let archive = crossing.archive();
        pin(&crossing.far.store());
        let refused = crossing.far.import(&archive).err().unwrap();
        assert!(format!("{refused:?}").contains("NotSigned"), "{refused:?}");
    }
}

#[test]
fn an_attester_vouches_for_a_referrer_by_attesting_it() {
    let image = image();
    let sbom = about(&image, "application/spdx+json", b"{}");
    let vouched = about(&sbom, DSSE, &signed(provenance(&digest(&sbom)), &builder()));
    let nested = about(&image, DSSE, &signed(provenance(&digest(&image)), &builder()));
    let nested = Image::index(&[hanging(&nested)]);
    let crossing = crossing(&[sbom.clone(), vouched, nested.about(image.root().descriptor())]);
    pin(&crossing.near());
    pin(&crossing.far.store());
    let reported = reported(&crossing, &crossing.archive());
    assert_eq!(reported.len(), 3);
    assert!(reported.iter().all(|found| found.attested_by == ["builder"]), "{reported:?}");
}

/// What hangs below a referrer is about what the referrer is about. Else an honest statement about one thing would vouch for
/// another, and something would refer to what nobody names.
#[test]
fn nothing_below_a_referrer_is_about_something_else() {
    let image = image();
    let sbom = about(&image, "application/spdx+json", b"{}");
    let honest = about(&image, DSSE, &signed(provenance(&digest(&image)), &builder()));
    let elsewhere = Image::new("linux/amd64", &[("other", b"other")]);
    let replayed = about(&elsewhere, DSSE, &signed(provenance(&digest(&elsewhere)), &builder()));
    for (beside, nested) in [
        (vec![sbom.clone()], Image::index(std::slice::from_ref(&honest)).about(sbom.root().descriptor())),
        (vec![], Image::index(&[replayed]).about(image.root().descriptor())),
        (vec![], Image::index(&[about(&elsewhere, "application/spdx+json", b"{}")]).about(image.root().descriptor())),
    ] {
        let referrers: Vec<Image> = beside.into_iter().chain([nested]).collect();
        let crossing = crossing(&referrers);
        let refused = crossing.export(&crossing.request()).unwrap_err();
        let is_elsewhere = |error: &PrepareError| {
            matches!(error, PrepareError::Documents(DocumentError::NotAReferrer { subject: Some(_), .. }))
        };
        assert!(matches!(&refused, Refused::Prepare(error) if is_elsewhere(error)), "{refused:?}");
    }
    let nested = Image::index(&[honest]).about(image.root().descriptor());
    let crossing = crossing(&[nested]);
    pin(&crossing.near());
    assert!(crossing.export(&crossing.request()).is_ok(), "the same subject, said twice");
}

#[test]
fn an_attestation_is_attached_to_few_things() {
    let image = image();
    let statement = provenance(&digest(&image));
    let attestation = hanging(&about(&image, BARE, &statement));
    let listed = |count: usize| {
        let mut index: serde_json::Value =
            serde_json::from_slice(Image::index(std::slice::from_ref(&attestation)).root().bytes()).unwrap();
        let entry = index["manifests"][0].clone();
        let entries = (0..count).map(|number| {
            let mut entry = entry.clone();
            entry["annotations"] = serde_json::json!({
                "vnd.docker.reference.type": "attestation-manifest",
                "vnd.docker.reference.digest": sealift_archive_format::Digest::sha256(number.to_string().as_bytes()),
            });
            entry
        });
        index["manifests"] = entries.collect();
        Image::index(std::slice::from_ref(&attestation)).with_manifest(&index).about(image.root().descriptor())
    };
    let crossing = crossing(&[listed(40)]);
    let refused = crossing.export(&crossing.request()).unwrap_err();
    let is_many =
        |error: &PrepareError| matches!(error, PrepareError::Documents(DocumentError::TooManySubjects { .. }));
    assert!(matches!(&refused, Refused::Prepare(error) if is_many(error)), "{refused:?}");
}

#[test]
fn a_configuration_is_not_a_place_to_hide_a_statement() {
    let image = image();
    let mut right = about(&image, DSSE, &signed(provenance(&digest(&image)), &builder()));
    let hidden = Descriptor::of("application/vnd.oci.empty.v1+json", b"{\"_type\":\"a statement\"}");
    right.blobs.insert(hidden.digest.clone(), (hidden.clone(), b"{\"_type\":\"a statement\"}".to_vec()));
    let mut document: serde_json::Value = serde_json::from_slice(right.root().bytes()).unwrap();
    document["config"] = serde_json::to_value(hidden).unwrap();
    let crossing = crossing(&[right.with_manifest(&document)]);
    let archive = crossing.archive();
    pin(&crossing.far.store());
    assert!(matches!(refusal(&crossing, &archive), ReferrerRefusal::Unproven { .. }));
}
