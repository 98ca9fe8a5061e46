//! No two types of the product share a name, in whichever crate and however private: one word for one thing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

use crate::rooms::{CRATES, sources, without_tests};

/// Stands in for `network.rs` in a build without the network, and so has the same names.
const STAND_IN: &str = "no_network.rs";

/// The names that a file gives to structs, enums, unions and traits, also within functions, and to types at its top.
fn defined(tokens: TokenStream, is_top: bool, found: &mut Vec<String>) {
    let tokens = without_tests(tokens.into_iter().collect());
    for (place, token) in tokens.iter().enumerate() {
        match (token, tokens.get(place + 1)) {
            (TokenTree::Group(group), _) => defined(group.stream(), false, found),
            (TokenTree::Ident(keyword), Some(TokenTree::Ident(name))) => {
                let keyword = keyword.to_string();
                if ["struct", "enum", "union", "trait"].contains(&keyword.as_str()) || (is_top && keyword == "type") {
                    found.push(name.to_string());
                }
            }
            _ => {}
        }
    }
}

fn twice(files: impl IntoIterator<Item = (PathBuf, TokenStream)>) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, tokens) in files {
        let mut found = Vec::new();
        defined(tokens, true, &mut found);
        for name in found {
            places.entry(name).or_default().push(path.clone());
        }
    }
    let twice = places.into_iter().filter(|(_, places)| places.len() > 1);
    twice.map(|(name, places)| format!("{name} in {places:?}")).collect()
}

#[test]
fn no_two_types_share_a_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = CRATES.iter().flat_map(|name| sources(&root.join(name).join("src")).collect::<Vec<_>>());
    let files = files.filter(|path| path.file_name().is_some_and(|name| name != STAND_IN));
    let found = twice(files.map(|path| (path.clone(), fs::read_to_string(&path).unwrap().parse().unwrap())));
    assert!(found.is_empty(), "defined twice: {found:#?}");
}

#[test]
fn a_name_that_two_files_define_is_found() {
    let twice = |texts: &[&str]| twice(texts.iter().map(|text| (PathBuf::new(), text.parse().unwrap()))).len();
    assert_eq!(twice(&["struct A; enum B {}", "fn f() { struct A; }", "type B = u8;"]), 2);
    assert_eq!(twice(&["struct A;", "#[cfg(test)] mod tests { struct A; }", "enum C { A }"]), 0);
    assert_eq!(twice(&["impl A for B { type C = u8; }", "impl A for D { type C = u8; }"]), 0);
}
