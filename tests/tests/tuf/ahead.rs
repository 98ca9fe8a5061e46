//! Roles and roots that other threads verify before their turn comes: it changes nothing but the time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sealift_core::trust::Extent;
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_proof::tuf::provider::{CarriedMetadata, RecordingMetadata, Room};
use sealift_proof::tuf::{
    Limits, MetadataProvider, ProviderError, RoleName, TrustedRepository, TrustedState, TufError, update,
};
use sealift_tests::tuf_repository::{Delegated, TestKey, TufRepository, gather_from, now};
use serde_json::json;

/// Far more roles, and roots, than are looked at before others are verified ahead.
const MANY: usize = 60;

/// A repository whose files, or others, are at hand.
struct AtHand {
    asked: TufRepository,
    at_hand: Option<Reader>,
}

/// Files at hand, and how many of them have been read.
#[derive(Clone)]
struct Reader {
    files: CarriedMetadata,
    read: Arc<AtomicUsize>,
}

impl AtHand {
    fn new(asked: &TufRepository, at_hand: &TufRepository) -> Self {
        let at_hand = Reader { files: at_hand.carried().0, read: Arc::default() };
        Self { asked: asked.clone(), at_hand: Some(at_hand) }
    }

    fn without(repository: &TufRepository) -> Self {
        Self { asked: repository.clone(), at_hand: None }
    }
}

/// Requires that files at hand are read, which is so where there are threads for it.
fn assert_read_ahead(repository: &TufRepository) {
    let mut provider = AtHand::new(repository, repository);
    seen(&mut provider, &repository.pinned_root(), &TrustedState::default(), &Limits::default());
    let read = provider.at_hand.unwrap().read.load(Ordering::Relaxed);
    assert_eq!(read > 0, std::thread::available_parallelism().unwrap().get() > 1);
}

impl MetadataProvider for Reader {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        self.read.fetch_add(1, Ordering::Relaxed);
        self.files.metadata(role, version, limit)
    }
}

impl MetadataProvider for AtHand {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        self.asked.metadata(role, version, limit)
    }

    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.at_hand.clone()?))
    }

    fn hand_out(&mut self, role: &RoleName, version: Option<u64>, bytes: &[u8]) -> Result<bool, ProviderError> {
        let name = role.file_name(version);
        let is_file = self.asked.files.get(&name).is_some_and(|file| file == bytes);
        if is_file {
            self.asked.requests.push(name);
        }
        Ok(is_file)
    }
}

/// `role-0` and so on, in order, of which each fourth delegates to three of its own. `file` is in the last.
fn wide() -> TufRepository {
    let mut repository = TufRepository::new();
    for number in 0..MANY {
        let name = format!("role-{number}");
        repository.delegate("targets", Delegated::paths(&name, &["*"]));
        for below in 0..if number % 4 == 0 { 3 } else { 0 } {
            repository.delegate(&name, Delegated::paths(&format!("{name}-{below}"), &["*"]));
        }
    }
    repository.add_target(&format!("role-{}", MANY - 1), "file", b"content");
    repository.publish_everything();
    repository
}

/// Everything that a client can tell of a search, and of the way to all roles after it.
fn seen(provider: &mut AtHand, pinned: &[u8], state: &TrustedState, limits: &Limits) -> Vec<String> {
    let outcome = |repository: &TrustedRepository| {
        let roles: Vec<_> = repository.roles().iter().map(|evidence| format!("{evidence:?}")).collect();
        let remembered: BTreeMap<_, _> = repository.state().metadata.clone();
        format!("{roles:?} {remembered:?}")
    };
    let mut seen = Vec::new();
    match update(pinned, state, provider, now(), limits) {
        Err(error) => seen.push(format!("{error:?}")),
        Ok(mut repository) => {
            for target in ["file", "missing"] {
                seen.push(format!("{:?}", repository.resolve(provider, target)));
                seen.push(outcome(&repository));
            }
            seen.push(format!("{:?}", repository.load_every_role(provider)));
            seen.push(outcome(&repository));
        }
    }
    seen.push(format!("{:?}", provider.asked.requests));
    seen
}

