//! The pipelines from end to end, on the sample publisher's release.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod bundles;
mod delta;
mod export_keeps_its_word;
mod failures;
mod hostile_source;
mod killed;
mod live;
mod properties;
mod reports;
mod room;
mod selections;
mod side_by_side;
mod trust_store;
mod unfinished;

use std::fs;

use sealift_archive_format::inventory::Completeness;
use sealift_core::export::{ExportRequest, ImagesFrom, ItemOrigin, ItemRequest, PlanError, PrepareError};
use sealift_core::oci::Platforms;
use sealift_core::report::ReportedKind;
use sealift_core::trust::{JudgementError, RepositoryError};
use sealift_proof::level::Level;
use sealift_proof::tuf::{ProviderError, TufError};
use sealift_sample_publisher::Sample;
use sealift_tests::crossing::{BUNDLE, Crossing, Refused};
use sealift_tests::folder_content::files;
use serde_json::Value;

const WEB: &str = "example.com/demo/web:1.0.0";

/// The digest under which a layout lists a name.
fn listed(layout: &std::path::Path, name: &str) -> Option<String> {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).ok()?).unwrap();
    let manifests = index["manifests"].as_array().unwrap();
    let found = manifests.iter().find(|it| it["annotations"]["org.opencontainers.image.ref.name"] == name);
    Some(found?["digest"].as_str().unwrap().to_owned())
}

#[test]
fn a_bundle_crosses_the_gap_unchanged() {
    let sides = Crossing::new();
    let archive = sides.archive();
    let report = sides.far.verify(&archive).report();
    assert_eq!(report.items[0].level, Level::Four);
    assert_eq!(report.archive.sealed_by, ["carrier"]);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);

    let target = sides.path("delivered");
    let delivered = sides.far.import(&archive).unwrap();
    let (before, after) = (files(&sides.path("layout").join("blobs")), files(&target.join("blobs")));
    assert!(!before.is_empty());
    assert_eq!(before, after, "every blob is the same, and there is no other");
    let mapping = serde_json::to_value(&delivered.relocation).unwrap();
    assert_eq!(mapping.as_object().unwrap().len(), 2, "the bundle's two images, and nothing else: {mapping}");
    assert!(mapping[WEB].as_str().unwrap().ends_with(&listed(&target, WEB).unwrap()));
}

#[test]
fn the_same_export_made_twice_is_identical() {
    let sides = Crossing::new();
    assert_eq!(sides.archive(), sides.archive());
}

#[test]
fn the_exporting_side_is_guarded_against_rollback_too() {
    let now = "2026-01-15T00:00:00Z".parse().unwrap();
    let mut sample = Sample::new(now).unwrap();
    sample.repository.timestamp.version = 2;
    let sides = Crossing::of(&sample, now);
    let trust = sides.near().load().unwrap();
    let exported = sides.prepare(&sides.request()).unwrap();
    sides.near().update().unwrap().commit(&exported.states(&trust)).unwrap();
    sample.repository.timestamp.version = 1;
    sides.publish(&sample);
    let refused = sides.prepare(&sides.request()).map(drop).unwrap_err();
    let Refused::Prepare(PrepareError::Judgement(JudgementError::Repository(RepositoryError::Tuf {
        source: TufError::Rollback { role, trusted: 2, found: 1, .. },
        ..
    }))) = refused
    else {
        panic!("refused for another reason: {refused:?}");
    };
    assert_eq!(role.as_str(), "timestamp");
}

#[test]
fn more_tuf_metadata_than_the_far_side_holds_is_not_exported() {
    let now = "2026-01-15T00:00:00Z".parse().unwrap();
    let mut sample = Sample::new(now).unwrap();
    for _ in 0..130 {
        sample.repository.renew_root();
    }
    let sides = Crossing::of(&sample, now);
    sides.prepare(&sides.request()).map(drop).unwrap();
    // As long as a root may be, and signed as before: white space is no part of what is signed.
    for file in fs::read_dir(sides.path("tuf").join("metadata")).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().ends_with("root.json") {
            let mut root = fs::read(&path).unwrap();
            root.resize(512 * 1024, b' ');
            fs::write(&path, root).unwrap();
        }
    }
    let refused = sides.prepare(&sides.request()).map(drop).unwrap_err();
    let Refused::Prepare(PrepareError::Judgement(JudgementError::Repository(RepositoryError::Tuf {
        source: TufError::Provider(ProviderError::TooMuch { limit: 0x400_0000 }),
        ..
    }))) = refused
    else {
        panic!("refused for another reason: {refused:?}");
    };
}

#[test]
fn importing_again_changes_nothing() {
    let sides = Crossing::new();
    let (archive, target) = (sides.archive(), sides.path("delivered"));
    sides.far.import(&archive).unwrap();
    let before = (files(&target), files(&sides.path("far")));
    sides.far.import(&archive).unwrap();
    assert_eq!(before, (files(&target), files(&sides.path("far"))));
}

#[test]
fn an_image_may_stand_alone() {
    let sides = Crossing::new();
    let archive = sides.export(&sides.image_request(WEB)).unwrap();
    let report = sides.far.verify(&archive).report();
    assert_eq!(report.items[0].name, WEB);
    assert!(report.items[0].in_toto.is_some());
    let target = sides.path("delivered");
    sides.far.import(&archive).unwrap();
    assert_eq!(listed(&target, WEB), listed(&sides.path("layout"), WEB));
}

