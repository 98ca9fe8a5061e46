//! Archives that come late: a later export of the same publisher was accepted before. What was accepted with that one decides, so that
//! nothing comes back that was replaced, withdrawn or never vouched for.

use std::fs;

use sealift_archive_format::Digest;
use sealift_core::export::ExportRequest;
use sealift_core::import::{ImportError, Sparse};
use sealift_core::oci::Platforms;
use sealift_core::report::Warning;
use sealift_core::trust::{JudgementError, RepositoryError, SupplyChainError};
use sealift_core::trust_store::{FloorAtReset, TagError};
use sealift_proof::freshness::AskedClock;
use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::{FetchError, Limits, TufError};
use sealift_sample_publisher::Sample;
use sealift_sample_publisher::bundle::{BundleImage, bundle_json, store_bundle};
use sealift_sample_publisher::image::multi_platform_image;
use sealift_sample_publisher::tuf_repository::Target;
use sealift_tests::crossing::{Crossing, FarSide, Refused};
use sealift_tests::malicious_exporter::{Consignment, Forger, TufFiles};

use serde_json::Value;

use super::tuf::published_again;
use super::*;

/// The place of the component image in the sample.
const WEB_PLACE: usize = 2;
const INSTALLER: &str = "example.com/demo/installer:1.0.0";

/// An archive of the bundle that was exported an hour after the release; and a far side that has accepted, meanwhile, an archive that was exported an hour
/// later and holds one of the images. Between the two, the publisher made a change and published anew.
fn overtaken(change: impl FnOnce(&mut Sample)) -> (Sample, Consignment, FarSide) {
    let mut sample = sample();
    let late = Consignment::of(&sample, hours(1));
    let far = FarSide::trusting(&sample, hours(3));
    change(&mut sample);
    publish(&mut sample);
    far.accepts(&Consignment::of_image(&sample, WEB_PLACE, hours(2)).archive());
    (sample, late, far)
}

/// Every role but the root, in its next version.
fn publish(sample: &mut Sample) {
    let repository = &mut sample.repository;
    for role in [&mut repository.timestamp, &mut repository.snapshot, &mut repository.targets, &mut repository.releases]
    {
        role.version += 1;
    }
}

#[test]
fn what_the_metadata_that_was_accepted_since_still_vouches_for_is_accepted_late() {
    let (_, late, far) = overtaken(|_| ());
    let before = far.accepted();
    let report = far.accepts(&late.archive()).verified().report();
    assert!(far.tags().contains_key(BUNDLE), "{:?}", far.tags());
    let repository = &report.repositories[0];
    assert_eq!((repository.later_export, repository.judged_at), (Some(hours(2)), hours(2)));
    assert!(repository.roles[1..].iter().all(|role| role.version == 2), "{:?}", repository.roles);
    let named = |it: &sealift_core::report::WarningReport| matches!(&it.warning, Warning::Late { later_export, .. } if *later_export == hours(2));
    assert!(report.warnings.iter().any(named), "{:?}", report.warnings);
    // And nothing that was accepted has moved back.
    assert!(far.accepted() == before);
}

#[test]
fn an_archive_in_order_is_not_said_to_be_late() {
    let (sample, _, far) = overtaken(|_| ());
    for exported in [2, 3] {
        let report = far.accepts(&Consignment::of(&sample, hours(exported)).archive()).verified().report();
        assert_eq!(report.repositories[0].later_export, None);
        assert!(!report.warnings.iter().any(|it| matches!(it.warning, Warning::Late { .. })));
    }
}

#[test]
fn late_with_content_that_was_replaced_since() {
    let (_, late, far) = overtaken(|sample| {
        let other = Digest::sha256(b"the next build under the same name");
        sample.release(BUNDLE, "bundle.json", &other, 5);
    });
    assert_error!(far.refuses(&late.archive()).late(), JudgementError::Binding { reference, .. } if reference == BUNDLE);
}

#[test]
fn late_with_content_that_was_withdrawn_since() {
    let (_, late, far) = overtaken(|sample| drop(sample.repository.released.remove(BUNDLE)));
    assert_error!(far.refuses(&late.archive()).late(), JudgementError::Level { reference, .. } if reference == BUNDLE);
    // Nor where the policy asks for nothing.
    far.policy("minimum_level = \"0\"\n");
    let refused = far.refuses(&late.archive()).late();
    assert_error!(refused, JudgementError::Repository(RepositoryError::Stray { entry }) if entry.ends_with(".link"));
}

