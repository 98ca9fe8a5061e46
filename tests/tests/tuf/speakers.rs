//! Who speaks for a name: a whole judgement over several repositories and a map.

use std::collections::BTreeMap;
use std::sync::Arc;

use sealift_archive_format::Digest;
use sealift_core::trust::{
    Carried, CarriedRepository, Item, ItemKind, JudgementError, OpenJudgement, Question, RepositoryError, Terms, judge,
};
use sealift_core::trust_store::{PinnedRepository, PinnedRoot, Policy, Trust};
use sealift_proof::in_toto::Inspections;
use sealift_proof::tuf::map::MapSearchError;
use sealift_proof::tuf::{Dialect, RepositoryMap, TrustedState};
use sealift_tests::tuf_repository::{TufRepository, now};
use serde_json::{Value, json};

/// Several publishers, and a side that pinned all of them.
struct Publishers(BTreeMap<&'static str, TufRepository>);

impl Publishers {
    /// Repositories that list targets: `(repository, target, content)`. Each repository is named at least once.
    fn listing(targets: &[(&'static str, &str, &str)]) -> Self {
        let mut repositories = BTreeMap::<_, TufRepository>::new();
        for (name, target, content) in targets {
            let repository = repositories.entry(*name).or_default();
            repository.add_target("targets", target, content.as_bytes());
            repository.publish_targets();
        }
        Self(repositories)
    }

    fn trust(&self, mapping: &Value) -> Trust {
        let urls: BTreeMap<_, [&str; 0]> = self.0.keys().map(|name| (*name, [])).collect();
        let map = serde_json::to_vec(&json!({"repositories": urls, "mapping": mapping})).unwrap();
        let pinned = self.0.iter().map(|(name, repository)| {
            let bytes = repository.pinned_root();
            let root = PinnedRoot { digest: Digest::sha256(&bytes), bytes, dialect: Dialect::Tuf };
            (name.parse().unwrap(), PinnedRepository { root, state: TrustedState::default() })
        });
        Trust {
            policy: Policy::parse("minimum_level = \"0\"\n").unwrap(),
            map: Some(RepositoryMap::parse(&map).unwrap()),
            repositories: pinned.collect(),
            exporters: BTreeMap::new(),
            attesters: BTreeMap::new(),
        }
    }

    /// What comes of an image of that name and content, when all but some repositories are carried.
    fn judge(
        &self,
        mapping: &Value,
        reference: &str,
        content: &str,
        left_out: &[&str],
    ) -> Result<OpenJudgement, JudgementError> {
        let mut carried = Carried::default();
        for (name, repository) in self.0.iter().filter(|(name, _)| !left_out.contains(name)) {
            let (metadata, targets) = repository.carried();
            carried.repositories.insert(name.parse().unwrap(), CarriedRepository { metadata, targets });
        }
        let kind = if reference.starts_with("file:/") { ItemKind::File } else { ItemKind::Image };
        let item = Item {
            kind,
            reference: reference.to_owned(),
            target: reference.trim_start_matches("file:/").to_owned(),
            digest: Digest::sha256(content.as_bytes()),
            sha512: None,
            length: content.len().try_into().unwrap(),
            made_from: None,
            parts: Vec::new(),
        };
        let trust = self.trust(mapping);
        let question = Question {
            items: vec![Arc::new(item)],
            terms: &Terms::live(&trust, now()),
            inspections: Inspections::NotRun,
            documents: &BTreeMap::from([(Digest::sha256(content.as_bytes()), content.as_bytes().into())]),
        };
        judge(&question, &trust, carried.carriers())
    }
}

/// The repositories that vouch for the only image.
fn speakers(judged: &Result<OpenJudgement, JudgementError>) -> Vec<&str> {
    let judgement = judged.as_ref().unwrap();
    judgement.findings().items[0].vouching().map(|name| name.as_str()).collect()
}

/// One repository for the official images, and another for everything else.
fn official_and_others() -> Value {
    json!([
        {"paths": ["docker.io/library/*"], "repositories": ["official"], "threshold": 1, "terminating": true},
        {"paths": ["*"], "repositories": ["others"], "threshold": 1, "terminating": true},
    ])
}

#[test]
fn another_spelling_does_not_find_other_speakers() {
    let publishers = Publishers::listing(&[
        ("official", "docker.io/library/nginx:1", "genuine"),
        ("others", "nginx:1", "evil"),
        ("others", "redis:1", "evil"),
    ]);
    let map = official_and_others();
    for reference in ["docker.io/library/nginx:1", "nginx:1", "library/nginx:1", "docker.io/nginx:1"] {
        assert_refused!(publishers.judge(&map, reference, "evil", &[]), JudgementError::Binding { .. });
        assert_eq!(speakers(&publishers.judge(&map, reference, "genuine", &[])), ["official"], "{reference}");
    }
    // The mapping of the official images ends the search: what it does not know, nobody vouches for.
    for reference in ["docker.io/library/redis:1", "redis:1"] {
        assert!(speakers(&publishers.judge(&map, reference, "evil", &[])).is_empty(), "{reference}");
    }
}

#[test]
fn another_spelling_of_the_domain_does_not_find_other_speakers() {
    let publishers = Publishers::listing(&[
        ("official", "shop.example/org/app:1", "genuine"),
        ("others", "SHOP.example/org/app:1", "evil"),
        ("others", "shop.example:443/org/app:1", "evil"),
    ]);
    for pattern in ["shop.example/org/*", "Shop.EXAMPLE:443/org/*", "shop.example./org/*", "*.EXAMPLE/org/*"] {
        let map = json!([
            {"paths": [pattern], "repositories": ["official"], "threshold": 1, "terminating": true},
            {"paths": ["*"], "repositories": ["others"], "threshold": 1, "terminating": true},
        ]);
        for domain in ["shop.example", "SHOP.example", "shop.example:443", "shop.example.", "Shop.Example.:0443"] {
            let reference = format!("{domain}/org/app:1");
            assert_refused!(publishers.judge(&map, &reference, "evil", &[]), JudgementError::Binding { .. });
            assert_eq!(speakers(&publishers.judge(&map, &reference, "genuine", &[])), ["official"], "{reference}");
        }
        // Another port is another registry.
        let judged = publishers.judge(&map, "shop.example:80/org/app:1", "evil", &[]);
        assert!(speakers(&judged).is_empty(), "{pattern}");
    }
}

#[test]
fn a_repository_speaks_for_a_name_however_it_writes_it_but_says_one_thing() {
    for target in ["docker.io/library/nginx:latest", "docker.io/library/nginx", "nginx:latest", "nginx"] {
        let publishers = Publishers::listing(&[("official", target, "genuine"), ("others", "x", "")]);
        for reference in ["nginx", "docker.io/library/nginx:latest"] {
            let judged = publishers.judge(&official_and_others(), reference, "genuine", &[]);
            assert_eq!(speakers(&judged), ["official"], "{reference} as {target}");
        }
    }
    for other in ["docker.io/library/nginx:1", "docker.io/nginx:1", "library/nginx:1"] {
        let listed = [("official", "nginx:1", "a"), ("official", other, "b"), ("others", "x", "")];
        for content in ["a", "b"] {
            let judged = Publishers::listing(&listed).judge(&official_and_others(), "nginx:1", content, &[]);
            assert_refused!(judged, JudgementError::TwoTargets { .. });
        }
    }
}

#[test]
fn a_short_name_of_docker_hub_is_one_name_wherever_it_is_written_and_no_other() {
    let spellings = ["docker.io/library/nginx:1", "docker.io/nginx:1", "library/nginx:1", "nginx:1"];
    for target in spellings {
        let publishers = Publishers::listing(&[("official", target, "genuine"), ("others", "nginx/nginx:1", "evil")]);
        for reference in spellings {
            // In a map, too.
            for pattern in ["docker.io/library/nginx:*", "docker.io/nginx:*", "index.docker.io/nginx:1"] {
                let map = json!([
                    {"paths": [pattern], "repositories": ["official"], "threshold": 1, "terminating": true},
                    {"paths": ["*"], "repositories": ["others"], "threshold": 1, "terminating": true},
                ]);
                let judged = publishers.judge(&map, reference, "genuine", &[]);
                assert_eq!(speakers(&judged), ["official"], "{reference} as {target} by {pattern}");
                // The pattern is not for the repositories of a folder with that name.
                let judged = publishers.judge(&map, "docker.io/nginx/nginx:1", "evil", &[]);
                assert_eq!(speakers(&judged), ["others"], "{pattern}");
            }
        }
    }
    // A pattern with a wildcard is not made wider: it is for no name at all.
    let publishers = Publishers::listing(&[("official", "nginx:1", "genuine"), ("others", "x", "")]);
    let map = json!([{"paths": ["docker.io/*"], "repositories": ["official"], "threshold": 1, "terminating": true}]);
    assert!(speakers(&publishers.judge(&map, "nginx:1", "genuine", &[])).is_empty());
    // `acme/app` is docker.io/acme/app: it says nothing about what is below docker.io/library/acme.
    let publishers = Publishers::listing(&[("official", "acme/app:1", "genuine"), ("others", "x", "")]);
    let map = json!([{"paths": ["*"], "repositories": ["official"], "threshold": 1, "terminating": true}]);
    assert_eq!(speakers(&publishers.judge(&map, "docker.io/acme/app:1", "genuine", &[])), ["official"]);
    assert!(speakers(&publishers.judge(&map, "docker.io/library/acme/app:1", "genuine", &[])).is_empty());
}

#[test]
fn a_mapping_of_files_is_for_their_paths_as_they_are_written_and_for_no_image() {
    let speaker = |pattern: &str, name: &str| {
        let target = name.trim_start_matches("file:/");
        let publishers = Publishers::listing(&[("mapped", target, "content"), ("others", target, "content")]);
        let map = json!([
            {"paths": [pattern], "repositories": ["mapped"], "threshold": 1, "terminating": true},
            {"paths": ["*"], "repositories": ["others"], "threshold": 1, "terminating": true},
        ]);
        let judged = publishers.judge(&map, name, "content", &[]);
        speakers(&judged).join(" ")
    };
    for (pattern, matching, others) in [
        ("file:/*", &["file:/report.pdf"][..], &["file:/a/report.pdf", "docker.io/library/nginx:1"][..]),
        ("file:/*/*", &["file:/simple/a.whl"], &["file:/a.whl", "shop.example/app:1"]),
        ("file:/shop.example/*", &["file:/shop.example/app:1"], &["shop.example/app:1", "file:/SHOP.example/app:1"]),
        ("file:/SHOP.example:443/*", &["file:/SHOP.example:443/a"], &["shop.example/a:1", "file:/shop.example/a"]),
        ("file:/docker.io/*", &["file:/docker.io/app"], &["file:/docker.io/library/app"]),
        ("file:/docker.io/app", &["file:/docker.io/app"], &["file:/docker.io/library/app", "app"]),
        ("file:/Py-Wheels/*", &["file:/Py-Wheels/x.whl"], &["file:/py-wheels/x.whl", "file:/py-wheels:443/x.whl"]),
        ("file:/*/x.whl", &["file:/Py-Wheels/x.whl"], &["file:/x.whl"]),
        ("file:/py-*/x.whl", &["file:/py-wheels/x.whl"], &["file:/Py-Wheels/x.whl"]),
        ("*/*/*", &["nginx:1"], &["file:/a/b/c", "file:/a/b"]),
        ("*/*", &["shop.example/app:1"], &["file:/shop.example/app", "file:/app"]),
        ("File:/*", &[], &["file:/a"]),
    ] {
        for name in matching {
            assert_eq!(speaker(pattern, name), "mapped", "{pattern} {name}");
        }
        for name in others {
            assert_eq!(speaker(pattern, name), "others", "{pattern} {name}");
        }
    }
}

fn either(threshold: u64) -> Value {
    json!([{"paths": ["*"], "repositories": ["one", "two", "three"], "threshold": threshold, "terminating": true}])
}

#[test]
fn leaving_a_repository_out_does_not_let_another_speak_in_its_place() {
    let publishers = Publishers::listing(&[("one", "x:1", "genuine"), ("two", "x:1", "evil"), ("three", "y:1", "")]);
    assert_refused!(publishers.judge(&either(1), "x:1", "evil", &[]), JudgementError::Binding { .. });
    let judged = publishers.judge(&either(1), "x:1", "evil", &["one"]);
    assert_refused!(judged, JudgementError::Repository(RepositoryError::NotCarried { name, .. }) if name.as_str() == "one");
    // Those that come later in the mapping had no say.
    assert_eq!(speakers(&publishers.judge(&either(1), "x:1", "genuine", &["two", "three"])), ["one"]);
}

#[test]
fn a_threshold_stands_without_a_repository_that_could_not_have_changed_it() {
    let agreeing = Publishers::listing(&[("one", "x:1", "a"), ("two", "x:1", "a"), ("three", "x:1", "a")]);
    assert_eq!(speakers(&agreeing.judge(&either(2), "x:1", "a", &["one"])), ["two", "three"]);
    let two_left_out = agreeing.judge(&either(2), "x:1", "a", &["one", "two"]);
    assert_refused!(two_left_out, JudgementError::Repository(RepositoryError::NotCarried { .. }));
    // Four repositories: the one that is left out and the one that dissents could have been the first two to agree.
    let map =
        json!([{"paths": ["*"], "repositories": ["one", "two", "three", "four"], "threshold": 2, "terminating": true}]);
    let split = [("one", "x:1", "b"), ("two", "x:1", "b"), ("three", "x:1", "a"), ("four", "x:1", "a")];
    let split = Publishers::listing(&split);
    assert_eq!(speakers(&split.judge(&map, "x:1", "b", &[])), ["one", "two"]);
    let judged = split.judge(&map, "x:1", "a", &["one"]);
    assert_refused!(judged, JudgementError::Repository(RepositoryError::NotCarried { .. }));
}

#[test]
fn what_repositories_do_not_agree_on_is_not_unsigned() {
    let publishers = Publishers::listing(&[("one", "x:1", "a"), ("two", "x:1", "b"), ("three", "y:1", "")]);
    for terminating in [true, false] {
        let map = json!([
            {"paths": ["*"], "repositories": ["one", "two"], "threshold": 2, "terminating": terminating},
            {"paths": ["*"], "repositories": ["three"], "threshold": 1, "terminating": terminating},
        ]);
        let judged = publishers.judge(&map, "x:1", "something else", &[]);
        assert_refused!(judged, JudgementError::Search { source: MapSearchError::NoAgreement { .. }, .. });
    }
}
