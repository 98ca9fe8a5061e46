//! A repository in a folder: `metadata/` and `targets/`, as a web server would serve them.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustix::fs::OFlags;
use sealift_archive_format::Digest;
use sealift_proof::tuf::provider::target_file_path;
use sealift_proof::tuf::{MetadataProvider, ProviderError, RoleName, TargetProvider};

use super::TargetFiles;

/// A repository in a folder on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFolder {
    metadata: Arc<Path>,
    targets: Arc<Path>,
}

impl RepositoryFolder {
    /// A repository whose metadata and targets lie in these folders.
    pub fn new(metadata: impl Into<PathBuf>, targets: impl Into<PathBuf>) -> Self {
        Self { metadata: metadata.into().into(), targets: targets.into().into() }
    }
}

impl MetadataProvider for RepositoryFolder {
    fn metadata(
        &mut self,
        role: &RoleName,
        version: Option<u64>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        read_either(&self.metadata, &role.file_name(version), limit)
    }

    fn twin(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.clone()))
    }

    fn at_hand(&self) -> Option<Box<dyn MetadataProvider>> {
        Some(Box::new(self.clone()))
    }

    fn hand_out(&mut self, _: &RoleName, _: Option<u64>, _: &[u8]) -> Result<bool, ProviderError> {
        // What was read there is verified like anything else.
        Ok(true)
    }
}

impl TargetProvider for RepositoryFolder {
    fn target(
        &mut self,
        path: &str,
        digest_prefix: Option<&Digest>,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, ProviderError> {
        read_either(&self.targets, &target_file_path(path, digest_prefix), limit)
    }

    fn twin(&self) -> Option<Box<dyn TargetProvider>> {
        Some(Box::new(self.clone()))
    }
}

impl TargetFiles for RepositoryFolder {
    fn open(
        &self,
        path: &str,
        digest_prefix: Option<&Digest>,
        length: u64,
    ) -> Result<Option<Box<dyn Read + Send>>, ProviderError> {
        let file = either(&target_file_path(path, digest_prefix), |name| open(&self.targets, name))?;
        Ok(file.map(|(file, _)| -> Box<dyn Read + Send> { Box::new(file.take(length.saturating_add(1))) }))
    }
}

fn read_either(folder: &Path, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
    either(name, |name| read(folder, name, limit))
}

/// A file by its name, or by its decoded name: a web server decodes the names in requests, so a folder made for one has
/// decoded names.
fn either<T>(name: &str, find: impl Fn(&str) -> Result<Option<T>, ProviderError>) -> Result<Option<T>, ProviderError> {
    let encoded = find(name)?;
    match percent_decode_str(name).decode_utf8() {
        Ok(decoded) if encoded.is_none() && decoded != name => find(&decoded),
        _ => Ok(encoded),
    }
}

/// The place of a file in a folder that a web server serves: under the decoded name, unless that would lead out of the
/// folder.
pub(super) fn served_from(folder: &Path, name: &str) -> Option<PathBuf> {
    let decoded = percent_decode_str(name).decode_utf8().ok();
    decoded.and_then(|decoded| inside(folder, &decoded)).or_else(|| inside(folder, name))
}

/// Joins a path that a repository states to a folder, if it stays inside it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let plain = |component| matches!(component, Component::Normal(_));
    let stays = !path.is_empty()
        && !path.contains('\0')
        && path.split('/').all(|part| !part.is_empty() && part != ".")
        && Path::new(path).components().all(plain);
    stays.then(|| folder.join(path))
}

fn unavailable(path: &str, source: std::io::Error) -> ProviderError {
    ProviderError::Unavailable { file_name: path.to_owned(), source: source.into() }
}

/// A file of at most `limit` bytes; `None` if there is none in the folder.
pub(super) fn read(folder: &Path, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
    let Some((file, length)) = open(folder, path)? else { return Ok(None) };
    // As long as it says that it is, it is read at once.
    let mut bytes = Vec::new();
    let room = usize::try_from(length.min(limit).saturating_add(1)).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(room).map_err(|error| unavailable(path, error.into()))?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|source| unavailable(path, source))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > limit) {
        return Err(ProviderError::TooLong { file_name: path.to_owned(), limit });
    }
    Ok(Some(bytes))
}

/// A file and its length; `None` if there is none in the folder.
fn open(folder: &Path, path: &str) -> Result<Option<(File, u64)>, ProviderError> {
    let Some(place) = inside(folder, path) else { return Ok(None) };
    // Opening a pipe would wait, while holding the lock of the trust store.
    let open = File::options().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(place);
    match open.and_then(|file| file.metadata().map(|metadata| (file, metadata))) {
        Ok((_, metadata)) if !metadata.is_file() => Err(unavailable(path, std::io::Error::other("it is not a file"))),
        Ok((file, metadata)) => Ok(Some((file, metadata.len()))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(unavailable(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_stay_inside_the_folder_are_read() {
        for path in ["", "/etc/passwd", "../up", "a/../../up", "a//b", "./a", "a/.", "a\0b", "a/"] {
            assert_eq!(inside(Path::new("/folder"), path), None, "{path:?}");
        }
        assert_eq!(inside(Path::new("/folder"), "a/b:c d"), Some(PathBuf::from("/folder/a/b:c d")));
    }

    #[test]
    fn what_is_not_a_file_is_neither_waited_for_nor_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut repository = RepositoryFolder::new(folder.path(), folder.path());
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        for name in ["pipe", "folder"] {
            let error = repository.target(name, None, 9).unwrap_err();
            assert!(matches!(error, ProviderError::Unavailable { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn files_are_found_by_encoded_and_by_decoded_name_and_have_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let mut repository = RepositoryFolder::new(folder.path(), folder.path());
        let role = RoleName::delegated("a b").unwrap();
        assert_eq!(repository.metadata(&role, Some(1), 9).unwrap(), None);
        std::fs::write(folder.path().join("1.a b.json"), b"decoded").unwrap();
        assert_eq!(repository.metadata(&role, Some(1), 9).unwrap().unwrap(), b"decoded");
        std::fs::write(folder.path().join("1.a%20b.json"), b"encoded").unwrap();
        assert_eq!(repository.metadata(&role, Some(1), 7).unwrap().unwrap(), b"encoded");
        assert!(matches!(repository.metadata(&role, Some(1), 6), Err(ProviderError::TooLong { limit: 6, .. })));
    }
}
