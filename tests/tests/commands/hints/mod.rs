//! Every hint is shown by a test: each text that says what to do about a failure or a warning stands in a page beside this folder or in
//! the code of a test, which runs the command until it says so.
//!
//! What is fixed in a text is its longest part between two values. What cannot be brought about by a test is listed in
//! `unshown_hints.txt`, each with its reason.

mod archives;
mod deliveries;
mod drives;
mod exports;
mod files;
mod kinds;
mod locations;
mod network;
mod policies;
mod receipts;
mod serving;
mod shipments;
mod supply_chains;
mod trust_stores;
mod volumes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use sealift_sample_publisher::Sample;
use sealift_tests::crossing::FarSide;
use sealift_tests::malicious_exporter::{Consignment, exporter_key};
use sealift_tests::sealift_command;
use serde_json::Value;
use syn::LitStr;
use tempfile::TempDir;

/// What cannot be brought about: `Enum::Variant: the reason`, or `text: the reason` where a hint belongs to no variant.
const UNSHOWN: &str = include_str!("unshown_hints.txt");

/// The shortest fixed part that is looked for: shorter ones are everywhere.
const SHORTEST: usize = 8;

static SEALIFT: LazyLock<PathBuf> = LazyLock::new(sealift_command::sealift);

/// The name of the sample's bundle, and of its images.
const BUNDLE: &str = "example.com/demo/shop:1.0.0";
const WEB: &str = "example.com/demo/web:1.0.0";

/// What a command said, with `--json`.
struct Said {
    code: Option<i32>,
    /// The last line of standard error.
    failure: Value,
    all: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let failure = stderr.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let all = stderr + &String::from_utf8_lossy(&output.stdout);
        Self { code: output.status.code(), failure, all }
    }

    /// The command failed with this exit code, one of its causes has this in it, and this is the whole hint.
    #[track_caller]
    fn hints(&self, code: i32, cause: &str, hint: &str) {
        let is_cause = |it: &Value| it.as_str().is_some_and(|it| it.contains(cause));
        let causes = self.failure["causes"].as_array().into_iter().flatten();
        let is_said = causes.clone().any(is_cause);
        assert!(
            self.code == Some(code) && is_said && self.failure["hint"] == hint,
            "expected {code}, {cause:?}, and the hint\n  {hint}\nand it ended with {:?}:\n{}",
            self.code,
            self.all
        );
    }

    /// The command ended well, and this is in what it said.
    #[track_caller]
    fn remarks(&self, remark: &str) {
        assert!(self.code == Some(0) && self.all.contains(remark), "{:?}: {}", self.code, self.all);
    }
}

/// The command, with `--json --quiet`, in a folder; nothing of this machine's own settings is seen.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&*SEALIFT);
    command.args(["--json", "--quiet"]).args(arguments).current_dir(folder).stdin(Stdio::null()).env("HOME", folder);
    for variable in [
        "SOURCE_DATE_EPOCH",
        "SEALIFT_TRUST",
        "DOCKER_CONFIG",
        "REGISTRY_AUTH_FILE",
        "XDG_RUNTIME_DIR",
        "XDG_CONFIG_HOME",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
        "TMPDIR",
    ] {
        command.env_remove(variable);
    }
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Said {
    Said::of(&command(folder, arguments).output().unwrap())
}

/// The same without `--json`: all that a person reads.
fn told(folder: &Path, arguments: &[&str]) -> String {
    let mut told = Command::new(&*SEALIFT);
    let output = told.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Now, without fractions of a second.
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap()
}

fn hours_ago(count: i64) -> Timestamp {
    now() - SignedDuration::from_hours(count)
}

/// The side that imports, in a folder of its own, with the trust store `far`.
struct Far {
    side: FarSide,
}

impl Far {
    /// Has pinned the sample's root, and trusts the exporter.
    fn trusting(sample: &Sample) -> Self {
        Self { side: FarSide::trusting(sample, now()) }
    }

