//! §5.2 and §5.3: from the pinned root to the newest one.

use sealift_core::trust_store::{RepositoryName, TrustStore};
use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::{Limits, ProviderError, TrustedState, TufError, advance, update};
use sealift_tests::tuf_repository::{Delegated, TufRepository, now};
use serde_json::json;

fn root_version(repository: &mut TufRepository) -> Result<u64, TufError> {
    Ok(repository.first_update()?.roles()[0].version)
}

#[test]
fn rule_5_2_the_pinned_root_is_a_root_signed_by_its_own_keys() {
    let mut repository = TufRepository::new();
    let stranger = repository.new_key();
    repository.signers.insert("root".to_owned(), vec![stranger]);
    let unsigned = repository.sign("root", &repository.signed["root"]);
    for pinned in [unsigned.as_slice(), b"", b"{}", b"[1]"] {
        let result = update(pinned, &TrustedState::default(), &mut repository, now(), &Limits::default());
        assert_refused!(result, TufError::TrustedRoot { .. });
    }
    assert!(repository.requests.is_empty(), "nothing is asked for before the pinned root is found good");
}

#[test]
fn rule_5_3_3_every_next_version_is_asked_for_until_one_is_not_there() {
    let mut repository = TufRepository::new();
    for _ in 0..3 {
        repository.rotate_keys("root");
        repository.publish(&["root"]);
    }
    assert_eq!(root_version(&mut repository).unwrap(), 4);
    assert_eq!(repository.requests[..4], ["2.root.json", "3.root.json", "4.root.json", "5.root.json"]);
}

#[test]
fn rule_5_3_3_the_chain_and_its_links_have_limits() {
    let mut repository = TufRepository::new();
    for _ in 0..3 {
        repository.publish(&["root"]);
    }
    let pinned = repository.pinned_root();
    let mut refresh = |limits: Limits, state: &mut TrustedState| {
        advance(&pinned, state, &mut repository, now(), &limits).map(|found| found.roles()[0].version)
    };
    let short = Limits { root_versions: 2, ..Limits::default() };
    let mut state = TrustedState::default();
    assert_refused!(refresh(short, &mut state), TufError::TooManyRoots { limit: 2 });
    assert_eq!(refresh(short, &mut state).unwrap(), 4, "the next update goes on where this one stopped");
    let narrow = Limits { root_length: 100, ..Limits::default() };
    assert_refused!(refresh(narrow, &mut TrustedState::default()), TufError::Provider(ProviderError::TooLong { .. }));
}

#[test]
fn rule_5_3_3_the_greatest_version_has_no_successor_and_is_not_its_own() {
    let mut repository = TufRepository::new();
    repository.role("root")["version"] = json!(u64::MAX);
    repository.publish_as_it_is("root");
    let pinned = repository.file("root").clone();
    let found = update(&pinned, &TrustedState::default(), &mut repository, now(), &Limits::default()).unwrap();
    assert_eq!(found.roles()[0].version, u64::MAX);
    assert_refused!(RootChain::begin(&pinned).unwrap().accept(&pinned), TufError::Version { .. });
}

#[test]
fn rule_5_3_4_the_next_root_is_signed_by_the_keys_of_the_last() {
    let mut repository = TufRepository::new();
    repository.rotate_keys("root");
    repository.signers.get_mut("root").unwrap().truncate(1);
    repository.publish(&["root"]);
    assert_refused!(root_version(&mut repository), TufError::Signatures { delegator_version: 1, .. });
}

#[test]
fn rule_5_3_4_the_next_root_is_signed_by_its_own_keys() {
    let mut repository = TufRepository::new();
    repository.rotate_keys("root");
    repository.signers.get_mut("root").unwrap().remove(0);
    repository.publish(&["root"]);
    assert_refused!(root_version(&mut repository), TufError::Signatures { delegator_version: 2, .. });
}

#[test]
fn rule_5_3_4_a_key_id_stands_in_each_root_for_the_key_that_this_root_declares() {
    for signs in ["the key of root 1", "the key of root 2"] {
        let mut repository = TufRepository::new();
        let first = repository.signers["root"][0].clone();
        let second = repository.new_key().called(&first.id);
        repository.role("root")["keys"][&first.id] = second.object.clone();
        let (signer, refusing) = if signs == "the key of root 1" { (first, 2) } else { (second, 1) };
        repository.signers.insert("root".to_owned(), vec![signer]);
        repository.publish(&["root"]);
        assert_refused!(
            root_version(&mut repository),
            TufError::Signatures { delegator_version, .. } if delegator_version == refusing
        );
    }
}

