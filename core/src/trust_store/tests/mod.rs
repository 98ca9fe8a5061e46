//! What the trust store promises, rule by rule.

mod interrupted;

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::path::Path;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_proof::freshness::parse_instant;
use sealift_proof::signature::SigningKey;
use sealift_sample_publisher::keys::{key_id, key_object, sign};
use sealift_sample_publisher::tuf_repository::header;
use serde_json::json;

use super::*;

fn metadata(kind: &str, version: u64) -> Vec<u8> {
    format!(r#"{{"signatures":[],"signed":{{"_type":"{kind}","version":{version}}}}}"#).into_bytes()
}

/// Root metadata that its own key signed.
fn root(version: u64) -> Vec<u8> {
    let key = SigningKey::from_seed(&[7; 32]);
    let role = json!({ "keyids": [key_id(&key)], "threshold": 1 });
    let mut signed = header("root", version, "2030-01-01T00:00:00Z");
    signed.insert("consistent_snapshot".to_owned(), json!(true));
    signed.insert("keys".to_owned(), json!({ key_id(&key): key_object(&key) }));
    signed.insert("roles".to_owned(), json!({ "root": role, "timestamp": role, "snapshot": role, "targets": role }));
    sign(&signed.into(), &[key])
}

fn at(text: &str) -> Timestamp {
    parse_instant(text).unwrap()
}

/// A state with these versions of root, snapshot and one delegated role, exported on that day of January.
fn state(root_version: u64, snapshot: u64, delegated: u64, day: u8) -> TrustedState {
    let metadata = [
        ("root".to_owned(), self::root(root_version)),
        ("snapshot".to_owned(), metadata("snapshot", snapshot)),
        ("targets/../releases".to_owned(), metadata("targets", delegated)),
    ];
    TrustedState { metadata: metadata.into(), last_export: Some(at(&format!("2026-01-{day:02}T00:00:00Z"))) }
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn one(state: TrustedState) -> BTreeMap<RepositoryName, TrustedState> {
    [(name("main"), state)].into()
}

/// A store with root version 1 pinned as `main`.
fn store() -> (tempfile::TempDir, TrustStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = TrustStore::at(folder.path().join("trust"));
    store.begin().unwrap().pin_root(&name("main"), &root(1), None).unwrap();
    (folder, store)
}

/// A store with root version 1 pinned as `main`, and something accepted under it.
fn accepting_store() -> (tempfile::TempDir, TrustStore) {
    let (folder, store) = store();
    store.update().unwrap().commit(&one(state(1, 2, 3, 4))).unwrap();
    (folder, store)
}

#[test]
fn a_store_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = TrustStore::at(folder.path().join("nowhere"));
    assert!(matches!(store.load(), Err(TrustStoreError::Missing { .. })));
    assert!(matches!(store.update(), Err(TrustStoreError::Missing { .. })));
    assert!(!store.folder().exists(), "reading makes nothing");
}

#[test]
fn a_pinned_root_has_an_empty_state() {
    let (_folder, store) = store();
    let trust = store.load().unwrap();
    assert_eq!(trust.repositories[&name("main")].root.bytes, root(1));
    assert_eq!(trust.repositories[&name("main")].state, TrustedState::default());
    assert_eq!(trust.policy, Policy::default());
    assert!(trust.map.is_none() && trust.exporters.is_empty());
}

#[test]
fn a_root_is_pinned_only_if_it_is_the_expected_root() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    let second = root(2);
    let other = Digest::sha256(b"another");
    assert!(matches!(update.pin_root(&name("b"), &second, Some(&other)), Err(TrustStoreError::RootDigest { .. })));
    for wrong in [metadata("root", 1), metadata("targets", 1), root(0), b"{}".to_vec(), b"nonsense".to_vec()] {
        assert!(matches!(update.pin_root(&name("b"), &wrong, None), Err(TrustStoreError::NotARoot { .. })));
    }
    assert_eq!(update.pin_root(&name("b"), &second, Some(&Digest::sha256(&second))).unwrap(), Digest::sha256(&second));
}

