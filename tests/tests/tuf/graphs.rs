//! Random delegation graphs: the search against a slow and obvious model, and against another implementation.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sealift_archive_format::Digest;
use sealift_tests::tuf_repository::{Delegated, TufRepository};

use crate::oracles::{Oracle, Sigstore};

const ROLES: [&str; 6] = ["targets", "a", "b", "c", "d", "e"];
const NAMES: [&str; 6] = ["a", "b.tgz", "a/b", "a/b.tgz", "x/y/z", "\u{e9} x"];
const PATTERNS: [&str; 9] = ["*", "*/*", "a/*", "*.tgz", "a/b*", "?", "[ab]*", "[!a]*/*/?", "none"];

#[derive(Debug, Clone)]
enum Speaks {
    Pattern(usize),
    /// For names whose hash begins with a digit below this one.
    Hashes(u32),
}

#[derive(Debug, Clone)]
struct Edge {
    from: usize,
    to: usize,
    speaks: Speaks,
    terminating: bool,
}

#[derive(Debug, Clone)]
struct Graph {
    edges: Vec<Edge>,
    /// Which role describes which name.
    targets: BTreeSet<(usize, usize)>,
}

fn graph() -> impl Strategy<Value = Graph> {
    let speaks = prop_oneof![
        3 => (0..PATTERNS.len()).prop_map(Speaks::Pattern),
        1 => (0..17_u32).prop_map(Speaks::Hashes),
    ];
    let edge = (0..ROLES.len(), 1..ROLES.len(), speaks, prop::bool::weighted(0.2))
        .prop_map(|(from, to, speaks, terminating)| Edge { from, to, speaks, terminating });
    let edges = prop::collection::vec(edge, 0..14);
    let targets = prop::collection::btree_set((0..ROLES.len(), 0..NAMES.len()), 0..8);
    (edges, targets).prop_map(|(mut edges, targets)| {
        // One delegator delegates to a role once.
        let mut seen = BTreeSet::new();
        edges.retain(|edge| seen.insert((edge.from, edge.to)));
        Graph { edges, targets }
    })
}

fn digits_below(limit: u32) -> Vec<String> {
    (0..limit).map(|digit| format!("{digit:x}")).collect()
}

/// What the target of a role contains: it tells roles apart.
fn content(role: usize, name: usize) -> String {
    format!("{} by {}", NAMES[name], ROLES[role])
}

impl Graph {
    fn publish(&self) -> TufRepository {
        let mut repository = TufRepository::new();
        ROLES.iter().for_each(|role| repository.ensure_targets_role(role));
        for edge in &self.edges {
            let delegated = match &edge.speaks {
                Speaks::Pattern(pattern) => Delegated::paths(ROLES[edge.to], &[PATTERNS[*pattern]]),
                Speaks::Hashes(limit) => {
                    let digits = digits_below(*limit);
                    Delegated::hash_prefixes(ROLES[edge.to], &digits.iter().map(String::as_str).collect::<Vec<_>>())
                }
            };
            repository.delegate(ROLES[edge.from], if edge.terminating { delegated.terminating() } else { delegated });
        }
        for &(role, name) in &self.targets {
            repository.add_target(ROLES[role], NAMES[name], content(role, name).as_bytes());
        }
        repository.publish_everything();
        repository
    }

    /// The specification's own words (§5.6.7), as a recursion.
    fn search(&self, role: usize, name: usize, visited: &mut BTreeSet<usize>) -> Outcome {
        if !visited.insert(role) {
            return Outcome::NotHere;
        }
        if self.targets.contains(&(role, name)) {
            return Outcome::Found(vec![role]);
        }
        for edge in self.edges.iter().filter(|edge| edge.from == role && edge.speaks.speaks_for(NAMES[name])) {
            match self.search(edge.to, name, visited) {
                Outcome::Found(mut roles) => {
                    roles.insert(0, role);
                    return Outcome::Found(roles);
                }
                Outcome::Ended => return Outcome::Ended,
                Outcome::NotHere if edge.terminating => return Outcome::Ended,
                Outcome::NotHere => {}
            }
        }
        Outcome::NotHere
    }
}

enum Outcome {
    /// By these roles, from the top-level one down.
    Found(Vec<usize>),
    /// A terminating delegation ended the search.
    Ended,
    NotHere,
}

impl Speaks {
    fn speaks_for(&self, name: &str) -> bool {
        match self {
            Self::Pattern(pattern) => matches(PATTERNS[*pattern].as_bytes(), name),
            Self::Hashes(limit) => {
                let hash = Digest::sha256(name.as_bytes());
                digits_below(*limit).iter().any(|digit| hash.hex().starts_with(digit))
            }
        }
    }
}

/// Matches by trying everything. Knows the patterns above: sets are one bracket, without odd forms.
fn matches(pattern: &[u8], name: &str) -> bool {
    match (pattern.first(), name.chars().next()) {
        (None, next) => next.is_none(),
        (Some(b'*'), next) => {
            matches(&pattern[1..], name)
                || next.is_some_and(|next| next != '/' && matches(pattern, &name[next.len_utf8()..]))
        }
        (Some(_), None) => false,
        (Some(b'?'), Some(next)) => next != '/' && matches(&pattern[1..], &name[next.len_utf8()..]),
        (Some(b'['), Some(next)) => {
            let end = pattern.iter().position(|&byte| byte == b']').unwrap();
            let (negated, members) = match pattern[1] {
                b'!' => (true, &pattern[2..end]),
                _ => (false, &pattern[1..end]),
            };
            let member = members.iter().any(|&member| char::from(member) == next);
            next != '/' && member != negated && matches(&pattern[end + 1..], &name[next.len_utf8()..])
        }
        (Some(&literal), Some(next)) => char::from(literal) == next && matches(&pattern[1..], &name[next.len_utf8()..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_what_the_specification_s_recursion_finds(graph in graph()) {
        let mut repository = graph.publish();
        let mut trusted = repository.first_update().unwrap();
        for (name, text) in NAMES.iter().enumerate() {
            let found = trusted.resolve(&mut repository, text).unwrap();
            match graph.search(0, name, &mut BTreeSet::new()) {
                Outcome::Found(roles) => {
                    let found = found.unwrap();
                    let names: Vec<_> = roles.iter().map(|&role| ROLES[role]).collect();
                    prop_assert_eq!(found.roles().iter().map(|role| role.as_str()).collect::<Vec<_>>(), names);
                    let content = content(*roles.last().unwrap(), name);
                    prop_assert!(found.check(content.as_bytes()).is_ok());
                }
                Outcome::Ended | Outcome::NotHere => prop_assert_eq!(found, None),
            }
        }
    }

    #[test]
    fn the_search_finds_what_sigstore_tuf_finds(graph in graph()) {
        let repository = graph.publish();
        for name in NAMES {
            prop_assert_eq!(crate::oracles::Ours.resolve(&repository, name), Sigstore.resolve(&repository, name));
        }
    }
}
