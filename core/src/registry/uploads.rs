//! Blobs, sent whole or in pieces, or mounted from a repository that has them. OCI Distribution 1.1, "Pushing a blob
//! monolithically", "Pushing a blob in chunks", "Mounting a blob from another repository".
//!
//! The latest part of what is being sent is held in memory, so that it can be sent again. A blob that can be held whole goes in one
//! request. A larger one goes in pieces, each as long as all before it together: registries take their time for each, so many short
//! pieces would be slow. After a failure the registry is asked how much has arrived, what follows is sent from memory, and further
//! pieces are only as long as what is held. Registries that refuse pieces get a large blob in one stream.
//!
//! Content that can be read again, such as an entry of an archive in a file, is sent in one stream as long as that succeeds: it costs
//! the registry least. After a failure it is sent from its beginning, and then in pieces.

use std::io;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sealift_archive_format::DigestAlgorithm;
use ureq::http::header::LOCATION;
use ureq::http::{HeaderName, Method, StatusCode};

use super::error::RegistryError;
use super::manifests::confirm_digest;
use super::sending::Sending;
use super::{RegistryClient, Scope};
use crate::http::{Attempts, HttpRequest, Response, Url};
use crate::oci::{Descriptor, Repository};
use crate::transfer::{BlobContent, lock};

/// The shortest piece that a registry takes, if it says so.
const CHUNK_MINIMUM: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// Why a blob could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The content failed: it could not be read, or is not what its descriptor says.
    #[error("the content to upload could not be read")]
    Content(#[source] io::Error),
}

/// The result of asking for a mount.
enum Mount {
    Done,
    /// The registry wants the bytes, and opened an upload for them.
    Refused(Session),
}

/// An upload that a registry opened.
pub(super) struct Session {
    /// What authorised opening it.
    pub(super) scope: Scope,
    /// Where it goes on.
    pub(super) location: Url,
    /// The shortest piece that it takes, in bytes.
    pub(super) shortest_piece: u64,
}

/// How often content that can be read again is sent from its beginning, at most.
const MOST_BEGINNINGS: u32 = 4;

/// How a registry is sent large blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Manner {
    /// In one stream where the content can be read again after a failure, and else in pieces that become longer.
    #[default]
    Hopefully,
    /// In pieces that become longer, since a stream failed there.
    Swiftly,
    /// In pieces that can be sent again whole, since a piece failed there.
    Carefully,
    /// In one stream, since it refuses pieces.
    InOneStream,
}

