//! §5.6.7 and §4.5: the search through delegated roles.

use sealift_core::trust::Extent;
use sealift_proof::tuf::{Limits, TrustedState, TufError, VerifiedTarget, update};
use sealift_tests::tuf_repository::{Delegated, TufRepository, now};
use serde_json::json;

/// The delegated roles whose files a search asked for, in order.
fn visited(repository: &mut TufRepository, target: &str) -> Vec<String> {
    repository.requests.clear();
    repository.resolve(target).unwrap();
    let file_names = repository.requests.iter().skip(4);
    file_names.map(|name| name.trim_end_matches(".json").split_once('.').unwrap().1.to_owned()).collect()
}

fn chain(target: &VerifiedTarget) -> Vec<&str> {
    target.roles().iter().map(|role| role.as_str()).collect()
}

/// A repository with delegations `(delegator, role, pattern, terminating)`.
fn with_delegations(delegations: &[(&str, &str, &str, bool)]) -> TufRepository {
    let mut repository = TufRepository::new();
    for &(delegator, role, pattern, terminating) in delegations {
        let delegated = Delegated::paths(role, &[pattern]);
        repository.delegate(delegator, if terminating { delegated.terminating() } else { delegated });
    }
    repository.publish_everything();
    repository
}

#[test]
fn rule_5_6_7_the_search_is_depth_first_and_in_order_of_appearance() {
    let mut repository = with_delegations(&[
        ("targets", "a", "*", false),
        ("targets", "b", "*", false),
        ("a", "c", "*", false),
        ("c", "d", "*", false),
    ]);
    assert_eq!(visited(&mut repository, "missing"), ["a", "c", "d", "b"]);
    repository.add_target("b", "file", b"b");
    repository.add_target("d", "file", b"d");
    repository.publish_everything();
    let target = repository.resolve("file").unwrap().unwrap();
    assert_eq!(chain(&target), ["targets", "a", "c", "d"]);
    assert!(target.check(b"d").is_ok() && !target.is_from_top_level());
}

#[test]
fn rule_5_6_7_1_a_role_is_visited_once_so_cycles_end() {
    let mut repository = with_delegations(&[
        ("targets", "a", "*", false),
        ("a", "b", "*", false),
        ("b", "a", "*", false),
        ("b", "b", "*", false),
        ("targets", "b", "*", false),
    ]);
    assert_eq!(visited(&mut repository, "missing"), ["a", "b"]);
}

#[test]
fn rule_5_6_7_1_the_roles_of_one_search_and_the_depth_of_delegations_have_limits() {
    let mut repository =
        with_delegations(&[("targets", "a", "*", false), ("a", "b", "*", false), ("b", "c", "*", false)]);
    let pinned = repository.pinned_root();
    let mut search = |limits: Limits| {
        let mut trusted = update(&pinned, &TrustedState::default(), &mut repository, now(), &limits).unwrap();
        trusted.resolve(&mut repository, "missing")
    };
    let limits = Limits { visited_roles: 4, delegation_depth: 3, ..Limits::default() };
    assert!(search(limits).is_ok());
    assert_refused!(search(Limits { visited_roles: 3, ..limits }), TufError::TooManyRoles { limit: 3 });
    assert_refused!(search(Limits { delegation_depth: 2, ..limits }), TufError::TooDeep { limit: 2, .. });
}

#[test]
fn the_work_of_all_searches_has_a_limit_whatever_patterns_and_names_are_made_of() {
    let pattern = format!("*{}c", "a".repeat(100));
    let mut repository = with_delegations(&[("targets", "a", &pattern, false)]);
    let (pinned, name) = (repository.pinned_root(), "a".repeat(200));
    let mut search = |matching_steps: u64, name: &str, times: usize| {
        let limits = Limits { matching_steps, ..Limits::default() };
        let mut trusted = update(&pinned, &TrustedState::default(), &mut repository, now(), &limits).unwrap();
        (0..times).try_for_each(|_| trusted.resolve(&mut repository, name).map(drop))
    };
    // One step for the delegation, one for the star, and two for the letter after it.
    assert_refused!(search(3, "b", 1), TufError::TooMuchMatching { limit: 3 });
    search(4, "b", 1).unwrap();
    assert_refused!(search(4, "b", 2), TufError::TooMuchMatching { limit: 4 });
    // What comes after the star is compared at every place of the name.
    assert_refused!(search(10_000, &name, 1), TufError::TooMuchMatching { limit: 10_000 });
    search(20_000, &name, 1).unwrap();
    assert_refused!(search(20_000, &name, 2), TufError::TooMuchMatching { limit: 20_000 });
}

