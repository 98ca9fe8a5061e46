//! A long document, read as a stream that survives a cut connection.

use std::io::{self, Read};

use ureq::http::header::{CONTENT_RANGE, RANGE};
use ureq::http::{HeaderValue, Method, StatusCode};

use super::{Attempts, HttpClient, HttpError, HttpRequest, ResponseReader, Url};

/// Reads a document of a known length. Where a connection breaks it is opened again, and what was read is not asked for again if the
/// server has ranges (RFC 9110 §14.2), or else passed over.
pub(crate) struct SteadyReader {
    client: HttpClient,
    url: Url,
    length: u64,
    position: u64,
    open: ResponseReader,
    has_ranges: bool,
    attempts: Attempts,
}

impl SteadyReader {
    /// Opens a document of `length` bytes; `None` when the server says that there is none.
    pub(crate) fn open(client: &HttpClient, url: &Url, length: u64) -> Result<Option<Self>, HttpError> {
        let Some(open) = client.open(url, length)? else { return Ok(None) };
        let (client, url, attempts) = (client.clone(), url.clone(), client.attempts());
        Ok(Some(Self { client, url, length, position: 0, open, has_ranges: true, attempts }))
    }

    /// Opens it again at the current position.
    fn reopen(&mut self) -> Result<(), HttpError> {
        if self.position > 0 && self.has_ranges {
            let mut request = HttpRequest::new(Method::GET, self.url.clone());
            if let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.position)) {
                request.headers.push((RANGE, range));
            }
            let response = self.client.send_once(&mut request)?;
            let begin = response.header(&CONTENT_RANGE).and_then(|range| range.trim().strip_prefix("bytes "));
            let begin = begin.and_then(|range| range.split_once('-')).and_then(|(begin, _)| begin.trim().parse().ok());
            if response.status() == StatusCode::PARTIAL_CONTENT && begin == Some(self.position) {
                self.open = response.into_reader(self.length.saturating_sub(self.position))?;
                return Ok(());
            }
            self.has_ranges = false;
        }
        let cut = || HttpError::Body { url: self.url.clone(), source: io::ErrorKind::UnexpectedEof.into() };
        let mut open = self.client.open(&self.url, self.length)?.ok_or_else(cut)?;
        match io::copy(&mut (&mut open).take(self.position), &mut io::sink()) {
            Ok(skipped) if skipped == self.position => {}
            Ok(_) => return Err(cut()),
            Err(source) => return Err(HttpError::Body { url: self.url.clone(), source }),
        }
        self.open = open;
        Ok(())
    }
}

impl Read for SteadyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let error = match self.open.read(buffer) {
                Ok(0) if self.position < self.length && !buffer.is_empty() => {
                    io::Error::from(io::ErrorKind::UnexpectedEof)
                }
                Ok(read) => {
                    self.position = self.position.saturating_add(read as u64);
                    self.attempts.progressed(read as u64);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted || self.open.is_exhausted() => {
                    return Err(error);
                }
                Err(error) => error,
            };
            let cut = HttpError::Body { url: self.url.clone(), source: error };
            self.attempts.wait_after(cut).map_err(io::Error::other)?;
            while let Err(error) = self.reopen() {
                self.attempts.wait_after(error).map_err(io::Error::other)?;
            }
        }
    }
}
