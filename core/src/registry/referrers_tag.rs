//! Referrers in registries that do not list them: an index under a tag that is made from the subject's digest.
//! OCI Distribution 1.1, "Referrers Tag Schema" and "Pushing Manifests with Subject".

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::{self, JsonError};
use serde_json::{Value, json};

use super::error::RegistryError;
use super::manifests::unusable;
use super::{RegistryClient, Remark};
use crate::oci::manifest::{Document, MAXIMUM_CHILDREN, ManifestBytes, ManifestError};
use crate::oci::media_type::OCI_INDEX;
use crate::oci::referrer::listed;
use crate::oci::{Descriptor, Reference, Repository, referrers_tag};

impl RegistryClient {
    /// The referrers that are listed under the tag of a subject; none if there is no such tag.
    pub(super) fn referrers_by_tag(
        &self,
        repository: &Repository,
        subject: &Digest,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        match self.under_tag(repository, subject)? {
            UnderTag::Index(index) => match index.document() {
                Document::Index(index) => Ok(index.manifests.clone()),
                Document::Image(_) => Ok(Vec::new()),
            },
            UnderTag::Nothing | UnderTag::Subject => Ok(Vec::new()),
        }
    }

    /// Lists a referrer under the tag of its subject, beside those that are listed there.
    ///
    /// Threads that share a client take turns. Two clients that do this at the same time may overwrite each other's entry: the specification's conditional
    /// requests are not used, because registries that do not list referrers do not support these either.
    pub(super) fn list_under_tag(
        &self,
        repository: &Repository,
        subject: &Digest,
        referrer: &ManifestBytes,
    ) -> Result<(), RegistryError> {
        let Some(tag) = referrers_tag(subject) else { return Ok(()) };
        let _turn = self.0.lists.wait_for((repository.clone(), subject.clone()));
        let index = match self.under_tag(repository, subject)? {
            UnderTag::Nothing => None,
            UnderTag::Index(index) => Some(index),
            UnderTag::Subject => {
                self.remark(Remark::NoListUnderTag { registry: repository.domain().to_owned() });
                return Ok(());
            }
        };
        let unusable = |error| unusable(repository, tag.as_str(), error);
        let Some(bytes) = with_referrer(index.as_ref(), referrer).map_err(unusable)? else { return Ok(()) };
        let digest = Digest::sha256(&bytes);
        let index = ManifestBytes::describe(bytes, OCI_INDEX, digest).map_err(unusable)?;
        self.send_manifest(repository, Some(&tag), &index).map(drop)
    }

    fn under_tag(&self, repository: &Repository, subject: &Digest) -> Result<UnderTag, RegistryError> {
        let Some(tag) = referrers_tag(subject) else { return Ok(UnderTag::Nothing) };
        match self.resolve(&Reference::new(repository.clone(), Some(tag), None)) {
            Err(RegistryError::ManifestNotFound { .. }) => Ok(UnderTag::Nothing),
            Ok(found) if found.descriptor().digest == *subject => Ok(UnderTag::Subject),
            found => Ok(UnderTag::Index(found?)),
        }
    }
}

/// What is found under the tag of a subject.
enum UnderTag {
    Nothing,
    /// The subject itself: the registry takes the tag for the digest.
    Subject,
    /// What lists the referrers, if it is an index.
    Index(ManifestBytes),
}

/// The index with one more entry; `None` if it already has that entry.
fn with_referrer(index: Option<&ManifestBytes>, referrer: &ManifestBytes) -> Result<Option<Vec<u8>>, ManifestError> {
    let mut document = match index {
        None => json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] }),
        Some(index) => match index.document() {
            Document::Index(listed) => {
                if listed.manifests.iter().any(|entry| entry.digest == referrer.descriptor().digest) {
                    return Ok(None);
                }
                strict_json::parse(index.bytes())?
            }
            Document::Image(_) => return Err(ManifestError::MediaType(index.descriptor().media_type.clone())),
        },
    };
    let manifests = document.get_mut("manifests").and_then(Value::as_array_mut);
    let entries = manifests.ok_or(ManifestError::Undeclared)?;
    if entries.len() >= MAXIMUM_CHILDREN {
        return Err(ManifestError::Children { count: entries.len().saturating_add(1) });
    }
    entries.push(serde_json::to_value(listed(referrer)).map_err(JsonError::from)?);
    Ok(Some(serde_json::to_vec(&document).map_err(JsonError::from)?))
}
