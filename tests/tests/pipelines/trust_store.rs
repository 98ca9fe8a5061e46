//! What a side remembers, against a model of it, and what its owner cannot do by mistake.

use std::path::Path;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use sealift_archive_format::Digest;
use sealift_core::trust_store::{
    FloorAtReset, Keyring, RepositoryName, StateDamage, StateMetadataError, TrustStore, TrustStoreError, Update,
};
use sealift_proof::tuf::TrustedState;
use sealift_tests::tuf_repository::TufRepository;
use tempfile::TempDir;

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn store() -> (TempDir, TrustStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = TrustStore::at(folder.path().join("trust"));
    drop(store.begin().unwrap());
    (folder, store)
}

/// Four roots that can be pinned: three versions of one, and another one.
fn roots() -> Vec<Vec<u8>> {
    let mut repository = TufRepository::new();
    let mut roots = vec![repository.file("root").clone()];
    for _ in 0..2 {
        repository.publish(&["root"]);
        roots.push(repository.file("root").clone());
    }
    repository.rotate_keys("timestamp");
    repository.publish(&["root"]);
    roots.push(repository.file("root").clone());
    roots
}

fn day(number: u8) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * i64::from(number))
}

fn metadata(kind: &str, version: u64) -> Vec<u8> {
    format!(r#"{{"signatures":[],"signed":{{"_type":"{kind}","version":{version}}}}}"#).into_bytes()
}

#[test]
fn replacing_the_root_of_a_name_that_has_none_is_pinning_it() {
    let (_folder, store) = store();
    let (root, update) = (&roots()[0], store.update().unwrap());
    let (digest, forgotten) = update.replace_root(&name("main"), root, None).unwrap();
    assert_eq!((digest, forgotten), (Digest::sha256(root), None));
    assert_eq!(store.root(&name("main")).unwrap().bytes, *root);
    assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default());
}

#[test]
fn what_is_not_known_cannot_be_removed() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    let attester = update.remove_attester(&"builder".parse().unwrap());
    assert!(
        matches!(attester, Err(TrustStoreError::UnknownKey { keyring: Keyring::Attesters, name, .. }) if name == "builder")
    );
    let exporter = update.remove_exporter(&"carrier".parse().unwrap());
    assert!(
        matches!(exporter, Err(TrustStoreError::UnknownKey { keyring: Keyring::Exporters, name, .. }) if name == "carrier")
    );
    let root = update.remove_root(&name("main"));
    assert!(matches!(root, Err(TrustStoreError::UnknownRepository { .. })));
    update.remove_map().unwrap();
}

#[test]
fn one_attester_has_one_name() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    let key = |seed| {
        let key = sealift_proof::signature::SigningKey::from_seed(&[seed; 32]).public_key().unwrap();
        key.to_pem().unwrap().into_bytes()
    };
    update.add_attester(&"builder".parse().unwrap(), &key(1)).unwrap();
    let again = update.add_attester(&"builder".parse().unwrap(), &key(2));
    assert!(
        matches!(again, Err(TrustStoreError::KeyNameTaken { keyring: Keyring::Attesters, name }) if name == "builder")
    );
    let same = update.add_attester(&"other".parse().unwrap(), &key(1));
    assert!(matches!(same, Err(TrustStoreError::SameKey { keyring: Keyring::Attesters, name }) if name == "builder"));
    update.remove_attester(&"builder".parse().unwrap()).unwrap();
    update.add_attester(&"other".parse().unwrap(), &key(1)).unwrap();
}

#[test]
fn a_map_longer_than_is_read_is_not_written() {
    let (_folder, store) = store();
    let update = store.update().unwrap();
    let map = |length: usize| {
        let mut map = br#"{"repositories":{"demo":[]},"mapping":[]}"#.to_vec();
        map.resize(length, b' ');
        map
    };
    let limit = 4 << 20;
    update.set_map(Path::new("map.json"), &map(limit)).unwrap();
    let refused = update.set_map(Path::new("map.json"), &map(limit + 1)).unwrap_err();
    assert!(matches!(refused, TrustStoreError::TooLong { limit: found, .. } if found == limit as u64), "{refused:?}");
    assert!(store.map().unwrap().is_some(), "the one that was there is still there");
}