#[test]
fn a_pinned_root_is_replaced_only_on_purpose() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(1, 1, 1, 1))).unwrap();
    let second = root(2);
    assert!(matches!(update.pin_root(&name("main"), &second, None), Err(TrustStoreError::RepositoryExists { .. })));
    assert_eq!(store.state(&name("main")).unwrap(), state(1, 1, 1, 1));
    update.replace_root(&name("main"), &second, None).unwrap();
    assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default());
    assert_eq!(store.root(&name("main")).unwrap().bytes, second);
}

#[test]
fn what_is_committed_is_read_back() {
    let (_folder, store) = store();
    store.update().unwrap().commit(&one(state(2, 3, 4, 5))).unwrap();
    assert_eq!(store.state(&name("main")).unwrap(), state(2, 3, 4, 5));
    let versions = store.versions(&name("main")).unwrap();
    assert_eq!(versions["targets/../releases"], 4);
}

#[test]
fn metadata_that_nothing_names_is_removed_after_a_commit() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(1, 1, 1, 1))).unwrap();
    update.commit(&one(state(1, 2, 1, 2))).unwrap();
    let folder = store.state_folder(&name("main")).join("metadata");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 3);
    assert_eq!(store.state(&name("main")).unwrap(), state(1, 2, 1, 2));
}

#[test]
fn the_export_time_never_moves_back() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(1, 1, 1, 5))).unwrap();
    let timeless = TrustedState { last_export: None, ..state(1, 1, 1, 5) };
    for behind in [state(2, 2, 2, 4), timeless] {
        assert!(matches!(update.commit(&one(behind)), Err(TrustStoreError::ExportMovedBack { .. })));
    }
    assert_eq!(store.state(&name("main")).unwrap(), state(1, 1, 1, 5));
    update.commit(&one(state(1, 1, 1, 5))).unwrap();
}

#[test]
fn versions_move_back_only_under_a_newer_root() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(2, 9, 9, 1))).unwrap();
    for behind in [state(1, 9, 9, 2), state(2, 8, 9, 2), state(2, 9, 8, 2), state(1, 10, 10, 2)] {
        assert!(matches!(update.commit(&one(behind)), Err(TrustStoreError::VersionMovedBack { .. })));
    }
    assert_eq!(store.state(&name("main")).unwrap(), state(2, 9, 9, 1));
    update.commit(&one(state(3, 1, 1, 2))).unwrap();
}

#[test]
fn a_state_without_a_root_or_with_other_metadata_is_refused() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    let mut rootless = state(1, 1, 1, 1);
    rootless.metadata.remove("root");
    assert!(matches!(update.commit(&one(rootless)), Err(TrustStoreError::NoRole { .. })));
    let mut mixed = state(1, 1, 1, 1);
    mixed.metadata.insert("snapshot".to_owned(), metadata("timestamp", 1));
    assert!(matches!(
        update.commit(&one(mixed)),
        Err(TrustStoreError::NotMetadata { source: StateMetadataError::Type { expected: "snapshot", .. }, .. })
    ));
    let unknown = [(name("other"), state(1, 1, 1, 1))].into();
    assert!(matches!(update.commit(&unknown), Err(TrustStoreError::UnknownRepository { .. })));
    assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default());
}

#[test]
fn one_bad_state_among_several_changes_nothing() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.pin_root(&name("second"), &root(1), None).unwrap();
    update.commit(&[(name("second"), state(5, 5, 5, 5))].into()).unwrap();
    let states = [(name("main"), state(1, 1, 1, 1)), (name("second"), state(1, 1, 1, 1))].into();
    assert!(update.commit(&states).is_err());
    assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default());
}

