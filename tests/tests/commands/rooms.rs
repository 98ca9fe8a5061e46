//! The rooms of each crate, which are the modules at its top, depend on each other in one direction: no two lean on each
//! other, directly or by way of others.
//!
//! What a room leans on is what its code, tests left out, names with `crate::`. `docs/architecture.md` is the map.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The crates of the product.
pub(crate) const CRATES: [&str; 6] = ["archive-format", "core/proof", "core/sandbox", "core", "core/serve", "cli"];

/// The rooms that each room leans on, and a file in which it does.
type Graph = BTreeMap<String, BTreeMap<String, PathBuf>>;

/// The source files of a crate, tests left out.
pub(crate) fn sources(folder: &Path) -> impl Iterator<Item = PathBuf> {
    walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path()).filter(move |path| {
        let inside = path.strip_prefix(folder).unwrap();
        let is_test = inside.components().any(|part| part.as_os_str().to_string_lossy().contains("tests"));
        path.extension().is_some_and(|ending| ending == "rs") && !is_test
    })
}

fn graph(folder: &Path) -> Graph {
    let mut graph = Graph::new();
    for path in sources(folder) {
        let inside = path.strip_prefix(folder).unwrap();
        let room = inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        let tokens: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut found = BTreeSet::new();
        leans_on(tokens, &mut found);
        let leaning = graph.entry(room.clone()).or_default();
        for other in found.into_iter().filter(|other| *other != room) {
            leaning.entry(other).or_insert_with(|| inside.to_owned());
        }
    }
    graph
}

/// Adds the name behind each `crate::`, and each name in a group behind it.
fn leans_on(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = without_tests(tokens.into_iter().collect());
    for (place, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            leans_on(group.stream(), found);
        }
        let is_crate = matches!(token, TokenTree::Ident(name) if name == "crate");
        match tokens.get(place + 3) {
            Some(TokenTree::Ident(room)) if is_crate => {
                found.insert(room.to_string());
            }
            Some(TokenTree::Group(group)) if is_crate && group.delimiter() == Delimiter::Brace => {
                found.extend(first_names(group.stream()));
            }
            _ => {}
        }
    }
}

/// The first name of each item between commas.
fn first_names(tokens: TokenStream) -> Vec<String> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let items = tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','));
    items.filter_map(|item| item.first().map(ToString::to_string)).collect()
}

/// Takes out each item that is compiled for tests only.
pub(crate) fn without_tests(tokens: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut rest = tokens.into_iter();
    while let Some(token) = rest.next() {
        let is_for_tests = matches!(&token, TokenTree::Group(attribute) if attribute.delimiter() == Delimiter::Bracket
            && attribute.stream().to_string().replace(' ', "") == "cfg(test)");
        if is_for_tests {
            let ends = |token: &TokenTree| match token {
                TokenTree::Group(block) => block.delimiter() == Delimiter::Brace,
                TokenTree::Punct(end) => end.as_char() == ';',
                _ => false,
            };
            rest.find(ends);
        } else {
            kept.push(token);
        }
    }
    kept
}

/// A way from a room back to itself.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    fn walk<'g>(graph: &'g Graph, way: &mut Vec<&'g str>, done: &mut BTreeSet<&'g str>) -> Option<Vec<String>> {
        let room = *way.last()?;
        for next in graph.get(room).into_iter().flat_map(BTreeMap::keys) {
            if let Some(begin) = way.iter().position(|earlier| earlier == next) {
                return Some(way[begin..].iter().map(|room| (*room).to_owned()).collect());
            }
            if !done.contains(next.as_str()) {
                way.push(next);
                if let Some(found) = walk(graph, way, done) {
                    return Some(found);
                }
                way.pop();
            }
        }
        done.insert(room);
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|room| walk(graph, &mut vec![room], &mut done))
}

#[test]
fn no_room_leans_on_one_that_leans_on_it() {
    for name in CRATES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name).join("src");
        let graph = graph(&folder);
        assert!(!graph.is_empty(), "{name} has no rooms");
        if let Some(circle) = circle(&graph) {
            let following = circle.iter().cycle().skip(1);
            let steps = circle.iter().zip(following).map(|(room, next)| {
                let file = &graph[room][next];
                format!("{room} leans on {next} in {}", file.display())
            });
            panic!("a circle in {name}: {}", steps.collect::<Vec<_>>().join("; "));
        }
    }
}

#[test]
fn circles_are_found_and_tests_may_lean_on_anything() {
    let lean = |text: &str| {
        let mut found = BTreeSet::new();
        leans_on(text.parse().unwrap(), &mut found);
        found.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(lean("use crate::a::B; fn f() { crate::c::d() } use crate::{e::F, g};"), ["a", "c", "e", "g"]);
    assert_eq!(lean("#[cfg(test)] mod tests { use crate::a; } #[cfg(test)] use crate::b; use crate::c;"), ["c"]);
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned(), PathBuf::new());
        }
        circle(&graph)
    };
    assert_eq!(graph(&[("a", "b"), ("a", "c"), ("b", "c")]), None);
    assert_eq!(graph(&[("a", "b"), ("b", "c"), ("c", "b")]), Some(vec!["b".to_owned(), "c".to_owned()]));
}
