//! Blobs, fetched as streams that survive a cut connection. OCI Distribution 1.1, "Pulling blobs".

use std::io::{self, Read};

use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use ureq::http::{HeaderValue, Method, StatusCode};

use super::error::RegistryError;
use super::manifests::{CONTENT_DIGEST, in_other_form};
use super::{RegistryClient, Scope};
use crate::http::{Attempts, HttpError, HttpRequest, Response, ResponseReader};
use crate::oci::{Descriptor, Repository};
use crate::transfer::Checked;

impl RegistryClient {
    /// Whether a repository is known to have a blob. A registry that refuses the question, has something of another length, or states
    /// neither a length nor the digest, is not known to have it: sending what is there already is harmless.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry cannot be asked.
    pub fn has_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let url = self.url(repository, &format!("blobs/{}", descriptor.digest))?;
        let response = match self.call(&Scope::pull(repository), HttpRequest::new(Method::HEAD, url)) {
            Err(error) if error.is_bare_refusal() => return Ok(false),
            outcome => outcome?,
        };
        match response.status() {
            StatusCode::OK => {
                // A login page has neither.
                let length: Option<u64> = response.header(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
                let has_digest = response.header(&CONTENT_DIGEST) == Some(descriptor.digest.to_string().as_str());
                Ok(length.map_or(has_digest, |length| length == descriptor.size))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(false),
            status if is_refused_head(status) => Ok(false),
            _ => Err(response.into_error().into()),
        }
    }

    /// Opens a blob for reading. The content is checked against the descriptor, and reading resumes where a connection
    /// breaks.
    ///
    /// # Errors
    /// [`RegistryError::BlobNotFound`], and any other when the blob cannot be opened.
    pub fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Checked<BlobReader>, RegistryError> {
        let (client, repository, attempts) = (self.clone(), repository.clone(), self.attempts());
        let (open, position, has_ranges) = (None, 0, true);
        let mut reader =
            BlobReader { client, repository, descriptor: descriptor.clone(), open, position, has_ranges, attempts };
        reader.open()?;
        Ok(Checked::new(reader, descriptor))
    }
}

/// Reads a blob's bytes, unchecked.
pub struct BlobReader {
    client: RegistryClient,
    repository: Repository,
    descriptor: Descriptor,
    open: Option<ResponseReader>,
    position: u64,
    /// Whether the registry has not shown that it cannot send a part.
    has_ranges: bool,
    attempts: Attempts,
}

impl BlobReader {
    /// Opens the blob at the current position, as often as it takes.
    fn open(&mut self) -> Result<(), RegistryError> {
        loop {
            match self.open_once() {
                Ok(reader) => {
                    self.open = Some(reader);
                    return Ok(());
                }
                Err(RegistryError::Http(error)) => self.attempts.wait_after(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Requests the blob from the current position on; from the beginning where the registry does not do as requested (RFC 9110
    /// §14), and then skips what was already read.
    fn open_once(&mut self) -> Result<ResponseReader, RegistryError> {
        let position = self.position;
        if position > 0 && self.has_ranges {
            let response = self.request(Some(position))?;
            match response.status() {
                StatusCode::PARTIAL_CONTENT if starts_at(response.header(&CONTENT_RANGE), position) => {
                    return Ok(response.into_reader(self.descriptor.size.saturating_sub(position))?);
                }
                StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => self.has_ranges = false,
                _ => return self.whole(response),
            }
        }
        let response = self.request(None)?;
        self.whole(response)
    }

    fn request(&self, from: Option<u64>) -> Result<Response, RegistryError> {
        let url = self.client.url(&self.repository, &format!("blobs/{}", self.descriptor.digest))?;
        let mut request = HttpRequest::new(Method::GET, url);
        if let Some(range) = from.and_then(|from| HeaderValue::from_str(&format!("bytes={from}-")).ok()) {
            request.headers.push((RANGE, range));
        }
        self.client.call_once(&Scope::pull(&self.repository), request)
    }

    /// The rest of a response with the whole blob.
    fn whole(&self, response: Response) -> Result<ResponseReader, RegistryError> {
        match response.status() {
            StatusCode::OK => {
                let has_length = response.length().is_none_or(|length| length == self.descriptor.size);
                let (url, other_form) = (response.url().clone(), response.other_form().filter(|_| !has_length));
                if other_form.is_some() {
                    let (repository, digest) = (self.repository.clone(), self.descriptor.digest.clone());
                    let error = RegistryError::BlobNotFound { repository, digest };
                    return Err(in_other_form(url, other_form, error));
                }
                let mut reader = response.into_reader(self.descriptor.size)?;
                self.skip(&mut reader)?;
                Ok(reader)
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(RegistryError::BlobNotFound {
                repository: self.repository.clone(),
                digest: self.descriptor.digest.clone(),
            }),
            _ => Err(response.into_error().into()),
        }
    }

    /// Skips what was already read.
    fn skip(&self, reader: &mut ResponseReader) -> Result<(), RegistryError> {
        let url = reader.url().clone();
        match io::copy(&mut reader.take(self.position), &mut io::sink()) {
            Ok(skipped) if skipped == self.position => Ok(()),
            Ok(_) => Err(HttpError::Body { url, source: io::ErrorKind::UnexpectedEof.into() }.into()),
            Err(source) => Err(HttpError::Body { url, source }.into()),
        }
    }

    /// Waits and opens the blob again at the current position; returns `error` if that is pointless.
    fn reopen(&mut self, error: io::Error) -> io::Result<()> {
        let url = self.client.url(&self.repository, "blobs/").map_err(io::Error::other)?;
        self.attempts.wait_after(HttpError::Body { url, source: error }).map_err(io::Error::other)?;
        self.open().map_err(|error| match error {
            RegistryError::BlobNotFound { .. } => io::Error::new(io::ErrorKind::NotFound, error),
            error => io::Error::other(error),
        })
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(open) = &mut self.open else { return Ok(0) };
            let error = match open.read(buffer) {
                Ok(0) if self.position < self.descriptor.size && !buffer.is_empty() => {
                    io::Error::from(io::ErrorKind::UnexpectedEof)
                }
                Ok(read) => {
                    self.position = self.position.saturating_add(read as u64);
                    self.attempts.progressed(read as u64);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted || open.is_exhausted() => return Err(error),
                Err(error) => error,
            };
            self.reopen(error)?;
        }
    }
}

/// Whether this is how registries, and proxies before them, refuse `HEAD` where they answer `GET`.
pub(super) fn is_refused_head(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED
    )
}

/// Whether a `Content-Range` begins where requested (RFC 9110 §14.4).
fn starts_at(content_range: Option<&str>, position: u64) -> bool {
    let range = content_range.and_then(|range| range.trim().strip_prefix("bytes "));
    let start = range.and_then(|range| range.split_once('-')).map(|(start, _)| start);
    start.and_then(|start| start.trim().parse().ok()) == Some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_must_begin_where_it_was_asked_to() {
        assert!(starts_at(Some("bytes 100-199/200"), 100));
        for range in [None, Some("bytes 0-199/200"), Some("bytes */200"), Some("100-199/200"), Some("bytes -100")] {
            assert!(!starts_at(range, 100), "{range:?}");
        }
    }
}