#[test]
fn rule_5_3_4_both_thresholds_are_met() {
    let mut repository = TufRepository::new();
    repository.add_key("root");
    repository.add_key("root");
    repository.set_threshold("root", 2);
    repository.publish(&["root"]);
    // Three keys of version 2; version 3 is signed by one of them and two new ones.
    let old = repository.signers["root"].clone();
    repository.role("root")["roles"]["root"]["keyids"] = json!([]);
    repository.signers.insert("root".to_owned(), Vec::new());
    repository.add_key("root");
    repository.add_key("root");
    repository.signers.get_mut("root").unwrap().push(old[0].clone());
    repository.publish(&["root"]);
    assert_refused!(root_version(&mut repository), TufError::Signatures { source, .. } if source.valid.len() == 1);
    repository.signers.get_mut("root").unwrap().push(old[2].clone());
    repository.publish_as_it_is("root");
    assert_eq!(root_version(&mut repository).unwrap(), 3);
}

#[test]
fn rule_5_3_5_the_next_root_has_exactly_the_next_version() {
    for wrong in [1, 3, 7] {
        let mut repository = TufRepository::new();
        repository.role("root")["version"] = json!(wrong);
        let bytes = repository.sign("root", &repository.signed["root"]);
        repository.files.insert("2.root.json".to_owned(), bytes);
        assert_refused!(root_version(&mut repository), TufError::Version { expected: 2, found, .. } if found == wrong);
    }
}

#[test]
fn rule_5_3_6_an_expired_root_in_the_middle_does_not_matter() {
    let mut repository = TufRepository::new();
    repository.role("root")["expires"] = json!("2020-01-01T00:00:00Z");
    repository.publish(&["root"]);
    repository.role("root")["expires"] = json!("2030-01-01T00:00:00Z");
    repository.publish(&["root"]);
    assert_eq!(root_version(&mut repository).unwrap(), 3);
}

#[test]
fn rule_5_3_8_accepted_roots_are_kept_when_a_later_step_fails() {
    let mut repository = TufRepository::new();
    repository.publish(&["root"]);
    let second = repository.file("root").clone();
    repository.rotate_keys("root");
    repository.signers.get_mut("root").unwrap().truncate(1);
    repository.publish(&["root"]);
    let (pinned, mut state) = (repository.pinned_root(), TrustedState::default());
    let result = advance(&pinned, &mut state, &mut repository, now(), &Limits::default());
    assert_refused!(result, TufError::Signatures { .. });
    assert_eq!(state.metadata["root"], second);
}

#[test]
fn rule_5_3_10_the_newest_root_has_not_expired() {
    let mut repository = TufRepository::new();
    repository.role("root")["expires"] = json!("2026-01-15T00:00:00Z");
    repository.publish(&["root"]);
    assert_refused!(root_version(&mut repository), TufError::Expired { version: 2, .. });
    repository.role("root")["expires"] = json!("2026-01-15T00:00:01Z");
    repository.publish(&["root"]);
    assert_eq!(root_version(&mut repository).unwrap(), 3);
}

#[test]
fn rule_5_3_11_rotated_timestamp_or_snapshot_keys_make_both_be_forgotten() {
    for rotated in ["timestamp", "snapshot"] {
        let mut repository = TufRepository::new();
        for _ in 0..9 {
            repository.publish_targets();
        }
        let state = repository.accepted();
        repository.rotate_keys(rotated);
        for role in ["targets", "snapshot", "timestamp"] {
            repository.role(role)["version"] = json!(0);
        }
        repository.publish(&["root", "targets", "snapshot", "timestamp"]);
        let versions: Vec<_> = repository.update(&state).unwrap().roles().iter().map(|role| role.version).collect();
        assert_eq!(versions, [2, 1, 1, 1], "after the {rotated} key was rotated");
    }
}

#[test]
fn rule_5_3_11_a_delegated_role_that_was_pushed_ahead_is_forgotten_too() {
    let folder = tempfile::tempdir().unwrap();
    let (store, name) = (TrustStore::at(folder.path()), "main".parse::<RepositoryName>().unwrap());
    let mut repository = TufRepository::new();
    repository.delegate("targets", Delegated::paths("releases", &["*"]));
    repository.add_target("releases", "shop", b"shop");
    repository.publish_everything();
    store.begin().unwrap().pin_root(&name, &repository.pinned_root(), None).unwrap();
    let accept = |repository: &mut TufRepository, targets: &[&str]| {
        let mut trusted = repository.update(&store.state(&name).unwrap()).unwrap();
        for target in targets {
            trusted.resolve(repository, target).unwrap().unwrap();
        }
        let state = [(name.clone(), trusted.into_state(None))].into();
        store.update().unwrap().commit(&state).unwrap();
    };
    repository.role("releases")["version"] = json!(1_000_000);
    repository.publish(&["releases", "snapshot", "timestamp"]);
    accept(&mut repository, &["shop"]);
    repository.rotate_keys("timestamp");
    repository.rotate_keys("snapshot");
    repository.role("releases")["version"] = json!(1);
    repository.publish(&["root", "releases", "targets", "snapshot", "timestamp"]);
    // The first delivery after the recovery has nothing of that role; later ones do.
    accept(&mut repository, &[]);
    accept(&mut repository, &["shop"]);
    assert_eq!(store.versions(&name).unwrap()["releases"], 2);
}