#[test]
fn late_with_content_that_nobody_ever_vouched_for() {
    let (sample, mut late, far) = overtaken(|_| ());
    far.policy("minimum_level = \"0\"\n");
    let unvouched = |exported, mut metadata: TufFiles| {
        metadata.retain(|path, _| path.starts_with("metadata/"));
        let image = ("elsewhere.example/web:1", &sample.references[WEB_PLACE].1);
        let mut consignment = Consignment::of_images(&sample, &[image], hours(exported));
        consignment.images[0].platforms.push("linux/arm64".to_owned());
        consignment.repositories.insert("demo".to_owned(), metadata);
        consignment.archive()
    };
    let refused = far.refuses(&unvouched(1, late.tuf().clone())).late();
    assert_error!(refused, JudgementError::Undated { reference } if reference == "elsewhere.example/web:1");
    // In order it is the policy's matter alone.
    far.accepts(&unvouched(2, Consignment::of(&sample, hours(2)).tuf().clone()));
}

#[test]
fn late_and_signed_with_a_key_that_was_taken_back_since() {
    let mut sample = sample();
    // Whoever has the key of a role signs that one image is another.
    let mut forged = Consignment::of_image(&sample, 1, hours(1));
    forged.images[0].reference = WEB.to_owned();
    Forger::new(&sample, forged.tuf()).edit("targets/releases", |signed| {
        signed["targets"][WEB] = signed["targets"][INSTALLER].clone();
    });
    let far = FarSide::trusting(&sample, hours(3));
    far.verify(&forged.archive());
    sample.repository.releases.keys = vec![SigningKey::generate().unwrap()];
    publish(&mut sample);
    far.accepts(&Consignment::of_image(&sample, WEB_PLACE, hours(2)).archive());
    assert_error!(far.refuses(&forged.archive()).late(), JudgementError::Binding { reference, .. } if reference == WEB);
}

#[test]
fn late_after_every_online_key_was_replaced() {
    let mut sample = sample();
    let late = Consignment::of(&sample, hours(1));
    let far = FarSide::trusting(&sample, hours(3));
    sample.repository.timestamp.keys = vec![SigningKey::generate().unwrap()];
    sample.repository.snapshot.keys = vec![SigningKey::generate().unwrap()];
    sample.repository.renew_root();
    publish(&mut sample);
    far.accepts(&Consignment::of_image(&sample, WEB_PLACE, hours(2)).archive());
    // The archive's own timestamp proves nothing any more. The metadata that was accepted lists what it brings.
    far.accepts(&late.archive());
}

#[test]
fn late_with_another_supply_chain_than_the_one_that_is_vouched_for_now() {
    let (_, late, far) = overtaken(|sample| {
        sample.supply_chain.expires += SignedDuration::from_hours(1);
        let layout = sample.repository.top_level.keys().find(|name| name.ends_with(".layout")).unwrap().clone();
        let custom = sample.repository.top_level[&layout].custom.clone();
        sample.repository.top_level.insert(layout, Target { custom, ..Target::served(sample.supply_chain.layout()) });
    });
    assert_error!(
        far.refuses(&late.archive()).late(),
        JudgementError::SupplyChain {
            source: SupplyChainError::Repository(RepositoryError::Target { source: FetchError::Missing { .. }, .. }),
            ..
        }
    );
}

/// Forgets the role that vouches for everything, as if it had not been needed for what came.
fn forget_releases(far: &FarSide) {
    let name = "demo".parse().unwrap();
    let mut state = far.store().state(&name).unwrap();
    state.metadata.remove("targets/releases").unwrap();
    far.store().update().unwrap().commit(&[(name, state)].into()).unwrap();
}

#[test]
fn late_where_the_role_that_vouches_is_known_by_its_version_alone() {
    let (_, late, far) = overtaken(|_| ());
    forget_releases(&far);
    let refused = far.refuses(&late.archive()).late();
    assert_error!(refused, JudgementError::Search { source: MapSearchError::Repository { source, .. }, .. }
        if matches!(*source, TufError::Missing { .. }));
    // The archive may bring it in that very version.
    let mut sample = sample();
    let far = FarSide::trusting(&sample, hours(3));
    let late = Consignment::of(&sample, hours(1));
    published_again(&mut sample, "snapshot", 1);
    far.accepts(&Consignment::of_image(&sample, WEB_PLACE, hours(2)).archive());
    forget_releases(&far);
    far.accepts(&late.archive());
    assert!(far.store().state(&"demo".parse().unwrap()).unwrap().metadata.contains_key("targets/releases"));
}

