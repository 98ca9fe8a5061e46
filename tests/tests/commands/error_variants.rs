//! Every error variant that can be reached is named by a test: `Enum::Variant` stands in the code of one, or a vector
//! expects it. What cannot be reached from a test is listed beside this file, each with its reason.
//!
//! A variant that is transparent says nothing of its own: the error that it passes on is what has to be named. The errors of
//! the command line are in a program, and tests see them from outside: the fixed part of each message stands in a test.
//! Enums of one name are not told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Attribute, Data, DeriveInput, Lit, Meta, Variant, Visibility};

/// Vectors whose `expect` names a variant, and of which enum.
const VECTORS: [(&str, &str); 2] = [("OpenPgpError", "vectors/openpgp"), ("KeyError", "vectors/signature")];

/// What cannot be reached from a test: `Enum::Variant: the reason`.
const UNREACHED: &str = include_str!("unreached_errors.txt");

/// The sources of all packages but those that are tests or samples.
#[derive(Default)]
struct Sources {
    /// By `Enum::Variant`: the fixed part of its message.
    public: BTreeMap<String, String>,
    /// The same, of programs, and of errors that no other package can name.
    private: BTreeMap<String, String>,
    /// Each `Enum::Variant` and the like in the code of a test.
    named: BTreeSet<String>,
}

/// What a file is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Library,
    Program,
    Test,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files_below(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || ["target", "fuzz"].contains(&&*name))
    });
    let files = entries.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    let is_one = |path: &PathBuf| path.extension().is_some_and(|it| endings.iter().any(|ending| it == *ending));
    files.map(walkdir::DirEntry::into_path).filter(is_one).collect()
}

impl Sources {
    fn of_everything() -> Self {
        let mut sources = Self::default();
        for manifest in files_below(&root(), &["toml"]).iter().filter(|path| path.ends_with("Cargo.toml")) {
            let folder = manifest.parent().unwrap();
            let is_product = ["tests", "samples"].iter().all(|other| !folder.starts_with(root().join(other)));
            for (file, kind) in [("src/lib.rs", Kind::Library), ("src/main.rs", Kind::Program)] {
                let path = folder.join(file);
                if is_product && path.exists() {
                    sources.file(&path, &folder.join("src"), kind);
                }
            }
        }
        for path in files_below(&root().join("tests"), &["rs"]) {
            let text = fs::read_to_string(path).unwrap();
            names(text.parse().unwrap(), &mut sources.named);
        }
        sources
    }

    /// A file, and those of the modules that it declares, which lie in `folder`.
    fn file(&mut self, path: &Path, folder: &Path, kind: Kind) {
        let tokens: TokenStream = fs::read_to_string(path).unwrap().parse().unwrap();
        if kind == Kind::Test {
            names(tokens.clone(), &mut self.named);
        }
        self.items(tokens, folder, kind);
    }

    /// Items, each of which ends with a `;` or a block.
    fn items(&mut self, tokens: TokenStream, folder: &Path, kind: Kind) {
        let mut item: Vec<TokenTree> = Vec::new();
        for token in tokens {
            let is_block = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
            let is_end = is_block || matches!(&token, TokenTree::Punct(end) if end.as_char() == ';');
            item.push(token);
            if is_end {
                self.item(&std::mem::take(&mut item), folder, kind);
            }
        }
    }

    fn item(&mut self, item: &[TokenTree], folder: &Path, kind: Kind) {
        if let Some((name, block)) = module(item) {
            let kind = if has_attribute(item, "cfg(test)") { Kind::Test } else { kind };
            match block {
                Some(block) => {
                    if kind == Kind::Test {
                        names(block.clone(), &mut self.named);
                    }
                    self.items(block, &folder.join(name), kind);
                }
                None => self.file(&file_of(item, &name, folder), &folder.join(name), kind),
            }
        } else if kind != Kind::Test
            && let Ok(DeriveInput { ident, attrs, data: Data::Enum(data), vis, .. }) =
                syn::parse2(item.iter().cloned().collect())
            && is_error(&attrs)
        {
            let is_public = kind == Kind::Library && matches!(vis, Visibility::Public(_));
            let errors = if is_public { &mut self.public } else { &mut self.private };
            let messages = data.variants.iter().filter_map(|variant| Some((variant, message(variant)?)));
            errors.extend(messages.map(|(variant, message)| (format!("{ident}::{}", variant.ident), message)));
        }
    }
}

/// The name of a module, and what is in it where that is written out.
fn module(item: &[TokenTree]) -> Option<(String, Option<TokenStream>)> {
    match item {
        [.., TokenTree::Ident(keyword), TokenTree::Ident(name), end] if keyword == "mod" => {
            let block = if let TokenTree::Group(group) = end { Some(group.stream()) } else { None };
            Some((name.to_string(), block))
        }
        _ => None,
    }
}

