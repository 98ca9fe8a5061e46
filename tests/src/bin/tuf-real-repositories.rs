//! Walks repositories that others run, as they published them. They are not part of this project.
//!
//! usage: tuf-real-repositories FOLDER...
//!
//! Each folder has one of two forms. The static data of the public conformance suite: `initial_root.json`, `metadata/`,
//! `targets/`, `targetpath` and, where it matters, `faketime`. Or a chain of roots: `root_history/1.root.json` and so on.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_proof::tuf::chain::RootChain;
use sealift_proof::tuf::{Limits, TrustedState, update};

fn main() -> Result<(), Box<dyn Error>> {
    for folder in std::env::args_os().skip(1).map(PathBuf::from) {
        let found = match folder.join("root_history").exists() {
            true => walk_roots(&folder)?,
            false => walk(&folder)?,
        };
        println!("{}: {found}", folder.display());
    }
    Ok(())
}

/// From the initial root to the target that the repository is known to have.
fn walk(folder: &Path) -> Result<String, Box<dyn Error>> {
    let pinned = fs::read(folder.join("initial_root.json"))?;
    let mut source = RepositoryFolder::new(folder.join("metadata"), folder.join("targets"));
    let time = match first_line(&folder.join("faketime")) {
        Some(text) => text.parse()?,
        None => Timestamp::now(),
    };
    let state = TrustedState::default();
    let mut repository = update(&pinned, &state, &mut source, time, &Limits::default())?;
    let path = first_line(&folder.join("targetpath")).ok_or("there is no targetpath")?;
    let target = repository.resolve(&mut source, &path)?.ok_or("the target is not there")?;
    target.fetch(&mut source, repository.has_consistent_snapshots())?;
    let versions: Vec<_> = repository.roles().iter().map(|role| format!("{} {}", role.role, role.version)).collect();
    Ok(format!("{}; {path} found", versions.join(", ")))
}

/// The oldest roots may not be what the specification describes; from the first that is, all must be.
fn walk_roots(folder: &Path) -> Result<String, Box<dyn Error>> {
    let root = |version: u64| fs::read(folder.join(format!("root_history/{version}.root.json"))).ok();
    let mut chain =
        (1..100).find_map(|version| RootChain::begin(&root(version)?).ok()).ok_or("there is no usable root")?;
    let first = chain.version();
    while let Some(next) = root(chain.version() + 1) {
        chain.accept(&next)?;
    }
    Ok(format!("roots {first} to {}", chain.version()))
}

fn first_line(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()?.lines().next().map(str::to_owned)
}
