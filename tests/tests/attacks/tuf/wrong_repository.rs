//! Wrong mirror: genuine metadata of another repository, or of one that the attacker made, in the place of the right one.

use std::path::Path;

use sealift_core::trust::{JudgementError, RepositoryError};
use sealift_core::trust_store::TrustStoreError;
use sealift_proof::tuf::TufError;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::REPOSITORY;

use super::*;

const MAP: &str = r#"{
  "repositories": { "demo": [], "other": [] },
  "mapping": [
    { "paths": ["example.com/*/*"], "repositories": ["demo"], "threshold": 1, "terminating": true },
    { "paths": ["*"], "repositories": ["other"], "threshold": 1, "terminating": true }
  ]
}"#;

#[test]
fn wrong_mirror_another_repository_under_this_name() {
    let (pinned, other) = (sample(), sample());
    let error = FarSide::trusting(&pinned, hours(2)).refuses(&consignment(&other).archive()).tuf();
    assert_error!(error, TufError::Signatures { role, delegator_version: 1, .. } if role.as_str() == "root");
}

#[test]
fn wrong_mirror_another_repository_without_its_roots() {
    let (pinned, other) = (sample(), sample());
    let mut consignment = consignment(&other);
    consignment.tuf().retain(|path, _| !path.ends_with("root.json"));
    let error = FarSide::trusting(&pinned, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Signatures { role, .. } if role.as_str() == "timestamp");
}

#[test]
fn wrong_mirror_a_repository_that_is_not_pinned_here() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let files = consignment.repositories.remove(REPOSITORY).unwrap();
    consignment.repositories.insert("self-made".to_owned(), files);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).repository();
    assert_error!(error, RepositoryError::NotCarried { name, target, .. }
        if name.as_str() == REPOSITORY && target == BUNDLE);
}

#[test]
fn wrong_mirror_a_repository_that_is_trusted_for_other_names() {
    let (pinned, other) = (sample(), sample());
    let far = FarSide::trusting(&pinned, hours(2));
    far.pin("other", &other);
    far.map(MAP);
    // Everything in it is signed by the other repository, under the name that it is pinned under.
    let mut consignment = consignment(&other);
    let files = consignment.repositories.remove(REPOSITORY).unwrap();
    consignment.repositories.insert("other".to_owned(), files);
    let error = far.refuses(&consignment.archive()).repository();
    assert_error!(error, RepositoryError::NotCarried { name, .. } if name.as_str() == REPOSITORY);
}

#[test]
fn wrong_root_is_pinned() {
    let (publisher, other) = (sample(), sample());
    let far = FarSide::trusting_nobody(hours(2));
    far.pin(REPOSITORY, &other);
    let error = far.refuses(&consignment(&publisher).archive()).tuf();
    assert_error!(error, TufError::Signatures { role, delegator_version: 1, source, .. }
        if role.as_str() == "root" && source.valid.is_empty());
}

#[test]
fn a_root_that_comes_with_the_archive_is_not_the_one_that_counts() {
    let (pinned, other) = (sample(), sample());
    let mut consignment = consignment(&other);
    // The pinned root travels along, and the attacker's own chain goes on from it.
    consignment.tuf().insert("metadata/1.root.json".to_owned(), pinned.repository.past_roots[0].clone());
    let error = FarSide::trusting(&pinned, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Signatures { role, .. } if role.as_str() == "root");
}

#[test]
fn several_repositories_and_nothing_that_says_which_speaks_for_which_names() {
    let (pinned, other) = (sample(), sample());
    let archive = consignment(&pinned).archive();
    let far = FarSide::trusting(&pinned, hours(2));
    far.accepts(&archive);
    for (count, name) in [(2, "a-second"), (3, "third")] {
        far.pin(name, &other);
        assert_error!(far.refuses(&archive).judgement(), JudgementError::NoMap { pinned, .. } if pinned.len() == count);
    }
    far.map(&MAP.replace("\"other\"", "\"third\""));
    far.accepts(&archive);
}

#[test]
fn a_map_that_names_a_repository_that_cannot_be_here() {
    let sample = sample();
    let far = FarSide::trusting(&sample, hours(2));
    let map = MAP.replace("\"demo\"", "\"Demo\"");
    let refused = far.store().begin().unwrap().set_map(Path::new("map.json"), map.as_bytes());
    assert_error!(refused.unwrap_err(), TrustStoreError::Map { .. });
}