impl RegistryClient {
    /// Sends a blob.
    ///
    /// # Errors
    /// [`UploadError`]. The registry then does not have the blob: its last bytes are only sent if the whole is right.
    pub fn put_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        content: &mut dyn BlobContent,
    ) -> Result<(), UploadError> {
        let mut attempts = self.attempts();
        let session = self.open_upload(&mut attempts, repository)?;
        self.send_blob(session, attempts, repository, descriptor, content)
    }

    /// Gives `to` a blob that `from`, in the same registry, has; sends `content` when the registry does not mount it.
    ///
    /// # Errors
    /// As [`RegistryClient::put_blob`].
    pub fn mount_or_put_blob(
        &self,
        from: &Repository,
        to: &Repository,
        descriptor: &Descriptor,
        content: impl FnOnce() -> Result<Box<dyn BlobContent>, RegistryError>,
    ) -> Result<(), UploadError> {
        let mut attempts = self.attempts();
        match self.mount(&mut attempts, from, to, descriptor)? {
            Mount::Done => Ok(()),
            Mount::Refused(session) => self.send_blob(session, attempts, to, descriptor, &mut *content()?),
        }
    }

    fn mount(
        &self,
        attempts: &mut Attempts,
        from: &Repository,
        to: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Mount, RegistryError> {
        // docker-registry confirms a mount by another algorithm than its own, and then does not have the blob by that digest.
        if descriptor.digest.algorithm() != DigestAlgorithm::Sha256 {
            return self.open_upload(attempts, to).map(Mount::Refused);
        }
        let scope = Scope::mount(from, to);
        let from = utf8_percent_encode(from.path(), NON_ALPHANUMERIC);
        let url = self.url(to, &format!("blobs/uploads/?mount={}&from={from}", descriptor.digest))?;
        let response = self.call_in(attempts, &scope, HttpRequest::new(Method::POST, url))?;
        match response.status() {
            StatusCode::CREATED => {
                confirm_digest(&response, &descriptor.digest, |_| self.has_blob(to, descriptor)).map(|()| Mount::Done)
            }
            StatusCode::ACCEPTED => self.session(scope, &response).map(Mount::Refused),
            // Some registries answer a mount that they do not allow with an error where the specification says 202.
            _ => self.open_upload(attempts, to).map(Mount::Refused),
        }
    }

    pub(super) fn open_upload(
        &self,
        attempts: &mut Attempts,
        repository: &Repository,
    ) -> Result<Session, RegistryError> {
        let (scope, url) = (Scope::push(repository), self.url(repository, "blobs/uploads/")?);
        let response = self.call_in(attempts, &scope, HttpRequest::new(Method::POST, url))?;
        match response.status() {
            StatusCode::ACCEPTED => self.session(scope, &response),
            _ => Err(response.into_error().into()),
        }
    }

    fn session(&self, scope: Scope, response: &Response) -> Result<Session, RegistryError> {
        let location = self.upload_location(&scope.repository, response)?;
        let shortest_piece = response.header(&CHUNK_MINIMUM).and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        Ok(Session { scope, location, shortest_piece })
    }

    /// Where an upload goes. Never from `https` to plain `http`, whatever the registry says.
    pub(super) fn upload_location(&self, repository: &Repository, response: &Response) -> Result<Url, RegistryError> {
        let location = response.header(&LOCATION).unwrap_or_default();
        let base = self.base(repository.domain())?;
        match response.url().join(location) {
            Ok(url) if !location.is_empty() && (url.is_https() || !base.is_https()) => Ok(url),
            _ => Err(RegistryError::UploadLocation {
                url: response.url().clone(),
                location: location.chars().take(200).collect(),
            }),
        }
    }

    /// Sends content into an open session. Where the content can be read again, a failure that lost what was sent is followed by
    /// another attempt, from the beginning and in another session.
    fn send_blob(
        &self,
        mut session: Session,
        mut attempts: Attempts,
        repository: &Repository,
        descriptor: &Descriptor,
        content: &mut dyn BlobContent,
    ) -> Result<(), UploadError> {
        for _ in 1..MOST_BEGINNINGS {
            let lost = match self.send_once(session, &mut attempts, repository, descriptor, content) {
                Err(UploadError::Registry(error)) if content.start_over() => error,
                outcome => return outcome,
            };
            match lost {
                RegistryError::Http(error) if error.is_unauthorized() => {}
                RegistryError::Http(error) if error.is_too_long() && self.manner(repository) == Manner::Hopefully => {
                    self.learn(repository, Manner::Carefully);
                }
                RegistryError::Http(error) => {
                    attempts.wait_after(error).map_err(RegistryError::Http)?;
                    self.learn_from_a_cut_stream(repository);
                }
                RegistryError::UploadGone { .. } | RegistryError::Paused { .. } => {
                    self.learn_from_a_cut_stream(repository);
                }
                error => return Err(error.into()),
            }
            session = self.open_upload(&mut attempts, repository)?;
        }
        self.send_once(session, &mut attempts, repository, descriptor, content)
    }

    fn send_once(
        &self,
        session: Session,
        attempts: &mut Attempts,
        repository: &Repository,
        descriptor: &Descriptor,
        content: &mut dyn BlobContent,
    ) -> Result<(), UploadError> {
        let is_repeatable = content.is_repeatable();
        Sending::new(self, repository, descriptor, session, content, attempts).send(is_repeatable)
    }

    pub(super) fn manner(&self, repository: &Repository) -> Manner {
        lock(&self.0.manners).get(repository.domain()).copied().unwrap_or_default()
    }

    fn learn_from_a_cut_stream(&self, repository: &Repository) {
        if self.manner(repository) == Manner::Hopefully {
            self.learn(repository, Manner::Swiftly);
        }
    }

    pub(super) fn learn(&self, repository: &Repository, manner: Manner) {
        lock(&self.0.manners).insert(repository.domain().to_owned(), manner);
    }
}
