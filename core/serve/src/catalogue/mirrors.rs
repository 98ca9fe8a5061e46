//! The mirrors of TUF repositories, from all archives.

use std::collections::BTreeMap;
use std::path::Path;

use sealift_archive_format::Digest;
use sealift_core::import::{MirrorContent, MirrorInMemory};
use sealift_proof::tuf::publication::{PublishedState, root_version};

use super::{ServeError, ServedContent};

/// The mirrors, by the names of their repositories.
#[derive(Default)]
pub(super) struct ServedMirrors(BTreeMap<String, ServedMirror>);

/// A mirror: its files by their paths.
struct ServedMirror {
    state: PublishedState,
    files: BTreeMap<String, ServedFile>,
}

/// A file of a mirror.
pub(super) enum ServedFile {
    /// These bytes.
    Here(ServedContent),
    /// The blob with this digest.
    Blob(Digest),
}

impl ServedMirrors {
    /// Adds what an archive carried of a repository. Where another archive carried it too, the newer metadata counts, and what only the older
    /// one has stays beside it, such as older roots and other targets.
    pub(super) fn add(&mut self, mirror: MirrorInMemory) -> Result<(), ServeError> {
        let MirrorInMemory { repository, state, contents, .. } = mirror;
        let files = contents.into_iter().filter_map(|(path, content)| {
            let content = match content {
                MirrorContent::Bytes(bytes) => ServedFile::Here(ServedContent::Held(bytes)),
                MirrorContent::Blob(digest) => ServedFile::Blob(digest),
            };
            Some((path.to_str()?.to_owned(), content))
        });
        let mut newer = ServedMirror { state, files: files.collect() };
        if let Some(mut older) = self.0.remove(repository.as_str()) {
            if let Some(root) = older.other_root(&newer) {
                return Err(ServeError::OtherRoot { repository, root });
            }
            if older.state > newer.state {
                std::mem::swap(&mut older, &mut newer);
            }
            for (path, file) in older.files {
                newer.files.entry(path).or_insert(file);
            }
        }
        self.0.insert(repository.as_str().to_owned(), newer);
        Ok(())
    }

    pub(super) fn file(&self, repository: &str, path: &str) -> Option<&ServedFile> {
        self.0.get(repository)?.files.get(path)
    }
}

impl ServedMirror {
    /// A root that differs from the root of the same version in another mirror.
    fn other_root(&self, other: &Self) -> Option<String> {
        let name = |path: &str| Path::new(path).file_name().and_then(|name| name.to_str()).map(str::to_owned);
        self.files.iter().find_map(|(path, file)| {
            let root = name(path).filter(|name| root_version(name).is_some())?;
            let differs = match (file, other.files.get(path)?) {
                (ServedFile::Here(ServedContent::Held(here)), ServedFile::Here(ServedContent::Held(there))) => {
                    here != there
                }
                _ => false,
            };
            differs.then_some(root)
        })
    }
}
