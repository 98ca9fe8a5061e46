//! Repositories of Notary v1 (Docker Content Trust): behind a server, or in a folder of the files that it would serve.
//!
//! Where TUF 1.0 has a version in the name of a file, Notary has its SHA-256: the timestamp says which snapshot there is, and that
//! says which targets. So the files that were handed out before decide what is requested next, as in Notary's own client, and a
//! repository that changes meanwhile is seen in one state. This only finds files: the engine of `sealift-proof` decides what is
//! believed.

mod file_name;
mod listed;
#[cfg(feature = "network")]
mod server;

use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "network")]
use sealift_proof::tuf::Gun;
use sealift_proof::tuf::{MetadataProvider, ProviderError, RoleName};

#[cfg(feature = "network")]
use crate::authorization::Credentials;
#[cfg(feature = "network")]
use crate::http::{HttpClient, Url};

use super::folder;
pub(super) use file_name::hashed;
use file_name::{plain, versioned};
use listed::{ListedHashes, version_of};
#[cfg(feature = "network")]
use server::Server;

/// The metadata of one collection (GUN) of Notary.
#[derive(Clone)]
pub struct NotaryRepository {
    files: CollectionFiles,
    /// What the files that were handed out list. Twins share it.
    listed: Arc<ListedHashes>,
}

/// Where the files are.
#[derive(Clone)]
enum CollectionFiles {
    Folder(PathBuf),
    #[cfg(feature = "network")]
    Server(Arc<Server>),
}

impl NotaryRepository {
    /// In a folder of files as a server would name them, or as a client keeps them: `root.json`, `N.root.json`, `ROLE.json`,
    /// `ROLE.SHA256.json`, with delegated roles in `targets/`. A client keeps only the newest root.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { files: CollectionFiles::Folder(folder.into()), listed: Arc::default() }
    }

    /// Behind a server: what it has under `v2/GUN/_trust/tuf/`. Credentials are those for the server, as for a registry, or those for the
    /// registry that the GUN names, if the token service belongs to it.
    #[cfg(feature = "network")]
    pub fn at_server(http: HttpClient, credentials: Credentials, server: &Url, gun: &Gun) -> Self {
        let server = Server::new(http, credentials, server, gun);
        Self { files: CollectionFiles::Server(Arc::new(server)), listed: Arc::default() }
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
        match &self.files {
            CollectionFiles::Folder(folder) => folder::read(folder, name, limit),
            #[cfg(feature = "network")]
            CollectionFiles::Server(server) => server.read(name, limit),
        }
    }

    fn find(&self, role: &RoleName, version: Option<u64>, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
        let Some(plain) = plain(role) else { return Ok(None) };
        if let Some(version) = version {
            if let Some(found) = self.read(&versioned(&plain, version), limit)? {
                return Ok(Some(found));
            }
            // Who keeps only the newest may have the one that is asked for.
            let newest = self.read(&plain, limit)?;
            return Ok(newest.filter(|bytes| version_of(bytes) == Some(version)));
        }
        if let Some(sha256) = self.listed.sha256_of(role)
            && let Some(found) = self.read(&hashed(&plain, &sha256), limit)?
        {
            return Ok(Some(found));
        }
        self.read(&plain, limit)
    }
}

impl MetadataProvider for NotaryRepository {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        let found = self.find(role, version, limit)?;
        if let Some(bytes) = &found {
            self.listed.learn(role, bytes);
        }
        Ok(found)
    }

    fn twin(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const LIMIT: u64 = 100;

    fn write(folder: &Path, name: &str, content: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn fetch(folder: &Path, role: &RoleName, version: Option<u64>) -> Option<String> {
        let found = NotaryRepository::in_folder(folder).metadata(role, version, LIMIT).unwrap();
        found.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn what_a_client_keeps_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = r#"{"signed":{"version":3}}"#;
        write(folder.path(), "root.json", root);
        write(folder.path(), "targets/releases.json", "releases");
        assert_eq!(fetch(folder.path(), &RoleName::root(), Some(3)).as_deref(), Some(root));
        for version in [1, 2, 4] {
            assert_eq!(fetch(folder.path(), &RoleName::root(), Some(version)), None);
        }
        let releases = RoleName::delegated("targets/releases").unwrap();
        assert_eq!(fetch(folder.path(), &releases, None).as_deref(), Some("releases"));
        assert_eq!(fetch(folder.path(), &RoleName::timestamp(), None), None);
    }

    #[test]
    fn nothing_outside_the_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "secret.json", "secret");
        let inside = folder.path().join("files");
        write(&inside, "targets/a.json", "a");
        for name in ["targets/../../secret", "../secret", "targets/..", "/secret"] {
            assert_eq!(fetch(&inside, &RoleName::delegated(name).unwrap(), None), None, "{name}");
        }
    }

    #[test]
    fn a_file_has_a_limit_under_each_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        for (name, version) in [("root.json", None), ("2.root.json", Some(2))] {
            write(folder.path(), name, &"x".repeat(101));
            let refused = NotaryRepository::in_folder(folder.path()).metadata(&RoleName::root(), version, LIMIT);
            assert!(matches!(refused, Err(ProviderError::TooLong { .. })), "{name}");
        }
    }
}
