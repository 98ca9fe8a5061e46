//! Registries as a source.

use super::{RegistryClient, RegistryError};
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use crate::transfer::{BlobContent, Source, SourceError};
use sealift_archive_format::Digest;

/// Reads from the registries that references name.
#[derive(Clone)]
pub struct RegistrySource {
    client: RegistryClient,
}

impl RegistrySource {
    /// Reads through this client.
    pub fn new(client: RegistryClient) -> Self {
        Self { client }
    }
}

impl Source for RegistrySource {
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        Ok(self.client.resolve(reference)?)
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        match self.client.resolve(&Reference::new(repository.clone(), Some(tag.clone()), None)) {
            Err(RegistryError::ManifestNotFound { .. }) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    fn manifest(&self, repository: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        Ok(self.client.manifest(repository, descriptor)?)
    }

    fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        Ok(Box::new(self.client.blob(repository, descriptor)?))
    }

    fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        Ok(self.client.referrers(repository, subject, None)?)
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        Ok(self.client.tags(repository)?)
    }
}
