//! TAP 4: which repositories speak for a name.

use std::collections::BTreeMap;

use sealift_proof::tuf::map::{AgreedTarget, MapError, MapSearchError};
use sealift_proof::tuf::{RepositoryMap, TufError};
use sealift_tests::tuf_repository::TufRepository;
use serde_json::{Value, json};

/// Repositories that know targets: `(repository, target, content)`.
fn repositories(targets: &[(&str, &str, &str)]) -> BTreeMap<String, TufRepository> {
    let mut repositories: BTreeMap<String, TufRepository> =
        ["one", "two", "three"].map(|name| (name.to_owned(), TufRepository::new())).into();
    for (repository, target, content) in targets {
        let repository = repositories.get_mut(*repository).unwrap();
        repository.add_target("targets", target, content.as_bytes());
        repository.publish_targets();
    }
    repositories
}

fn map(mapping: Value) -> Result<RepositoryMap, MapError> {
    let map = json!({"repositories": {"one": ["https://one.test/"], "two": [], "three": []}, "mapping": mapping});
    RepositoryMap::parse(&serde_json::to_vec(&map).unwrap())
}

fn resolve(
    mapping: Value,
    repositories: &BTreeMap<String, TufRepository>,
    target: &str,
) -> Result<Option<AgreedTarget>, MapSearchError> {
    map(mapping).unwrap().resolve(target, |name| repositories[name.as_str()].clone().resolve(target))
}

