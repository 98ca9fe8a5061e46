//! §4: what metadata looks like, and what is refused although it is signed.

use sealift_archive_format::strict_json::JsonError;
use sealift_proof::tuf::{MAXIMUM_SIGNATURES, MetadataError, TufError};
use sealift_tests::tuf_repository::TufRepository;
use serde_json::{Value, json};

/// Publishes targets metadata whose signed bytes are exactly `signed`, so that only its form can be at fault.
fn refused(change: impl FnOnce(&mut TufRepository)) -> MetadataError {
    let mut repository = TufRepository::new();
    change(&mut repository);
    match repository.first_update() {
        Err(TufError::Malformed { source, .. }) => source,
        other => panic!("expected malformed metadata: {other:?}"),
    }
}

fn with_targets(field: &str, value: Value) -> TufRepository {
    let mut repository = TufRepository::new();
    repository.role("targets")[field] = value;
    repository.publish_targets();
    repository
}

/// Replaces a text in the published timestamp. It need not stay validly signed: form is judged first.
fn with_timestamp_text(repository: &mut TufRepository, from: &str, to: &str) {
    let text = String::from_utf8(repository.file("timestamp").clone()).unwrap();
    assert!(text.contains(from));
    *repository.file("timestamp") = text.replacen(from, to, 1).into_bytes();
}

#[test]
fn unknown_fields_are_signed_and_passed_over() {
    let mut repository = with_targets("x-build", json!({"by": ["\u{e9}\n\"\\", 18_446_744_073_709_551_615_u64, null]}));
    repository.role("root")["roles"]["root"]["x-contact"] = json!("security");
    repository.role("root")["roles"]["mirrors"] = json!({"keyids": [], "threshold": 1});
    repository.publish(&["root"]);
    assert!(repository.first_update().is_ok());
    let text = String::from_utf8(repository.file("targets").clone()).unwrap();
    *repository.file("targets") = text.replace("x-build", "x-built").into_bytes();
    assert_refused!(repository.first_update(), TufError::Signatures { .. });
}

#[test]
fn white_space_and_the_order_of_keys_do_not_matter() {
    let mut repository = TufRepository::new();
    let envelope: Value = serde_json::from_slice(repository.file("timestamp")).unwrap();
    *repository.file("timestamp") = serde_json::to_vec_pretty(&envelope).unwrap();
    assert!(repository.first_update().is_ok());
}

#[test]
fn json_with_two_meanings_or_none_is_refused() {
    let json_error = |from: &str, to: &str| match refused(|repository| with_timestamp_text(repository, from, to)) {
        MetadataError::Json(error) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(json_error("\"version\":1}", "\"version\":1,\"version\":2}").contains("duplicate key"));
    assert!(json_error("\"signed\"", "\"signed\":{},\"signed\"").contains("duplicate key"));
    json_error("\"version\":1", "\"version\":NaN");
    json_error("\"version\":1", "\"version\":1e999");
    json_error("{\"signatures\"", "{\"signatures\":[],\u{0}\"signatures\"");
    let deep = format!("\"x\":{}{},\"version\":1", "[".repeat(200), "]".repeat(200));
    assert!(json_error("\"version\":1", &deep).contains("nested deeper"));
    let trailing = refused(|repository| repository.file("timestamp").extend(b"{}"));
    assert!(matches!(trailing, MetadataError::Json(_)));
}

#[test]
fn numbers_that_are_not_integers_have_no_canonical_form() {
    for number in ["1.0", "1e0", "18446744073709551616", "-0"] {
        let change = format!("\"version\":{number}");
        let error = refused(|repository| with_timestamp_text(repository, "\"version\":1", &change));
        assert!(matches!(error, MetadataError::Canonical(_)), "{number}: {error:?}");
    }
}

#[test]
fn rule_4_2_1_a_key_id_is_unique_among_the_signatures() {
    let error = refused(|repository| {
        let mut envelope: Value = serde_json::from_slice(repository.file("snapshot")).unwrap();
        let signature = envelope["signatures"][0].clone();
        envelope["signatures"].as_array_mut().unwrap().push(signature);
        *repository.file("snapshot") = serde_json::to_vec(&envelope).unwrap();
    });
    assert!(matches!(error, MetadataError::RepeatedSignature(_)));
}

#[test]
fn the_number_of_signatures_has_a_limit() {
    let with_signatures = |repository: &mut TufRepository, count: usize| {
        let mut envelope: Value = serde_json::from_slice(repository.file("timestamp")).unwrap();
        let signatures = envelope["signatures"].as_array_mut().unwrap();
        while signatures.len() < count {
            signatures.push(json!({"keyid": format!("key {}", signatures.len()), "sig": "00"}));
        }
        *repository.file("timestamp") = serde_json::to_vec(&envelope).unwrap();
    };
    let mut repository = TufRepository::new();
    with_signatures(&mut repository, MAXIMUM_SIGNATURES);
    repository.first_update().unwrap();
    let error = refused(|repository| with_signatures(repository, MAXIMUM_SIGNATURES + 1));
    assert!(matches!(error, MetadataError::TooManySignatures { count: 1_025 }), "{error:?}");
    assert_eq!(error.to_string(), "it carries 1025 signatures; the limit is 1024");
}

#[test]
fn rule_4_3_the_version_of_the_specification_is_1() {
    let error = refused(|repository| *repository = with_targets("spec_version", json!("2.0.0")));
    assert!(matches!(error, MetadataError::SpecVersion(version) if version == "2.0.0"));
    assert!(with_targets("spec_version", json!("1.0.31")).first_update().is_ok());
    assert!(with_targets("spec_version", json!("1.0")).first_update().is_ok());
}

#[test]
fn metadata_of_one_kind_does_not_stand_in_for_another() {
    // A snapshot that the timestamp's keys signed too, and that has all that a timestamp needs.
    let error = refused(|repository| {
        let mut impostor = repository.signed["snapshot"].clone();
        impostor["meta"] = json!({"snapshot.json": {"version": 1}});
        let bytes = repository.sign("timestamp", &impostor);
        *repository.file("timestamp") = bytes;
    });
    assert!(matches!(error, MetadataError::Type { expected: "timestamp", found } if found == "snapshot"));
}

#[test]
fn fields_that_are_missing_or_of_a_wrong_form_are_refused() {
    for (field, value) in [
        ("version", json!(0)),
        ("version", json!(-1)),
        ("version", json!("1")),
        ("version", Value::Null),
        ("expires", json!("2026-06-01T00:00:00+00:00")),
        ("expires", json!("2026-06-01")),
        ("targets", json!([])),
        ("targets", json!({"file": {"length": -1, "hashes": {}}})),
        ("targets", json!({"file": {"length": 1, "hashes": {"sha256": "00"}}})),
        ("targets", json!({"file": {"length": 1}})),
        ("targets", json!({"file": [1, {"sha256": "00".repeat(32)}, null]})),
        ("delegations", json!([{}, []])),
        ("delegations", json!({"keys": {}})),
        ("delegations", json!({"keys": {}, "roles": [{"name": "a", "keyids": [], "threshold": 0, "paths": []}]})),
    ] {
        let mut repository = TufRepository::new();
        repository.role("targets")[field] = value.clone();
        let bytes = repository.sign("targets", &repository.signed["targets"]);
        *repository.files.get_mut("1.targets.json").unwrap() = bytes;
        let result = repository.first_update();
        assert_refused!(result, TufError::Malformed { source: MetadataError::Json(JsonError::Form(_)), .. });
    }
}
