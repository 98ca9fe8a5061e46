//! Whether there is a trust store in a folder.
//!
//! `policy.toml` is written before everything except an empty `deliveries.json`, which is never recreated, and it is
//! never removed. So a folder with other parts of a store but without it has lost it, and a folder with neither is not
//! a store, whatever else it holds.

use std::fs;
use std::io;
use std::path::Path;

use super::TrustStoreError;
use super::disk::failed;

/// What is in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing that matters: a store can be created here.
    Nothing,
    /// A trust store.
    Store,
    /// A trust store that has lost its policy.
    StoreWithoutPolicy,
    /// Something else.
    Other,
}

impl Presence {
    /// Looks into a folder.
    pub(super) fn of(folder: &Path) -> Result<Self, TrustStoreError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                let file = folder.ancestors().find(|it| it.symlink_metadata().is_ok()).unwrap_or(folder);
                return Err(TrustStoreError::NotAFolder { folder: folder.to_owned(), file: file.to_owned() });
            }
            Err(error) => return Err(failed("read", folder)(error)),
        };
        let mut found = Self::Nothing;
        for entry in entries {
            let name = entry.map_err(failed("read", folder))?.file_name();
            match name.to_string_lossy().as_ref() {
                "policy.toml" => return Ok(Self::Store),
                "roots" | "state" | "exporters" | "attesters" | "receivers" | "map.json" => {
                    found = Self::StoreWithoutPolicy
                }
                // What the creation of a store leaves behind when it is interrupted.
                "lock" | ".policy.toml.new" | "deliveries.json" | ".deliveries.json.new" => {}
                _ if found == Self::Nothing => found = Self::Other,
                _ => {}
            }
        }
        Ok(found)
    }
}