    /// Trusts the exporter alone, and takes everything.
    fn taking_everything() -> Self {
        let far = Self::trusting_nobody();
        far.side.policy("minimum_level = \"0\"\n");
        far
    }

    /// Trusts the exporter alone.
    fn trusting_nobody() -> Self {
        Self { side: FarSide::trusting_nobody(now()) }
    }

    fn folder(&self) -> PathBuf {
        self.side.trust().parent().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Said {
        run(&self.folder(), &[&["--trust", "far"], arguments].concat())
    }

    fn put(&self, archive: &[u8]) {
        fs::write(self.folder().join("shop.sealift"), archive).unwrap();
    }

    fn verify(&self, archive: &[u8]) -> Said {
        self.put(archive);
        self.run(&["verify", "shop.sealift"])
    }

    fn import(&self, archive: &[u8], arguments: &[&str]) -> Said {
        self.put(archive);
        self.run(&[&["import", "shop.sealift", "--results", "results"], arguments].concat())
    }
}

/// The sample, released now.
fn sample() -> Sample {
    Sample::new(now()).unwrap()
}

/// What an honest exporter packs of it.
fn packed(sample: &Sample) -> Consignment {
    Consignment::of(sample, now())
}

/// The side that exports: a folder with the sample's layout and repository, `key.pem`, and the trust store `near`.
struct Near {
    folder: TempDir,
}

impl Near {
    /// Has pinned the sample's root.
    fn pinning(sample: &Sample) -> Self {
        let near = Self::pinning_nothing();
        sample.write(near.path()).unwrap();
        fs::write(near.path().join("root.json"), &sample.repository.past_roots[0]).unwrap();
        near.run(&["trust", "pin-root", "demo", "root.json"]).remarks("demo");
        near
    }

    /// Has pinned nothing, and asks for nothing.
    fn asking_for_nothing() -> Self {
        let near = Self::pinning_nothing();
        near.policy("minimum_level = \"0\"\n");
        near
    }