#[test]
fn metadata_without_a_version_is_not_remembered() {
    let (_folder, store) = store();
    let (root, update) = (&roots()[0], store.update().unwrap());
    update.pin_root(&name("main"), root, None).unwrap();
    let version_zero = metadata("snapshot", 0);
    let no_version = br#"{"signatures":[],"signed":{"_type":"snapshot"}}"#.to_vec();
    for snapshot in [version_zero, no_version] {
        let metadata = [("root".to_owned(), root.clone()), ("snapshot".to_owned(), snapshot)].into();
        let state = TrustedState { metadata, last_export: Some(day(1)) };
        let refused = update.commit(&[(name("main"), state)].into()).unwrap_err();
        assert!(
            matches!(&refused, TrustStoreError::NotMetadata { role, source: StateMetadataError::Version }
                if role == "snapshot"),
            "{refused:?}"
        );
        assert_eq!(store.state(&name("main")).unwrap(), TrustedState::default());
    }
}

/// What can be done to a repository's entry; roots are named by their places.
#[derive(Debug, Clone)]
enum Change {
    Pin(usize),
    Replace(usize),
    Commit { root: usize, snapshot: u8, day: u8 },
    Reset(FloorAtReset),
    Remove,
}

fn changes() -> impl Strategy<Value = Vec<(bool, Change)>> {
    let root = || 0..4_usize;
    let change = prop_oneof![
        2 => root().prop_map(Change::Pin),
        2 => root().prop_map(Change::Replace),
        6 => (0..3_usize, 1..4_u8, 0..4_u8)
            .prop_map(|(root, snapshot, day)| Change::Commit { root, snapshot, day }),
        1 => Just(Change::Reset(FloorAtReset::Kept)),
        1 => Just(Change::Reset(FloorAtReset::Forgotten)),
        1 => Just(Change::Remove),
    ];
    prop::collection::vec((any::<bool>(), change), 1..24)
}

/// What should be remembered of a repository: the root that is pinned, what was accepted last, and when it was exported.
#[derive(Debug, Clone, Default, PartialEq)]
struct Remembered {
    pinned: usize,
    accepted: Option<(usize, u8)>,
    exported: Option<u8>,
}

type Model = BTreeMap<&'static str, Remembered>;

/// What a change should come to; `None` where it should be refused.
fn expected(model: &Model, at: &'static str, change: &Change) -> Option<Model> {
    let known = model.get(at);
    let begun = |pinned| Remembered { pinned, ..Remembered::default() };
    let next = match (change, known) {
        (Change::Pin(root) | Change::Replace(root), None) => Some(begun(*root)),
        (Change::Pin(root), Some(known)) if known.pinned == *root => Some(known.clone()),
        (Change::Replace(root), Some(known)) => {
            let is_newest = known.accepted.is_some_and(|(accepted, _)| accepted == *root);
            let is_known = is_newest || known.pinned == *root;
            Some(if is_known { Remembered { pinned: *root, ..known.clone() } } else { begun(*root) })
        }
        (Change::Commit { root, snapshot, day }, Some(known)) => {
            let (held_root, held_snapshot) = known.accepted.unwrap_or_default();
            let is_behind = *root < held_root
                || (*snapshot < held_snapshot && *root == held_root && known.accepted.is_some())
                || known.exported.is_some_and(|held| *day < held);
            let accepted = Some((*root, *snapshot));
            if is_behind {
                return None;
            }
            Some(Remembered { accepted, exported: Some(*day), pinned: known.pinned })
        }
        (Change::Reset(time), Some(known)) => {
            let exported = known.exported.filter(|_| *time == FloorAtReset::Kept);
            Some(Remembered { exported, ..begun(known.pinned) })
        }
        (Change::Remove, Some(_)) => None,
        (Change::Pin(_), Some(_)) | (Change::Commit { .. } | Change::Reset(_) | Change::Remove, None) => return None,
    };
    let mut after = model.clone();
    match next {
        Some(next) => drop(after.insert(at, next)),
        None => drop(after.remove(at)),
    }
    Some(after)
}

