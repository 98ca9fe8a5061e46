//! Repositories that others run, as they published them.
//!
//! They are not part of this project: `SEALIFT_TUF_REPOSITORIES` names a folder with one folder for each, in one of two
//! forms. The static data of the public conformance suite: `initial_root.json`, `metadata/`, `targets/`, `targetpath`
//! and, where it matters, `faketime`. Or a chain of roots: `root_history/1.root.json` and so on.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_core::tuf::chain::RootChain;
use sealift_core::tuf::provider::RepositoryFolder;
use sealift_core::tuf::{Limits, TrustedState, update};

fn repositories(holding: &str) -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("SEALIFT_TUF_REPOSITORIES") else {
        let required = std::env::var_os("SEALIFT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!required, "SEALIFT_TUF_REPOSITORIES is not set");
        eprintln!("SKIPPED: SEALIFT_TUF_REPOSITORIES is not set");
        return Vec::new();
    };
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.join(holding).exists()).collect();
    found.sort();
    assert!(!found.is_empty(), "no repository with {holding} there");
    found
}

fn first_line(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().next().map(str::to_owned)
}

#[test]
fn real_repositories_are_accepted_and_their_targets_found() {
    for folder in repositories("initial_root.json") {
        let pinned = fs::read(folder.join("initial_root.json")).unwrap();
        let mut source = RepositoryFolder::new(folder.join("metadata"), folder.join("targets"));
        let time = first_line(&folder.join("faketime")).map_or_else(Timestamp::now, |text| text.parse().unwrap());
        let state = TrustedState::default();
        let mut repository = update(&pinned, &state, &mut source, time, &Limits::default()).unwrap();
        let path = first_line(&folder.join("targetpath")).unwrap();
        let target = repository.resolve(&mut source, &path).unwrap().unwrap();
        target.fetch(&mut source, repository.has_consistent_snapshots()).unwrap();
        let versions: Vec<_> =
            repository.roles().iter().map(|role| format!("{} {}", role.role, role.version)).collect();
        eprintln!("{}: {}; {path} found", folder.display(), versions.join(", "));
    }
}

#[test]
fn chains_of_real_roots_are_accepted() {
    for folder in repositories("root_history") {
        let root = |version: u64| fs::read(folder.join(format!("root_history/{version}.root.json"))).ok();
        // The oldest ones may not be what the specification describes; from the first that is, all must be.
        let first = (1..100).find(|version| root(*version).is_some_and(|root| RootChain::begin(&root).is_ok()));
        let mut chain = RootChain::begin(&root(first.unwrap()).unwrap()).unwrap();
        while let Some(next) = root(chain.version() + 1) {
            chain.accept(&next).unwrap();
        }
        eprintln!("{}: roots {} to {}", folder.display(), first.unwrap(), chain.version());
        assert!(chain.version() > first.unwrap());
    }
}