    fn pinning_nothing() -> Self {
        let near = Self { folder: tempfile::tempdir().unwrap() };
        let public = exporter_key().public_key().unwrap().to_pem().unwrap();
        fs::write(near.path().join("key.pem"), exporter_key().to_pem(None).unwrap().as_bytes()).unwrap();
        fs::write(near.path().join("key.pub"), public).unwrap();
        near.run(&["trust", "add-exporter", "carrier", "key.pub"]).remarks("carrier");
        near
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn policy(&self, text: &str) {
        fs::write(self.path().join("near/policy.toml"), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Said {
        run(self.path(), &[&["--trust", "near"], arguments].concat())
    }

    /// The command that exports to `out.sealift`.
    fn command(&self, arguments: &[&str]) -> Command {
        let export = ["--trust", "near", "export", "--key", "key.pem", "-o", "out.sealift"];
        command(self.path(), &[&export, arguments].concat())
    }

    fn export(&self, arguments: &[&str]) -> Said {
        Said::of(&self.command(arguments).output().unwrap())
    }
}

/// The texts that say what to do, each with what it belongs to.
#[derive(Default)]
struct Hints(Vec<(String, String)>);

impl Hints {
    fn of_the_command() -> Self {
        let cli = sources().join("cli/src");
        let mut hints = Self::default();
        let remedies = functions(&cli.join("terminal/remedy.rs"));
        for name in ["words", "add_lines", "resume", "ask_publisher", "ask_exporter"] {
            hints.of_function(&remedies, name, "");
        }
        hints.of_function(&functions(&cli.join("failure/mod.rs")), "advice", "Reason");
        hints.of_function(&functions(&cli.join("usage.rs")), "hint", "");
        for path in rust_files(&cli) {
            let (calls, notes) = (["sealift"].as_slice(), ["noting"].as_slice());
            let called = if path.starts_with(cli.join("failure")) { notes } else { calls };
            if !path.ends_with("terminal/remedy.rs") {
                hints.of_calls(code_of(&path), called);
            }
        }
        for (name, value) in constants(code_of(&cli.join("failure/mod.rs"))) {
            if name.starts_with("NOTHING_") {
                hints.0.push((name, value));
            }
        }
        hints
    }

    fn of_function(&mut self, functions: &BTreeMap<String, Vec<TokenStream>>, name: &str, own: &str) {
        let bodies = functions.get(name).unwrap_or_else(|| panic!("there is no function {name}"));
        for body in bodies {
            self.of_arms(body.clone(), &mut Vec::new(), &mut name.to_owned(), own);
        }
    }

    /// Each text, with the last pattern `A::B` before a `=>`.
    fn of_arms(&mut self, tokens: TokenStream, aliases: &mut Vec<(String, String)>, label: &mut String, own: &str) {
        let mut last: Vec<String> = Vec::new();
        let mut pattern = None;
        for token in tokens {
            match &token {
                TokenTree::Group(group) => {
                    let mut inner = label.clone();
                    self.of_arms(group.stream(), aliases, &mut inner, own);
                }
                TokenTree::Literal(_) => {
                    if let Some(text) = text_of(&token) {
                        self.0.push((label.clone(), text));
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
            last.push(token.to_string());
            match last.as_slice() {
                [.., owner, one, other, name] if (one.as_str(), other.as_str()) == (":", ":") => {
                    let owner = if owner == "Self" { own } else { owner };
                    let known = aliases.iter().find(|(alias, _)| alias == owner).map_or(owner, |(_, of)| of);
                    pattern = Some(format!("{known}::{name}"));
                }
                [.., of, keyword, alias] if keyword == "as" => aliases.push((alias.clone(), of.clone())),
                [.., one, other] if (one.as_str(), other.as_str()) == ("=", ">") => {
                    if let Some(pattern) = pattern.take() {
                        *label = pattern;
                    }
                }
                _ => {}
            }
        }
    }

    /// Each text that is handed to one of these functions.
    fn of_calls(&mut self, tokens: TokenStream, called: &[&str]) {
        let mut before = String::new();
        let mut is_attribute = false;
        for token in tokens {
            if let TokenTree::Group(group) = &token {
                if !is_attribute && called.contains(&&*before) && group.delimiter() == Delimiter::Parenthesis {
                    let mut texts = Vec::new();
                    literals(group.stream(), &mut texts);
                    self.0.extend(texts.into_iter().map(|text| (text.clone(), text)));
                } else if !is_attribute {
                    self.of_calls(group.stream(), called);
                }
            }
            is_attribute = matches!(&token, TokenTree::Punct(it) if it.as_char() == '#');
            before = token.to_string();
        }
    }
}

/// The longest part of a text that is always the same.
fn fixed(text: &str) -> &str {
    text.split(['{', '}']).step_by(2).map(str::trim).max_by_key(|part| part.len()).unwrap_or_default()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.unwrap().into_path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// The code of a file, without its tests.
fn code_of(path: &Path) -> TokenStream {
    let code = fs::read_to_string(path).unwrap();
    code.split("#[cfg(test)]\nmod tests {").next().unwrap().parse().unwrap()
}

/// The bodies of the functions in a file, by their names.
fn functions(path: &Path) -> BTreeMap<String, Vec<TokenStream>> {
    fn collect(tokens: TokenStream, found: &mut BTreeMap<String, Vec<TokenStream>>) {
        let mut name: Option<String> = None;
        let mut before = String::new();
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) if before == "fn" => name = Some(ident.to_string()),
                TokenTree::Punct(end) if end.as_char() == ';' => name = None,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => match name.take() {
                    Some(name) => found.entry(name).or_default().push(group.stream()),
                    None => collect(group.stream(), found),
                },
                TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            before = token.to_string();
        }
    }
    let mut found = BTreeMap::new();
    collect(code_of(path), &mut found);
    found
}

/// The constants of a file that are texts.
fn constants(tokens: TokenStream) -> Vec<(String, String)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut constants = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token, TokenTree::Ident(keyword) if keyword == "const") {
            let until =
                tokens[at..].iter().take_while(|it| !matches!(it, TokenTree::Punct(end) if end.as_char() == ';'));
            let text = until.filter_map(text_of).next();
            constants.extend(text.map(|text| (tokens[at + 1].to_string(), text)));
        }
    }
    constants
}

fn text_of(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Literal(literal) => syn::parse_str::<LitStr>(&literal.to_string()).ok().map(|text| text.value()),
        _ => None,
    }
}

/// The texts in code; attributes, and so comments, are not code.
fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    let mut is_attribute = false;
    for token in tokens {
        match &token {
            TokenTree::Group(group) if !is_attribute => literals(group.stream(), found),
            _ => found.extend(text_of(&token)),
        }
        is_attribute = matches!(&token, TokenTree::Punct(it) if it.as_char() == '#');
    }
}

/// What tests show: each page of commands, and each text in the code of a test.
fn shown() -> String {
    let mut shown = Vec::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["tests", "src"] {
        for path in rust_files(&tests.join(folder)) {
            literals(fs::read_to_string(path).unwrap().parse().unwrap(), &mut shown);
        }
    }
    for entry in fs::read_dir(tests.join("tests/commands")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            shown.push(fs::read_to_string(path).unwrap());
        }
    }
    shown.join("\n")
}