fn attributes(item: &[TokenTree]) -> impl Iterator<Item = String> {
    item.iter().filter_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Some(group.stream().to_string()),
        _ => None,
    })
}

fn has_attribute(item: &[TokenTree], name: &str) -> bool {
    attributes(item).any(|attribute| attribute.replace(' ', "") == name)
}

/// The file of a module. A path that is written out begins at the folder of the declaring file, which may lie one above that of
/// its modules.
fn file_of(item: &[TokenTree], name: &str, folder: &Path) -> PathBuf {
    let path = attributes(item).find_map(|it| Some(it.strip_prefix("path = ")?.trim_matches('"').to_owned()));
    let candidates = match path {
        Some(path) => [folder.join(&path), folder.parent().unwrap().join(&path)],
        None => [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")],
    };
    candidates.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no file of module {name}"))
}

fn list<'a>(attribute: &'a Attribute, name: &str) -> Option<&'a TokenStream> {
    match &attribute.meta {
        Meta::List(list) if list.path.is_ident(name) => Some(&list.tokens),
        _ => None,
    }
}

fn is_error(attributes: &[Attribute]) -> bool {
    let derived = attributes.iter().filter_map(|attribute| list(attribute, "derive"));
    derived.flat_map(Clone::clone).any(|token| token.to_string() == "Error")
}

/// The longest part of a variant's message that is always the same; `None` for one that is transparent.
fn message(variant: &Variant) -> Option<String> {
    let tokens = variant.attrs.iter().find_map(|attribute| list(attribute, "error"))?;
    let TokenTree::Literal(literal) = tokens.clone().into_iter().next()? else { return None };
    let Lit::Str(text) = Lit::new(literal) else { return None };
    let text = text.value();
    let fixed = text.split(['{', '}']).step_by(2).map(str::trim);
    fixed.max_by_key(|part| part.len()).map(str::to_owned)
}

/// Adds each two names that are joined by `::`.
fn names(tokens: TokenStream, named: &mut BTreeSet<String>) {
    let mut last: Vec<String> = Vec::new();
    for token in tokens {
        if let TokenTree::Group(group) = token {
            names(group.stream(), named);
            last.clear();
            continue;
        }
        last.push(token.to_string());
        if let [.., first, one, other, second] = last.as_slice()
            && (one.as_str(), other.as_str()) == (":", ":")
        {
            named.insert(format!("{first}::{second}"));
        }
    }
}

/// What the vectors of an enum expect.
fn expected(value: &serde_json::Value, of: &str, named: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            if let Some(expect) = members.get("expect").and_then(serde_json::Value::as_str) {
                named.insert(format!("{of}::{expect}"));
            }
            members.values().for_each(|value| expected(value, of, named));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| expected(value, of, named)),
        _ => {}
    }
}

fn unreached() -> BTreeMap<&'static str, &'static str> {
    let lines = UNREACHED.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no reason: {line}"))).collect()
}

#[test]
fn every_public_error_is_named_by_a_test() {
    let mut sources = Sources::of_everything();
    for (of, folder) in VECTORS {
        for path in files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &["json"]) {
            let vectors = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            expected(&vectors, of, &mut sources.named);
        }
    }
    assert!(sources.public.len() > 400, "only {} errors were found", sources.public.len());
    let unreached = unreached();
    let is_named = |error: &str| sources.named.contains(error);
    let unnamed: Vec<&str> = sources
        .public
        .keys()
        .map(String::as_str)
        .filter(|error| !is_named(error) && !unreached.contains_key(error))
        .collect();
    assert!(unnamed.is_empty(), "{} errors are named by no test:\n{}", unnamed.len(), unnamed.join("\n"));
    for error in unreached.keys() {
        let is_there = sources.public.contains_key(*error) || sources.private.contains_key(*error);
        assert!(is_there, "{error} is listed, and there is no such error");
        assert!(!is_named(error), "{error} is listed as out of reach, and a test names it");
    }
}

#[test]
fn every_other_error_is_shown_by_a_test() {
    let sources = Sources::of_everything();
    assert!(sources.private.len() > 10, "only {} errors were found", sources.private.len());
    let folders = ["tests", "cli"].map(|folder| root().join(folder));
    let files = folders.iter().flat_map(|folder| files_below(folder, &["rs", "md", "toml"]));
    let is_definition = |path: &PathBuf| path.starts_with(root().join("cli/src")) && !path.ends_with("tests.rs");
    let tests: String =
        files.filter(|path| !is_definition(path)).map(|path| fs::read_to_string(path).unwrap()).collect();
    let unreached = unreached();
    let unshown: Vec<String> = sources
        .private
        .iter()
        .filter(|(error, message)| !tests.contains(message.as_str()) && !unreached.contains_key(error.as_str()))
        .map(|(error, message)| format!("{error}: {message}"))
        .collect();
    assert!(unshown.is_empty(), "{} messages are in no test:\n{}", unshown.len(), unshown.join("\n"));
}
