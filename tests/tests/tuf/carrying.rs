//! What travels, and what is published where it arrives.

use sealift_archive_format::{Digest, DigestAlgorithm, Hasher};
use sealift_core::trust::{Extent, RepositoryError};
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_core::tuf_repository::mirror::{Mirror, MirrorError};
use sealift_proof::tuf::provider::CarriedMetadata;
use sealift_proof::tuf::publication::verified_metadata;
use sealift_proof::tuf::{
    Dialect, FetchError, Limits, MetadataProvider, ProviderError, RoleName, TargetProvider, TrustedState, TufError,
    update,
};
use sealift_tests::tuf_repository::{Delegated, TufRepository, gather_from, now};
use serde_json::json;

fn file_names(carried: &CarriedMetadata) -> Vec<&str> {
    carried.files().keys().map(String::as_str).collect()
}

fn root_names(carried: &CarriedMetadata) -> Vec<&str> {
    file_names(carried).into_iter().filter(|name| name.ends_with(".root.json")).collect()
}

/// 256 bins, a chain of 3 roots, and one target.
fn binned() -> (TufRepository, &'static str, String) {
    let mut repository = TufRepository::new();
    let bins = repository.delegate_succinctly("targets", "bin", 8);
    let path = "example.com/org/shop:1.4";
    let bin = usize::from_str_radix(&sealift_archive_format::Digest::sha256(path.as_bytes()).hex()[..2], 16).unwrap();
    repository.add_target(&bins[bin], path, b"shop");
    repository.publish(&["root"]);
    repository.publish(&["root"]);
    repository.publish_everything();
    (repository, path, bins[bin].clone())
}

#[test]
fn exactly_the_roles_that_prove_the_chosen_targets_are_carried() {
    let (repository, path, bin) = binned();
    let (pinned, state) = (repository.pinned_root(), TrustedState::default());
    let mut carried = repository.gather(&pinned, &[path], Extent::WhatIsNeeded).unwrap();
    let bin = format!("1.{bin}.json");
    let mut expected =
        ["1.root.json", "2.root.json", "3.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json", &bin];
    expected.sort_unstable();
    assert_eq!(file_names(&carried), expected);
    // Offline, they prove the target.
    let mut arrived = update(&pinned, &state, &mut carried, now(), &Limits::default()).unwrap();
    assert!(arrived.resolve(&mut carried, path).unwrap().unwrap().check(b"shop").is_ok());
    // And they do not prove what was not chosen.
    assert_refused!(arrived.resolve(&mut carried, "unchosen"), TufError::Missing { .. });
}

#[test]
fn a_mirror_carries_the_whole_metadata_set() {
    let (mut repository, ..) = binned();
    repository.delegate("bin-00", Delegated::paths("below", &["*"]));
    repository.publish_everything();
    let carried = repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
    assert_eq!(carried.files().len(), 3 + 2 + 258);
}

#[test]
fn every_root_is_carried_also_those_before_the_pinned_one() {
    let (mut repository, ..) = binned();
    let pinned = repository.file("root").clone();
    let mut carried = repository.gather(&pinned, &[], Extent::WhatIsNeeded).unwrap();
    assert_eq!(file_names(&carried)[..1], ["1.root.json"]);
    // A receiver that pinned the first root, and one that pinned the last, are both served.
    for pinned in [repository.pinned_root(), pinned] {
        update(&pinned, &TrustedState::default(), &mut carried, now(), &Limits::default()).unwrap();
    }
}

#[test]
fn a_root_from_which_no_chain_leads_to_the_pinned_one_is_not_carried() {
    let (mut repository, ..) = binned();
    let pinned = repository.file("root").clone();
    let (mut metadata, mut targets) = repository.carried();
    let files = |second: &[u8]| {
        let mut files = metadata.clone().into_files();
        files.insert("2.root.json".to_owned(), second.to_vec());
        CarriedMetadata::new(files)
    };
    let mut stranger = TufRepository::new();
    stranger.rotate_keys("root");
    stranger.publish(&["root"]);
    let endless = vec![b' '; 600 << 10];
    for second in [b"junk".as_slice(), &endless, stranger.file("root")] {
        let mut live = files(second);
        let nothing = TrustedState::default();
        let carried = gather_from(&mut live, &mut targets, &pinned, nothing, &[], Extent::WhatIsNeeded).unwrap();
        assert_eq!(root_names(&carried), ["3.root.json"], "nor those before it");
    }
    let whole = gather_from(&mut metadata, &mut targets, &pinned, TrustedState::default(), &[], Extent::WhatIsNeeded);
    assert_eq!(root_names(&whole.unwrap()), ["1.root.json", "2.root.json", "3.root.json"]);
}

