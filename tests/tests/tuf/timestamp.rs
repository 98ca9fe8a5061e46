//! §5.1 and §5.4: the timestamp, and the one instant at which everything is judged.

use sealift_proof::tuf::{Limits, ProviderError, TrustedState, TufError, advance, update};
use sealift_tests::tuf_repository::{TufRepository, now};
use serde_json::json;

#[test]
fn rule_5_1_expiry_is_judged_at_the_time_that_is_given_and_by_no_clock() {
    let mut repository = TufRepository::new();
    let pinned = repository.pinned_root();
    let mut at = |instant: &str| {
        let instant = instant.parse().unwrap();
        update(&pinned, &TrustedState::default(), &mut repository, instant, &Limits::default())
    };
    assert!(at("1990-01-01T00:00:00Z").is_ok());
    assert!(at("2026-05-31T23:59:59Z").is_ok());
    assert_refused!(at("2026-06-01T00:00:00Z"), TufError::Expired { .. });
    assert_refused!(at("2200-01-01T00:00:00Z"), TufError::Expired { .. });
}

#[test]
fn rule_4_2_2_metadata_that_is_never_to_expire_is_read_and_a_day_that_does_not_exist_is_not() {
    let mut repository = TufRepository::new();
    for role in ["root", "timestamp", "snapshot", "targets"] {
        repository.role(role)["expires"] = json!("9999-12-31T23:59:59Z");
        repository.publish(&[role]);
    }
    repository.publish(&["snapshot", "timestamp"]);
    repository.first_update().unwrap();
    for expires in ["9999-02-30T00:00:00Z", "9999-13-31T00:00:00Z", "2030-01-01T00:00:60Z"] {
        repository.role("timestamp")["expires"] = json!(expires);
        repository.publish(&["timestamp"]);
        assert_refused!(repository.first_update(), TufError::Malformed { role, .. } if role.as_str() == "timestamp");
    }
}

#[test]
fn rule_5_4_1_the_timestamp_is_there_and_has_a_limit() {
    let mut repository = TufRepository::new();
    repository.files.get_mut("timestamp.json").unwrap().extend(vec![b' '; 70_000]);
    assert_refused!(repository.first_update(), TufError::Provider(ProviderError::TooLong { .. }));
    repository.files.remove("timestamp.json");
    assert_refused!(repository.first_update(), TufError::Missing { file_name, .. } if file_name == "timestamp.json");
}

#[test]
fn rule_5_4_2_the_timestamp_is_signed_by_the_keys_of_the_root() {
    let mut repository = TufRepository::new();
    let stranger = repository.new_key();
    repository.signers.insert("timestamp".to_owned(), vec![stranger]);
    repository.publish(&["timestamp"]);
    assert_refused!(repository.first_update(), TufError::Signatures { source, .. } if source.valid.is_empty());
}

#[test]
fn rule_5_4_3_1_the_version_does_not_go_back() {
    let mut repository = TufRepository::new();
    repository.publish(&["timestamp"]);
    let state = repository.accepted();
    repository.role("timestamp")["version"] = json!(1);
    repository.publish_as_it_is("timestamp");
    let result = repository.update(&state);
    assert_refused!(result, TufError::Rollback { role, trusted: 2, found: 1, .. } if role.as_str() == "timestamp");
}

#[test]
fn rule_5_4_3_1_of_two_timestamps_with_one_version_the_remembered_one_stays() {
    let mut repository = TufRepository::new();
    let mut state = repository.accepted();
    let remembered = state.metadata["timestamp"].clone();
    repository.role("timestamp")["meta"]["snapshot.json"]["version"] = json!(100);
    repository.publish_as_it_is("timestamp");
    let pinned = repository.pinned_root();
    advance(&pinned, &mut state, &mut repository, now(), &Limits::default()).unwrap();
    assert_eq!(state.metadata["timestamp"], remembered);
}

#[test]
fn rule_5_4_3_1_a_remembered_timestamp_that_today_s_root_would_refuse_does_not_stay() {
    let mut repository = TufRepository::new();
    let state = repository.accepted();
    repository.add_key("timestamp");
    repository.set_threshold("timestamp", 2);
    repository.publish(&["root"]);
    repository.publish_as_it_is("timestamp");
    assert_eq!(repository.update(&state).unwrap().roles()[1].signed_by.len(), 2);
}

#[test]
fn rule_5_4_3_2_the_listed_snapshot_version_does_not_go_back() {
    let mut repository = TufRepository::new();
    repository.publish(&["snapshot", "timestamp"]);
    let state = repository.accepted();
    repository.role("timestamp")["meta"]["snapshot.json"]["version"] = json!(1);
    repository.publish(&["timestamp"]);
    let result = repository.update(&state);
    assert_refused!(result, TufError::Rollback { role, trusted: 2, found: 1, .. } if role.as_str() == "snapshot");
}

#[test]
fn rule_5_4_4_the_timestamp_has_not_expired() {
    let mut repository = TufRepository::new();
    repository.role("timestamp")["expires"] = json!("2026-01-15T00:00:00Z");
    repository.publish(&["timestamp"]);
    let (pinned, mut state) = (repository.pinned_root(), TrustedState::default());
    let result = advance(&pinned, &mut state, &mut repository, now(), &Limits::default());
    assert_refused!(result, TufError::Expired { role, .. } if role.as_str() == "timestamp");
    assert!(!state.metadata.contains_key("timestamp"), "what has expired is not remembered");
}

#[test]
fn rule_5_4_4_an_expired_timestamp_of_the_remembered_version_is_expired_too() {
    let mut repository = TufRepository::new();
    let state = repository.accepted();
    let (pinned, later) = (repository.pinned_root(), "2027-01-01T00:00:00Z".parse().unwrap());
    repository.role("root")["expires"] = json!("2030-01-01T00:00:00Z");
    repository.publish(&["root"]);
    let result = update(&pinned, &state, &mut repository, later, &Limits::default());
    assert_refused!(result, TufError::Expired { role, .. } if role.as_str() == "timestamp");
}

#[test]
fn an_expired_remembered_timestamp_still_guards_against_rollback() {
    let mut repository = TufRepository::new();
    repository.role("timestamp")["expires"] = json!("2026-01-20T00:00:00Z");
    repository.publish(&["timestamp"]);
    let state = repository.accepted();
    repository.role("timestamp")["expires"] = json!("2026-05-01T00:00:00Z");
    repository.role("timestamp")["version"] = json!(1);
    repository.publish_as_it_is("timestamp");
    let (pinned, later) = (repository.pinned_root(), "2026-02-01T00:00:00Z".parse().unwrap());
    let result = update(&pinned, &state, &mut repository, later, &Limits::default());
    assert_refused!(result, TufError::Rollback { .. });
}

#[test]
fn a_damaged_remembered_timestamp_is_an_error_and_not_a_fresh_start() {
    let mut repository = TufRepository::new();
    let mut state = repository.accepted();
    state.metadata.insert("timestamp".to_owned(), b"{".to_vec());
    assert_refused!(repository.update(&state), TufError::DamagedState { .. });
}
