//! The guide, `docs/guide/`, as a test: every command in it is run, and every message that it explains is one of ours.
//!
//! A page runs in a folder of its own. A block of `console` has commands, each after `$ ` and run by bash, and what they print:
//! `[..]` stands for any text in a line, a line `...` for any number of lines, and a line `? N` for the exit code, where it is not 0.
//! A block after a line that is only the name of a file, in backticks and with a colon, becomes that file. `localhost:5000` and
//! `localhost:5001` are registries.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::thread;

use proc_macro2::{TokenStream, TokenTree};
use regex::Regex;
use sealift_tests::outside_programs;
use sealift_tests::real_registry::DOCKER_REGISTRY;
use sealift_tests::sealift_command::sealift;

/// Programs that pages use, and that a machine may not have.
const OUTSIDE: [&str; 5] = ["curl", "skopeo", "jq", "openssl", "python3"];

/// The registries of the pages: the connected side's, and the far side's.
const REGISTRIES: [&str; 2] = ["localhost:5000", "localhost:5001"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn pages() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("docs/guide")).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let mut pages: Vec<_> = pages
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    pages.sort();
    assert!(!pages.is_empty());
    pages
}

/// A block of a page: its language, the file that it becomes, and its lines, the first of which has this number.
struct Block<'a> {
    language: &'a str,
    file: Option<&'a str>,
    number: usize,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    static NAMES_FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new("^`([a-z0-9./-]+)`:$").unwrap());
    let (mut blocks, mut open, mut file) = (Vec::new(), None::<Block<'_>>, None);
    for (number, line) in (1..).zip(page.lines()) {
        match (open.take(), line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(Block { language, file: file.take(), number: number + 1, lines: Vec::new() })
            }
            (Some(block), Some(_)) => blocks.push(block),
            (Some(mut block), None) => {
                block.lines.push(line);
                open = Some(block);
            }
            (None, None) if line.is_empty() => {}
            (None, None) => file = NAMES_FILE.captures(line).map(|found| found.get(1).unwrap().as_str()),
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// A command of a page, and what it must do.
struct Step {
    number: usize,
    command: String,
    code: i32,
    prints: Vec<String>,
}

fn steps(block: &Block<'_>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = (block.number..).zip(&block.lines);
    while let Some((number, line)) = lines.next() {
        if let Some(begin) = line.strip_prefix("$ ") {
            let mut command = begin.to_owned();
            let here_document = begin.contains("<<'END'");
            while command.ends_with('\\') || (here_document && !command.ends_with("\nEND")) {
                command = format!("{command}\n{}", lines.next().unwrap().1);
            }
            steps.push(Step { number, command, code: 0, prints: Vec::new() });
        } else {
            let step = steps.last_mut().unwrap();
            match line.strip_prefix("? ") {
                Some(code) if step.prints.is_empty() => step.code = code.parse().unwrap(),
                _ => step.prints.push((*line).to_owned()),
            }
        }
    }
    steps
}

/// Whether what was printed is what the page shows.
fn is_as_shown(printed: &str, shown: &[String]) -> bool {
    let line = |line: &String| match line.trim_end() {
        "..." => "(?:[^\n]*\n)*?".to_owned(),
        line => line.split("[..]").map(regex::escape).collect::<Vec<_>>().join("[^\n]*") + " *\n",
    };
    let end = shown.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    let shown: String = shown.iter().take(end).map(line).collect();
    let printed = printed.trim_end();
    let printed = if printed.is_empty() { String::new() } else { format!("{printed}\n") };
    Regex::new(&format!("^{shown}$")).unwrap().is_match(&printed)
}

/// Where the commands of pages are looked for: `sealift` first, then a Python that has `tuf`.
fn path() -> OsString {
    let python = std::env::var_os("SEALIFT_PYTHON").map(PathBuf::from);
    let first = [sealift().parent().map(Path::to_owned), python.as_deref().and_then(Path::parent).map(Path::to_owned)];
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(first.into_iter().flatten().chain(std::env::split_paths(&others))).unwrap()
}

/// Runs a page; what differs is the result.
fn differences(name: &str, page: &str, path: &OsString) -> Vec<String> {
    let blocks = blocks(page);
    let commands: String =
        blocks.iter().filter(|block| block.language == "console").flat_map(|it| it.lines.clone()).collect();
    let uses = |program: &str| Regex::new(&format!(r"\b{program}\b")).unwrap().is_match(&commands);
    if OUTSIDE.iter().any(|program| uses(program) && outside_programs::find(program).is_none())
        || uses("python3") && outside_programs::python_with("tuf").is_none()
        || REGISTRIES.iter().any(|registry| uses(registry)) && DOCKER_REGISTRY.find().is_none()
    {
        return Vec::new();
    }
    let registries: Vec<_> = REGISTRIES.iter().filter(|it| uses(it)).map(|it| (*it, DOCKER_REGISTRY.start())).collect();
    let mut page_to_machine = Vec::new();
    for (named, registry) in &registries {
        page_to_machine.push((*named, registry.domain().replace("127.0.0.1", "localhost")));
    }
    let on_this_machine =
        |text: &str| page_to_machine.iter().fold(text.to_owned(), |text, (it, here)| text.replace(it, here));
    let as_on_the_page =
        |text: &str| page_to_machine.iter().fold(text.to_owned(), |text, (it, here)| text.replace(here, it));

    let folder = tempfile::tempdir().unwrap();
    let mut differences = Vec::new();
    for block in &blocks {
        if let Some(file) = block.file {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, on_this_machine(&block.lines.join("\n")) + "\n").unwrap();
        }
        if block.language != "console" {
            continue;
        }
        for Step { number, command, code, prints } in steps(block) {
            let script = format!("exec 2>&1\n{}", on_this_machine(&command));
            let mut shell = Command::new("bash");
            shell.args(["-o", "pipefail", "-c", &script]).current_dir(&folder).stdin(Stdio::null());
            shell.env("PATH", path).env("HOME", folder.path()).env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
            shell.env_remove("SEALIFT_TRUST").env_remove("SOURCE_DATE_EPOCH").env_remove("XDG_CONFIG_HOME");
            let output = shell.output().unwrap();
            let printed = as_on_the_page(&String::from_utf8_lossy(&output.stdout));
            if output.status.code() != Some(code) || !is_as_shown(&printed, &prints) {
                let (status, shown) = (output.status, prints.join("\n"));
                differences.push(format!("docs/guide/{name}:{number}: $ {command}\n-- {status}, and it printed:\n{printed}\n-- the page shows {code}, and:\n{shown}"));
            }
        }
    }
    differences
}

#[test]
fn every_command_in_the_guide_does_what_the_guide_shows() {
    let only = std::env::var("SEALIFT_GUIDE_PAGE").unwrap_or_default();
    let path = path();
    let pages = pages();
    let pages = pages.iter().filter(|(name, _)| name.starts_with(&only));
    let differences: Vec<String> = thread::scope(|scope| {
        let runs = pages.map(|(name, page)| {
            let named = thread::Builder::new().name(format!("docs/guide/{name}"));
            named.spawn_scoped(scope, || differences(name, page, &path)).unwrap()
        });
        let runs: Vec<_> = runs.collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn a_page_is_compared_line_by_line() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    for (printed, page, is_so) in [
        ("", &[][..], true),
        ("a\n", &["a"][..], true),
        ("a\n", &[], false),
        ("", &["a"], false),
        ("a b c\n", &["a [..] c", ""], true),
        ("a b c d\n", &["a [..] c"], false),
        ("a\nb\nc\n", &["a", "...", "c"], true),
        ("a\nb\n", &["...", "b", "..."], true),
        ("a\nb\nc\n", &["a", "c"], false),
        ("a.c\n", &["abc"], false),
        ("abc\n", &["a.c"], false),
    ] {
        assert_eq!(is_as_shown(printed, &shown(page)), is_so, "{printed:?} {page:?}");
    }
}

#[test]
fn every_command_of_sealift_in_the_guide_is_run() {
    for (name, page) in pages() {
        for block in blocks(&page).iter().filter(|block| block.language != "console" && block.file.is_none()) {
            let run = block.lines.iter().find(|line| line.trim_start_matches(['$', ' ']).starts_with("sealift "));
            assert_eq!(run, None, "docs/guide/{name}:{} is not a block of console", block.number);
        }
    }
}

/// The texts in the code, with `…` in the place of each value.
fn texts_of_the_code() -> BTreeSet<String> {
    let value = Regex::new(r"\{[^{}]*\}").unwrap();
    let mut texts = BTreeSet::new();
    for folder in ["cli/src", "core/src", "core/proof/src", "core/sandbox/src", "core/serve/src", "archive-format/src"]
    {
        for entry in walkdir::WalkDir::new(root().join(folder)) {
            let path = entry.unwrap().into_path();
            if path.extension().is_none_or(|ending| ending != "rs")
                || path.components().any(|it| it.as_os_str() == "tests")
            {
                continue;
            }
            let code = fs::read_to_string(&path).unwrap();
            let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let mut found = Vec::new();
            literals(code.parse().unwrap(), &mut found);
            texts.extend(found.iter().map(|text| value.replace_all(text, "…").into_owned()));
        }
    }
    texts
}

fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    found.push(text.value());
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

#[test]
fn every_message_that_the_guide_explains_is_one_of_ours() {
    let (_, page) = pages().into_iter().find(|(name, _)| name == "troubleshooting.md").unwrap();
    let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(headings.len() > 30, "{headings:?}");
    let texts = texts_of_the_code();
    let strangers: Vec<_> = headings.iter().filter(|heading| !texts.contains(**heading)).collect();
    assert!(strangers.is_empty(), "{strangers:#?}");
}
