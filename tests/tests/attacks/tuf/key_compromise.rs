//! Key compromise below the threshold: some keys of a role are not enough, and one key is not two.

use sealift_proof::signature::SigningKey;
use sealift_proof::tuf::TufError;
use sealift_sample_publisher::keys::{key_id, key_object, sign};
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Forger, signed};
use serde_json::{Value, json};

use super::*;

#[test]
fn key_compromise_one_of_the_two_keys_that_targets_needs() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let leaked = &sample.repository.targets.keys[..1];
    Forger::new(&sample, consignment.tuf()).edit_signed_by("targets", leaked, |_| {});
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Signatures { role, source, .. }
        if role.as_str() == "targets" && source.required.get() == 2 && source.valid == [key_id(&leaked[0])]);
}

#[test]
fn key_compromise_a_root_signed_by_too_few_of_the_old_keys() {
    let mut sample = sample();
    // Two new keys sign, and one old one: enough for itself, not for the root before it.
    let root = &mut sample.repository.root;
    root.keys.truncate(1);
    root.keys.extend([SigningKey::generate().unwrap(), SigningKey::generate().unwrap()]);
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment(&sample).archive()).tuf();
    assert_error!(error, TufError::Signatures { role, delegator_version: 1, source, .. }
        if role.as_str() == "root" && source.valid.len() == 1);
}

/// Lists the key of `targets` a second time under another id, and signs under both.
fn under_two_ids(sample: &Sample, files: &mut sealift_tests::malicious_exporter::TufFiles) {
    let key = &sample.repository.targets.keys[0];
    let path = format!("metadata/{}.root.json", sample.repository.root.version);
    let mut root = signed(&files[&path]);
    root["keys"]["alias"] = key_object(key);
    root["roles"]["targets"] = json!({ "keyids": [key_id(key), "alias"], "threshold": 2 });
    files.insert(path, sign(&root, &sample.repository.root.keys));
    let mut targets: Value = serde_json::from_slice(&files["metadata/1.targets.json"]).unwrap();
    let mut by_alias = targets["signatures"][0].clone();
    by_alias["keyid"] = json!("alias");
    targets["signatures"] = json!([targets["signatures"][0], by_alias]);
    Forger::new(sample, files).replace("targets", targets.to_string().into_bytes());
}

#[test]
fn key_compromise_one_key_under_two_key_ids() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    under_two_ids(&sample, consignment.tuf());
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Signatures { role, source, .. }
        if role.as_str() == "targets" && source.required.get() == 2 && source.valid.len() == 1);
}

#[test]
fn key_compromise_one_signature_given_twice() {
    let sample = sample();
    let mut consignment = consignment(&sample);
    let mut targets: Value = serde_json::from_slice(&consignment.tuf()["metadata/1.targets.json"]).unwrap();
    targets["signatures"] = json!([targets["signatures"][0], targets["signatures"][0]]);
    Forger::new(&sample, consignment.tuf()).replace("targets", targets.to_string().into_bytes());
    let error = FarSide::trusting(&sample, hours(2)).refuses(&consignment.archive()).tuf();
    assert_error!(error, TufError::Malformed { role, .. } if role.as_str() == "targets");
}