fn witnesses(found: &AgreedTarget) -> Vec<&str> {
    found.witnesses().iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_first_mapping_that_matches_is_asked_first() {
    let repositories = repositories(&[("one", "a.tgz", "1"), ("two", "a.tgz", "2"), ("two", "b.txt", "2")]);
    let mapping = json!([
        {"paths": ["*.tgz"], "repositories": ["one"], "threshold": 1, "terminating": false},
        {"paths": ["*"], "repositories": ["two"], "threshold": 1, "terminating": true},
    ]);
    let found = |target| resolve(mapping.clone(), &repositories, target).unwrap();
    assert_eq!(witnesses(&found("a.tgz").unwrap()), ["one"]);
    assert_eq!(witnesses(&found("b.txt").unwrap()), ["two"]);
    assert_eq!(found("c.txt"), None);
}

#[test]
fn a_threshold_of_repositories_must_agree() {
    let mapping = |threshold: u64| json!([{"paths": ["*"], "repositories": ["one", "two", "three"], "threshold": threshold, "terminating": true}]);
    let agreeing = repositories(&[("one", "a", "odd"), ("two", "a", "same"), ("three", "a", "same")]);
    let found = resolve(mapping(2), &agreeing, "a").unwrap().unwrap();
    assert_eq!(witnesses(&found), ["two", "three"]);
    assert!(found.target().check(b"same").is_ok());
    let refused = resolve(mapping(3), &agreeing, "a");
    assert_refused!(refused, MapSearchError::NoAgreement { known_to, .. } if known_to.len() == 3);
    let alone = repositories(&[("one", "a", "x")]);
    assert_refused!(resolve(mapping(2), &alone, "a"), MapSearchError::NoAgreement { .. });
    assert_eq!(resolve(mapping(2), &alone, "b").unwrap(), None);
}

#[test]
fn agreement_includes_custom_because_in_toto_metadata_hangs_on_it() {
    let mut repositories = repositories(&[("one", "a", "same"), ("two", "a", "same")]);
    let mapping = json!([{"paths": ["*"], "repositories": ["one", "two"], "threshold": 2, "terminating": true}]);
    assert!(resolve(mapping.clone(), &repositories, "a").unwrap().is_some());
    let one = repositories.get_mut("one").unwrap();
    one.role("targets")["targets"]["a"]["custom"] = json!({"in-toto": ["lenient.layout"]});
    one.publish_targets();
    assert_refused!(resolve(mapping, &repositories, "a"), MapSearchError::NoAgreement { .. });
}

#[test]
fn a_mapping_that_does_not_terminate_passes_the_search_on_and_a_terminating_one_ends_it() {
    let repositories = repositories(&[("one", "a", "1"), ("two", "a", "2"), ("three", "a", "3")]);
    let mapping = |terminating: bool| {
        json!([
            {"paths": ["*"], "repositories": ["one", "two"], "threshold": 2, "terminating": terminating},
            {"paths": ["*"], "repositories": ["three"], "threshold": 1, "terminating": true},
        ])
    };
    let found = resolve(mapping(false), &repositories, "a").unwrap().unwrap();
    assert_eq!(witnesses(&found), ["three"]);
    assert_refused!(resolve(mapping(true), &repositories, "a"), MapSearchError::NoAgreement { .. });
}

#[test]
fn a_refused_repository_does_not_let_the_search_fall_through() {
    let mut repositories = repositories(&[("two", "a", "2"), ("three", "a", "2")]);
    repositories.get_mut("one").unwrap().files.remove("timestamp.json");
    let mapping = json!([
        {"paths": ["*"], "repositories": ["one"], "threshold": 1, "terminating": false},
        {"paths": ["*"], "repositories": ["two"], "threshold": 1, "terminating": true},
    ]);
    let refused = resolve(mapping, &repositories, "a");
    assert_refused!(refused, MapSearchError::Repository { source, .. } if matches!(*source, TufError::Missing { .. }));
    let outvoted = json!([
        {"paths": ["*"], "repositories": ["one", "two", "three"], "threshold": 2, "terminating": true},
    ]);
    assert!(resolve(outvoted, &repositories, "a").unwrap().is_some(), "a threshold without it is still one");
}

#[test]
fn patterns_are_path_patterns_and_a_single_star_is_every_name() {
    let repositories = repositories(&[("one", "x/a", "1"), ("two", "x/a", "2")]);
    let mapping = |pattern: &str| {
        json!([
            {"paths": [pattern], "repositories": ["one"], "threshold": 1, "terminating": true},
            {"paths": ["*"], "repositories": ["two"], "threshold": 1, "terminating": true},
        ])
    };
    for (pattern, speaker) in [("*", "one"), ("x/*", "one"), ("*/a", "one"), ("*a", "two"), ("x*", "two")] {
        let found = resolve(mapping(pattern), &repositories, "x/a").unwrap().unwrap();
        assert_eq!(witnesses(&found), [speaker], "{pattern}");
    }
}

#[test]
fn a_map_that_contradicts_itself_is_refused() {
    let refused = |mapping: Value| match map(json!([mapping])) {
        Err(MapError::Malformed(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let mapping = |repositories: &[&str], threshold: u64| json!({"paths": ["*"], "repositories": repositories, "threshold": threshold, "terminating": true});
    assert!(refused(mapping(&["four"], 1)).contains("is not in the map"));
    assert!(refused(mapping(&["one", "one"], 1)).contains("twice"));
    assert!(refused(mapping(&["one"], 2)).contains("to agree"));
    refused(mapping(&["one"], 0));
    let misspelt = json!({"paths": ["*"], "repositories": ["one"], "treshold": 1, "threshold": 1, "terminating": true});
    assert!(refused(misspelt).contains("treshold"));
    for name in ["", "..", ".x", "a/b", "a b", "A", "a~", &"a".repeat(65)] {
        let map = json!({"repositories": {name: []}, "mapping": []});
        assert!(RepositoryMap::parse(&serde_json::to_vec(&map).unwrap()).is_err(), "{name:?}");
    }
}

#[test]
fn the_map_of_one_repository_speaks_for_every_name() {
    let repositories = repositories(&[("one", "x/a", "1")]);
    let map = RepositoryMap::of_one(&"one".parse().unwrap(), vec!["https://one.test/".to_owned()]);
    let found = map.resolve("x/a", |name| repositories[name.as_str()].clone().resolve("x/a")).unwrap().unwrap();
    assert_eq!(witnesses(&found), ["one"]);
    assert_eq!(map.repositories().len(), 1);
}

#[test]
fn a_map_that_contradicts_itself_says_how() {
    let mapping = |repositories: Value, threshold: u32| json!([{"paths": ["*"], "repositories": repositories, "threshold": threshold, "terminating": true}]);
    for (mapping, said) in [
        (mapping(json!(["four"]), 1), "a mapping names repository \"four\", which is not in the map"),
        (mapping(json!(["one", "one"]), 1), "a mapping names repository \"one\" twice"),
        (mapping(json!(["one"]), 2), "a mapping requires 2 repositories to agree, but names 1"),
    ] {
        let refused = map(mapping).unwrap_err();
        let reason = std::error::Error::source(&refused).unwrap().to_string();
        assert!(reason.contains(said), "{reason}");
    }
    let refused = RepositoryMap::parse(br#"{"repositories":{"../x":[]},"mapping":[]}"#).unwrap_err();
    let reason = std::error::Error::source(&refused).unwrap().to_string();
    assert!(reason.contains("\"../x\" cannot be a name"), "{reason}");
}
