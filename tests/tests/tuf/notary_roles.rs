//! Delegated roles of Notary, whose snapshots state no versions: what is remembered of those that no search came to.

use sealift_proof::tuf::{Dialect, Limits, TrustAnchor, TrustedState, TufError, stray_metadata, update};
use sealift_tests::notary_repository::{GUN, NotaryKey, NotaryRepository, file_name};
use sealift_tests::tuf_repository::now;
use serde_json::{Value, json};

/// A repository with tag `1.0` in `targets`, and two delegated roles that no search for it comes to, one below the other.
fn with_roles_that_are_not_asked() -> NotaryRepository {
    let mut repository = NotaryRepository::new();
    repository.add_tag("targets", "1.0", b"one");
    repository.delegate("targets", "targets/alice", &[""]);
    repository.delegate("targets/alice", "targets/alice/b", &[""]);
    for role in ["targets/alice", "targets/alice/b"] {
        *repository.body(role, "version") = json!(5);
        repository.add_tag(role, "2.0", role.as_bytes());
    }
    repository.publish_all();
    repository
}

/// What is remembered after tag `1.0` was found in `targets`, and nothing else was looked for.
fn accepted(repository: &NotaryRepository, state: &TrustedState) -> TrustedState {
    let mut accepted = repository.update(state).unwrap();
    let found = accepted.resolve(&mut repository.carried(), "1.0").unwrap().unwrap();
    assert!(found.is_from_top_level());
    assert_eq!(accepted.roles().len(), 4, "what no search came to is no evidence");
    accepted.into_state(None)
}

#[test]
fn no_delegated_role_goes_back_although_no_search_came_to_it() {
    let repository = with_roles_that_are_not_asked();
    let state = accepted(&repository, &TrustedState::default());
    for role in ["targets/alice", "targets/alice/b"] {
        let mut back = repository.clone();
        *back.body(role, "version") = json!(4);
        back.publish_next();
        accepted(&back, &TrustedState::default());
        assert_refused!(
            back.update(&state),
            TufError::Rollback { role: refused, trusted: 5, found: 4, .. } if refused.as_str() == role
        );
        // Nor does it matter that it has expired by now.
        *back.body(role, "expires") = json!("2020-01-01T00:00:00Z");
        back.publish_next();
        accepted(&back, &TrustedState::default());
        assert_refused!(back.update(&state), TufError::Rollback { trusted: 5, found: 4, .. });
    }
}

#[test]
fn a_delegated_role_is_not_withheld_although_no_search_comes_to_it() {
    let repository = with_roles_that_are_not_asked();
    for role in ["targets/alice", "targets/alice/b"] {
        let mut withheld = repository.clone();
        withheld.files.remove(&file_name(role));
        assert_refused!(withheld.first_update(), TufError::Missing { role: refused, .. } if refused.as_str() == role);
        withheld.files.insert(file_name(role), b"{}".to_vec());
        assert_refused!(withheld.first_update(), TufError::Mismatch { role: refused, .. } if refused.as_str() == role);
    }
}

#[test]
fn a_delegated_role_below_another_does_not_fall_silent_however_many_deliveries_lie_between() {
    let mut repository = with_roles_that_are_not_asked();
    let state = accepted(&repository, &TrustedState::default());
    let hidden = repository.signed.remove("targets/alice/b").unwrap();
    repository.files.remove(&file_name("targets/alice/b"));
    // The second snapshot without it is as good as the first.
    for _ in 0..2 {
        repository.publish_next();
        assert_refused!(repository.update(&state), TufError::Removed(file) if file == "targets/alice/b.json");
    }
    // What is passed over takes nothing along that is below it.
    let mut broken = repository.clone();
    broken.signers.insert("targets/alice".to_owned(), vec![NotaryKey::ecdsa()]);
    broken.publish_next();
    let state = accepted(&broken, &state);
    repository.publish_next();
    repository.publish_next();
    assert_refused!(repository.update(&state), TufError::Removed(file) if file == "targets/alice/b.json");
    // Its delegator may take the delegation back, and begin anew.
    let mut without = repository.clone();
    without.body("targets/alice", "delegations")["roles"] = json!([]);
    without.bump("targets/alice");
    without.publish_next();
    let state = accepted(&without, &state);
    assert!(!state.metadata.contains_key("targets/alice/b") && state.metadata.contains_key("targets/alice"));
    repository.signed.insert("targets/alice/b".to_owned(), hidden);
    *repository.body("targets/alice/b", "version") = json!(1);
    *repository.body("targets/alice", "version") = json!(7);
    for newer in ["snapshot", "timestamp"] {
        *repository.body(newer, "version") = json!(20);
    }
    repository.publish_all();
    accepted(&repository, &state);
}

