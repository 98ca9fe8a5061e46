//! A response, and its body read within a limit.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ureq::http::{self, HeaderName, HeaderValue, StatusCode};

use super::error::HttpError;
use super::retry::retry_after;
use super::settings::Timeouts;
use super::url::Url;

/// How much of a server's explanation is read, in bytes.
const EXPLANATION_LIMIT: u64 = 16 * 1024;
/// How much of the explanation is shown, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// A response whose header has been read.
pub(crate) struct Response {
    url: Url,
    response: http::Response<ureq::Body>,
    timeouts: Timeouts,
}

impl Response {
    /// The body of anything but content is read at once, as far as an explanation goes, so that its connection serves the next
    /// request.
    pub(super) fn new(url: Url, response: http::Response<ureq::Body>, timeouts: Timeouts) -> Self {
        let response = Self { url, response, timeouts };
        if matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT) {
            return response;
        }
        let header = response.header_alone();
        let explanation = beginning(response);
        header.with(explanation)
    }

    /// The same response, whose content is read at once, when it has at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Response::into_bytes`].
    pub(super) fn whole(self, limit: u64) -> Result<Self, HttpError> {
        let header = self.header_alone();
        Ok(header.with(self.into_bytes(limit)?))
    }

    /// The same response without a body.
    fn header_alone(&self) -> Self {
        let mut response = http::Response::new(ureq::Body::builder().data([]));
        *response.status_mut() = self.response.status();
        response.headers_mut().clone_from(self.response.headers());
        Self { url: self.url.clone(), response, timeouts: self.timeouts.clone() }
    }

    /// The same response with this body.
    fn with(mut self, body: Vec<u8>) -> Self {
        *self.response.body_mut() = ureq::Body::builder().data(body);
        self
    }

    /// The URL that answered, after redirects.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header's first value, when it is there and is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// What the body is, in words, if its header says that it is not a registry's content: an HTML page, or an encoding that nobody asked for.
    pub(crate) fn other_form(&self) -> Option<String> {
        let encoding = self.header(&CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        let is_page = || self.header(&CONTENT_TYPE).is_some_and(|it| it.to_ascii_lowercase().starts_with("text/html"));
        match encoding {
            Some(encoding) => {
                let shown: String = encoding.chars().take(50).collect();
                Some(format!("content in the encoding {shown:?}, which was not asked for"))
            }
            None => is_page().then(|| "an HTML page (perhaps a login page)".to_owned()),
        }
    }

    /// The first value of a header, if there is one, even if it is not text.
    pub(crate) fn header_bytes(&self, name: &HeaderName) -> Option<&[u8]> {
        self.response.headers().get(name).map(HeaderValue::as_bytes)
    }

    /// Every value of a header that is text.
    pub(crate) fn header_values(&self, name: &HeaderName) -> impl Iterator<Item = &str> {
        self.response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// The whole body, when it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] after `limit` + 1 bytes at the latest, [`HttpError::Body`] when it ends too early.
    pub(crate) fn into_bytes(self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let url = self.url.clone();
        let mut bytes = Vec::new();
        match self.into_reader(limit)?.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(source) if is_too_large(&source) => Err(HttpError::TooLarge { url, limit }),
            Err(source) => Err(HttpError::Body { url, source }),
        }
    }

    /// How long the body is, where the server says so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.response.body().content_length()
    }

    /// A reader of the body, which gives at most `limit` bytes.
    ///
    /// # Errors
    /// [`HttpError::TooLarge`] when the server announces more.
    pub(crate) fn into_reader(self, limit: u64) -> Result<ResponseReader, HttpError> {
        if self.response.body().content_length().is_some_and(|length| length > limit) {
            return Err(HttpError::TooLarge { url: self.url, limit });
        }
        Ok(self.reader(limit))
    }

    fn reader(self, limit: u64) -> ResponseReader {
        let Self { url, response, timeouts } = self;
        let body = response.into_body();
        let (length, body) = (body.content_length(), body.into_reader());
        ResponseReader { url, length, body, remaining: limit, limit, timeouts, waited: Duration::ZERO }
    }

    /// This response as an error, with the beginning of its explanation.
    pub(crate) fn into_error(self) -> HttpError {
        let (status, url) = (self.status().as_u16(), self.url.clone());
        let retry_after = retry_after(self.response.headers());
        let explanation = beginning(self);
        HttpError::Status { url, status, retry_after, message: shown(&explanation) }
    }

    /// Turns a status that asks for another attempt into an error.
    pub(super) fn without_retryable_status(self) -> Result<Self, HttpError> {
        match self.status().as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 => Err(self.into_error()),
            _ => Ok(self),
        }
    }
}