#[test]
fn late_where_what_was_accepted_is_forgotten_and_the_time_is_not() {
    let (_, late, far) = overtaken(|_| ());
    far.store().update().unwrap().reset_state(&"demo".parse().unwrap(), FloorAtReset::Kept).unwrap();
    assert_error!(
        far.refuses(&late.archive()).late(),
        JudgementError::Repository(RepositoryError::Remembered { source: TufError::Missing { role, .. }, .. }) if role.as_str() == "timestamp"
    );
}

#[test]
fn late_with_metadata_that_was_not_whole_when_it_was_exported() {
    let (sample, mut late, far) = overtaken(|_| ());
    late.tuf().insert("metadata/stray.json".to_owned(), b"{}".to_vec());
    let refused = far.refuses(&late.archive()).late();
    assert_error!(refused, JudgementError::Repository(RepositoryError::Stray { entry }) if entry.ends_with("stray.json"));
    late.tuf().remove("metadata/stray.json");
    late.tuf().remove("metadata/timestamp.json");
    assert_error!(far.refuses(&late.archive()).tuf(), TufError::Missing { .. });
    // Nor is it somebody else's.
    let mut stranger = Consignment::of(&sample, hours(1));
    *stranger.tuf() = Consignment::of(&self::sample(), hours(1)).tuf().clone();
    assert_error!(far.refuses(&stranger.archive()).tuf(), TufError::Signatures { .. });
}

#[test]
fn late_with_the_newest_root_alone() {
    let mut sample = sample();
    let far = FarSide::trusting(&sample, hours(3));
    far.accepts(&Consignment::of(&sample, hours(0)).archive());
    sample.repository.renew_root();
    let newest = format!("metadata/{}.root.json", sample.repository.root.version);
    let with_one_root = |exported| {
        let mut consignment = Consignment::of(&sample, hours(exported));
        consignment.tuf().retain(|path, _| !path.ends_with(".root.json") || *path == newest);
        consignment.archive()
    };
    far.accepts(&Consignment::of(&sample, hours(1)).archive());
    far.accepts(&with_one_root(2));
    far.accepts(&with_one_root(1));
}

#[test]
fn late_when_what_was_accepted_has_expired_since() {
    let (_, late, mut far) = overtaken(|_| ());
    far.now = hours(25);
    far.accepts(&late.archive());
    far.asked = Some(AskedClock::Now);
    assert_error!(
        far.refuses(&late.archive()).late(),
        JudgementError::Repository(RepositoryError::Remembered { source: TufError::Expired { .. }, .. })
    );
}

#[test]
fn late_and_refused_for_something_else() {
    let (_, late, far) = overtaken(|_| ());
    far.pin("other", &sample());
    assert_error!(far.refuses(&late.archive()).judgement(), JudgementError::NoMap { .. });
    far.map(
        r#"{ "repositories": { "demo": [], "other": [] },
        "mapping": [{ "paths": ["*"], "repositories": ["demo", "other"], "threshold": 2, "terminating": true }] }"#,
    );
    assert_error!(far.refuses(&late.archive()).repository(), RepositoryError::NotCarried { .. });
}

/// A release of the bundle that has another image under the name of the component, for which nobody speaks by its own name.
fn next_bundle(sample: &mut Sample) {
    let content = b"<h1>The shop is mended</h1>\n";
    let web = multi_platform_image(&mut sample.blobs, "srv/index.html", content, &["amd64", "arm64"]).unwrap();
    let image = |component: Option<&str>, reference: &str, descriptor: &Value| BundleImage {
        component: component.map(str::to_owned),
        reference: reference.to_owned(),
        descriptor: descriptor.clone(),
    };
    let images = [image(None, INSTALLER, &sample.references[1].1), image(Some("web"), WEB, &web)];
    let json = bundle_json("shop", "2.0.0", &images);
    let index = store_bundle(&mut sample.blobs, json.clone(), &images);
    let name = "example.com/demo/shop:2.0.0";
    sample.release(name, "bundle.json", &Digest::sha256(&json), json.len() as u64);
    sample.references[0] = (name.to_owned(), index);
    sample.references[WEB_PLACE].1 = web;
}