#[test]
fn rule_5_6_7_2_1_a_terminating_delegation_ends_the_search_at_every_level() {
    let mut repository = with_delegations(&[
        ("targets", "a", "*", false),
        ("targets", "b", "*", false),
        ("a", "c", "*", true),
        ("a", "d", "*", false),
        ("c", "e", "*", false),
    ]);
    assert_eq!(visited(&mut repository, "missing"), ["a", "c", "e"]);
}

#[test]
fn rule_5_6_7_2_1_a_terminating_delegation_that_does_not_match_ends_nothing() {
    let mut repository = with_delegations(&[("targets", "a", "*.py", true), ("targets", "b", "*", false)]);
    assert_eq!(visited(&mut repository, "missing"), ["b"]);
}

#[test]
fn rule_5_6_7_a_role_that_cannot_be_had_or_is_refused_ends_the_search_with_an_error() {
    let mut repository = with_delegations(&[("targets", "a", "*", false), ("targets", "b", "*", false)]);
    repository.add_target("b", "file", b"b");
    repository.publish_everything();
    let mut missing = repository.clone();
    missing.files.remove("2.a.json");
    assert_refused!(missing.resolve("file"), TufError::Missing { .. });
    let mut expired = repository.clone();
    expired.role("a")["expires"] = json!("2026-01-15T00:00:00Z");
    expired.publish_everything();
    assert_refused!(expired.resolve("file"), TufError::Expired { .. });
    let mut unsigned = repository.clone();
    unsigned.signers.insert("a".to_owned(), Vec::new());
    unsigned.publish_everything();
    let refused = unsigned.resolve("file");
    assert_refused!(refused, TufError::Signatures { delegator, .. } if delegator.as_str() == "targets");
    let mut unlisted = repository.clone();
    unlisted.role("snapshot")["meta"].as_object_mut().unwrap().remove("a.json");
    unlisted.publish(&["snapshot", "timestamp"]);
    unlisted.requests.clear();
    assert_refused!(unlisted.resolve("file"), TufError::NotInSnapshot { .. });
    assert_eq!(unlisted.requests.len(), 4, "it is not even asked for");
}

#[test]
fn rule_4_5_a_target_is_in_a_trusted_path_of_all_roles_on_the_way() {
    let mut repository = with_delegations(&[("targets", "a", "releases/*", false), ("a", "b", "*/*", false)]);
    for path in ["releases/1", "secrets/1"] {
        repository.add_target("b", path, b"b");
    }
    repository.publish_everything();
    assert!(repository.resolve("releases/1").unwrap().is_some());
    assert_eq!(repository.resolve("secrets/1").unwrap(), None);
}

#[test]
fn a_role_verified_for_one_delegator_is_not_thereby_verified_for_another() {
    let mut repository = with_delegations(&[
        ("targets", "a", "a/*", false),
        ("targets", "b", "b/*", false),
        ("a", "release", "a/*", false),
        ("b", "release", "b/*", false),
    ]);
    // Each delegator names a key of its own; the role is signed with the first one's only.
    repository.signers.get_mut("release").unwrap().truncate(1);
    repository.add_target("release", "a/file", b"from a");
    repository.add_target("release", "b/file", b"from b");
    repository.publish_everything();
    let mut trusted = repository.first_update().unwrap();
    assert!(trusted.resolve(&mut repository, "a/file").unwrap().is_some());
    let second = trusted.resolve(&mut repository, "b/file");
    assert_refused!(second, TufError::Signatures { delegator, .. } if delegator.as_str() == "b");
}

