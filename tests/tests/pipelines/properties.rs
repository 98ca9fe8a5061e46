//! What is read and written, and what is decided, against models that are naive enough to be seen right at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use regex::Regex;
use sealift_archive_format::{EntryName, EntryPlace, Inventory, Reader};
use sealift_core::oci::Reference;
use sealift_proof::in_toto::Work;
use sealift_proof::in_toto::artifact_rules::{ArtifactList, ArtifactRule};
use sealift_proof::in_toto::rule_processing::{StepReport, apply_rules};
use sealift_proof::in_toto::{ArtifactHashes, Artifacts, Parameters};
use sealift_proof::tuf::RepositoryMap;
use sealift_proof::tuf::map::MapSearchError;
use sealift_tests::crossing::FarSide;
use sealift_tests::generated_source::{self, POLICY};
use sealift_tests::malicious_exporter::exporter_key;
use sealift_tests::tuf_repository::TufRepository;
use serde_json::{Value, json};

/// A name without a registry, as distribution's `reference` package has it, written down as its documentation does.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    let component = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*";
    let tag = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    Regex::new(&format!(r"^{component}(?:/{component})*(?::{tag})?$")).unwrap()
});

/// Whether the first of several components would be a registry.
fn has_registry(text: &str) -> bool {
    let first = text.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| first.contains(['.', ':']) || first == "localhost" || first.contains(char::is_uppercase))
}

proptest! {
    #[test]
    fn a_reference_is_what_the_grammar_says(text in r"[ab9][ab9._/-]{0,12}(:[ab9A._-]{0,4})?") {
        prop_assume!(!has_registry(&text));
        prop_assert_eq!(text.parse::<Reference>().is_ok(), NAME.is_match(&text), "{}", text);
    }

    #[test]
    fn a_reference_is_read_as_it_is_written(text in r"([a-z]{1,4}\.example(:[1-9][0-9]{0,3})?/)?[a-z]{1,4}(/[a-z]{1,4})?(:[a-z0-9]{1,4})?") {
        let reference: Reference = text.parse().unwrap();
        let again: Reference = reference.to_string().parse().unwrap();
        prop_assert_eq!(again.repository(), reference.repository());
        prop_assert_eq!(again.tag_or_latest(), reference.tag_or_latest());
        let repository = reference.repository();
        prop_assert!(repository.to_string().ends_with(text.rsplit('/').next().unwrap().split(':').next().unwrap()));
    }

    #[test]
    fn the_entry_of_a_target_leads_back_to_its_name(path in r"[a-zA-Z0-9 %:~é/._-]{1,40}") {
        let is_plain = path.split('/').all(|part| !["", ".", ".."].contains(&part));
        match EntryName::tuf_target(&"shop".parse().unwrap(), &path) {
            Ok(name) => {
                prop_assert!(is_plain, "{}", path);
                let read: EntryName = name.as_str().parse().unwrap();
                prop_assert_eq!(&read, &name);
                let EntryPlace::TufTarget { path: found, .. } = read.place() else { panic!("{name:?}") };
                prop_assert_eq!(found, &path);
                prop_assert!(name.as_str().bytes().all(|byte| byte.is_ascii_graphic()), "{}", name);
            }
            Err(_) => prop_assert!(!is_plain, "{}", path),
        }
    }

    #[test]
    fn an_inventory_that_is_read_is_written_the_same(choices in vec(any::<u8>(), 0..160)) {
        let side = FarSide::trusting_nobody("2026-06-01T12:00:00Z".parse().unwrap());
        side.policy(POLICY);
        let archive = generated_source::export(&choices, &exporter_key(), &side.store().load().unwrap(), side.now);
        if let Some(archive) = archive {
            let seal = Reader::open(archive.as_slice()).unwrap();
            let statement = seal.seal().statement().to_vec();
            let inventory = Inventory::parse(&statement).unwrap();
            prop_assert_eq!(inventory.to_statement().unwrap(), statement);
        }
    }

    /// TAP 4 over three repositories, each of which knows some of three names, with one of two contents.
    #[test]
    fn a_map_agrees_as_tap_4_reads(
        known in vec(vec(0_u8..3, 3), 3),
        mappings in vec((vec(0_usize..3, 1..4), 1_usize..4, any::<bool>(), 0_usize..4), 1..4),
    ) {
        const REPOSITORIES: [&str; 3] = ["one", "two", "three"];
        let mut repositories = REPOSITORIES.map(|_| TufRepository::new());
        for (repository, contents) in repositories.iter_mut().zip(&known) {
            for (target, content) in ["a", "b", "c"].into_iter().zip(contents).filter(|(_, content)| **content > 0) {
                repository.add_target("targets", target, &[*content]);
            }
            repository.publish_targets();
        }
        let mappings: Vec<(Vec<usize>, usize, bool, &str)> = mappings
            .into_iter()
            .map(|(named, threshold, terminating, path)| {
                let named: Vec<usize> = named.iter().collect::<BTreeSet<_>>().into_iter().copied().collect();
                let threshold = threshold.min(named.len());
                (named, threshold, terminating, ["a", "b", "c", "*"][path])
            })
            .collect();
        let written = mappings.iter().map(|(named, threshold, terminating, path)| {
            let named: Vec<&str> = named.iter().map(|at| REPOSITORIES[*at]).collect();
            json!({"paths": [path], "repositories": named, "threshold": threshold, "terminating": terminating})
        });
        let map = json!({"repositories": {"one": [], "two": [], "three": []}, "mapping": written.collect::<Vec<Value>>()});
        let map = RepositoryMap::parse(&serde_json::to_vec(&map).unwrap()).unwrap();
        for (at, target) in ["a", "b", "c"].into_iter().enumerate() {
            let found = map.resolve(target, |name| {
                let place = REPOSITORIES.iter().position(|known| *known == name.as_str()).unwrap();
                repositories[place].clone().resolve(target)
            });
            let found = match found {
                Ok(Some(agreed)) => Ok(Some(agreed.witnesses().iter().map(|(name, _)| name.to_string()).collect())),
                Ok(None) => Ok(None),
                Err(MapSearchError::NoAgreement { .. }) => Err(()),
                Err(other) => panic!("{other:?}"),
            };
            prop_assert_eq!(found, tap_4(&mappings, target, |repository| known[repository][at]), "{}", target);
        }
    }

    #[test]
    fn rules_consume_as_the_specification_reads(
        materials in btree_map("[abc]", 0_u8..2, 0..4),
        products in btree_map("[abc]", 0_u8..2, 0..4),
        other in btree_map("[abc]", 0_u8..2, 0..4),
        rules in vec((0_usize..8, "[abc*]"), 0..5),
    ) {
        let verbs = ["CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE", "MATCH", "MATCH"];
        let parse = |(verb, pattern): &(usize, String)| {
            let words = match *verb {
                6 => vec!["MATCH", pattern, "WITH", "PRODUCTS", "FROM", "other"],
                7 => vec!["MATCH", pattern, "WITH", "MATERIALS", "FROM", "nobody"],
                verb => vec![verbs[verb], pattern],
            };
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            ArtifactRule::parse(&words, &Parameters::default()).unwrap()
        };
        let parsed: Vec<ArtifactRule> = rules.iter().map(parse).collect();
        let report = |materials: &BTreeMap<String, u8>, products: &BTreeMap<String, u8>| StepReport {
            materials: artifacts(materials),
            products: artifacts(products),
        };
        let reports = BTreeMap::from([
            ("step".to_owned(), report(&materials, &products)),
            ("other".to_owned(), report(&BTreeMap::new(), &other)),
        ]);
        for list in [ArtifactList::Materials, ArtifactList::Products] {
            let applied = apply_rules("step", list, &parsed, &reports, &mut Work::of_an_archive(), &mut Vec::new());
            prop_assert_eq!(applied.is_ok(), consumed(&rules, list, &materials, &products, &other), "{:?}", rules);
        }
    }
}