#[test]
fn a_delegated_role_that_is_broken_stops_only_the_searches_that_come_to_it_and_is_remembered_as_it_was() {
    let repository = with_roles_that_are_not_asked();
    let state = accepted(&repository, &TrustedState::default());
    // Breaks it, and says what a search that comes to it ends with, and which version is remembered.
    let broken_by = |change: fn(&mut Value), signer: Option<NotaryKey>| {
        let mut broken = repository.clone();
        *broken.body("targets/alice", "version") = json!(6);
        change(broken.signed.get_mut("targets/alice").unwrap());
        if let Some(signer) = signer {
            broken.signers.insert("targets/alice".to_owned(), vec![signer]);
        }
        broken.publish_next();
        let later = accepted(&broken, &state);
        let error = broken.update(&later).unwrap().resolve(&mut broken.carried(), "2.0").unwrap_err();
        // The archive may carry it all the same: the snapshot lists it.
        let trusted = broken.update(&later).unwrap();
        assert_eq!(stray_metadata(&broken.carried(), &trusted, &broken.files["1.root.json"]).unwrap(), None);
        let mut back = repository.clone();
        *back.body("targets/alice", "version") = json!(4);
        for newer in ["snapshot", "timestamp"] {
            *back.body(newer, "version") = json!(9);
        }
        back.publish_all();
        match back.update(&later) {
            Err(TufError::Rollback { trusted, found: 4, .. }) => (error, trusted),
            other => panic!("{other:?}"),
        }
    };
    let found = broken_by(|role| role["expires"] = json!("2020-01-01T00:00:00Z"), None);
    assert!(matches!(found, (TufError::Expired { .. }, 6)), "{found:?}");
    let found = broken_by(|_| {}, Some(NotaryKey::ecdsa()));
    assert!(matches!(found, (TufError::Signatures { .. }, 5)), "{found:?}");
    let found = broken_by(|role| role["_type"] = json!("Snapshot"), None);
    assert!(matches!(found, (TufError::Malformed { .. }, 5)), "{found:?}");
}

#[test]
fn many_prefixes_below_many_prefixes_take_work_that_grows_with_their_number() {
    const COUNT: usize = 5_000;
    let numbered = |letter: &str| (0..COUNT).map(|number| format!("{letter}{number:06}")).collect::<Vec<_>>();
    let mut repository = NotaryRepository::new();
    repository.delegate("targets", "targets/alice", &[""]);
    repository.delegate("targets/alice", "targets/alice/b", &[]);
    repository.delegate("targets/alice/b", "targets/alice/b/c", &[]);
    let (mut allowed, mut asked) = (numbered("x"), numbered("y"));
    allowed.push("1.0".to_owned());
    asked.push("1.0.1".to_owned());
    repository.body("targets/alice", "delegations")["roles"][0]["paths"] = json!(allowed);
    repository.body("targets/alice/b", "delegations")["roles"][0]["paths"] = json!(asked);
    repository.add_tag("targets/alice/b/c", "1.0.1", b"one");
    repository.publish_all();
    let dialect = Dialect::Notary(GUN.parse().unwrap());
    let search = |matching_steps: u64| {
        let limits = Limits { matching_steps, ..Limits::default() };
        let pinned = TrustAnchor { root: &repository.files["1.root.json"], dialect: &dialect };
        let mut carried = repository.carried();
        let mut trusted = update(pinned, &TrustedState::default(), &mut carried, now(), &limits).unwrap();
        trusted.resolve(&mut carried, "1.0.1")
    };
    // One for each prefix and for each delegation.
    let steps = 2 * (COUNT as u64 + 1) + 1 + 3;
    assert_eq!(search(steps).unwrap().unwrap().roles().len(), 4);
    assert_refused!(search(steps - 1), TufError::TooMuchMatching { .. });
}

#[test]
fn there_are_not_more_delegated_roles_than_may_be_visited() {
    let mut repository = NotaryRepository::new();
    repository.add_tag("targets", "1.0", b"one");
    let limit = Limits::default().visited_roles;
    for number in 1..limit {
        repository.delegate("targets", &format!("targets/r{number}"), &[""]);
    }
    // Who has not published anything costs nothing.
    for number in 0..10 {
        repository.delegate("targets", &format!("targets/silent{number}"), &[""]);
        repository.signed.remove(&format!("targets/silent{number}"));
    }
    repository.publish_all();
    assert_eq!(accepted(&repository, &TrustedState::default()).metadata.len(), limit + 3);
    repository.delegate("targets", "targets/more", &[""]);
    repository.publish_all();
    assert_refused!(repository.first_update(), TufError::TooManyRoles { limit: found } if found == limit);
}