/// The beginning of a server's explanation; what cannot be read is left out.
fn beginning(response: Response) -> Vec<u8> {
    let mut text = Vec::new();
    let _ = response.reader(EXPLANATION_LIMIT).read_to_end(&mut text);
    text
}

/// One line for people from a server's answer: OCI's error messages (Distribution 1.1 §"Error Codes") where there are
/// some.
fn shown(explanation: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<Error>,
    }
    #[derive(serde::Deserialize)]
    struct Error {
        code: Option<String>,
        message: Option<String>,
    }
    let text = match serde_json::from_slice::<Errors>(explanation) {
        Ok(Errors { errors }) => {
            let parts = errors.into_iter().flat_map(|error| [error.code, error.message]).flatten();
            parts.collect::<Vec<_>>().join(" ")
        }
        Err(_) => String::from_utf8_lossy(explanation).into_owned(),
    };
    let printable = text.trim().chars().map(|character| if is_invisible(character) { ' ' } else { character });
    printable.take(SHOWN_CHARACTERS).collect()
}

/// Whether a character moves the cursor, ends the line, or changes the direction of what follows (Unicode's bidirectional
/// controls and separators).
fn is_invisible(character: char) -> bool {
    let steers = ['\u{61c}'..='\u{61c}', '\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{206f}'];
    character.is_control() || steers.iter().any(|range| range.contains(&character))
}

/// Reads a body, and stops at its limit or when it arrives too slowly; the time between reads does not count.
pub struct ResponseReader {
    url: Url,
    /// How long the whole body is, where the server says so.
    length: Option<u64>,
    body: ureq::BodyReader<'static>,
    remaining: u64,
    limit: u64,
    timeouts: Timeouts,
    waited: Duration,
}

/// The error inside the [`io::Error`] of a body that does not end at its limit.
#[derive(Debug, thiserror::Error)]
#[error("the response from {url} is longer than the limit of {limit} bytes")]
struct TooLarge {
    url: Url,
    limit: u64,
}

fn is_too_large(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<TooLarge>())
}

impl ResponseReader {
    /// The URL that answered.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether the limit has been reached.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.remaining == 0
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = self.limit.saturating_sub(self.remaining);
        // Bytes that have arrived are not thrown away for being late.
        if self.waited > self.timeouts.for_body(received) && self.length != Some(received) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it arrived too slowly"));
        }
        let begin = Instant::now();
        let read = self.body.read(buffer);
        self.waited = self.waited.saturating_add(begin.elapsed());
        self.remaining = self.remaining.saturating_sub(*read.as_ref().unwrap_or(&0) as u64);
        read
    }
}

impl Read for ResponseReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.remaining == 0 {
            return match self.read_some(&mut [0])? {
                0 => Ok(0),
                _ => {
                    let error = TooLarge { url: self.url.clone(), limit: self.limit };
                    Err(io::Error::new(io::ErrorKind::InvalidData, error))
                }
            };
        }
        let wanted = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        self.read_some(buffer.get_mut(..wanted).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_are_short_and_cannot_move_the_cursor() {
        assert_eq!(shown(br#"{"errors":[{"code":"DENIED","message":"no\u001b[2J"}]}"#), "DENIED no [2J");
        assert_eq!(shown(b"bad\r\ngateway\n"), "bad  gateway");
        assert_eq!(shown("a\u{202e}b\u{2066}c\u{2028}d".as_bytes()), "a b c d");
        assert_eq!(shown(&[b'x'; 5000]).len(), SHOWN_CHARACTERS);
    }
}
