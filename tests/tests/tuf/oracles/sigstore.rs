//! `sigstore-tuf`, over files in memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sealift_tests::tuf_repository::{TufRepository, now};
use sigstore_tuf::{Repository, Updater, UpdaterConfig};

use super::Oracle;

pub(crate) struct Sigstore;

struct Files(BTreeMap<String, Vec<u8>>);

type Fetched<'a> = std::pin::Pin<Box<dyn Future<Output = sigstore_tuf::Result<Option<Vec<u8>>>> + Send + 'a>>;

impl Repository for Files {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> Fetched<'a> {
        let found = match self.0.get(name) {
            Some(bytes) if bytes.len() as u64 > max_length => Err(sigstore_tuf::Error::transport("too long")),
            found => Ok(found.cloned()),
        };
        Box::pin(std::future::ready(found))
    }

    fn fetch_target<'a>(&'a self, _: &'a str, _: u64) -> Fetched<'a> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

impl Sigstore {
    fn refreshed(repository: &TufRepository) -> Result<Updater, String> {
        let mut config = UpdaterConfig::default();
        config.max_root_rotations = 1024;
        config.max_delegations = 256;
        let files = Files(repository.files.clone());
        let updater = Updater::new(files, &repository.pinned_root()).map_err(|error| format!("{error:?}"))?;
        let mut updater = updater.with_config(config);
        at_once(updater.refresh(now())).map_err(|error| format!("{error:?}"))?;
        Ok(updater)
    }
}

impl Oracle for Sigstore {
    fn refresh(&self, repository: &TufRepository) -> Result<(), String> {
        Self::refreshed(repository).map(drop)
    }

    fn resolve(&self, repository: &TufRepository, target: &str) -> Result<Option<String>, String> {
        let mut updater = Self::refreshed(repository)?;
        let found = at_once(updater.get_target_info(target, now())).map_err(|error| format!("{error:?}"))?;
        Ok(found.map(|target| target.hashes["sha256"].clone()))
    }
}

/// Runs a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("files in memory are always there"),
    }
}