/// Requires that a client sees the same whether files are at hand or not; returns what it sees.
#[track_caller]
fn same(repository: &TufRepository, state: &TrustedState, limits: &Limits) -> Vec<String> {
    let pinned = repository.pinned_root();
    let ahead = seen(&mut AtHand::new(repository, repository), &pinned, state, limits);
    assert_eq!(ahead, seen(&mut AtHand::without(repository), &pinned, state, limits));
    ahead
}

#[test]
fn neither_answers_nor_refusals_nor_requests_depend_on_what_is_at_hand() {
    let (nothing, limits) = (TrustedState::default(), Limits::default());
    let honest = wide();
    assert_read_ahead(&honest);
    assert!(same(&honest, &nothing, &limits)[0].starts_with("Ok(Some("));
    for few in [1, 20, MANY] {
        let refused = same(&honest, &nothing, &Limits { visited_roles: few, ..limits });
        assert!(refused[0].contains("TooManyRoles"), "{few}");
    }
    type Damage = fn(&mut TufRepository, &str);
    let damages: [(&str, Damage); 6] = [
        ("Signatures", |repository, role| {
            let file = repository.file(role);
            let place = file.windows(5).position(|part| part == b"\"sig\"").unwrap() + 10;
            file[place] = if file[place] == b'0' { b'1' } else { b'0' };
        }),
        ("Malformed", |repository, role| repository.file(role).truncate(40)),
        ("Missing", |repository, role| {
            let name = repository.file_name(role, repository.version(role));
            repository.files.remove(&name);
        }),
        ("Expired", |repository, role| {
            repository.role(role)["expires"] = json!("2026-01-01T00:00:00Z");
            repository.publish_as_it_is(role);
        }),
        ("Version", |repository, role| {
            let older = repository.file(role).clone();
            repository.publish(&[role, "snapshot", "timestamp"]);
            *repository.file(role) = older;
        }),
        ("NotInSnapshot", |repository, role| {
            repository.role("snapshot")["meta"].as_object_mut().unwrap().remove(&format!("{role}.json"));
            repository.publish(&["snapshot", "timestamp"]);
        }),
    ];
    for (refusal, damage) in damages {
        for role in ["role-0", "role-13", "role-28-1", "role-59"] {
            let mut damaged = honest.clone();
            damage(&mut damaged, role);
            let seen = same(&damaged, &nothing, &limits);
            assert!(seen[0].contains(refusal) && seen[0].contains(&format!("{role:?}")), "{role}: {}", seen[0]);
        }
    }
}

#[test]
fn a_role_that_several_delegate_to_is_judged_by_the_keys_of_each() {
    let (nothing, limits) = (TrustedState::default(), Limits::default());
    let mut repository = wide();
    let cycle = [("role-59", "role-0"), ("role-4-1", "role-4"), ("role-8", "role-4-1"), ("role-12", "role-44")];
    for (delegator, role) in cycle {
        repository.delegate(delegator, Delegated::paths(role, &["*"]));
    }
    repository.delegate("role-56-2", Delegated::paths("role-56", &["*"]).terminating());
    repository.publish_everything();
    let honest = same(&repository, &nothing, &limits);
    // Whoever delegates with other keys, and comes first, refuses what the others accept.
    for delegator in ["role-3", "role-20-1"] {
        let mut other = repository.clone();
        let stranger = other.new_key();
        other.delegate(delegator, Delegated::paths("role-40", &["*"]));
        let delegations = &mut other.role(delegator)["delegations"];
        delegations["keys"] = json!({ &stranger.id: stranger.object });
        delegations["roles"][0]["keyids"] = json!([stranger.id]);
        other.publish(&[delegator, "snapshot", "timestamp"]);
        let refused = same(&other, &nothing, &limits);
        assert_ne!(honest[0], refused[0]);
        assert!(refused[0].contains("Signatures") && refused[0].contains(delegator), "{}", refused[0]);
    }
}

#[test]
fn nothing_is_read_ahead_for_what_has_been_found_before() {
    let mut repository = wide();
    repository.add_target("role-0", "early", b"early");
    repository.publish_everything();
    let (pinned, nothing) = (repository.pinned_root(), TrustedState::default());
    let mut provider = AtHand::new(&repository, &repository);
    let mut trusted = update(&pinned, &nothing, &mut provider, now(), &Limits::default()).unwrap();
    let mut read = || {
        assert!(trusted.resolve(&mut provider, "early").unwrap().is_some());
        provider.at_hand.as_ref().unwrap().read.load(Ordering::Relaxed)
    };
    let first = read();
    assert_eq!(read(), first);
}