/// What TAP 4 says, where every repository answers: who agrees, nobody knows it, or those who know it do not agree.
fn tap_4(
    mappings: &[(Vec<usize>, usize, bool, &str)],
    target: &str,
    content: impl Fn(usize) -> u8,
) -> Result<Option<Vec<String>>, ()> {
    let mut known = false;
    for (named, threshold, terminating, path) in mappings {
        if *path != "*" && *path != target {
            continue;
        }
        for end in 1..=named.len() {
            let asked = &named[..end];
            let last = content(asked[end - 1]);
            let same: Vec<usize> = asked.iter().copied().filter(|it| last > 0 && content(*it) == last).collect();
            if same.len() >= *threshold {
                return Ok(Some(same.iter().map(|it| ["one", "two", "three"][*it].to_owned()).collect()));
            }
        }
        known |= named.iter().any(|it| content(*it) > 0);
        if *terminating {
            break;
        }
    }
    if known { Err(()) } else { Ok(None) }
}

fn artifacts(named: &BTreeMap<String, u8>) -> Artifacts {
    let hashes =
        |content: u8| -> ArtifactHashes { [("sha256".to_owned(), format!("{content:064x}"))].into_iter().collect() };
    named.iter().map(|(name, content)| (name.clone(), hashes(*content))).collect()
}

/// Whether the rules let a list pass (in-toto 1.0 §4.3.3.1): each takes artifacts out of what is left.
fn consumed(
    rules: &[(usize, String)],
    list: ArtifactList,
    materials: &BTreeMap<String, u8>,
    products: &BTreeMap<String, u8>,
    other: &BTreeMap<String, u8>,
) -> bool {
    let own = if list == ArtifactList::Materials { materials } else { products };
    let mut left: BTreeSet<&String> = own.keys().collect();
    for (verb, pattern) in rules {
        let matches = |name: &str| pattern == "*" || pattern == name;
        let matching: Vec<&String> = left.iter().copied().filter(|name| matches(name)).collect();
        match *verb {
            4 if !matching.is_empty() => return false,
            5 if !left.contains(pattern) => return false,
            _ => {}
        }
        for name in matching {
            let takes = match *verb {
                0 => products.contains_key(name) && !materials.contains_key(name),
                1 => materials.contains_key(name) && !products.contains_key(name),
                2 => materials.get(name).zip(products.get(name)).is_some_and(|(before, after)| before != after),
                3 => true,
                6 => other.get(name) == own.get(name),
                _ => false,
            };
            if takes {
                left.remove(name);
            }
        }
    }
    true
}
