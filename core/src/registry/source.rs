//! Registries as a source.

use std::collections::HashMap;
use std::error::Error as _;
use std::io::Cursor;
use std::sync::{Arc, Mutex};

use super::registries_conf::AskedBy;
use super::{RegistryClient, RegistryError, RegistryMirrors, Remark, lock};
use crate::oci::{Descriptor, ManifestBytes, Reference, Repository, Tag};
use crate::transfer::{BlobContent, Checked, Source, SourceError};
use sealift_archive_format::Digest;

/// Reads from the registries that references name.
#[derive(Clone)]
pub struct RegistrySource {
    client: RegistryClient,
    mirrors: RegistryMirrors,
    /// Where a repository was found, of several places.
    found: Arc<Mutex<HashMap<Repository, Repository>>>,
}

impl RegistrySource {
    /// Reads through this client.
    pub fn new(client: RegistryClient) -> Self {
        Self::with_mirrors(client, RegistryMirrors::default())
    }

    /// Reads through this client, from mirrors where there are some. Names stay as they are.
    pub fn with_mirrors(client: RegistryClient, mirrors: RegistryMirrors) -> Self {
        Self { client, mirrors, found: Arc::default() }
    }

    /// The place that answered for this repository, if there are several.
    fn found_at(&self, repository: &Repository) -> Option<Repository> {
        lock(&self.found).get(repository).cloned()
    }

    /// Asks the places of a repository in turn, until one has what is asked for. From then on, it begins with that one.
    fn first<T>(
        &self,
        repository: &Repository,
        asked_by: AskedBy,
        ask: impl Fn(&Repository) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let places = self.mirrors.places(repository, asked_by)?;
        let begin = self
            .found_at(repository)
            .and_then(|found| places.iter().position(|place| *place == found))
            .unwrap_or_default();
        let mut left = places.get(begin..).unwrap_or_default().iter().peekable();
        while let Some(place) = left.next() {
            match (ask(place), left.peek()) {
                (Err(error), Some(next)) => {
                    let because = error.source().map(|source| format!(": {source}")).unwrap_or_default();
                    let reason = format!("{error}{because}");
                    self.client.remark(Remark::NextPlace { place: place.clone(), next: (*next).clone(), reason });
                }
                (answer, _) => {
                    if places.len() > 1 && answer.is_ok() {
                        lock(&self.found).insert(repository.clone(), place.clone());
                    }
                    return answer;
                }
            }
        }
        // There is always a place.
        ask(repository)
    }
}

impl Source for RegistrySource {
    fn resolve(&self, reference: &Reference) -> Result<ManifestBytes, SourceError> {
        let asked_by = if reference.digest().is_some() { AskedBy::Digest } else { AskedBy::Tag };
        let there =
            |place: &Repository| Reference::new(place.clone(), reference.tag().cloned(), reference.digest().cloned());
        Ok(self.first(reference.repository(), asked_by, |place| self.client.resolve(&there(place)))?)
    }

    fn find(&self, repository: &Repository, tag: &Tag) -> Result<Option<ManifestBytes>, SourceError> {
        let there = |place: &Repository| Reference::new(place.clone(), Some(tag.clone()), None);
        // The place that has the repository is asked for this too, whatever tags are asked of others: what it lacks is not
        // there. To look for it elsewhere would be to ask the origin for every signature that a mirror does not have.
        let found = match self.found_at(repository) {
            Some(place) => self.client.resolve(&there(&place)),
            None => self.first(repository, AskedBy::Tag, |place| self.client.resolve(&there(place))),
        };
        match found {
            Err(RegistryError::ManifestNotFound { .. }) => Ok(None),
            found => Ok(Some(found?)),
        }
    }

    fn manifest(&self, repository: &Repository, descriptor: &Descriptor) -> Result<ManifestBytes, SourceError> {
        Ok(self.first(repository, AskedBy::Digest, |place| self.client.manifest(place, descriptor))?)
    }

    fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Box<dyn BlobContent + '_>, SourceError> {
        let open = |place: &Repository| -> Result<Box<dyn BlobContent + '_>, RegistryError> {
            match self.client.blob(place, descriptor) {
                // What an index lists with a type that is not known may have been stored as a manifest.
                Err(error @ RegistryError::BlobNotFound { .. }) => {
                    match self.client.opaque_manifest(place, descriptor)? {
                        Some(bytes) => Ok(Box::new(Checked::new(Cursor::new(bytes), descriptor))),
                        None => Err(error),
                    }
                }
                blob => Ok(Box::new(blob?)),
            }
        };
        Ok(self.first(repository, AskedBy::Digest, open)?)
    }

    fn has_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, SourceError> {
        Ok(self.first(repository, AskedBy::Digest, |place| self.client.has_blob(place, descriptor))?)
    }

    fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>, SourceError> {
        Ok(self.first(repository, AskedBy::Digest, |place| self.client.referrers(place, subject, None))?)
    }

    fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, SourceError> {
        Ok(self.first(repository, AskedBy::Tag, |place| self.client.tags(place))?)
    }
}