fn state(roots: &[Vec<u8>], accepted: Option<(usize, u8)>, exported: Option<u8>) -> TrustedState {
    let metadata = accepted.into_iter().flat_map(|(root, snapshot)| {
        let snapshot = metadata("snapshot", snapshot.into());
        [("root".to_owned(), roots[root].clone()), ("snapshot".to_owned(), snapshot)]
    });
    TrustedState { metadata: metadata.collect(), last_export: exported.map(day) }
}

fn apply(update: &Update, roots: &[Vec<u8>], at: &RepositoryName, change: &Change) -> Result<(), TrustStoreError> {
    match change {
        Change::Pin(root) => update.pin_root(at, &roots[*root], None).map(drop),
        Change::Replace(root) => update.replace_root(at, &roots[*root], None).map(drop),
        Change::Commit { root, snapshot, day } => {
            update.commit(&[(at.clone(), state(roots, Some((*root, *snapshot)), Some(*day)))].into())
        }
        Change::Reset(time) => update.reset_state(at, *time).map(drop),
        Change::Remove => update.remove_root(at),
    }
}

/// What the store says that it remembers is what the model remembers.
fn check(store: &TrustStore, roots: &[Vec<u8>], model: &Model) -> Result<(), TestCaseError> {
    let known: Vec<String> = store.repositories().unwrap().iter().map(ToString::to_string).collect();
    prop_assert_eq!(known, model.keys().map(|at| (*at).to_owned()).collect::<Vec<_>>());
    for (at, remembered) in model {
        let at = name(at);
        prop_assert_eq!(&store.root(&at).unwrap().bytes, &roots[remembered.pinned]);
        prop_assert_eq!(store.state(&at).unwrap(), state(roots, remembered.accepted, remembered.exported));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is done in whatever order, what is refused changes nothing, and what is not is remembered, and nothing else.
    #[test]
    fn the_store_remembers_what_a_model_of_it_remembers(changes in changes()) {
        let roots = roots();
        let (_folder, store) = store();
        let mut model = Model::new();
        for (first, change) in &changes {
            let at = if *first { "first" } else { "second" };
            let done = apply(&store.update().unwrap(), &roots, &name(at), change);
            match expected(&model, at, change) {
                Some(after) => {
                    prop_assert!(done.is_ok(), "{change:?} of {at}: {done:?}");
                    model = after;
                }
                None => prop_assert!(done.is_err(), "{change:?} of {at}"),
            }
            check(&store, &roots, &model)?;
        }
    }
}

/// A store that has accepted something, and the metadata of the snapshot in it.
fn accepting() -> (TempDir, TrustStore, std::path::PathBuf) {
    let (folder, store) = store();
    let roots = roots();
    let update = store.update().unwrap();
    update.pin_root(&name("main"), &roots[0], None).unwrap();
    update.commit(&[(name("main"), state(&roots, Some((0, 1)), Some(1)))].into()).unwrap();
    let digest = Digest::sha256(&metadata("snapshot", 1));
    let file = store.folder().join("state/main/metadata").join(format!("{}.json", digest.hex()));
    (folder, store, file)
}

fn damage(store: &TrustStore) -> StateDamage {
    match store.state(&name("main")).unwrap_err() {
        TrustStoreError::StateDamaged { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn metadata_that_was_changed_or_is_gone_is_noticed() {
    let (_folder, store, file) = accepting();
    for content in [metadata("snapshot", 2), metadata("snapshot", 1000), Vec::new()] {
        std::fs::write(&file, content).unwrap();
        assert!(matches!(damage(&store), StateDamage::Changed { role, .. } if role == "snapshot"));
    }
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(damage(&store), StateDamage::Gone { role, .. } if role == "snapshot"));
}

#[test]
fn a_key_file_that_is_not_a_key_is_an_error_and_not_passed_over() {
    let (_folder, store) = store();
    for (ring, kind, ending) in [(Keyring::Exporters, "exporters", "pem"), (Keyring::Attesters, "attesters", "pub")] {
        let folder = store.folder().join(kind);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("someone.{ending}"));
        std::fs::write(&file, "not a key").unwrap();
        let refused = store.load().unwrap_err();
        let is_it =
            matches!(&refused, TrustStoreError::RingKey { keyring, path, .. } if *keyring == ring && *path == file);
        assert!(is_it, "{refused:?}");
        std::fs::remove_file(&file).unwrap();
    }
}