#[test]
fn what_is_gathered_is_bounded_in_all_and_not_for_each_file() {
    let mut repository = TufRepository::new();
    for number in 0..3 {
        let name = format!("role-{number}");
        repository.delegate("targets", Delegated::paths(&name, &["*"]));
        repository.add_target(&name, &format!("other-{number}"), b"x");
        repository.role(&name)["custom"] = json!("x".repeat(22 << 20));
    }
    repository.publish_everything();
    let refused = repository.gather(&repository.pinned_root(), &["absent"], Extent::WhatIsNeeded);
    assert_refused!(refused, RepositoryError::Tuf { source: TufError::Provider(ProviderError::TooMuch { .. }), .. });
}

/// A repository whose owner publishes everything anew after each file that is asked for.
struct Restless(TufRepository);

impl MetadataProvider for Restless {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let file = self.0.metadata(role, version, limit);
        self.0.publish_everything();
        file
    }
}

#[test]
fn one_view_is_carried_of_a_repository_that_changes_meanwhile() {
    let mut repository = TufRepository::new();
    repository.delegate("targets", Delegated::paths("below", &["shop"]));
    repository.add_target("below", "shop", b"shop");
    repository.publish_everything();
    let (pinned, nothing, mut files) = (repository.pinned_root(), TrustedState::default(), repository.carried().1);
    for (targets, extent) in [(&["shop"][..], Extent::WhatIsNeeded), (&[], Extent::EveryRole)] {
        let mut restless = Restless(repository.clone());
        let carried = gather_from(&mut restless, &mut files, &pinned, nothing.clone(), targets, extent);
        let mut carried = carried.unwrap();
        assert_eq!(carried.files().len(), 5, "every role in one version: {:?}", file_names(&carried));
        let mut arrived = update(&pinned, &nothing, &mut carried, now(), &Limits::default()).unwrap();
        assert!(arrived.resolve(&mut carried, "shop").unwrap().unwrap().check(b"shop").is_ok());
    }
}

#[test]
fn what_is_remembered_never_moves_back() {
    let mut repository = TufRepository::new();
    let at = |text: &str| Some(text.parse().unwrap());
    let first = repository.first_update().unwrap().into_state(at("2026-01-10T00:00:00Z"));
    assert_eq!(first.last_export, at("2026-01-10T00:00:00Z"));
    let second = repository.update(&first).unwrap().into_state(at("2026-01-05T00:00:00Z"));
    assert_eq!(second.last_export, first.last_export);
    assert_eq!(
        repository.update(&second).unwrap().into_state(None),
        second,
        "accepting the same again changes nothing"
    );
}

#[test]
fn a_published_mirror_is_the_repository_again() {
    for consistent in [true, false] {
        let (mut repository, path, _) = binned();
        repository.role("root")["consistent_snapshot"] = json!(consistent);
        repository.delegate("bin-00", Delegated::paths("odd name/\u{e9}%2f?", &["*"]));
        repository.add_target("targets", "folder/a b", b"odd");
        repository.add_target("targets", path, b"shop");
        repository.publish(&["root"]);
        repository.publish_everything();
        let pinned = repository.pinned_root();
        let targets = [(path, b"shop".as_slice()), ("folder/a b", b"odd")]
            .map(|(path, content)| (path, content, repository.resolve(path).unwrap().unwrap()));
        let carried = repository.gather(&pinned, &[], Extent::EveryRole).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::new(folder.path(), &Dialect::Tuf);
        for (_, content, target) in &targets {
            mirror.write_target(target, content, consistent).unwrap();
            assert_refused!(mirror.write_target(target, b"other", consistent), MirrorError::Mismatch { .. });
        }
        mirror.write_metadata(&carried).unwrap();

        let served = RepositoryFolder::new(folder.path().join("metadata"), folder.path().join("targets"));
        let (mut metadata, mut files) = (served.clone(), served.clone());
        let nothing = TrustedState::default();
        let again = gather_from(&mut metadata, &mut files, &pinned, nothing, &[], Extent::EveryRole);
        assert_eq!(again.unwrap(), carried);
        for (path, content, target) in &targets {
            assert_eq!(target.fetch(&mut served.clone(), consistent).unwrap(), *content, "{path}");
        }
    }
}

