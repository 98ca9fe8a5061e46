//! The whole workflow against other implementations: they must agree, or the reason is named here.

use sealift_tests::tuf_repository::{Delegated, TufRepository};
use serde_json::{Value, json};

use crate::oracles::{Oracle, Ours, RustTuf, Sigstore};

/// A change to an honest repository, and what is published after it.
type Case = (&'static str, fn(&mut TufRepository));

/// An honest repository that every implementation reads: ed25519, `spec_version` 1.0, names without `:`.
fn honest() -> TufRepository {
    let mut repository = TufRepository::new();
    for role in ["root", "timestamp", "snapshot", "targets"] {
        repository.role(role)["spec_version"] = json!("1.0");
    }
    repository.files.clear();
    for role in ["root", "timestamp", "snapshot", "targets"] {
        repository.role(role)["version"] = json!(0);
    }
    repository.describes_files = true;
    repository.add_target("targets", "folder/file.txt", b"content");
    repository.publish(&["root", "targets", "snapshot", "timestamp"]);
    repository
}

const EVERYTHING: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

const CASES: &[Case] = &[
    ("honest", |_| {}),
    ("all roles published again", |repository| repository.publish(&EVERYTHING)),
    ("without lengths and hashes", |repository| {
        repository.describes_files = false;
        repository.publish_targets();
    }),
    ("every key rotated", |repository| {
        EVERYTHING.iter().for_each(|role| repository.rotate_keys(role));
        repository.publish(&EVERYTHING);
    }),
    ("a chain of roots with rotated keys", |repository| {
        for _ in 0..5 {
            repository.rotate_keys("root");
            repository.publish(&["root"]);
        }
    }),
    ("thresholds of 2 met", |repository| {
        for role in EVERYTHING {
            repository.add_key(role);
            repository.set_threshold(role, 2);
        }
        repository.publish(&EVERYTHING);
    }),
    ("threshold of 2 not met by targets", |repository| {
        repository.add_key("targets");
        repository.set_threshold("targets", 2);
        repository.signers.get_mut("targets").unwrap().truncate(1);
        repository.publish(&EVERYTHING);
    }),
    ("root not signed by its predecessor", |repository| {
        repository.rotate_keys("root");
        repository.signers.get_mut("root").unwrap().truncate(1);
        repository.publish(&["root"]);
    }),
    ("root not signed by itself", |repository| {
        repository.rotate_keys("root");
        repository.signers.get_mut("root").unwrap().remove(0);
        repository.publish(&["root"]);
    }),
    ("root version skipped", |repository| {
        repository.role("root")["version"] = json!(3);
        let bytes = repository.sign("root", &repository.signed["root"]);
        repository.files.insert("2.root.json".to_owned(), bytes);
    }),
    ("root expired", |repository| expire(repository, "root")),
    ("timestamp expired", |repository| expire(repository, "timestamp")),
    ("snapshot expired", |repository| expire(repository, "snapshot")),
    ("targets expired", |repository| expire(repository, "targets")),
    ("timestamp signed by a stranger", |repository| stranger(repository, "timestamp")),
    ("snapshot signed by a stranger", |repository| stranger(repository, "snapshot")),
    ("targets signed by a stranger", |repository| stranger(repository, "targets")),
    ("wrong snapshot hash", |repository| {
        repository.role("timestamp")["meta"]["snapshot.json"]["hashes"]["sha256"] = json!("0".repeat(64));
        repository.publish(&["timestamp"]);
    }),
    ("old targets in place of new ones", |repository| {
        repository.describes_files = false;
        let old = repository.file("targets").clone();
        repository.publish_targets();
        *repository.file("targets") = old;
    }),
    ("old snapshot in place of a new one", |repository| {
        repository.describes_files = false;
        let old = repository.file("snapshot").clone();
        repository.publish(&["snapshot", "timestamp"]);
        *repository.file("snapshot") = old;
    }),
    ("timestamp missing", |repository| drop(repository.files.remove("timestamp.json"))),
    ("snapshot missing", |repository| drop(repository.files.remove("1.snapshot.json"))),
    ("targets missing", |repository| drop(repository.files.remove("1.targets.json"))),
    ("targets not listed", |repository| {
        repository.role("snapshot")["meta"] = json!({});
        repository.publish(&["snapshot", "timestamp"]);
    }),
    ("a snapshot served as timestamp", |repository| {
        let bytes = repository.sign("timestamp", &repository.signed["snapshot"]);
        repository.files.insert("timestamp.json".to_owned(), bytes);
    }),
    ("spec_version 2.0.0", |repository| {
        repository.role("targets")["spec_version"] = json!("2.0.0");
        repository.publish_targets();
    }),
    ("trailing data", |repository| {
        repository.describes_files = false;
        repository.publish_targets();
        repository.file("targets").extend(b"{}");
    }),
];

fn expire(repository: &mut TufRepository, role: &str) {
    repository.role(role)["expires"] = json!("2026-01-14T00:00:00Z");
    repository.publish(&EVERYTHING);
}

fn stranger(repository: &mut TufRepository, role: &str) {
    let key = repository.new_key();
    repository.signers.insert(role.to_owned(), vec![key]);
    repository.publish(&EVERYTHING);
}

fn compare(oracle: &dyn Oracle, explained: &[&str]) {
    let mut disagreements = Vec::new();
    for (name, change) in CASES {
        let mut repository = honest();
        change(&mut repository);
        let (ours, theirs) = (Ours.refresh(&repository), oracle.refresh(&repository));
        if ours.is_ok() != theirs.is_ok() {
            disagreements.push(*name);
            eprintln!("{name}: ours {ours:?}, theirs {theirs:?}");
        } else if ours.is_ok() {
            for target in ["folder/file.txt", "missing"] {
                assert_eq!(Ours.resolve(&repository, target), oracle.resolve(&repository, target), "{name}");
            }
        }
    }
    assert_eq!(disagreements, explained);
}

#[test]
fn sigstore_tuf_agrees_on_every_case() {
    compare(&Sigstore, &[]);
}

#[test]
fn the_tuf_crate_agrees_on_every_case_but_those_explained() {
    // Its database leaves the hashes of metadata files to its client, which compares them as it fetches.
    compare(&RustTuf, &["wrong snapshot hash"]);
}

/// Both verdicts on a repository: ours, theirs.
fn verdicts(oracle: &dyn Oracle, change: impl FnOnce(&mut TufRepository)) -> (bool, bool) {
    let mut repository = honest();
    change(&mut repository);
    (Ours.refresh(&repository).is_ok(), oracle.refresh(&repository).is_ok())
}

const ACCEPTED_REFUSED: (bool, bool) = (true, false);
const REFUSED_ACCEPTED: (bool, bool) = (false, true);

/// One key under two key ids: neither the specification's words nor its reference implementation see through it.
#[test]
fn difference_one_key_under_two_key_ids_does_not_meet_a_threshold_of_2() {
    let aliased = |repository: &mut TufRepository| {
        let alias = repository.signers["timestamp"][0].called("alias");
        repository.trust_key("timestamp", &alias);
        repository.signers.get_mut("timestamp").unwrap().push(alias);
        repository.set_threshold("timestamp", 2);
        repository.publish(&["root", "timestamp"]);
    };
    assert_eq!(verdicts(&Sigstore, aliased), REFUSED_ACCEPTED);
}

/// RFC 8259 leaves open what duplicate keys mean; so two readers can be made to read two things.
#[test]
fn difference_duplicate_json_keys_are_refused() {
    let duplicated = |repository: &mut TufRepository| {
        let text = String::from_utf8(repository.file("timestamp").clone()).unwrap();
        // The last one counts for whoever keeps one of them, and that is the one that was signed.
        *repository.file("timestamp") = text.replacen("\"spec_version\"", "\"version\":9,\"spec_version\"", 1).into();
    };
    assert_eq!(verdicts(&Sigstore, duplicated), REFUSED_ACCEPTED);
    assert_eq!(verdicts(&RustTuf, duplicated), REFUSED_ACCEPTED);
}

/// §4.2.1: a signature is an object. Readers that are generated from types also take an array of its values.
#[test]
fn difference_an_array_does_not_stand_for_an_object() {
    let listed = |repository: &mut TufRepository| {
        let mut envelope: Value = serde_json::from_slice(repository.file("timestamp")).unwrap();
        let signature = &mut envelope["signatures"][0];
        *signature = json!([signature["keyid"], signature["sig"]]);
        *repository.file("timestamp") = serde_json::to_vec(&envelope).unwrap();
    };
    assert_eq!(verdicts(&Sigstore, listed), REFUSED_ACCEPTED);
    assert_eq!(verdicts(&RustTuf, listed), REFUSED_ACCEPTED);
}

/// §4.3: adopters are free to take the major version as the match.
#[test]
fn difference_every_specification_of_version_1_is_read() {
    let newest = |repository: &mut TufRepository| {
        repository.role("timestamp")["spec_version"] = json!("1.0.34");
        repository.publish(&["timestamp"]);
    };
    assert_eq!(verdicts(&RustTuf, newest), ACCEPTED_REFUSED);
}

/// §5.6.7: metadata that cannot be had or validated ends the search; skipping it lets lesser roles speak.
#[test]
fn difference_a_delegated_role_that_the_snapshot_does_not_list_ends_the_search() {
    let mut repository = honest();
    repository.delegate("targets", Delegated::paths("a", &["*"]));
    repository.delegate("targets", Delegated::paths("b", &["*"]));
    repository.add_target("b", "file", b"b");
    repository.publish_everything();
    repository.role("snapshot")["meta"].as_object_mut().unwrap().remove("a.json");
    repository.publish(&["snapshot", "timestamp"]);
    assert!(Ours.resolve(&repository, "file").unwrap_err().contains("NotInSnapshot"));
    assert!(Sigstore.resolve(&repository, "file").unwrap().is_some());
}

/// A search that is cut short has not shown that the target is not there.
#[test]
fn difference_a_search_through_too_many_roles_is_an_error() {
    let mut repository = honest();
    for number in 0..256 {
        repository.delegate("targets", Delegated::paths(&format!("role-{number}"), &["*"]));
    }
    repository.publish_everything();
    assert!(Ours.resolve(&repository, "missing").unwrap_err().contains("TooManyRoles"));
    assert_eq!(Sigstore.resolve(&repository, "missing"), Ok(None));
}

/// TAP 15.
#[test]
fn difference_succinct_roles_are_searched() {
    let mut repository = honest();
    let bins = repository.delegate_succinctly("targets", "bin", 1);
    bins.iter().for_each(|bin| repository.add_target(bin, "file", b"binned"));
    repository.publish_everything();
    assert!(Ours.resolve(&repository, "file").unwrap().is_some());
    assert_ne!(Ours.resolve(&repository, "file"), Sigstore.resolve(&repository, "file"));
}

/// glob(7) and the reference implementation: an opening bracket that is not closed is a character.
#[test]
fn difference_an_unclosed_bracket_is_a_character() {
    let mut repository = honest();
    repository.delegate("targets", Delegated::paths("a", &["[x"]));
    repository.add_target("a", "[x", b"a");
    repository.publish_everything();
    assert!(Ours.resolve(&repository, "[x").unwrap().is_some());
    assert!(Sigstore.resolve(&repository, "[x").is_err());
}

/// CNAB Security calls targets so.
#[test]
fn difference_target_names_may_contain_colons() {
    let mut repository = honest();
    repository.add_target("targets", "example.com/org/bundle:latest", b"bundle");
    repository.publish_targets();
    assert!(Ours.resolve(&repository, "example.com/org/bundle:latest").unwrap().is_some());
    assert!(RustTuf.resolve(&repository, "example.com/org/bundle:latest").is_err());
}
