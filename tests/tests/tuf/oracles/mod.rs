//! Other implementations of the workflow, asked about the same published files.

mod rust_tuf;
mod sigstore;

pub(crate) use rust_tuf::RustTuf;
pub(crate) use sigstore::Sigstore;

use sealift_tests::tuf_repository::TufRepository;

/// What an implementation says of a repository, seen for the first time by a client that pinned version 1 of root.
pub(crate) trait Oracle {
    /// Whether the top-level roles pass, and if not, why not.
    fn refresh(&self, repository: &TufRepository) -> Result<(), String>;

    /// The SHA-256 that the repository states for a target.
    fn resolve(&self, repository: &TufRepository, target: &str) -> Result<Option<String>, String>;
}

/// This project's engine.
pub(crate) struct Ours;

impl Oracle for Ours {
    fn refresh(&self, repository: &TufRepository) -> Result<(), String> {
        repository.clone().first_update().map(drop).map_err(|error| format!("{error:?}"))
    }

    fn resolve(&self, repository: &TufRepository, target: &str) -> Result<Option<String>, String> {
        let found = repository.clone().resolve(target).map_err(|error| format!("{error:?}"))?;
        Ok(found.map(|target| target.hashes()[0].hex().to_owned()))
    }
}