#[test]
fn no_flipped_bit_passes_for_another_state() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(1, 2, 3, 4))).unwrap();
    let written = fs::read(store.state_folder(&name("main")).join("state.json")).unwrap();
    let state = StateFile::parse(&written).unwrap();
    for (at, bit) in (0..written.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut flipped = written.clone();
        flipped[at] ^= 1 << bit;
        // The T of a time may as well be a small one.
        if let Ok(read) = StateFile::parse(&flipped) {
            assert_eq!(read, state, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_lost_or_damaged_state_is_an_error_until_it_is_reset() {
    type Damage = fn(&Path);
    type Expected = fn(&TrustStoreError) -> bool;
    fn first_metadata(folder: &Path) -> PathBuf {
        fs::read_dir(folder.join("metadata")).unwrap().next().unwrap().unwrap().path()
    }
    fn edit(folder: &Path, from: &str, to: &str) {
        let path = folder.join("state.json");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
    let lost: Expected = |error| matches!(error, TrustStoreError::StateLost { .. });
    let damaged: Expected = |error| matches!(error, TrustStoreError::StateDamaged { .. });
    let cases: [(&str, Damage, Expected); 9] = [
        ("no state.json", |folder| fs::remove_file(folder.join("state.json")).unwrap(), lost),
        ("no folder", |folder| fs::remove_dir_all(folder).unwrap(), lost),
        ("empty state.json", |folder| fs::write(folder.join("state.json"), "").unwrap(), damaged),
        ("another format", |folder| edit(folder, "\"format\": 1", "\"format\": 2"), damaged),
        ("no export time", |folder| edit(folder, "\"lastExport\": \"2026-01-04T00:00:00Z\",", ""), damaged),
        ("another version", |folder| edit(folder, "\"version\": 2", "\"version\": 1"), damaged),
        ("metadata gone", |folder| fs::remove_file(first_metadata(folder)).unwrap(), damaged),
        (
            "metadata changed",
            |folder| {
                let path = first_metadata(folder);
                let mut bytes = fs::read(&path).unwrap();
                bytes[0] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            damaged,
        ),
        (
            "metadata longer",
            |folder| {
                let path = first_metadata(folder);
                let mut bytes = fs::read(&path).unwrap();
                bytes.push(b' ');
                fs::write(path, bytes).unwrap();
            },
            damaged,
        ),
    ];
    for (case, damage, expected) in cases {
        let (_folder, store) = store();
        let update = store.update().unwrap();
        update.commit(&one(state(1, 2, 3, 4))).unwrap();
        damage(&store.state_folder(&name("main")));
        let error = store.load().unwrap_err();
        assert!(expected(&error), "{case}: {error}");
        if case.contains("state.json") {
            let error = update.replace_root(&name("main"), &root(1), None).unwrap_err();
            assert!(expected(&error), "{case}: pinning is no silent reset: {error}");
        }
        update.reset_state(&name("main"), FloorAtReset::Forgotten).unwrap();
        assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default(), "{case}");
    }
}

#[test]
fn a_root_that_was_changed_behind_the_store_is_noticed() {
    let (_folder, store) = store();
    fs::write(store.root_path(&name("main")), root(7)).unwrap();
    assert!(matches!(store.load(), Err(TrustStoreError::RootChanged { .. })));
    let commit = store.update().unwrap().commit(&one(state(7, 1, 1, 1)));
    assert!(matches!(commit, Err(TrustStoreError::RootChanged { .. })));
}

#[test]
fn removing_a_root_removes_its_state() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(1, 1, 1, 1))).unwrap();
    update.remove_root(&name("main")).unwrap();
    assert!(matches!(update.remove_root(&name("main")), Err(TrustStoreError::UnknownRepository { .. })));
    assert!(store.load().unwrap().repositories.is_empty());
    update.pin_root(&name("main"), &root(1), None).unwrap();
    assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default());
}

#[test]
fn resetting_a_state_keeps_the_export_time_unless_asked() {
    let (_folder, store) = accepting_store();
    let update = store.update().unwrap();
    let forgotten = update.reset_state(&name("main"), FloorAtReset::Kept).unwrap().unwrap();
    assert_eq!(forgotten.versions["snapshot"], 2);
    assert_eq!(forgotten.last_export, None, "it is still known");
    assert_eq!(store.state(&name("main")).unwrap().last_export, state(1, 2, 3, 4).last_export);
    let forgotten = update.reset_state(&name("main"), FloorAtReset::Forgotten).unwrap().unwrap();
    assert_eq!(forgotten.last_export, state(1, 2, 3, 4).last_export);
    assert_eq!(update.reset_state(&name("main"), FloorAtReset::Forgotten).unwrap(), None, "there is nothing left");
}

#[test]
fn pinning_the_same_root_again_forgets_nothing() {
    let (_folder, store) = accepting_store();
    let update = store.update().unwrap();
    update.pin_root(&name("main"), &root(1), None).unwrap();
    assert_eq!(update.replace_root(&name("main"), &root(1), None).unwrap().1, None);
    assert_eq!(store.state(&name("main")).unwrap(), state(1, 2, 3, 4));
    let forgotten = update.replace_root(&name("main"), &root(2), None).unwrap().1.unwrap();
    assert_eq!(forgotten.last_export, state(1, 2, 3, 4).last_export, "what was given up is said");
}

