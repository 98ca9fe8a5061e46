//! Blobs, fetched as streams that survive a cut connection. OCI Distribution 1.1, "Pulling blobs".

use std::io::{self, Read};

use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::http::{HeaderValue, Method, StatusCode};

use super::error::RegistryError;
use super::{RegistryClient, Scope};
use crate::http::{HttpError, HttpRequest, ResponseReader};
use crate::oci::{Descriptor, Repository};
use crate::transfer::Checked;

/// After so many bytes without a failure, earlier failures no longer count.
const FORGIVING_PROGRESS: u64 = 1024 * 1024;

impl RegistryClient {
    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// [`RegistryError`] when the registry does not say.
    pub fn has_blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool, RegistryError> {
        let url = self.url(repository, &format!("blobs/{}", descriptor.digest))?;
        let response = self.call(&Scope::pull(repository), HttpRequest::new(Method::HEAD, url))?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(response.into_error().into()),
        }
    }

    /// Opens a blob for reading. The content is checked against the descriptor, and reading resumes where a connection
    /// breaks.
    ///
    /// # Errors
    /// [`RegistryError::BlobNotFound`], and any other when the blob cannot be opened.
    pub fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<Checked<BlobReader>, RegistryError> {
        let (client, repository) = (self.clone(), repository.clone());
        let (position, failures, progress) = (0, 0, 0);
        let mut reader =
            BlobReader { client, repository, descriptor: descriptor.clone(), open: None, position, failures, progress };
        reader.open = Some(reader.open_at(0)?);
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
    failures: u32,
    /// Bytes read since the last failure.
    progress: u64,
}

impl BlobReader {
    /// Requests the blob from `position` on.
    fn open_at(&self, position: u64) -> Result<ResponseReader, RegistryError> {
        let remaining = self.descriptor.size.saturating_sub(position);
        let url = self.client.url(&self.repository, &format!("blobs/{}", self.descriptor.digest))?;
        let mut request = HttpRequest::new(Method::GET, url);
        if position > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={position}-"))
        {
            request.headers.push((RANGE, range));
        }
        let response = self.client.call(&Scope::pull(&self.repository), request)?;
        match response.status() {
            StatusCode::OK => {
                let mut reader = response.into_reader(self.descriptor.size)?;
                self.skip(&mut reader, position)?;
                Ok(reader)
            }
            StatusCode::PARTIAL_CONTENT if starts_at(response.header(&CONTENT_RANGE), position) => {
                Ok(response.into_reader(remaining)?)
            }
            StatusCode::NOT_FOUND => Err(RegistryError::BlobNotFound {
                repository: self.repository.clone(),
                digest: self.descriptor.digest.clone(),
            }),
            _ => Err(response.into_error().into()),
        }
    }

    /// Skips what was already read, if a registry sends the whole blob again.
    fn skip(&self, reader: &mut ResponseReader, position: u64) -> Result<(), RegistryError> {
        let url = reader.url().clone();
        match io::copy(&mut reader.take(position), &mut io::sink()) {
            Ok(skipped) if skipped == position => Ok(()),
            Ok(_) => Err(HttpError::Body { url, source: io::ErrorKind::UnexpectedEof.into() }.into()),
            Err(source) => Err(HttpError::Body { url, source }.into()),
        }
    }

    /// Waits and opens the blob again at the current position; returns `error` if that is pointless.
    fn reopen(&mut self, error: io::Error) -> io::Result<()> {
        if self.progress >= FORGIVING_PROGRESS {
            self.failures = 0;
        }
        (self.progress, self.failures) = (0, self.failures + 1);
        let url = self.client.url(&self.repository, "blobs/").map_err(io::Error::other)?;
        let failure = HttpError::Body { url, source: error };
        match self.client.0.http.delay_before_retry(self.failures, &failure) {
            Some(delay) => std::thread::sleep(delay),
            None => return Err(io::Error::other(failure)),
        }
        self.open = Some(self.open_at(self.position).map_err(io::Error::other)?);
        Ok(())
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
                    self.progress = self.progress.saturating_add(read as u64);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted || open.is_exhausted() => return Err(error),
                Err(error) => error,
            };
            self.reopen(error)?;
        }
    }
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