#[test]
fn a_mirror_does_not_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::new(folder.path(), &Dialect::Tuf);
    let mut repository = TufRepository::new();
    let whole =
        |repository: &TufRepository| repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
    let first = whole(&repository);
    repository.publish_everything();
    let second = whole(&repository);
    for metadata in [&first, &second, &second] {
        mirror.write_metadata(metadata).unwrap();
    }
    assert_refused!(mirror.write_metadata(&first), MirrorError::Newer { there, offered, .. }
        if (there.timestamp, offered.timestamp) == (2, 1));
    // Under a newer root the other versions may begin anew (TUF §5.3.11).
    repository.rotate_keys("timestamp");
    repository.role("timestamp")["version"] = json!(1);
    repository.publish(&["root"]);
    repository.publish_as_it_is("timestamp");
    let third = whole(&repository);
    mirror.write_metadata(&third).unwrap();
    assert_refused!(mirror.write_metadata(&second), MirrorError::Newer { there, offered, .. }
        if (there.root, offered.root) == (2, 1));
    let published = std::fs::read(folder.path().join("metadata/timestamp.json")).unwrap();
    assert_eq!(published, third.files()["timestamp.json"]);
}

#[test]
fn a_mirror_stays_that_of_one_repository_and_is_not_written_blindly() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::new(folder.path(), &Dialect::Tuf);
    let whole =
        |repository: &TufRepository| repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
    let (first, mut stranger) = (TufRepository::new(), TufRepository::new());
    mirror.write_metadata(&whole(&first)).unwrap();
    stranger.rotate_keys("root");
    stranger.publish_as_it_is("root");
    stranger.publish_everything();
    assert_refused!(mirror.write_metadata(&whole(&stranger)), MirrorError::Other { root, .. } if root == "1.root.json");
    // What cannot be read might be newer.
    let timestamp = folder.path().join("metadata/timestamp.json");
    std::fs::remove_file(&timestamp).unwrap();
    std::fs::create_dir(&timestamp).unwrap();
    assert_refused!(mirror.write_metadata(&whole(&first)), MirrorError::Read { .. });
}

#[test]
fn targets_that_exclude_each_other_on_a_disk_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::new(folder.path(), &Dialect::Tuf);
    let mut repository = TufRepository::new();
    let contents =
        [("a", "file"), ("a/b", "below"), ("c d", "one"), ("c%20d", "two"), ("e f", "same"), ("e%20f", "same")];
    for (path, content) in contents {
        repository.add_target("targets", path, content.as_bytes());
    }
    repository.publish_everything();
    let mut found = |path: &str| repository.resolve(path).unwrap().unwrap();
    let pairs = [["a", "a/b"], ["c d", "c%20d"], ["e f", "e%20f"]].map(|pair| pair.map(&mut found));
    for (pair, refused) in pairs.iter().zip([true, true, false]) {
        assert_eq!(matches!(mirror.check_targets(pair, false), Err(MirrorError::Collision(..))), refused, "{pair:?}");
        assert!(mirror.check_targets(pair, true).is_ok(), "{pair:?}");
    }
}

#[test]
fn a_target_is_looked_for_under_every_hash_before_it_is_given_up() {
    struct Forbidding;
    impl TargetProvider for Forbidding {
        fn target(&mut self, path: &str, prefix: Option<&Digest>, _: u64) -> Result<Option<Vec<u8>>, ProviderError> {
            match prefix.map(Digest::algorithm) {
                Some(DigestAlgorithm::Sha512) => Ok(Some(b"x".to_vec())),
                _ => Err(ProviderError::Unavailable { file_name: path.to_owned(), source: "403".into() }),
            }
        }
    }
    let mut repository = TufRepository::new();
    for path in ["two", "one"] {
        repository.add_target("targets", path, b"x");
    }
    let mut hasher = Hasher::new(DigestAlgorithm::Sha512);
    hasher.update(b"x");
    let sha512 = hasher.finish();
    repository.role("targets")["targets"]["two"]["hashes"]["sha512"] = json!(sha512.hex());
    repository.publish_everything();
    let mut fetch = |path: &str| repository.resolve(path).unwrap().unwrap().fetch(&mut Forbidding, true);
    assert_eq!(fetch("two").unwrap(), b"x");
    assert_refused!(fetch("one"), FetchError::Provider(ProviderError::Unavailable { .. }));
}