#[test]
fn pinning_the_newest_accepted_root_forgets_nothing() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.commit(&one(state(2, 3, 4, 5))).unwrap();
    assert_eq!(update.replace_root(&name("main"), &root(2), None).unwrap().1, None);
    assert_eq!(store.root(&name("main")).unwrap().bytes, root(2));
    assert_eq!(store.state(&name("main")).unwrap(), state(2, 3, 4, 5));
    assert!(update.replace_root(&name("main"), &root(1), None).unwrap().1.is_some(), "an older one is another");
}

#[test]
fn a_lost_root_is_an_error_until_it_is_put_back() {
    type Damage = fn(&TrustStore);
    let cases: [(&str, Damage); 3] = [
        ("no root.json", |store| fs::remove_file(store.root_path(&name("main"))).unwrap()),
        ("no folder of it", |store| fs::remove_dir_all(store.root_folder(&name("main"))).unwrap()),
        ("no folder of any", |store| fs::remove_dir_all(store.folder().join("roots")).unwrap()),
    ];
    for (case, lose) in cases {
        let (_folder, store) = accepting_store();
        lose(&store);
        let lost = |error: &TrustStoreError| matches!(error, TrustStoreError::RootLost { .. });
        assert!(lost(&store.load().unwrap_err()), "{case}");
        let update = store.update().unwrap();
        assert!(lost(&update.pin_root(&name("main"), &root(2), None).unwrap_err()), "{case}: another root");
        assert!(lost(&update.reset_state(&name("main"), FloorAtReset::Kept).unwrap_err()), "{case}");
        update.pin_root(&name("main"), &root(1), None).unwrap();
        assert_eq!(store.state(&name("main")).unwrap(), state(1, 2, 3, 4), "{case}");
    }
}

