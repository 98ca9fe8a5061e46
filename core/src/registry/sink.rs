//! Registries as a sink: a blob is sent once to each registry, and mounted from there on.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Mutex;

use sealift_archive_format::Digest;

use super::uploads::UploadError;
use super::{RegistryClient, RegistryError};
use crate::http::HttpError;
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository};
use crate::transfer::{BlobContent, Checked, Offer, Sink, SinkError, Turn, Turns, Upload, lock};

/// Writes to the registries that repositories name.
pub struct RegistrySink {
    client: RegistryClient,
    /// The repositories of each registry in which a blob is known to be, from this run.
    known: Mutex<HashMap<(String, Digest), Vec<Repository>>>,
    /// The manifests that were stored in this run.
    stored: Mutex<HashSet<(Repository, Digest)>>,
    /// What is being written, by registry.
    turns: Turns<(String, Digest)>,
}

impl RegistrySink {
    /// Writes through this client.
    pub fn new(client: RegistryClient) -> Self {
        Self { client, known: Mutex::default(), stored: Mutex::default(), turns: Turns::default() }
    }

    fn turn(&self, repository: &Repository, digest: &Digest) -> Turn<'_, (String, Digest)> {
        self.turns.wait_for((repository.domain().to_owned(), digest.clone()))
    }

    /// The repositories of the same registry that have a blob, as far as is known.
    fn known_in(&self, repository: &Repository, digest: &Digest) -> Vec<Repository> {
        let key = (repository.domain().to_owned(), digest.clone());
        lock(&self.known).get(&key).cloned().unwrap_or_default()
    }

    fn remember(&self, repository: &Repository, digest: &Digest) {
        let mut known = lock(&self.known);
        let known = known.entry((repository.domain().to_owned(), digest.clone())).or_default();
        if !known.contains(repository) {
            known.push(repository.clone());
        }
    }

    /// Gives a repository a blob that another one of the same registry has: mounted, or read back and sent where the registry
    /// does not mount it.
    fn share(&self, from: &Repository, to: &Repository, descriptor: &Descriptor) -> Result<(), SinkError> {
        let read_back = || Ok(Box::new(self.client.blob(from, descriptor)?) as Box<dyn BlobContent>);
        Ok(self.client.mount_or_put_blob(from, to, descriptor, read_back)?)
    }
}

impl Sink for RegistrySink {
    /// Threads that offer the same blob wait for each other: it is sent once, and then there or shared.
    fn offer(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Offer<'_>, SinkError> {
        let turn = self.turn(repository, &descriptor.digest);
        let known = self.known_in(repository, &descriptor.digest);
        if known.contains(repository) {
            return Ok(Offer::There);
        }
        if !self.client.has_blob(repository, descriptor)? {
            let Some(from) = known.first() else {
                let (repository, descriptor) = (repository.clone(), descriptor.clone());
                return Ok(Offer::Wanted(Box::new(RegistryUpload { sink: self, repository, descriptor, _turn: turn })));
            };
            self.share(from, repository, descriptor)?;
        }
        self.remember(repository, &descriptor.digest);
        Ok(Offer::There)
    }

    fn read_back(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Option<Box<dyn BlobContent + '_>>, SinkError> {
        match self.client.blob(repository, descriptor) {
            // It says that it has what it then does not give, or something longer.
            Err(RegistryError::BlobNotFound { .. } | RegistryError::Http(HttpError::TooLarge { .. })) => {
                Ok(Some(Box::new(Checked::new(io::empty(), descriptor))))
            }
            content => Ok(Some(Box::new(content?))),
        }
    }

    fn put_manifest(&self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let digest = &manifest.descriptor().digest;
        let _turn = self.turn(repository, digest);
        let key = (repository.clone(), digest.clone());
        if !lock(&self.stored).contains(&key) {
            self.client.put_manifest(repository, None, manifest)?;
            lock(&self.stored).insert(key);
        }
        Ok(())
    }

    fn held(&self, reference: &Reference) -> Result<Option<Digest>, SinkError> {
        Ok(match (reference.tag_or_latest(), reference.digest()) {
            (Some(tag), _) => self.client.tag_digest(reference.repository(), &tag)?,
            // Where that cannot be told, nothing but a report says less.
            (None, Some(digest)) => {
                let is_there = self.client.has_manifest(reference.repository(), digest).unwrap_or(false);
                is_there.then(|| digest.clone())
            }
            (None, None) => None,
        })
    }

    /// A tag that resolves to the manifest already is left alone: it may be immutable.
    fn tag(&self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        let Some(tag) = reference.tag_or_latest() else { return Ok(()) };
        let (repository, digest) = (reference.repository(), &manifest.descriptor().digest);
        let _turn = self.turn(repository, digest);
        if self.client.has_tag(repository, &tag, digest) {
            return Ok(());
        }
        Ok(self.client.put_manifest(repository, Some(&tag), manifest)?)
    }

    fn finish(&self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A blob on its way into a repository.
struct RegistryUpload<'s> {
    sink: &'s RegistrySink,
    repository: Repository,
    descriptor: Descriptor,
    _turn: Turn<'s, (String, Digest)>,
}

impl Upload for RegistryUpload<'_> {
    fn store(self: Box<Self>, content: &mut dyn BlobContent) -> Result<(), SinkError> {
        let Self { sink, repository, descriptor, _turn } = *self;
        SinkError::require_offered(&descriptor, content)?;
        sink.client.put_blob(&repository, &descriptor, content)?;
        sink.remember(&repository, &descriptor.digest);
        Ok(())
    }
}

impl From<UploadError> for SinkError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Registry(error) => error.into(),
            UploadError::Content(error) => Self::Content(error),
        }
    }
}
