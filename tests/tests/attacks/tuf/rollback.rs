//! Rollback: metadata that is older than what this side has accepted.

use std::collections::BTreeMap;

use sealift_archive_format::Digest;
use sealift_core::trust::JudgementError;
use sealift_proof::freshness::FreshnessError;
use sealift_proof::tuf::{TrustedState, TufError};
use sealift_sample_publisher::tuf_repository::Role;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::Forger;

use super::*;

/// A far side that has accepted version 3 of everything.
fn far_side_at_version_3(sample: &mut Sample) -> FarSide {
    let all = |sample: &mut Sample, version: u64| {
        let repository = &mut sample.repository;
        for role in roles(repository) {
            role.version = version;
        }
    };
    all(sample, 3);
    let far = FarSide::trusting(sample, hours(2));
    far.accepts(&consignment(sample).archive());
    far
}

fn roles(repository: &mut sealift_sample_publisher::tuf_repository::TufRepository) -> [&mut Role; 4] {
    [&mut repository.timestamp, &mut repository.snapshot, &mut repository.targets, &mut repository.releases]
}

/// Which role goes back to version 2, while those above it go on; who says so.
fn refused_as_rollback(place: usize, role: &str, listed_by: &str) {
    let mut sample = sample();
    let far = far_side_at_version_3(&mut sample);
    for (other, role) in roles(&mut sample.repository).into_iter().enumerate() {
        role.version = if other == place { 2 } else { 4 };
    }
    let error = far.refuses(&packed_at(&sample, 1).archive()).tuf();
    assert_error!(error, TufError::Rollback { role: found, listed_by: by, trusted: 3, found: 2 }
        if found.as_str() == role && by.as_str() == listed_by);
}

#[test]
fn rollback_of_the_timestamp() {
    refused_as_rollback(0, "timestamp", "timestamp");
}

#[test]
fn rollback_of_the_snapshot() {
    refused_as_rollback(1, "snapshot", "timestamp");
}

#[test]
fn rollback_of_the_targets() {
    refused_as_rollback(2, "targets", "snapshot");
}

#[test]
fn rollback_of_a_delegated_role() {
    refused_as_rollback(3, "targets/releases", "snapshot");
}

#[test]
fn rollback_by_removing_a_role_from_the_snapshot() {
    let mut sample = sample();
    let far = far_side_at_version_3(&mut sample);
    for role in roles(&mut sample.repository) {
        role.version = 4;
    }
    let mut consignment = packed_at(&sample, 1);
    Forger::new(&sample, consignment.tuf()).edit("snapshot", |signed| {
        signed["meta"].as_object_mut().unwrap().remove("targets/releases.json");
    });
    let error = far.refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Removed(path) if path == "targets/releases.json");
}

#[test]
fn rollback_of_the_root_by_withholding_the_newer_ones() {
    let mut sample = sample();
    let old = consignment(&sample).tuf().clone();
    // The publisher finds that the timestamp's key has leaked, and rotates it: root version 3.
    sample.repository.renew_root();
    sample.repository.timestamp.keys = vec![sealift_proof::signature::SigningKey::generate().unwrap()];
    published_again(&mut sample, "timestamp", 1);
    let far = FarSide::trusting(&sample, hours(2));
    far.accepts(&consignment(&sample).archive());
    // Whoever has the leaked key delivers the old repository, without the root that rotated it.
    let mut consignment = packed_at(&sample, 1);
    *consignment.tuf() = old;
    let error = far.refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Signatures { role, delegator_version: 3, .. } if role.as_str() == "timestamp");
}

#[test]
fn rollback_by_an_archive_that_was_exported_before_the_last_accepted_one() {
    let mut sample = sample();
    let far = FarSide::trusting(&sample, hours(3));
    let older = packed_at(&sample, 1).archive();
    published_again(&mut sample, "targets/releases", 1);
    sample.release(BUNDLE, "bundle.json", &Digest::sha256(b"the next build"), 14);
    far.accepts(&Consignment::of_image(&sample, 1, hours(2)).archive());
    let error = far.refuses(&older).judgement();
    assert_error!(error, JudgementError::Late { exported_at, later_export, .. }
        if exported_at == hours(1) && later_export == hours(2));
}

#[test]
fn a_clock_behind_the_last_accepted_export_cannot_tell_a_replay_and_is_said_to_be_wrong() {
    let sample = sample();
    let mut far = FarSide::trusting(&sample, hours(10));
    far.accepts(&packed_at(&sample, 10).archive());
    far.now = hours(9);
    for exported in [8, 11] {
        let error = far.refuses(&packed_at(&sample, exported).archive()).freshness();
        assert_error!(error, FreshnessError::ClockBehindLastAccepted { now, floor }
            if now == hours(9) && floor == hours(10));
    }
}

#[test]
fn rollback_behind_the_last_accepted_export_of_any_repository_that_came_along() {
    let (demo, other) = (sample(), sample());
    let far = FarSide::trusting(&demo, hours(10));
    far.pin("other", &other);
    far.map(
        r#"{ "repositories": { "demo": [], "other": [] },
        "mapping": [{ "paths": ["*"], "repositories": ["demo"], "threshold": 1, "terminating": true }] }"#,
    );
    let alone = |after: i64| packed_at(&demo, after);
    let both = |after: i64| {
        let mut consignment = alone(after);
        let mut files = other.repository.files();
        files.retain(|path, _| path.starts_with("metadata/"));
        consignment.repositories.insert("other".to_owned(), files);
        consignment
    };
    // What nobody vouches for shows that the archive is late.
    far.policy("minimum_level = \"0\"\n");
    let refused_for = |consignment: Consignment, repository: &str, last: i64| {
        let unvouched = [("elsewhere.example/web:1", &demo.references[2].1)];
        let repositories = consignment.repositories.into_iter().map(|(name, mut files)| {
            files.retain(|path, _| path.starts_with("metadata/"));
            (name, files)
        });
        let mut consignment = Consignment {
            repositories: repositories.collect(),
            ..Consignment::of_images(&demo, &unvouched, consignment.exported_at)
        };
        consignment.images[0].platforms.push("linux/arm64".to_owned());
        let error = far.refuses(&consignment.archive()).judgement();
        assert_error!(error, JudgementError::Late { repository: name, later_export, .. }
            if name.as_str() == repository && later_export == hours(last));
    };
    far.accepts(&both(2).archive());
    far.accepts(&alone(5).archive());
    refused_for(both(4), "demo", 5);
    // The other way round: each floor is its own repository's.
    let name = "other".parse().unwrap();
    let later = TrustedState { last_export: Some(hours(8)), ..far.store().state(&name).unwrap() };
    far.store().update().unwrap().commit(&BTreeMap::from([(name, later)])).unwrap();
    refused_for(both(7), "other", 8);
    far.accepts(&alone(7).archive());
    far.accepts(&both(9).archive());
}