#[test]
fn late_with_an_image_that_only_an_older_bundle_vouches_for() {
    let mut sample = sample();
    for name in [INSTALLER, WEB] {
        sample.repository.released.remove(name);
    }
    let mut far = FarSide::trusting(&sample, hours(3));
    far.policy("minimum_level = \"1b\"\n");
    let first = Consignment::of(&sample, hours(1)).archive();
    far.accepts(&first);
    next_bundle(&mut sample);
    publish(&mut sample);
    far.accepts(&Consignment::of(&sample, hours(2)).archive());
    // Both bundles are still vouched for, and state another image each. The tag does not go back.
    let tags = far.tags();
    let Refused::Import(ImportError::Tag(error)) = far.refuses(&first) else { panic!("refused for another reason") };
    assert_error!(error, TagError::Older { tag, .. } if tag.contains(WEB));
    assert_eq!(far.tags(), tags);
    far.replace = vec![WEB.parse().unwrap()];
    let delivered = far.accepts(&first);
    assert_eq!(delivered.replaced.len(), 1);
    assert_ne!(far.tags()[WEB], tags[WEB]);
}

#[test]
fn late_with_a_part_of_an_image_that_is_there_whole() {
    let sample = sample();
    for sparse in [Sparse::Try, Sparse::Rebuild] {
        let mut crossing = Crossing::of(&sample, hours(1));
        let platforms = Platforms::Only(vec!["linux/amd64".parse().unwrap()]);
        let part = crossing.export(&ExportRequest { platforms, ..crossing.image_request(WEB) }).unwrap();
        crossing.wait(SignedDuration::from_hours(1));
        let whole = crossing.export(&crossing.image_request(WEB)).unwrap();
        crossing.far.sparse = sparse;
        crossing.far.accepts(&whole);
        let tags = crossing.far.tags();
        crossing.far.accepts(&part);
        assert_eq!(crossing.far.tags(), tags, "{sparse:?}");
    }
}

#[test]
fn late_with_newer_metadata_for_the_mirror() {
    let limits = Limits::default();
    let (mut sample, _, far) = overtaken(|_| ());
    let mirror = tempfile::tempdir().unwrap();
    let timestamp = || fs::read(mirror.path().join("demo/metadata/timestamp.json")).unwrap();
    far.accepts(&Consignment::of(&sample, hours(2)).archive()).publish_mirrors(mirror.path(), &limits).unwrap();
    let accepted = timestamp();
    // With the keys of timestamp and snapshot: the targets of the first release again.
    let repository = &mut sample.repository;
    (repository.timestamp.version, repository.snapshot.version) = (3, 3);
    (repository.targets.version, repository.releases.version) = (1, 1);
    let back = Consignment::of(&sample, hours(1));
    far.accepts(&back.archive()).publish_mirrors(mirror.path(), &limits).unwrap();
    assert!(timestamp() == accepted, "the mirror has what was not accepted");
    assert!(!mirror.path().join("demo/metadata/3.snapshot.json").exists());
}

#[test]
fn a_mirror_gets_the_timestamp_that_was_accepted_and_no_other_of_its_version() {
    for exported in [1, 2, 3] {
        let (sample, _, far) = overtaken(|_| ());
        let mut again = Consignment::of(&sample, hours(exported));
        Forger::new(&sample, again.tuf()).edit("timestamp", |signed| {
            signed["note"] = "another one".into();
        });
        let mirror = tempfile::tempdir().unwrap();
        let accepted = far.store().state(&"demo".parse().unwrap()).unwrap().metadata["timestamp"].clone();
        far.accepts(&again.archive()).publish_mirrors(mirror.path(), &Limits::default()).unwrap();
        assert!(fs::read(mirror.path().join("demo/metadata/timestamp.json")).unwrap() == accepted, "{exported}");
    }
}

#[test]
fn an_export_time_that_is_moved_back_gains_nothing_where_a_later_export_was_accepted() {
    let (sample, _, far) = overtaken(|sample| sample.release(BUNDLE, "bundle.json", &Digest::sha256(b"next"), 4));
    // Whatever time it states, what was accepted decides.
    for exported in [0, 1] {
        let mut lying = Consignment::of(&self::sample(), hours(exported));
        *lying.tuf() = Consignment::of(&sample, hours(exported)).tuf().clone();
        assert_error!(far.refuses(&lying.archive()).late(), JudgementError::Binding { .. });
    }
}
