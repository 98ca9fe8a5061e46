//! Blobs, sent in one piece of known length, or mounted from a repository that has them. OCI Distribution 1.1,
//! "Pushing a blob monolithically", "Mounting a blob from another repository".

use std::io::{self, Read};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{CONTENT_TYPE, LOCATION};
use ureq::http::{HeaderValue, Method, StatusCode};

use super::error::RegistryError;
use super::manifests::confirm_digest;
use super::{RegistryClient, Scope};
use crate::http::{HttpRequest, RequestBody, Response, Url};
use crate::oci::{Descriptor, Repository};
use crate::transfer::{BlobContent, ContentError};

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
    /// The registry wants the bytes, and opened an upload for them: its authorisation and location.
    Refused(Scope, Url),
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
        let location = self.open_upload(repository)?;
        self.send_blob(&Scope::push(repository), location, descriptor, content)
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
        match self.mount(from, to, descriptor)? {
            Mount::Done => Ok(()),
            Mount::Refused(scope, location) => self.send_blob(&scope, location, descriptor, &mut *content()?),
        }
    }

    fn mount(&self, from: &Repository, to: &Repository, descriptor: &Descriptor) -> Result<Mount, RegistryError> {
        let scope = Scope::mount(from, to);
        let from = utf8_percent_encode(from.path(), NON_ALPHANUMERIC);
        let url = self.url(to, &format!("blobs/uploads/?mount={}&from={from}", descriptor.digest))?;
        let response = self.call(&scope, HttpRequest::new(Method::POST, url))?;
        match response.status() {
            StatusCode::CREATED => confirm_digest(&response, &descriptor.digest).map(|()| Mount::Done),
            StatusCode::ACCEPTED => self.upload_location(to, &response).map(|location| Mount::Refused(scope, location)),
            // Some registries answer a mount that they do not allow with an error where the specification says 202.
            _ => self.open_upload(to).map(|location| Mount::Refused(Scope::push(to), location)),
        }
    }

    fn open_upload(&self, repository: &Repository) -> Result<Url, RegistryError> {
        let url = self.url(repository, "blobs/uploads/")?;
        let response = self.call(&Scope::push(repository), HttpRequest::new(Method::POST, url))?;
        match response.status() {
            StatusCode::ACCEPTED => self.upload_location(repository, &response),
            _ => Err(response.into_error().into()),
        }
    }

    /// Where an upload goes. Never from `https` to plain `http`, whatever the registry says.
    fn upload_location(&self, repository: &Repository, response: &Response) -> Result<Url, RegistryError> {
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

    /// Sends content into an open session, with what authorised opening it: content is sent only once, so authorisation
    /// cannot be requested half-way.
    fn send_blob(
        &self,
        scope: &Scope,
        location: Url,
        descriptor: &Descriptor,
        content: &mut dyn BlobContent,
    ) -> Result<(), UploadError> {
        let digest = utf8_percent_encode(&descriptor.digest.to_string(), NON_ALPHANUMERIC).to_string();
        let url = location.with_query(&format!("digest={digest}")).map_err(RegistryError::Url)?;
        let mut watched = WatchedContent { content, error: None };
        let mut request = HttpRequest::new(Method::PUT, url);
        request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")));
        request.body = RequestBody::Stream { length: descriptor.size, content: &mut watched };
        let sent = self.call(scope, request);
        if let Some(error) = watched.error.take() {
            return Err(UploadError::Content(error));
        }
        let response = sent?;
        if !response.status().is_success() {
            return Err(RegistryError::from(response.into_error()).into());
        }
        confirm_digest(&response, &descriptor.digest)?;
        watched.end(descriptor)
    }
}

/// Remembers a failure of the content, which the HTTP client would report as a failure of the connection.
struct WatchedContent<'a> {
    content: &'a mut dyn BlobContent,
    error: Option<io::Error>,
}

impl WatchedContent<'_> {
    /// Checks that content of exactly the announced length has reached its end.
    fn end(self, descriptor: &Descriptor) -> Result<(), UploadError> {
        match self.content.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            Ok(_) => {
                let (digest, size) = (descriptor.digest.clone(), descriptor.size);
                let error = ContentError::Long { digest, size };
                Err(UploadError::Content(io::Error::new(io::ErrorKind::InvalidData, error)))
            }
            Err(error) => Err(UploadError::Content(error)),
        }
    }
}

impl Read for WatchedContent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer).map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                self.error = Some(error);
            }
            kind.into()
        })
    }
}