#[test]
fn nothing_is_read_ahead_where_each_search_ends_at_the_first_new_role() {
    let mut repository = wide();
    for number in 0..MANY {
        repository.add_target(&format!("role-{number}"), &format!("file-{number}"), b"content");
    }
    repository.publish_everything();
    let (pinned, nothing) = (repository.pinned_root(), TrustedState::default());
    let mut provider = AtHand::new(&repository, &repository);
    let mut trusted = update(&pinned, &nothing, &mut provider, now(), &Limits::default()).unwrap();
    for number in 0..MANY {
        assert!(trusted.resolve(&mut provider, &format!("file-{number}")).unwrap().is_some());
    }
    assert_eq!(provider.at_hand.unwrap().read.load(Ordering::Relaxed), 0);
}

#[test]
fn what_was_recorded_before_is_what_stays() {
    let repository = wide();
    let (mut carried, _) = repository.carried();
    let room = Room::new(1_000_000);
    let mut recording = RecordingMetadata::new(&mut carried, &room);
    let role = RoleName::delegated("role-0").unwrap();
    let file = repository.files["1.role-0.json"].clone();
    assert_eq!(recording.metadata(&role, Some(7), 1_000).unwrap(), None);
    assert!(!recording.hand_out(&role, Some(7), &file).unwrap(), "there was no such file");
    assert!(!recording.hand_out(&role, Some(1), b"other").unwrap());
    assert!(recording.hand_out(&role, Some(1), &file).unwrap());
    assert!(recording.hand_out(&role, Some(1), &file).unwrap());
    assert!(!recording.hand_out(&role, Some(1), b"other").unwrap());
    let recorded = recording.into_carried().into_files();
    assert_eq!(recorded, [("1.role-0.json".to_owned(), file)].into());
}

