//! Hints, pasted: every command in a hint that the tests of hints show is one that this program reads, and has no placeholder where the
//! value is known.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use crate::arguments::Arguments;

/// The placeholders that may stand in a hint, and why nothing can stand in their place.
const PLACEHOLDERS: [(&str, &str); 19] = [
    ("ARCHIVE", "the other side chooses what to call it"),
    ("CHART", "the person has the chart"),
    ("DIR", "the person chooses the folder"),
    ("DOMAIN", "it is the form of any name"),
    ("ENTRY", "it is a form of any place"),
    ("FILE", "the person has the file, or chooses what to call it"),
    ("FOLDER", "the person chooses the folder"),
    ("KEY", "the key is with another person"),
    ("KEY.pub", "the person has to get it in a way that is trusted"),
    ("LAYOUT", "the person chooses the folder"),
    ("LOCATION", "only the publisher knows where the repository is"),
    ("NAME", "this side chooses what it calls a publisher, an exporter or an attester"),
    ("PASSWORD", "it is a secret"),
    ("PATH", "only the person knows which names a publisher has"),
    ("REGISTRY", "only the person knows which names a publisher has"),
    ("TAG", "it is the form of any name"),
    ("TARGETS", "only the publisher knows where the repository's target files are"),
    ("USER", "only the person knows it"),
    ("WHERE", "only the person knows where else it is stored"),
];

/// Words in capitals that are names of their own.
const NAMES: [&str; 23] = [
    "ALL_PROXY",
    "CNAB",
    "CNAB-Sec",
    "ECDSA",
    "HTTPS_PROXY",
    "JSON",
    "NO_PROXY",
    "OCI",
    "PEM",
    "PKCS",
    "RSA",
    "SEALIFT_TRUST",
    "SHA-256",
    "SOURCE_DATE_EPOCH",
    "SPKI",
    "SSL_CERT_FILE",
    "TAP",
    "TMPDIR",
    "TUF",
    "URL",
    "X.509",
    "README.md",
    "YAML",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tests/commands")
}

/// The texts between quotation marks in a file of Rust, with what they escape; what a format fills in is `x`.
fn literals(source: &str) -> Vec<String> {
    let (mut found, mut characters) = (Vec::new(), source.chars());
    while let Some(character) = characters.next() {
        if character == '\'' {
            // A character, such as '"', is not the beginning of a text.
            let mut ahead = characters.clone();
            if ahead.next() == Some('"') && ahead.next() == Some('\'') {
                characters = ahead;
            }
            continue;
        }
        if character != '"' {
            continue;
        }
        let mut text = String::new();
        while let Some(character) = characters.next().filter(|it| *it != '"') {
            text.push(match character {
                '\\' => characters.next().map_or('\\', |escaped| if escaped == 'n' { '\n' } else { escaped }),
                other => other,
            });
        }
        found.push(filled(&text));
    }
    found
}

/// A text of a format, with `x` in the place of each value.
fn filled(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once('}') {
        Some((name, rest)) => {
            let value = match text.rsplit(' ').nth(1) {
                _ if name.ends_with("_at") => "2026-11-25T12:00:00Z",
                Some("--carry") => "sha256:235c26a8367552e607536c83352ffdadd9c3ad86ddd453d36d096a017c9bbc71",
                _ => "x",
            };
            text + value + rest
        }
        None => text + part,
    })
}

/// Every hint that a page or a test of hints shows.
fn hints() -> BTreeSet<String> {
    let mut hints = BTreeSet::new();
    let files = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in files(folder()).filter(|path| path.extension().is_some_and(|it| it == "md")) {
        let page = fs::read_to_string(path).unwrap();
        hints.extend(page.lines().filter_map(|line| line.strip_prefix("  hint:  ")).map(str::to_owned));
    }
    for path in files(folder().join("hints")).filter(|path| path.extension().is_some_and(|it| it == "rs")) {
        let is_hint = |text: &String| {
            text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.split_whitespace().count() >= 4
                && !text.contains("XFSZ")
        };
        hints.extend(literals(&fs::read_to_string(path).unwrap()).into_iter().filter(is_hint));
    }
    hints
}

/// The commands in a hint, as far as each goes. What stands between backticks is named, and not to be pasted.
fn commands(hint: &str) -> Vec<String> {
    let unquoted: String = hint.split('`').step_by(2).collect::<Vec<_>>().join("``");
    let mut found = Vec::new();
    for (at, _) in unquoted.match_indices("sealift ") {
        let (before, command) = unquoted.split_at(at);
        if !before.is_empty() && !before.ends_with([' ', '\n']) {
            continue;
        }
        let ends = ["; ", ", ", " (", "\n", " ``"];
        let end = ends.iter().filter_map(|end| command.find(end)).min().unwrap_or(command.len());
        found.push(command.split_at(end).0.to_owned());
    }
    found
}

/// A command, as a shell splits it.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for character in command.chars() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

/// A word of a command, with a value in the place of each placeholder.
fn with_values(word: &str) -> String {
    match word {
        "NAME" | "REPOSITORY" => "name".to_owned(),
        "REGISTRY/PATH/*" => "registry.example.com/path/*".to_owned(),
        other => other.to_owned(),
    }
}

/// The words in capitals in a text.
fn capitals(text: &str) -> BTreeSet<String> {
    let is_part = |it: char| it.is_alphanumeric() || "_.-".contains(it);
    let words = text.split(|it: char| !is_part(it)).map(|word| word.trim_matches(['.', '-']));
    let is_capital = |word: &&str| {
        let stem = word.split('.').next().unwrap_or_default();
        stem.len() > 2 && stem.chars().all(|it| it.is_ascii_uppercase() || "_-".contains(it))
    };
    words.filter(is_capital).map(str::to_owned).collect()
}

#[test]
fn every_command_in_a_hint_can_be_pasted() {
    let mut read = 0;
    for hint in hints() {
        for command in commands(&hint) {
            let parsed = Arguments::read(words(&command).iter().map(|word| with_values(word)));
            let is_read = parsed.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::DisplayHelp);
            assert!(is_read, "{command}\nin the hint: {hint}\n{}", parsed.unwrap_err());
            read += 1;
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn a_placeholder_in_a_hint_has_a_reason() {
    let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
    for hint in hints() {
        let commands = commands(&hint).join(" ");
        let options = hint.split_whitespace().filter(|word| word.starts_with("--") || word.contains('='));
        for word in capitals(&(commands + " " + &options.collect::<Vec<_>>().join(" ") + " " + &hint)) {
            if NAMES.contains(&word.as_str()) {
                continue;
            }
            if !PLACEHOLDERS.iter().any(|(name, _)| *name == word) {
                unknown.push(format!("{word} in the hint: {hint}"));
            }
            seen.insert(word);
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    let unused: Vec<_> = PLACEHOLDERS.iter().filter(|(name, _)| !seen.contains(*name)).collect();
    assert!(unused.is_empty(), "in no hint any more: {unused:?}");
}

#[test]
fn commands_are_found_in_hints() {
    let hint = "see `sealift key public`; or sign it: sealift sign 'a b; c' --key KEY, then: sealift help; done";
    assert_eq!(commands("see: sealift trust list; or not"), ["sealift trust list"]);
    assert_eq!(commands(hint).len(), 2);
    assert_eq!(words("sealift verify 'a b'"), ["sealift", "verify", "a b"]);
    assert_eq!(
        capitals("give NAME=WHERE, or KEY.pub, in PEM"),
        ["KEY.pub", "NAME", "PEM", "WHERE"].map(str::to_owned).into()
    );
}