fn unshown() -> BTreeMap<&'static str, &'static str> {
    let lines = UNSHOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no reason: {line}"))).collect()
}

#[test]
fn every_hint_is_shown_by_a_test() {
    let Hints(hints) = Hints::of_the_command();
    let hints: Vec<_> = hints.iter().filter(|(_, text)| fixed(text).len() >= SHORTEST).collect();
    assert!(hints.len() > 250, "only {} hints were found", hints.len());
    let (shown, unshown) = (shown(), unshown());
    let is_shown = |text: &str| shown.contains(fixed(text));
    let missing: Vec<String> = hints
        .iter()
        .filter(|(of, text)| !is_shown(text) && !unshown.contains_key(&**of))
        .map(|(of, text)| format!("{of}: {text}"))
        .collect();
    assert!(missing.is_empty(), "{} hints are in no test:\n{}", missing.len(), missing.join("\n"));
    for of in unshown.keys() {
        let mut texts = hints.iter().filter(|(it, _)| it == of).peekable();
        assert!(texts.peek().is_some(), "{of} is listed, and there is no such hint");
        assert!(texts.any(|(_, text)| !is_shown(text)), "{of} is listed as out of reach, and a test shows it");
    }
}

#[test]
fn hints_are_found_with_what_they_belong_to() {
    let Hints(hints) = Hints::of_the_command();
    for (of, text) in [
        ("Remedy::NameOnce", "name each bundle, each image and each file once"),
        ("Remedy::ChoosePlatform", "leave out --platform"),
        ("PublisherMatter::Step", "ask the publisher which step is missing or not authorised"),
        (
            "Interrupter::Network",
            "check the network, and run the same command again: an export into a file continues where it stopped",
        ),
        ("Reason::NoHomeFolder", "name the trust store with --trust DIR or SEALIFT_TRUST"),
        ("NOTHING_TAGGED", "nothing was tagged"),
        ("the import itself is done", "the import itself is done"),
        ("hint", "for example: {pasted}"),
    ] {
        assert!(hints.iter().any(|(it, found)| (it.as_str(), found.as_str()) == (of, text)), "{of}: {text}");
    }
    assert_eq!(fixed("run {one} and then {the} other thing"), "other thing");
}