#[test]
fn what_is_remembered_is_used_where_it_is_what_the_snapshot_lists() {
    let mut repository = wide();
    let mut trusted = repository.first_update().unwrap();
    trusted.resolve(&mut repository, "file").unwrap();
    let remembered = trusted.into_state(None);
    repository.requests.clear();
    let again = same(&repository, &remembered, &Limits::default());
    assert!(again[0].starts_with("Ok(Some("));
    assert_eq!(again.last().unwrap(), r#"["2.root.json", "timestamp.json"]"#);
    // Some are newer, and one is damaged here.
    repository.publish(&["role-3", "role-40", "role-28-2", "snapshot", "timestamp"]);
    let again = same(&repository, &remembered, &Limits::default());
    assert!(again[0].starts_with("Ok(Some("));
    assert!(again.last().unwrap().contains("2.role-28-2.json"));
    let mut damaged = remembered;
    damaged.metadata.get_mut("role-30").unwrap().truncate(40);
    let again = same(&repository, &damaged, &Limits::default());
    assert!(again.last().unwrap().contains("1.role-30.json"), "it is asked for again");
}

#[test]
fn what_is_at_hand_counts_only_for_the_very_bytes_that_are_asked_for() {
    let (honest, nothing, limits) = (wide(), TrustedState::default(), Limits::default());
    let pinned = honest.pinned_root();
    let mut forged = honest.clone();
    let stranger = forged.new_key();
    forged.signers.insert("role-59".to_owned(), vec![stranger]);
    forged.publish_as_it_is("role-59");
    let asked = |asked: &TufRepository, at_hand: &TufRepository| {
        let mut provider = AtHand::new(asked, at_hand);
        update(&pinned, &nothing, &mut provider, now(), &limits).unwrap().resolve(&mut provider, "file")
    };
    assert!(asked(&honest, &forged).unwrap().is_some());
    assert_refused!(asked(&forged, &honest), TufError::Signatures { .. });
}

#[test]
fn what_is_read_ahead_is_not_carried() {
    let mut repository = wide();
    repository.add_target("role-0", "early", b"early");
    repository.publish_everything();
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &repository.files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mut metadata = RepositoryFolder::new(folder.path(), folder.path());
    let mut targets = metadata.clone();
    let (pinned, nothing) = (repository.pinned_root(), TrustedState::default());
    let mut carried = |targets_wanted: &[&str], extent| {
        let carried = gather_from(&mut metadata, &mut targets, &pinned, nothing.clone(), targets_wanted, extent);
        carried.unwrap().into_files().into_keys().collect::<Vec<_>>()
    };
    let early = ["1.root.json", "2.role-0.json", "3.snapshot.json", "3.targets.json", "timestamp.json"];
    assert_eq!(carried(&["early"], Extent::WhatIsNeeded), early);
    assert_eq!(carried(&[], Extent::EveryRole).len(), 4 + MANY + MANY / 4 * 3);
}

#[test]
fn what_is_recorded_has_its_limit_whether_it_was_at_hand_or_not() {
    let mut repository = wide();
    for number in 0..MANY {
        repository.role(&format!("role-{number}"))["custom"] = json!("x".repeat(5_000));
    }
    repository.publish_everything();
    let (pinned, nothing, limits) = (repository.pinned_root(), TrustedState::default(), Limits::default());
    let recorded = |mut provider: AtHand, limit: u64| {
        let room = Room::new(limit);
        let mut recording = RecordingMetadata::new(&mut provider, &room);
        let mut trusted = update(&pinned, &nothing, &mut recording, now(), &limits).unwrap();
        let loaded = trusted.load_every_role(&mut recording).map_err(|error| format!("{error:?}"));
        (loaded, recording.into_carried())
    };
    for limit in [200_000, 1_000_000] {
        let (loaded, carried) = recorded(AtHand::new(&repository, &repository), limit);
        assert_eq!(loaded.is_ok(), limit == 1_000_000);
        assert!(loaded.as_ref().err().is_none_or(|error| error.contains("TooMuch")));
        assert_eq!((loaded, carried), recorded(AtHand::without(&repository), limit));
    }
}

#[test]
fn a_long_chain_of_roots_is_accepted_and_refused_alike() {
    let (nothing, limits) = (TrustedState::default(), Limits::default());
    let mut repository = TufRepository::new();
    for number in 0..MANY {
        if number % 3 == 0 {
            repository.rotate_keys(if number % 2 == 0 { "root" } else { "snapshot" });
        }
        repository.publish(&["root"]);
        if number % 3 == 0 {
            let newest = repository.signers["root"][0].clone();
            repository.signers.insert("root".to_owned(), vec![newest]);
        }
    }
    repository.publish(&["snapshot", "timestamp"]);
    assert_read_ahead(&repository);
    same(&repository, &nothing, &limits);
    assert_eq!(repository.first_update().unwrap().roles()[0].version, MANY as u64 + 1);
    let few = same(&repository, &nothing, &Limits { root_versions: 40, ..limits });
    assert!(few[0].contains("TooManyRoots"), "{}", few[0]);
    for version in [5, 9, 30, MANY as u64] {
        let name = format!("{version}.root.json");
        let mut other = repository.clone();
        other.files.insert(name.clone(), repository.files[&format!("{}.root.json", version - 1)].clone());
        let seen = same(&other, &nothing, &limits);
        assert!(seen[0].contains("Version") || seen[0].contains("Signatures"), "{version}: {}", seen[0]);
        // A root that its own keys signed, and nobody before it.
        let mut own = TufRepository::new();
        own.role("root")["roles"]["root"]["keyids"] = json!([]);
        let stranger = TestKey::from_number(9_999);
        own.trust_key("root", &stranger);
        own.signers.insert("root".to_owned(), vec![stranger]);
        own.role("root")["version"] = json!(version);
        let forged = own.sign("root", &own.signed["root"]);
        other.files.insert(name.clone(), forged);
        let seen = same(&other, &nothing, &limits);
        assert!(seen[0].contains("Signatures"), "{version}: {}", seen[0]);
        // At hand is not what is asked for.
        let mut provider = AtHand::new(&other, &repository);
        let refused = update(&repository.pinned_root(), &nothing, &mut provider, now(), &limits);
        assert_refused!(refused.map(|_| ()), TufError::Signatures { .. });
    }
}
