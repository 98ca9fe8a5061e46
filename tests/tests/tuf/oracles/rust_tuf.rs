//! The `tuf` crate, through its database: its client never returns what a delegated role describes, so only the
//! top-level roles are compared.

use chrono::{DateTime, Utc};
use sealift_tests::tuf_repository::{NOW, TufRepository};
use tuf::database::Database;
use tuf::metadata::{RawSignedMetadata, TargetPath};
use tuf::pouf::Pouf1;

use super::Oracle;

pub(crate) struct RustTuf;

impl RustTuf {
    fn refreshed(repository: &TufRepository) -> tuf::Result<Database<Pouf1>> {
        let start: DateTime<Utc> = NOW.parse().unwrap();
        let file = |name: &str| repository.files.get(name).cloned().unwrap_or_default();
        let mut database = Database::from_trusted_root(&RawSignedMetadata::new(repository.pinned_root()))?;
        for version in 2.. {
            match repository.files.get(&format!("{version}.root.json")) {
                Some(root) => database.update_root(&RawSignedMetadata::new(root.clone()))?,
                None => break,
            }
        }
        database.update_timestamp(&start, &RawSignedMetadata::new(file("timestamp.json")))?;
        let snapshot = database.trusted_timestamp().map_or(0, |timestamp| timestamp.snapshot().version());
        database.update_snapshot(&start, &RawSignedMetadata::new(file(&format!("{snapshot}.snapshot.json"))))?;
        let listed = database.trusted_snapshot().and_then(|snapshot| {
            snapshot.meta().get(&tuf::metadata::MetadataPath::targets()).map(|description| description.version())
        });
        let targets = file(&format!("{}.targets.json", listed.unwrap_or(0)));
        database.update_targets(&start, &RawSignedMetadata::new(targets))?;
        Ok(database)
    }
}

impl Oracle for RustTuf {
    fn refresh(&self, repository: &TufRepository) -> Result<(), String> {
        Self::refreshed(repository).map(drop).map_err(|error| format!("{error:?}"))
    }

    fn resolve(&self, repository: &TufRepository, target: &str) -> Result<Option<String>, String> {
        let explain = |error: tuf::Error| format!("{error:?}");
        let path = TargetPath::new(target).map_err(explain)?;
        let start: DateTime<Utc> = NOW.parse().unwrap();
        match Self::refreshed(repository).map_err(explain)?.target_description_with_start_time(&start, &path) {
            Ok(found) => Ok(found.hashes().values().next().map(|hash| hex::encode(hash.value()))),
            Err(tuf::Error::TargetNotFound(_)) => Ok(None),
            Err(error) => Err(explain(error)),
        }
    }
}