#[test]
fn a_root_that_cannot_be_read_does_not_make_its_repository_disappear() {
    let (_folder, store) = accepting_store();
    let path = store.root_path(&name("main"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(store.load(), Err(TrustStoreError::Io { .. })));
    fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    assert!(matches!(store.load(), Err(TrustStoreError::RootLost { .. })));
}

#[test]
fn a_lost_policy_is_an_error_until_it_is_reset() {
    let (_folder, store) = accepting_store();
    fs::remove_file(store.policy_path()).unwrap();
    let lost = |error: TrustStoreError| matches!(error, TrustStoreError::PolicyLost { .. });
    assert!(lost(store.load().unwrap_err()));
    assert!(lost(store.begin().err().unwrap()));
    assert!(lost(store.update().err().unwrap()));
    assert!(lost(store.policy().unwrap_err()));
    store.reset_policy().unwrap();
    assert_eq!(store.load().unwrap().policy, Policy::default());
}

#[test]
fn a_folder_with_other_things_is_not_a_store_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("anna.pem"), "").unwrap();
    let store = TrustStore::at(folder.path());
    assert!(matches!(store.begin(), Err(TrustStoreError::NotAStore { .. })));
    assert!(matches!(store.update(), Err(TrustStoreError::NotAStore { .. })));
    assert!(matches!(store.load(), Err(TrustStoreError::NotAStore { .. })));
    assert!(matches!(store.reset_policy(), Err(TrustStoreError::NotAStore { .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn where_there_is_a_file_there_can_be_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("note");
    fs::write(&note, "a note").unwrap();
    for place in [note.clone(), note.join("x/trust")] {
        let store = TrustStore::at(&place);
        for error in [store.load().unwrap_err(), store.begin().err().unwrap(), store.reset_policy().unwrap_err()] {
            assert!(
                matches!(&error, TrustStoreError::NotAFolder { folder, file } if (folder, file) == (&place, &note)),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_lock_that_was_removed_holds_nobody_and_lets_nobody_commit() {
    let (_folder, store) = store();
    let first = store.update().unwrap();
    fs::remove_file(store.folder().join("lock")).unwrap();
    let second = store.update().unwrap();
    assert!(matches!(first.commit(&one(state(1, 1, 1, 1))), Err(TrustStoreError::LockRemoved { .. })));
    second.commit(&one(state(1, 2, 3, 4))).unwrap();
    assert!(matches!(store.update(), Err(TrustStoreError::Locked { .. })));
}

#[test]
fn a_lock_ends_with_its_holder_whoever_else_has_the_file_open() {
    let (_folder, store) = store();
    let lock = super::lock::Lock::take(store.folder()).unwrap();
    let copy = lock.copy_of_file();
    drop(lock);
    store.update().unwrap();
    drop(copy);
}

#[test]
fn a_second_writer_is_refused_and_told_who_writes() {
    let (_folder, store) = store();
    let first = store.update().unwrap();
    match store.update().err().unwrap() {
        TrustStoreError::Locked { process, .. } => assert_eq!(process, Some(std::process::id())),
        other => panic!("{other}"),
    }
    store.load().unwrap();
    drop(first);
    store.update().unwrap();
}

#[test]
fn an_exporter_is_known_under_one_name() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    let [anna, bert] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]).public_key().unwrap());
    let exporter = |text: &str| text.parse::<ExporterName>().unwrap();
    update.add_exporter(&exporter("anna"), &anna).unwrap();
    let again = update.add_exporter(&exporter("anna"), &bert);
    assert!(matches!(again, Err(TrustStoreError::KeyNameTaken { .. })));
    let twice = update.add_exporter(&exporter("bert"), &anna);
    assert!(matches!(twice, Err(TrustStoreError::SameKey { .. })));
    update.add_exporter(&exporter("bert"), &bert).unwrap();
    assert_eq!(store.load().unwrap().exporters, [(exporter("anna"), anna), (exporter("bert"), bert)].into());
    update.remove_exporter(&exporter("anna")).unwrap();
    let gone = update.remove_exporter(&exporter("anna"));
    assert!(matches!(gone, Err(TrustStoreError::UnknownKey { .. })));
}

#[test]
fn only_ed25519_keys_are_exporters() {
    let (_folder, store) = store();
    let mut point = vec![4];
    point.extend_from_slice(&[1; 64]);
    let key = PublicKey::ecdsa_point(sealift_proof::signature::Scheme::EcdsaP256Sha256, &point).unwrap();
    let result = store.update().unwrap().add_exporter(&"anna".parse().unwrap(), &key);
    assert!(matches!(result, Err(TrustStoreError::ExporterScheme { .. })));
}

#[test]
fn what_does_not_belong_there_is_an_error() {
    for stray in ["exporters/anna.key", "exporters/Anna.pem", "roots/UPPER"] {
        let (_folder, store) = store();
        let path = store.folder().join(stray);
        fs::create_dir_all(path).unwrap();
        assert!(matches!(store.load(), Err(TrustStoreError::Stray { .. })), "{stray}");
    }
}

#[test]
fn the_threshold_and_the_map_are_kept() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    update.set_exporter_threshold(NonZeroU32::new(2).unwrap()).unwrap();
    let repeated = br#"{"repositories":{},"repositories":{},"mapping":[]}"#;
    for wrong in [&b"{}"[..], repeated] {
        assert!(matches!(update.set_map(Path::new("map.json"), wrong), Err(TrustStoreError::Map { .. })));
    }
    assert!(store.map().unwrap().is_none());
    fs::write(store.map_path(), "{").unwrap();
    assert!(matches!(store.map(), Err(TrustStoreError::MapInUse { .. })));
    update.set_map(Path::new("map.json"), br#"{"repositories":{"main":[]},"mapping":[]}"#).unwrap();
    let trust = store.load().unwrap();
    assert_eq!(trust.policy.exporter_threshold.get(), 2);
    assert!(trust.map.is_some());
    update.remove_map().unwrap();
    assert!(store.map().unwrap().is_none());
}

/// Who is asked about which patterns, after mappings were added to a store.
fn asked(store: &TrustStore) -> Vec<(String, String)> {
    let map = store.map().unwrap().unwrap();
    let names = |mapping: &sealift_proof::tuf::map::Mapping| {
        mapping.repositories().iter().map(RepositoryName::as_str).collect::<Vec<_>>().join(" ")
    };
    map.mappings().iter().map(|mapping| (mapping.patterns().join(" "), names(mapping))).collect()
}

fn added(store: &TrustStore, pattern: &str, names: &[&str]) -> Option<FormerSpeaker> {
    match add(store, pattern, names) {
        AddedMapping::New(former) => former,
        AddedMapping::WasThere => panic!("{pattern} was there"),
    }
}

fn add(store: &TrustStore, pattern: &str, names: &[&str]) -> AddedMapping {
    let names: Vec<_> = names.iter().map(|text| name(text)).collect();
    store.update().unwrap().add_mapping(&NamePattern::new(pattern).unwrap(), &names).unwrap()
}

#[test]
fn a_mapping_that_is_there_already_is_not_added() {
    let (_folder, store) = store();
    for (pattern, names) in [("quay.io/acme/*", &["acme", "main"][..]), ("nginx", &["acme"])] {
        added(&store, pattern, names);
        let before = fs::read(store.map_path()).unwrap();
        assert_eq!(add(&store, pattern, names), AddedMapping::WasThere, "{pattern}");
        assert_eq!(fs::read(store.map_path()).unwrap(), before, "{pattern}");
    }
    assert_eq!(add(&store, "*", &["main"]), AddedMapping::WasThere, "it kept the rest");
    assert_eq!(add(&store, "docker.io/library/nginx", &["acme"]), AddedMapping::WasThere, "as it is meant");
    assert_eq!(
        add(&store, "quay.io/acme/*", &["main", "acme"]),
        AddedMapping::WasThere,
        "all of them agree, in any order"
    );
    // Another one takes its names away, until it is said again: then it is there once.
    added(&store, "quay.io/acme/*", &["acme"]);
    added(&store, "quay.io/acme/*", &["acme", "main"]);
    let of_acme = asked(&store).into_iter().filter(|(pattern, _)| pattern == "quay.io/acme/*");
    assert_eq!(of_acme.map(|(_, names)| names).collect::<Vec<_>>(), ["acme main", "acme"]);
}

#[test]
fn a_map_that_begins_leaves_the_only_repository_what_it_spoke_for() {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(pattern, names)| ((*pattern).to_owned(), (*names).to_owned())).collect::<Vec<_>>()
    };
    let keeps = Some(FormerSpeaker::KeepsTheRest(name("main")));
    for (pattern, names, former, expected) in [
        ("quay.io/acme/*", &["acme"][..], keeps.clone(), &[("quay.io/acme/*", "acme"), ("*", "main")][..]),
        ("quay.io/acme/*", &["main", "acme"], keeps, &[("quay.io/acme/*", "main acme"), ("*", "main")]),
        ("a.io/*", &["main"], Some(FormerSpeaker::Narrowed(name("main"))), &[("a.io/*", "main")]),
        ("*", &["acme"], None, &[("*", "acme")]),
    ] {
        let (_folder, store) = store();
        assert_eq!(added(&store, pattern, names), former);
        assert_eq!(asked(&store), pairs(expected));
        // With a map, nothing else is added.
        assert_eq!(added(&store, "b.io/*", &["acme"]), None);
        assert_eq!(asked(&store).len(), expected.len() + 1);
    }
    let (_folder, store) = store();
    added(&store, "quay.io/acme/*", &["acme"]);
    let alone = RepositoryMap::of_one(&name("main"), Vec::new());
    assert_eq!(store.map().unwrap().unwrap().mappings().last(), alone.mappings().last());
}

#[test]
fn a_mapping_comes_before_the_first_that_matches_all_of_its_names() {
    let (_folder, store) = store();
    for (pattern, place) in [
        ("quay.io/acme/web", 0),
        ("quay.io/acme/?", 1),
        ("quay.io/acme/[!a]", 2),
        ("quay.io/acme/*", 3),
        ("QUAY.io/acme/app:1", 3),
        ("QUAY.io:443/acme/*", 4),
        ("quay.io/*/web", 6),
        ("quay.io/*/web:1", 6),
        ("*", 8),
        // One of files hides none of images, and is hidden by none of them.
        ("file:/*", 8),
        ("*/*", 9),
        ("file:/a", 8),
    ] {
        added(&store, pattern, &["acme"]);
        let pattern = NamePattern::new(pattern).unwrap().in_a_map();
        assert_eq!(asked(&store).iter().position(|(found, _)| *found == pattern), Some(place), "{pattern}");
    }
}

#[test]
fn a_broken_policy_is_an_error_and_not_the_default() {
    let (_folder, store) = store();
    fs::write(store.policy_path(), "minimum_levle = \"4\"\n").unwrap();
    assert!(matches!(store.load(), Err(TrustStoreError::Policy { .. })));
    fs::write(store.policy_path(), b"# \xff\n").unwrap();
    store.load().unwrap();
}

#[test]
fn the_memory_of_tags_outlives_everything_but_its_own_reset() {
    let (_folder, store) = store();
    let mut deliveries = Deliveries::default();
    for tag in ["r.inner/a:1", "r.inner/a:2", "s.inner/a:1"] {
        let digest = Digest::sha256(b"");
        let held = DeliveredTag {
            name: "a".to_owned(),
            digest,
            level: sealift_proof::level::Level::Two,
            time: at("2026-01-01T00:00:00Z"),
            exported_at: Some(at("2025-12-31T00:00:00Z")),
            before: None,
        };
        deliveries.set(tag.to_owned(), tag, held, Replacement::Refused).unwrap();
    }
    let update = store.update().unwrap();
    update.begin_delivery(&one(state(1, 2, 3, 4)), &deliveries).and_then(Commit::finish).unwrap();
    update.commit(&one(state(1, 2, 3, 5))).unwrap();
    update.replace_root(&name("main"), &root(2), None).unwrap();
    update.reset_state(&name("main"), FloorAtReset::Forgotten).unwrap();
    update.remove_root(&name("main")).unwrap();
    drop(update);
    store.reset_policy().unwrap();
    assert_eq!(store.deliveries().unwrap(), deliveries);
    // What looks like a store that was never begun does not begin this anew.
    for gone in ["policy.toml", "roots", "state"] {
        let path = store.folder().join(gone);
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
    }
    assert_eq!(store.begin().unwrap().deliveries().unwrap(), deliveries);
    let update = store.update().unwrap();
    assert_eq!(update.reset_deliveries(Some("r.inner")).unwrap().map(|forgotten| forgotten.len()), Some(2));
    assert!(update.deliveries().unwrap().tag("s.inner/a:1").is_some());
    assert_eq!(update.reset_deliveries(None).unwrap().map(|forgotten| forgotten.len()), Some(1));
    fs::write(store.folder().join("deliveries.json"), "damaged").unwrap();
    assert!(update.reset_deliveries(Some("r.inner")).is_err(), "a part of what cannot be read is not forgotten");
    assert_eq!(update.reset_deliveries(None).unwrap(), None);
    assert!(update.deliveries().unwrap().is_empty());
}

#[test]
fn a_store_that_has_taken_nothing_in_has_set_no_tags() {
    let folder = tempfile::tempdir().unwrap();
    let store = TrustStore::at(folder.path().join("trust"));
    drop(store.begin().unwrap());
    fs::remove_file(store.folder().join("deliveries.json")).unwrap();
    assert!(store.deliveries().unwrap().is_empty());
}

#[test]
fn what_was_accepted_in_the_meantime_is_kept_if_it_is_newer() {
    let (_folder, store) = accepting_store();
    let judged = store.load().unwrap();
    store.update().unwrap().commit(&one(state(1, 3, 4, 5))).unwrap();
    // Older than what is there now, and accepted before it was there.
    store.update().unwrap().advance(&judged, &one(state(1, 2, 3, 4))).unwrap();
    assert_eq!(store.state(&name("main")).unwrap(), state(1, 3, 4, 5));
    store.update().unwrap().advance(&judged, &one(state(1, 4, 5, 6))).unwrap();
    assert_eq!(store.state(&name("main")).unwrap(), state(1, 4, 5, 6));
    // Newer in one role and older in another: nobody can say which.
    let mixed = store.update().unwrap().advance(&judged, &one(state(1, 5, 1, 6)));
    assert!(matches!(mixed, Err(TrustStoreError::VersionMovedBack { .. })), "{mixed:?}");
    let replaced = store.load().unwrap().repositories[&name("main")].root.digest.clone();
    store.update().unwrap().replace_root(&name("main"), &root(2), None).unwrap();
    assert_ne!(store.root(&name("main")).unwrap().digest, replaced);
    let refused = store.update().unwrap().advance(&judged, &one(state(1, 9, 9, 9)));
    assert!(matches!(refused, Err(TrustStoreError::Changed { .. })), "{refused:?}");
}
