//! §4.2.1 and the counting of signatures.

use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::{MAXIMUM_ROLE_KEYS, MetadataError, TufError};
use sealift_tests::tuf_repository::{Delegated, TufRepository};
use serde_json::{Value, json};

#[test]
fn one_key_under_two_key_ids_counts_once() {
    let mut repository = TufRepository::new();
    let key = repository.signers["timestamp"][0].clone();
    for alias in ["alias", "another"] {
        repository.trust_key("timestamp", &key.called(alias));
        repository.signers.get_mut("timestamp").unwrap().push(key.called(alias));
    }
    repository.set_threshold("timestamp", 2);
    repository.publish(&["root", "timestamp"]);
    assert_refused!(repository.first_update(), TufError::Signatures { source, .. } if source.valid.len() == 1);
}

#[test]
fn one_key_in_two_encodings_counts_once() {
    let mut repository = TufRepository::new();
    let key = repository.signers["timestamp"][0].clone();
    let bytes = hex::decode(key.object["keyval"]["public"].as_str().unwrap()).unwrap();
    let mut in_pem = key.called("pem");
    let pem = sealift_proof::signature::PublicKey::ed25519(&bytes).unwrap().to_pem().unwrap();
    in_pem.object["keyval"]["public"] = json!(pem);
    repository.trust_key("timestamp", &in_pem);
    repository.signers.get_mut("timestamp").unwrap().push(in_pem);
    repository.publish(&["root", "timestamp"]);
    assert!(repository.first_update().is_ok());
    repository.set_threshold("timestamp", 2);
    repository.publish(&["root", "timestamp"]);
    assert_refused!(repository.first_update(), TufError::Signatures { .. });
}

#[test]
fn declared_key_ids_are_labels() {
    let mut repository = TufRepository::new();
    let key = repository.new_key().called("build-key 2026 \u{1f511}");
    repository.rotate_keys("targets");
    repository.trust_key("targets", &key);
    repository.signers.insert("targets".to_owned(), vec![key.clone()]);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    assert_eq!(repository.first_update().unwrap().roles()[3].signed_by, [key.id]);
}

#[test]
fn a_key_that_the_role_does_not_list_does_not_count_though_the_document_declares_it() {
    let mut repository = TufRepository::new();
    let key = repository.signers["root"][0].clone();
    repository.signers.insert("snapshot".to_owned(), vec![key]);
    repository.publish(&["snapshot", "timestamp"]);
    assert_refused!(repository.first_update(), TufError::Signatures { .. });
}

#[test]
fn signatures_that_are_wrong_or_no_signatures_do_not_spoil_the_good_ones() {
    for wrong in ["", "zz", "00", &"00".repeat(64)] {
        let mut repository = TufRepository::new();
        let second = repository.add_key("timestamp");
        repository.publish(&["root", "timestamp"]);
        let mut envelope: Value = serde_json::from_slice(repository.file("timestamp")).unwrap();
        for signature in envelope["signatures"].as_array_mut().unwrap() {
            if signature["keyid"] == json!(second.id) {
                signature["sig"] = json!(wrong);
            }
        }
        *repository.file("timestamp") = serde_json::to_vec(&envelope).unwrap();
        assert_eq!(repository.first_update().unwrap().roles()[1].signed_by.len(), 1);
    }
}

/// Lists so many key ids, of keys that there need not be.
fn fill(keyids: &mut Value, count: usize) {
    let keyids = keyids.as_array_mut().unwrap();
    while keyids.len() < count {
        keyids.push(json!(format!("key {}", keyids.len())));
    }
}

#[test]
fn the_number_of_keys_of_a_top_level_role_has_a_limit() {
    for role in ["root", "timestamp", "snapshot", "targets"] {
        let mut repository = TufRepository::new();
        fill(&mut repository.role("root")["roles"][role]["keyids"], MAXIMUM_ROLE_KEYS);
        repository.publish(&["root"]);
        assert!(repository.first_update().is_ok(), "{role}");
        fill(&mut repository.role("root")["roles"][role]["keyids"], MAXIMUM_ROLE_KEYS + 1);
        repository.publish(&["root"]);
        assert_refused!(
            repository.first_update(),
            TufError::Malformed { source: MetadataError::TooManyKeys { count: 257 }, .. }
        );
        let pinned = RootChain::begin(repository.file("root").as_slice());
        assert_refused!(pinned, TufError::TrustedRoot { source } if matches!(
            *source, TufError::Malformed { source: MetadataError::TooManyKeys { count: 257 }, .. }
        ));
    }
}

