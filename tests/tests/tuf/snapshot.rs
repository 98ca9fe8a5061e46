//! §5.5: the snapshot.

use sealift_proof::tuf::{Limits, MismatchError, ProviderError, TrustedState, TufError, advance};
use sealift_tests::tuf_repository::{Delegated, TufRepository, now};
use serde_json::json;

#[test]
fn rule_5_5_1_the_snapshot_is_there() {
    let mut repository = TufRepository::new();
    repository.files.remove("1.snapshot.json");
    assert_refused!(repository.first_update(), TufError::Missing { file_name, .. } if file_name == "1.snapshot.json");
}

#[test]
fn rule_5_5_1_no_more_is_read_than_the_timestamp_states_or_the_limit_allows() {
    let mut repository = TufRepository::new();
    repository.describes_files = true;
    repository.publish(&["snapshot", "timestamp"]);
    repository.file("snapshot").push(b' ');
    assert_refused!(repository.first_update(), TufError::Provider(ProviderError::TooLong { .. }));
    repository.role("timestamp")["meta"]["snapshot.json"]["length"] = json!(1_u64 << 60);
    repository.publish(&["timestamp"]);
    assert_refused!(repository.first_update(), TufError::Provider(ProviderError::TooLong { .. }));
}

#[test]
fn rule_5_5_2_the_snapshot_is_the_file_that_the_timestamp_describes() {
    let mut repository = TufRepository::new();
    repository.describes_files = true;
    repository.publish(&["snapshot", "timestamp"]);
    assert!(repository.first_update().is_ok());
    repository.role("timestamp")["meta"]["snapshot.json"]["hashes"]["sha256"] = json!("0".repeat(64));
    repository.publish(&["timestamp"]);
    let result = repository.first_update();
    assert_refused!(result, TufError::Mismatch { source: MismatchError::Hash(_), .. });
    repository.role("timestamp")["meta"]["snapshot.json"]["hashes"] = json!({"md5": "00"});
    repository.publish(&["timestamp"]);
    let result = repository.first_update();
    assert_refused!(result, TufError::Mismatch { source: MismatchError::NoKnownHash, .. });
}

#[test]
fn rule_5_5_2_a_shorter_file_than_stated_is_refused() {
    let mut repository = TufRepository::new();
    let length = repository.file("snapshot").len() + 1;
    repository.role("timestamp")["meta"]["snapshot.json"] = json!({"version": 1, "length": length});
    repository.publish(&["timestamp"]);
    let result = repository.first_update();
    assert_refused!(result, TufError::Mismatch { source: MismatchError::Length { .. }, .. });
}

#[test]
fn rule_5_5_3_the_snapshot_is_signed_by_the_keys_of_the_root() {
    let mut repository = TufRepository::new();
    let timestamp_signers = repository.signers["timestamp"].clone();
    repository.signers.insert("snapshot".to_owned(), timestamp_signers);
    repository.publish(&["snapshot", "timestamp"]);
    assert_refused!(repository.first_update(), TufError::Signatures { role, .. } if role.as_str() == "snapshot");
}

#[test]
fn rule_5_5_4_the_snapshot_has_the_version_that_the_timestamp_lists() {
    let mut repository = TufRepository::new();
    let first = repository.file("snapshot").clone();
    repository.publish(&["snapshot", "timestamp"]);
    *repository.file("snapshot") = first;
    assert_refused!(repository.first_update(), TufError::Version { expected: 2, found: 1, .. });
}

#[test]
fn rule_5_5_5_no_listed_version_goes_back() {
    let mut repository = TufRepository::new();
    repository.delegate("targets", Delegated::paths("project", &["*"]));
    repository.publish_everything();
    repository.publish(&["project"]);
    repository.publish_targets();
    let state = repository.accepted();
    for role in ["targets", "project"] {
        let mut attacked = repository.clone();
        let version = attacked.version(role) - 1;
        attacked.role("snapshot")["meta"][format!("{role}.json")]["version"] = json!(version);
        attacked.publish(&["snapshot", "timestamp"]);
        let result = attacked.update(&state);
        assert_refused!(result, TufError::Rollback { role: found, .. } if found.as_str() == role);
    }
}

#[test]
fn rule_5_5_5_what_was_listed_stays_listed() {
    let mut repository = TufRepository::new();
    repository.delegate("targets", Delegated::paths("project", &["*"]));
    repository.publish_everything();
    let state = repository.accepted();
    repository.role("snapshot")["meta"].as_object_mut().unwrap().remove("project.json");
    repository.publish(&["snapshot", "timestamp"]);
    assert_refused!(repository.update(&state), TufError::Removed(path) if path == "project.json");
    assert!(repository.first_update().is_ok(), "a client that has never seen it does not miss it");
}

#[test]
fn rule_5_5_5_holds_although_the_hash_of_the_remembered_snapshot_is_no_longer_listed() {
    let mut repository = TufRepository::new();
    repository.describes_files = true;
    repository.publish_targets();
    let state = repository.accepted();
    repository.role("targets")["version"] = json!(0);
    repository.publish_targets();
    assert_refused!(repository.update(&state), TufError::Rollback { role, .. } if role.as_str() == "targets");
}

#[test]
fn rule_5_5_6_the_snapshot_has_not_expired() {
    let mut repository = TufRepository::new();
    repository.role("snapshot")["expires"] = json!("2026-01-15T00:00:00Z");
    repository.publish(&["snapshot", "timestamp"]);
    let (pinned, mut state) = (repository.pinned_root(), TrustedState::default());
    let result = advance(&pinned, &mut state, &mut repository, now(), &Limits::default());
    assert_refused!(result, TufError::Expired { role, .. } if role.as_str() == "snapshot");
    assert!(state.metadata.contains_key("timestamp") && !state.metadata.contains_key("snapshot"));
}

#[test]
fn a_remembered_snapshot_is_not_asked_for_again_while_the_timestamp_describes_it() {
    let mut repository = TufRepository::new();
    let state = repository.accepted();
    repository.publish(&["timestamp"]);
    repository.requests.clear();
    repository.update(&state).unwrap();
    assert_eq!(repository.requests, ["2.root.json", "timestamp.json"]);
}

#[test]
fn mix_and_match_of_two_snapshots_is_refused() {
    // Old, validly signed targets beside a new snapshot: each file is genuine, the combination never existed.
    let mut repository = TufRepository::new();
    repository.publish_targets();
    let old_targets = repository.file("targets").clone();
    repository.publish_targets();
    *repository.file("targets") = old_targets;
    assert_refused!(repository.first_update(), TufError::Version { expected: 3, found: 2, .. });
}
