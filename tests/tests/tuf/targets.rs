//! §5.6.1 to §5.6.6 and §5.7: the top-level targets role, and targets themselves.

use sealift_archive_format::Digest;
use sealift_proof::tuf::{FetchError, Limits, Measured, MismatchError, TrustedState, TufError, advance};
use sealift_tests::tuf_repository::{TufRepository, now};
use serde_json::json;

#[test]
fn rule_5_6_1_the_targets_metadata_is_listed_and_there() {
    let mut repository = TufRepository::new();
    repository.files.remove("1.targets.json");
    assert_refused!(repository.first_update(), TufError::Missing { file_name, .. } if file_name == "1.targets.json");
    repository.role("snapshot")["meta"] = json!({});
    repository.publish(&["snapshot", "timestamp"]);
    assert_refused!(repository.first_update(), TufError::NotInSnapshot { .. });
}

#[test]
fn rule_5_6_2_the_targets_metadata_is_the_file_that_the_snapshot_describes() {
    let mut repository = TufRepository::new();
    repository.describes_files = true;
    repository.publish_targets();
    let same_length = repository.file("targets").iter().rev().copied().collect();
    *repository.file("targets") = same_length;
    assert_refused!(repository.first_update(), TufError::Mismatch { source: MismatchError::Hash(_), .. });
}

#[test]
fn rule_5_6_3_the_targets_metadata_is_signed_by_the_keys_of_the_root() {
    let mut repository = TufRepository::new();
    repository.add_key("targets");
    repository.set_threshold("targets", 2);
    repository.signers.get_mut("targets").unwrap().truncate(1);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    let refused = repository.first_update().unwrap_err();
    let expected = "targets metadata carries 1 of the 2 signatures that root version 2 asks for";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn rule_5_6_4_the_targets_metadata_has_the_version_that_the_snapshot_lists() {
    let mut repository = TufRepository::new();
    let first = repository.file("targets").clone();
    repository.publish_targets();
    *repository.file("targets") = first;
    assert_refused!(repository.first_update(), TufError::Version { expected: 2, found: 1, .. });
}

#[test]
fn rule_5_6_5_the_targets_metadata_has_not_expired() {
    let mut repository = TufRepository::new();
    repository.role("targets")["expires"] = json!("2026-01-15T00:00:00Z");
    repository.publish_targets();
    let (pinned, mut state) = (repository.pinned_root(), TrustedState::default());
    let result = advance(&pinned, &mut state, &mut repository, now(), &Limits::default());
    assert_refused!(result, TufError::Expired { role, .. } if role.as_str() == "targets");
    assert!(state.metadata.contains_key("snapshot") && !state.metadata.contains_key("targets"));
}

#[test]
fn rule_5_7_2_a_target_that_no_role_describes_is_not_there() {
    assert_eq!(TufRepository::new().resolve("nothing").unwrap(), None);
}

#[test]
fn rule_5_7_3_the_target_has_the_length_and_every_known_hash_that_is_stated() {
    let mut repository = TufRepository::new();
    repository.add_target("targets", "file", b"content");
    repository.role("targets")["targets"]["file"]["hashes"]["crc32"] = json!("00");
    repository.publish_targets();
    let target = repository.resolve("file").unwrap().unwrap();
    assert_eq!(target.check(b"content"), Ok(()));
    assert_eq!(target.check(b"conten"), Err(MismatchError::Length { expected: 7, found: 6 }));
    assert_eq!(target.check(b"contend"), Err(MismatchError::Hash(Digest::sha256(b"content"))));
    for bytes in [&b"content"[..], b"conten", b"contend", b""] {
        assert_eq!(target.check_measured(&Measured::of(bytes)), target.check(bytes));
    }
}

#[test]
fn rule_5_7_3_a_target_with_unknown_hashes_alone_is_unprovable() {
    let mut repository = TufRepository::new();
    repository.add_target("targets", "known", b"content");
    repository.role("targets")["targets"]["unknown"] = json!({"length": 7, "hashes": {"blake3": "00"}});
    repository.publish_targets();
    assert_refused!(repository.resolve("unknown"), TufError::Unprovable { .. });
    assert!(repository.resolve("known").unwrap().is_some(), "its neighbours do not suffer");
}

#[test]
fn rule_5_7_3_target_files_carry_a_hash_where_snapshots_are_consistent() {
    for consistent in [true, false] {
        let mut repository = TufRepository::new();
        repository.role("root")["consistent_snapshot"] = json!(consistent);
        repository.add_target("targets", "folder/file", b"content");
        repository.publish(&["root", "targets", "snapshot", "timestamp"]);
        let path = repository.target_files.keys().next().unwrap().clone();
        assert_eq!(path == "folder/file", !consistent);
        let target = repository.resolve("folder/file").unwrap().unwrap();
        let (_, mut targets) = repository.carried();
        assert_eq!(target.fetch(&mut targets, consistent).unwrap(), b"content");
        assert_refused!(target.fetch(&mut targets, !consistent), FetchError::Missing { .. });
    }
}

#[test]
fn arbitrary_software_in_place_of_a_target_is_refused() {
    let mut repository = TufRepository::new();
    repository.add_target("targets", "file", b"content");
    repository.publish_targets();
    let target = repository.resolve("file").unwrap().unwrap();
    for (substitute, longer) in [(&b"CONTENT"[..], false), (b"content and more", true)] {
        repository.target_files.values_mut().for_each(|file| *file = substitute.to_vec());
        let result = target.fetch(&mut repository.carried().1, true);
        match result.unwrap_err() {
            FetchError::Mismatch { .. } => assert!(!longer),
            FetchError::Provider(_) => assert!(longer, "no more is read than the metadata states"),
            FetchError::Missing { .. } => panic!("it is there"),
        }
    }
}

#[test]
fn custom_fields_come_with_the_target() {
    let mut repository = TufRepository::new();
    repository.add_target("targets", "file", b"content");
    repository.role("targets")["targets"]["file"]["custom"] = json!({"in-toto": ["layout"]});
    repository.publish_targets();
    let target = repository.resolve("file").unwrap().unwrap();
    assert_eq!(target.custom(), Some(&json!({"in-toto": ["layout"]})));
    assert!(target.is_from_top_level());
    repository.role("targets")["targets"]["file"]["custom"] = json!("not an object");
    repository.publish_targets();
    assert_refused!(repository.resolve("file"), TufError::Malformed { .. });
}
