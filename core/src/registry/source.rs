//! Registries as a source.

use super::mirrors::RegistryMirrors;
use super::{RegistryClient, RegistryError, RegistryMirror};
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use crate::transfer::{BlobContent, Source, SourceError};
use sealift_archive_format::Digest;

/// Reads from the registries that references name.
#[derive(Clone)]
pub struct RegistrySource {
    client: RegistryClient,
    mirrors: RegistryMirrors,
}

impl RegistrySource {
    /// Reads through this client.
    pub fn new(client: RegistryClient) -> Self {
        Self::with_mirrors(client, Vec::new())
    }

    /// Reads through this client, from mirrors where there are some. Names stay as they are.
    pub fn with_mirrors(client: RegistryClient, mirrors: Vec<RegistryMirror>) -> Self {
        Self { client, mirrors: RegistryMirrors::new(mirrors) }
    }
}

impl Source for RegistrySource {
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        Ok(self.client.resolve(&self.mirrors.reference(reference))?)
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        let repository = self.mirrors.repository(repository);
        match self.client.resolve(&Reference::new(repository, Some(tag.clone()), None)) {
            Err(RegistryError::ManifestNotFound { .. }) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    fn manifest(&self, repository: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        Ok(self.client.manifest(&self.mirrors.repository(repository), descriptor)?)
    }

    fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        Ok(Box::new(self.client.blob(&self.mirrors.repository(repository), descriptor)?))
    }

    fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        Ok(self.client.referrers(&self.mirrors.repository(repository), subject, None)?)
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        Ok(self.client.tags(&self.mirrors.repository(repository))?)
    }
}