#[test]
fn the_number_of_keys_of_a_delegated_role_has_a_limit() {
    let listed = |repository: &mut TufRepository, count| {
        repository.delegate("targets", Delegated::paths("last", &["file"]));
        let roles = repository.delegations("targets")["roles"].as_array_mut().unwrap();
        fill(&mut roles.last_mut().unwrap()["keyids"], count);
    };
    let succinct = |repository: &mut TufRepository, count| {
        repository.delegate_succinctly("targets", "bin", 1);
        fill(&mut repository.delegations("targets")["succinct_roles"]["keyids"], count);
    };
    for delegate in [&listed as &dyn Fn(&mut TufRepository, usize), &succinct] {
        let mut repository = TufRepository::new();
        delegate(&mut repository, MAXIMUM_ROLE_KEYS);
        repository.publish_everything();
        assert!(repository.first_update().is_ok());
        let mut repository = TufRepository::new();
        delegate(&mut repository, MAXIMUM_ROLE_KEYS + 1);
        repository.publish_everything();
        assert_refused!(
            repository.first_update(),
            TufError::Malformed { source: MetadataError::TooManyKeys { count: 257 }, .. }
        );
    }
}

#[test]
fn keys_of_unknown_kinds_are_kept_and_do_not_count() {
    let mut repository = TufRepository::new();
    let mut post_quantum = repository.new_key().called("pq");
    post_quantum.object = json!({"keytype": "ml-dsa", "scheme": "ml-dsa-65", "keyval": {"public": "00", "more": []}});
    repository.trust_key("timestamp", &post_quantum);
    repository.signers.get_mut("timestamp").unwrap().push(post_quantum);
    repository.publish(&["root", "timestamp"]);
    assert_eq!(repository.first_update().unwrap().roles()[1].signed_by.len(), 1);
    repository.set_threshold("timestamp", 2);
    repository.publish(&["root", "timestamp"]);
    assert_refused!(repository.first_update(), TufError::Signatures { .. });
}

#[test]
fn compromise_of_fewer_keys_than_the_threshold_brings_nothing() {
    let mut repository = TufRepository::new();
    repository.add_key("targets");
    repository.add_key("targets");
    repository.set_threshold("targets", 2);
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    assert!(repository.first_update().is_ok());
    // The attacker holds one targets key, and the online keys of snapshot and timestamp.
    repository.signers.get_mut("targets").unwrap().truncate(1);
    repository.add_target("targets", "malware", b"malware");
    repository.publish_targets();
    assert_refused!(repository.resolve("malware"), TufError::Signatures { source, .. } if source.valid.len() == 1);
}

/// The vectors are made by `tests/vectors/tuf/make_key_vectors.py`, from the reference implementation.
#[test]
fn every_kind_of_key_that_the_reference_implementation_makes_verifies_and_only_its_own_signature() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/tuf/keys");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        RootChain::begin(&bytes).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let text = String::from_utf8(bytes).unwrap();
        let changed = text.replacen("\"version\": 1", "\"version\": 2", 1);
        assert_ne!(text, changed);
        let refused = RootChain::begin(changed.as_bytes());
        assert_refused!(refused, TufError::TrustedRoot { source } if matches!(*source, TufError::Signatures { .. }));
        names.push(path);
    }
    assert_eq!(names.len(), 9);
}

#[test]
fn a_key_of_another_type_than_its_scheme_does_not_count() {
    let update = |keytype: &str, scheme: &str| {
        let mut repository = TufRepository::new();
        let mut key = repository.new_key();
        (key.object["keytype"], key.object["scheme"]) = (json!(keytype), json!(scheme));
        repository.rotate_keys("timestamp");
        let others = repository.role("root")["roles"]["timestamp"]["keyids"].clone();
        assert_eq!(others.as_array().unwrap().len(), 1);
        repository.role("root")["roles"]["timestamp"]["keyids"] = json!([]);
        repository.trust_key("timestamp", &key);
        repository.signers.insert("timestamp".to_owned(), vec![key]);
        repository.publish(&["root", "timestamp"]);
        repository.first_update()
    };
    assert!(update("ed25519", "ed25519").is_ok());
    for (keytype, scheme) in [
        ("rsa", "ed25519"),
        ("ecdsa", "ed25519"),
        ("", "ed25519"),
        ("ED25519", "ed25519"),
        ("ed25519", "rsassa-pss-sha256"),
    ] {
        assert_refused!(update(keytype, scheme), TufError::Signatures { role, .. } if role.as_str() == "timestamp");
    }
}
