//! Registries as a sink: a blob is sent once to each registry, and mounted from there on.

use std::collections::HashMap;

use sealift_archive_format::Digest;

use super::Client;
use super::uploads::UploadError;
use crate::oci::{BlobContent, Descriptor, ManifestBytes, Reference, Repository, Sink, SinkError};

/// Writes to the registries that repositories name.
pub struct RegistrySink {
    client: Client,
    /// A repository of each registry in which a blob is known to be, from this run.
    known: HashMap<(String, Digest), Vec<Repository>>,
}

impl RegistrySink {
    /// Writes through this client.
    pub fn new(client: Client) -> Self {
        Self { client, known: HashMap::new() }
    }

    fn known_in(&self, repository: &Repository, digest: &Digest) -> &[Repository] {
        self.known.get(&(repository.domain().to_owned(), digest.clone())).map_or(&[], Vec::as_slice)
    }

    fn remember(&mut self, repository: &Repository, digest: &Digest) {
        let known = self.known.entry((repository.domain().to_owned(), digest.clone())).or_default();
        if !known.contains(repository) {
            known.push(repository.clone());
        }
    }
}

impl Sink for RegistrySink {
    fn has_blob(&mut self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, SinkError> {
        if self.known_in(repository, &descriptor.digest).contains(repository) {
            return Ok(true);
        }
        let there = self.client.has_blob(repository, descriptor)?;
        if there {
            self.remember(repository, &descriptor.digest);
        }
        Ok(there)
    }

    fn put_blob(
        &mut self,
        repository: &Repository,
        descriptor: &Descriptor,
        content: &mut dyn BlobContent,
    ) -> Result<(), SinkError> {
        self.client.put_blob(repository, descriptor, content)?;
        self.remember(repository, &descriptor.digest);
        Ok(())
    }

    fn share_blob(&mut self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, SinkError> {
        if self.has_blob(repository, descriptor)? {
            return Ok(true);
        }
        let Some(from) = self.known_in(repository, &descriptor.digest).first().cloned() else { return Ok(false) };
        let client = self.client.clone();
        let read_back = || Ok(Box::new(client.blob(&from, descriptor)?) as Box<dyn BlobContent>);
        self.client.mount_or_put_blob(&from, repository, descriptor, read_back)?;
        self.remember(repository, &descriptor.digest);
        Ok(true)
    }

    fn put_manifest(&mut self, repository: &Repository, manifest: &ManifestBytes) -> Result<(), SinkError> {
        Ok(self.client.put_manifest(repository, None, manifest)?)
    }

    fn tag(&mut self, reference: &Reference, manifest: &ManifestBytes) -> Result<(), SinkError> {
        match reference.tag_or_latest() {
            Some(tag) => Ok(self.client.put_manifest(reference.repository(), Some(&tag), manifest)?),
            None => Ok(()),
        }
    }
}

impl From<UploadError> for SinkError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Registry(error) => Self::Registry(error),
            UploadError::Content(error) => Self::Content(error),
        }
    }
}