#[test]
fn a_delegation_without_paths_speaks_for_nothing_and_one_with_both_kinds_is_refused() {
    let mut repository = with_delegations(&[("targets", "a", "*", false)]);
    repository.delegations("targets")["roles"][0].as_object_mut().unwrap().remove("paths");
    repository.publish_everything();
    assert!(visited(&mut repository, "file").is_empty());
    repository.delegations("targets")["roles"][0]["paths"] = json!(["*"]);
    repository.delegations("targets")["roles"][0]["path_hash_prefixes"] = json!(["00"]);
    repository.publish_everything();
    assert_refused!(repository.first_update(), TufError::Malformed { .. });
}

#[test]
fn rule_4_5_path_hash_prefixes_are_of_the_name_and_in_sha256() {
    let mut repository = TufRepository::new();
    let digits: Vec<String> = (0..16).map(|digit| format!("{digit:x}")).collect();
    for digit in &digits {
        repository.delegate("targets", Delegated::hash_prefixes(&format!("bin-{digit}"), &[digit]));
    }
    let path = "example.com/org/shop:1.4";
    let digit = sealift_archive_format::Digest::sha256(path.as_bytes()).hex()[..1].to_owned();
    repository.add_target(&format!("bin-{digit}"), path, b"shop");
    repository.publish_everything();
    assert_eq!(visited(&mut repository, path), [format!("bin-{digit}")]);
    assert_eq!(chain(&repository.resolve(path).unwrap().unwrap())[1], format!("bin-{digit}"));
}

#[test]
fn tap_15_succinct_roles_name_the_bin_by_the_first_bits_of_the_hash() {
    for bits in [1, 4, 5, 8] {
        let mut repository = TufRepository::new();
        let bins = repository.delegate_succinctly("targets", "bin", bits);
        assert_eq!(bins.len(), 1 << bits);
        let path = "example.com/org/shop:1.4";
        let hash = sealift_archive_format::Digest::sha256(path.as_bytes());
        let first_bits = u32::from_str_radix(&hash.hex()[..8], 16).unwrap() >> (32 - bits);
        repository.add_target(&bins[first_bits as usize], path, b"shop");
        repository.publish_everything();
        assert_eq!(visited(&mut repository, path), [bins[first_bits as usize].clone()]);
        assert!(repository.resolve(path).unwrap().is_some());
    }
}

#[test]
fn tap_15_succinct_roles_have_1_to_32_bits_and_exclude_listed_roles() {
    for change in [json!({"bit_length": 0}), json!({"bit_length": 33}), json!({"threshold": 0})] {
        let mut repository = TufRepository::new();
        repository.delegate_succinctly("targets", "bin", 1);
        for (field, value) in change.as_object().unwrap() {
            repository.delegations("targets")["succinct_roles"][field] = value.clone();
        }
        repository.publish_everything();
        assert_refused!(repository.first_update(), TufError::Malformed { .. });
    }
    let mut repository = TufRepository::new();
    repository.delegate_succinctly("targets", "bin", 1);
    repository.delegations("targets")["roles"] = json!([]);
    repository.publish_everything();
    assert_refused!(repository.first_update(), TufError::Malformed { .. });
}

#[test]
fn tap_15_bins_do_not_terminate_but_their_delegator_may() {
    for terminating in [false, true] {
        let mut repository =
            with_delegations(&[("targets", "bins", "*", terminating), ("targets", "late", "*", false)]);
        repository.delegate_succinctly("bins", "bin", 1);
        repository.publish_everything();
        let visited = visited(&mut repository, "missing");
        assert_eq!(visited.last().unwrap() == "late", !terminating, "{visited:?}");
    }
}