#[test]
fn items_of_every_kind_are_carried_and_reported_in_the_order_in_which_they_were_asked_for() {
    let sides = Crossing::new();
    let mut request = sides.image_request(WEB);
    request.items.extend(sides.request().items);
    let archive = sides.export(&request).unwrap();
    let report = sides.far.verify(&archive).report();
    let found: Vec<_> = report.walk().map(|item| (item.kind, item.name.as_str(), item.parts.len())).collect();
    let (bundle, installer) = (BUNDLE, "example.com/demo/installer:1.0.0");
    let expected = [
        (ReportedKind::Image, WEB, 0),
        (ReportedKind::Bundle, bundle, 2),
        (ReportedKind::Invocation, installer, 0),
        (ReportedKind::Component, WEB, 0),
    ];
    assert_eq!(found, expected);
    let json = serde_json::to_value(&report).unwrap();
    let kinds: Vec<_> = json["items"].as_array().unwrap().iter().map(|item| &item["kind"]).collect();
    assert_eq!(kinds, ["image", "bundle"]);
    assert_eq!(json["items"][1]["parts"][0]["name"], installer);
    sides.far.import(&archive).unwrap();
}

/// The bundle as a file, with its images in the layout.
fn thin(sides: &Crossing, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> ExportRequest {
    let report = sides.far.verify(&sides.archive()).report();
    let digest = &report.items[0].digest;
    let bundle_json = fs::read(sides.path("layout").join("blobs/sha256").join(digest.hex())).unwrap();
    let images = ImagesFrom::TheirReferences(sides.layout());
    let origin = ItemOrigin::ThinBundle { bundle_json: change(bundle_json), images };
    let name = BUNDLE.to_owned();
    ExportRequest::new(vec![ItemRequest { name, origin }])
}

#[test]
fn a_thin_bundle_gets_a_registry_form_on_the_way() {
    let sides = Crossing::new();
    let archive = sides.export(&thin(&sides, |bundle_json| bundle_json)).unwrap();
    assert_eq!(sides.far.verify(&archive).report().items[0].level, Level::Four);
    let target = sides.path("delivered");
    sides.far.import(&archive).unwrap();
    let digest = listed(&target, BUNDLE).unwrap();
    let index = fs::read(target.join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let kinds: Vec<_> = index["manifests"].as_array().unwrap().iter().map(|it| &it["annotations"]).collect();
    assert_eq!(kinds[0]["io.cnab.manifest.type"], "config");
    assert_eq!(kinds[1]["io.cnab.manifest.type"], "invocation");
    assert_eq!(kinds[2]["io.cnab.component.name"], "web");
}

#[test]
fn a_bundle_that_was_changed_after_it_was_signed_is_not_exported() {
    let sides = Crossing::new();
    let changed = |bundle_json: Vec<u8>| String::from_utf8(bundle_json).unwrap().replace("A sample", "a sample").into();
    match sides.export(&thin(&sides, changed)) {
        Err(Refused::Prepare(PrepareError::Judgement(JudgementError::Binding { .. }))) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_with_another_digest_than_the_bundle_states_is_not_exported() {
    let sides = Crossing::new();
    let web = listed(&sides.path("layout"), WEB).unwrap();
    let elsewhere = sealift_archive_format::Digest::sha256(b"another image").to_string();
    let restated = |bundle_json: Vec<u8>| String::from_utf8(bundle_json).unwrap().replace(&web, &elsewhere).into();
    match sides.export(&thin(&sides, restated)) {
        Err(Refused::Plan(PlanError::Source { reference, .. })) => assert_eq!(reference, WEB),
        other => panic!("{other:?}"),
    }
}

#[test]
fn chosen_platforms_are_carried_and_the_others_are_named_as_absent() {
    let sides = Crossing::new();
    let request = ExportRequest { platforms: Platforms::Only(vec!["linux/amd64".parse().unwrap()]), ..sides.request() };
    let archive = sides.export(&request).unwrap();
    assert!(archive.len() < sides.archive().len());
    let shown = sealift_core::inspect::inspect(archive.as_slice()).unwrap();
    assert_eq!(shown.items[1].kind, "invocation");
    assert!(shown.items[1..].iter().all(|image| image.left_out == 1), "{:?}", shown.items);
    let judged = sides.far.judge(archive.as_slice()).unwrap();
    for image in judged.inventory().all_images() {
        assert_eq!(image.completeness, Completeness::Selected);
        assert_eq!(image.platforms, ["linux/amd64"]);
    }
    // The index keeps its bytes, so TUF and in-toto vouch for it all the same.
    assert_eq!(sides.far.verify(&archive).report().items[0].level, Level::Four);
}

#[test]
fn an_unsigned_image_is_refused_unless_the_policy_lets_it_in() {
    let sides = Crossing::new();
    let mut request = sides.image_request(WEB);
    request.items[0].name = "elsewhere.example/web:1".to_owned();
    match sides.export(&request) {
        Err(Refused::Prepare(PrepareError::Judgement(JudgementError::Level { level: Level::Zero, .. }))) => {}
        other => panic!("{other:?}"),
    }
    sides.policy("minimum_level = \"0\"\n");
    let report = sides.far.verify(&sides.export(&request).unwrap()).report();
    assert!(report.items[0].tuf.is_none());
}