#[test]
fn rule_5_3_11_a_key_that_is_added_lets_nothing_be_forgotten() {
    let mut repository = TufRepository::new();
    repository.publish(&["timestamp"]);
    let state = repository.accepted();
    repository.add_key("timestamp");
    repository.role("timestamp")["version"] = json!(0);
    repository.publish(&["root", "timestamp"]);
    assert_refused!(repository.update(&state), TufError::Rollback { trusted: 2, found: 1, .. });
}

#[test]
fn rule_5_3_11_a_key_that_is_rotated_away_and_back_still_counts_as_rotated() {
    let mut repository = TufRepository::new();
    repository.publish(&["timestamp"]);
    let state = repository.accepted();
    let (keyids, signers) = (repository.role("root")["roles"]["timestamp"].clone(), repository.signers.clone());
    repository.rotate_keys("timestamp");
    repository.publish(&["root"]);
    repository.role("root")["roles"]["timestamp"] = keyids;
    repository.signers = signers;
    repository.role("timestamp")["version"] = json!(0);
    repository.publish(&["root", "timestamp"]);
    assert_eq!(repository.update(&state).unwrap().roles()[1].version, 1);
}

#[test]
fn rule_5_3_12_file_names_carry_versions_only_where_snapshots_are_consistent() {
    let mut repository = TufRepository::new();
    repository.first_update().unwrap();
    assert_eq!(repository.requests, ["2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]);
    repository.requests.clear();
    repository.role("root")["consistent_snapshot"] = json!(false);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    repository.first_update().unwrap();
    let expected = ["2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json"];
    assert_eq!(repository.requests, expected);
    repository.role("root").as_object_mut().unwrap().remove("consistent_snapshot");
    repository.publish(&["root"]);
    assert!(!repository.first_update().unwrap().has_consistent_snapshots());
}

#[test]
fn a_remembered_root_is_where_the_next_update_begins() {
    let mut repository = TufRepository::new();
    repository.publish(&["root"]);
    let state = repository.accepted();
    repository.requests.clear();
    repository.update(&state).unwrap();
    assert_eq!(repository.requests[0], "3.root.json");
}

#[test]
fn a_pin_newer_than_the_remembered_root_is_where_the_next_update_begins() {
    let mut repository = TufRepository::new();
    let state = repository.accepted();
    repository.publish(&["root"]);
    let pinned = repository.file("root").clone();
    repository.requests.clear();
    update(&pinned, &state, &mut repository, now(), &Limits::default()).unwrap();
    assert_eq!(repository.requests[0], "3.root.json");
}

#[test]
fn rule_5_3_11_a_newer_pin_with_rotated_keys_makes_history_be_forgotten_too() {
    let mut repository = TufRepository::new();
    repository.publish(&["timestamp"]);
    let state = repository.accepted();
    repository.rotate_keys("timestamp");
    repository.role("timestamp")["version"] = json!(0);
    repository.publish(&["root", "timestamp"]);
    let pinned = repository.file("root").clone();
    let updated = update(&pinned, &state, &mut repository, now(), &Limits::default()).unwrap();
    assert_eq!(updated.roles()[1].version, 1);
}

#[test]
fn roots_up_to_the_pinned_one_are_neither_asked_for_nor_trusted() {
    let mut repository = TufRepository::new();
    repository.publish(&["root"]);
    repository.publish(&["root"]);
    let pinned = repository.file("root").clone();
    repository.files.insert("1.root.json".to_owned(), b"garbage".to_vec());
    repository.files.insert("2.root.json".to_owned(), b"garbage".to_vec());
    let state = TrustedState::default();
    let updated = update(&pinned, &state, &mut repository, now(), &Limits::default()).unwrap();
    assert_eq!(updated.roles()[0].version, 3);
}

#[test]
fn a_damaged_remembered_root_is_an_error_and_not_a_fresh_start() {
    let mut repository = TufRepository::new();
    let mut state = repository.accepted();
    state.metadata.insert("root".to_owned(), b"{".to_vec());
    assert_refused!(repository.update(&state), TufError::TrustedRoot { .. });
}