#[test]
fn roles_whose_names_exclude_each_other_on_a_disk_are_refused_before_anything_is_written() {
    let mut repository = TufRepository::new();
    for name in ["a", "a.json/x"] {
        repository.delegate("targets", Delegated::paths(name, &["*"]));
    }
    repository.role("root")["consistent_snapshot"] = json!(false);
    repository.publish(&["root"]);
    repository.publish_everything();
    let folder = tempfile::tempdir().unwrap();
    let carried = repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
    assert_refused!(Mirror::new(folder.path(), &Dialect::Tuf).write_metadata(&carried), MirrorError::Collision(..));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_mirror_writes_nothing_outside_its_folder() {
    let mut repository = TufRepository::new();
    repository.role("root")["consistent_snapshot"] = json!(false);
    for path in ["../escaped", "/absolute", "a/../../b"] {
        repository.add_target("targets", path, b"x");
    }
    repository.delegate("targets", Delegated::paths("../../role", &["*"]));
    repository.publish(&["root"]);
    repository.publish_everything();
    let parent = tempfile::tempdir().unwrap();
    let mirror = Mirror::new(&parent.path().join("mirror"), &Dialect::Tuf);
    for path in ["../escaped", "/absolute", "a/../../b"] {
        let target = repository.resolve(path).unwrap().unwrap();
        assert_refused!(mirror.write_target(&target, b"x", false), MirrorError::Name(_));
    }
    mirror.write_metadata(&repository.carried().0).unwrap();
    let beside: Vec<_> = std::fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["mirror"]);
    assert!(parent.path().join("mirror/metadata/..%2F..%2Frole.json").exists());
}

#[test]
fn a_root_of_a_high_version_can_be_pinned_on_the_exporting_side() {
    let mut repository = TufRepository::new();
    repository.role("root")["version"] = json!(1_000_000);
    repository.publish_as_it_is("root");
    let pinned = repository.file("root").clone();
    let carried = gather_from(
        &mut repository.carried().0,
        &mut repository.carried().1,
        &pinned,
        TrustedState::default(),
        &[],
        Extent::WhatIsNeeded,
    );
    assert!(carried.unwrap().files().contains_key("1000000.root.json"));
}

/// What of `carried` a side publishes that judged it, and found these targets.
fn published(repository: &mut TufRepository, carried: &CarriedMetadata, targets: &[&str]) -> CarriedMetadata {
    let mut trusted = repository.first_update().unwrap();
    for target in targets {
        trusted.resolve(repository, target).unwrap().unwrap();
    }
    let (roles, consistent) = (trusted.roles().to_vec(), trusted.has_consistent_snapshots());
    let state = trusted.into_state(None);
    verified_metadata(&Dialect::Tuf, carried, &roles, &state, consistent, now(), &Limits::default()).unwrap().metadata
}

#[test]
fn a_mirror_publishes_what_was_verified_and_nothing_else() {
    for consistent in [true, false] {
        let (mut repository, path, _) = binned();
        repository.role("root")["consistent_snapshot"] = json!(consistent);
        repository.publish(&["root"]);
        repository.publish_everything();
        let pinned = repository.pinned_root();
        for (targets, extent) in [(&[path][..], Extent::WhatIsNeeded), (&[path], Extent::EveryRole)] {
            let honest = repository.gather(&pinned, targets, extent).unwrap();
            let mut files = honest.files().clone();
            files.insert("6.root.json".to_owned(), b"a root that is still to come".to_vec());
            files.insert("x%2Findex.html".to_owned(), b"a page".to_vec());
            files.insert("stray.json".to_owned(), files["timestamp.json"].clone());
            assert_eq!(published(&mut repository, &CarriedMetadata::new(files.clone()), targets), honest);
            // The roots before a broken link cannot be shown to lead to the accepted one.
            let mut stranger = TufRepository::new();
            stranger.rotate_keys("root");
            stranger.publish(&["root"]);
            for second in [files["1.root.json"].clone(), stranger.file("root").clone()] {
                files.insert("2.root.json".to_owned(), second);
                let broken = published(&mut repository, &CarriedMetadata::new(files.clone()), targets);
                assert_eq!(root_names(&broken), ["3.root.json", "4.root.json"]);
            }
        }
    }
}

#[test]
fn bins_that_repeat_their_succinct_roles_are_counted_once() {
    let mut repository = TufRepository::new();
    let bins = repository.delegate_succinctly("targets", "bin", 6);
    let delegations = repository.role("targets")["delegations"].clone();
    for bin in &bins {
        repository.role(bin)["delegations"] = delegations.clone();
    }
    repository.publish_everything();
    let carried = repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
    assert_eq!(carried.files().len(), 4 + 64);
}

#[test]
fn every_role_is_come_to_by_the_shortest_way() {
    let mut repository = TufRepository::new();
    let names: Vec<String> = (0..40).map(|number| format!("role-{number}")).collect();
    for delegator in std::iter::once("targets").chain(names.iter().map(String::as_str)) {
        for name in &names {
            repository.delegate(delegator, Delegated::paths(name, &["*"]));
        }
    }
    repository.publish_everything();
    let carried = repository.gather(&repository.pinned_root(), &[], Extent::EveryRole).unwrap();
    assert_eq!(carried.files().len(), 4 + 40);
}