#[test]
fn role_names_of_every_kind_are_asked_for_under_one_encoded_segment() {
    for (role, file_name) in [
        ("a:b@c", "1.a%3Ab%40c.json"),
        ("with space", "1.with%20space.json"),
        ("r\u{f4}le/\u{1f600}", "1.r%C3%B4le%2F%F0%9F%98%80.json"),
        ("%2f", "1.%252f.json"),
        ("../up", "1...%2Fup.json"),
    ] {
        let mut repository = with_delegations(&[("targets", role, "*", false)]);
        repository.requests.clear();
        repository.resolve("missing").unwrap();
        assert_eq!(repository.requests[4], file_name);
    }
}

#[test]
fn target_names_of_every_kind_are_found() {
    for path in
        ["example.com/org/bundle:latest", "a@sha256:00", "with space", "\u{1f600}/\u{e9}", "a%2fb", "../x", "/y"]
    {
        let mut repository = TufRepository::new();
        repository.add_target("targets", path, b"content");
        repository.publish_targets();
        assert_eq!(repository.resolve(path).unwrap().unwrap().path(), path);
    }
    // Canonically equivalent is not equal.
    let mut repository = TufRepository::new();
    repository.add_target("targets", "\u{e9}", b"content");
    repository.publish_targets();
    assert_eq!(repository.resolve("e\u{301}").unwrap(), None);
}

#[test]
fn a_delegated_role_is_called_neither_like_a_top_level_one_nor_twice_the_same() {
    for name in ["root", "timestamp", "snapshot", "targets", ""] {
        let mut repository = with_delegations(&[("targets", "a", "*", false)]);
        repository.delegations("targets")["roles"][0]["name"] = json!(name);
        repository.publish_targets();
        assert_refused!(repository.first_update(), TufError::Malformed { .. });
    }
    let mut repository = with_delegations(&[("targets", "a", "*", false), ("targets", "a", "*", false)]);
    assert_refused!(repository.first_update(), TufError::Malformed { .. });
}

#[test]
fn remembered_delegated_roles_are_not_asked_for_again_and_forgotten_when_no_longer_listed() {
    let mut repository = with_delegations(&[("targets", "a", "*", false)]);
    let mut trusted = repository.first_update().unwrap();
    trusted.resolve(&mut repository, "missing").unwrap();
    let state = trusted.into_state(None);
    assert!(state.metadata.contains_key("a"));
    repository.requests.clear();
    repository.update(&state).unwrap().resolve(&mut repository, "missing").unwrap();
    assert_eq!(repository.requests, ["2.root.json", "timestamp.json"]);
    // It is kept as long as it is what the snapshot lists, whether it is needed or not.
    let unneeded = repository.update(&state).unwrap().into_state(None);
    assert_eq!(unneeded.metadata.get("a"), state.metadata.get("a"));
    let mut next = repository.clone();
    next.role("a")["version"] = json!(2);
    next.publish(&["a", "snapshot", "timestamp"]);
    assert!(!next.update(&state).unwrap().into_state(None).metadata.contains_key("a"));
    repository.role("snapshot")["meta"].as_object_mut().unwrap().remove("a.json");
    repository.rotate_keys("snapshot");
    repository.publish(&["root", "snapshot", "timestamp"]);
    assert!(!repository.update(&state).unwrap().into_state(None).metadata.contains_key("a"));
}

#[test]
fn a_role_beside_the_bins_is_not_one_of_them() {
    // One digit: eight bins of three bits, sixteen of four.
    for (bit_length, beside) in [(3, ["bin-8", "bin-f", "bin-00", "bin-"]), (4, ["bin-A", "bin-F", "bin-00", "bin-g"])]
    {
        let mut repository = TufRepository::new();
        let bins = repository.delegate_succinctly("targets", "bin", bit_length);
        let signers = repository.signers[&bins[0]].clone();
        for name in beside {
            repository.signers.insert(name.to_owned(), signers.clone());
            repository.ensure_targets_role(name);
        }
        repository.publish_everything();
        let carried = repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
        for name in &bins {
            assert!(carried.files().contains_key(&format!("1.{name}.json")), "{name}");
        }
        for name in beside {
            assert!(!carried.files().contains_key(&format!("1.{name}.json")), "{name}");
        }
    }
}
