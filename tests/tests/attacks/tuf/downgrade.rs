//! Downgrade: leaving out what proves something, so that it looks as if nobody had ever signed it.

use sealift_archive_format::inventory::TargetRecord;
use sealift_core::trust::{JudgementError, RepositoryError};
use sealift_proof::tuf::TufError;
use sealift_sample_publisher::bundle::store_bundle;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Forger, REPOSITORY};
use serde_json::json;

use super::arbitrary_software::{bundle_json, images};
use super::*;

const HIGHEST: &str = "minimum_level = \"4\"\n";

#[test]
fn downgrade_by_leaving_the_repository_out() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    // Even a far side that accepts unsigned bundles: a name that a repository speaks for is not unsigned.
    far.policy("minimum_level = \"0\"\n");
    let mut consignment = consignment(&sample);
    consignment.repositories.clear();
    let error = far.refuses(&consignment.archive()).repository();
    assert_error!(error, RepositoryError::NotCarried { name, .. } if name.as_str() == REPOSITORY);
}

#[test]
fn downgrade_by_dropping_the_target_without_the_keys() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let path = "metadata/1.targets%2Freleases.json";
    let mut releases = sealift_tests::malicious_exporter::signed(&consignment.tuf()[path]);
    releases["targets"].as_object_mut().unwrap().remove(BUNDLE);
    let bytes = sealift_sample_publisher::keys::sign(&releases, &[]);
    consignment.tuf().insert(path.to_owned(), bytes);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Mismatch { role, .. } if role.as_str() == "targets/releases");
}

#[test]
fn downgrade_by_dropping_the_target_with_the_keys_of_the_online_role() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.policy(HIGHEST);
    let mut consignment = consignment(&sample);
    Forger::new(&sample, consignment.tuf()).edit("targets/releases", |signed| {
        signed["targets"].as_object_mut().unwrap().remove(BUNDLE);
    });
    let error = far.refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::Level { reference, level, .. }
        if reference == BUNDLE && level.to_string() == "1a");
}

#[test]
fn downgrade_by_dropping_the_in_toto_listing_with_the_keys_of_the_online_role() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    far.policy(HIGHEST);
    let mut consignment = consignment(&sample);
    Forger::new(&sample, consignment.tuf()).edit("targets/releases", |signed| {
        signed["targets"][BUNDLE]["custom"] = json!({});
    });
    let error = far.refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::Level { reference, level, .. }
        if reference == BUNDLE && level.to_string() == "3a");
}

#[test]
fn downgrade_by_vouching_for_a_bundle_with_the_target_of_another_name() {
    let sample = sample();
    for target in ["example.com/demo/nobody:1", WEB] {
        let mut consignment = consignment(&sample);
        consignment.bundles[0].target = Some(TargetRecord { name: target.to_owned() });
        let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
        assert_error!(error, JudgementError::OtherTarget { reference, target: found }
            if reference == BUNDLE && found == target);
    }
}

#[test]
fn downgrade_by_giving_a_released_bundle_the_name_of_another_version() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    consignment.bundles[0].reference = "example.com/demo/shop:9.9.9".to_owned();
    consignment.bundles[0].target = Some(TargetRecord { name: BUNDLE.to_owned() });
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).judgement();
    assert_error!(error, JudgementError::OtherTarget { reference, .. } if reference == "example.com/demo/shop:9.9.9");
}

#[test]
fn downgrade_by_another_spelling_of_a_name_that_is_signed() {
    let mut sample = sample();
    let mut changed = bundle_json(&sample);
    changed["description"] = "Not what was released".into();
    let images = images(&sample);
    sample.references[0].1 = store_bundle(&mut sample.blobs, changed.to_string().into_bytes(), &images);
    let digest = sample.references[0].1["digest"].as_str().unwrap();
    // Images alone are signed: level 1a, which this policy accepts for names that nobody speaks for.
    sample.references[0].0 = format!("{BUNDLE}@{digest}");
    let far = FarSide::trusting(&sample, hours(2));
    far.policy("minimum_level = \"1\"\n");
    let error = far.refuses(&consignment(&sample).archive()).judgement();
    assert_error!(error, JudgementError::Binding { target, .. } if target == BUNDLE);
}
