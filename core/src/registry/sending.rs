//! One blob on its way into an open session of a registry: whole, in pieces, or in one stream.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use ureq::http::{HeaderName, HeaderValue, Method, StatusCode};

use super::RegistryClient;
use super::error::RegistryError;
use super::manifests::{confirm_digest, is_confirmed, not_stored};
use super::memory::Share;
use super::pieces::Pieces;
use super::uploads::{Manner, Session, UploadError};
use crate::http::{Attempts, HttpRequest, RequestBody, Response, Url};
use crate::oci::{Descriptor, Repository};
use crate::transfer::BlobContent;

/// How much of a blob is held, in bytes. A blob that is no longer is sent whole.
const HELD: u64 = 5 * 1024 * 1024;
/// How long a piece may be, in bytes.
const LONGEST_PIECE: u64 = 256 * 1024 * 1024;
/// How short pieces become where longer ones are refused, in bytes.
const SHORTEST_PIECE: u64 = 64 * 1024;
/// How long a registry may ask pieces to be at least, in bytes.
const LONGEST_MINIMUM: u64 = 8 * 1024 * 1024;

/// What became of a piece.
enum Sent {
    Arrived,
    /// The registry does not take pieces.
    Refused,
}

/// Takes memory for up to `wanted` bytes; how many may be held.
fn grow(share: &mut Share<'_>, wanted: u64) -> u64 {
    share.grow(usize::try_from(wanted).unwrap_or(usize::MAX)) as u64
}

/// A blob on its way.
pub(super) struct Sending<'s> {
    client: &'s RegistryClient,
    repository: &'s Repository,
    descriptor: &'s Descriptor,
    session: Session,
    pieces: Pieces<'s>,
    attempts: &'s mut Attempts,
    /// Whether the first piece was sent into a second session already.
    has_restarted: bool,
    /// How long a piece may be here, in bytes.
    longest_piece: u64,
}

impl<'s> Sending<'s> {
    /// Content that is to be sent into this session.
    pub(super) fn new(
        client: &'s RegistryClient,
        repository: &'s Repository,
        descriptor: &'s Descriptor,
        session: Session,
        content: &'s mut dyn BlobContent,
        attempts: &'s mut Attempts,
    ) -> Self {
        let pieces = Pieces::of(content, &client.0.memory);
        let (has_restarted, longest_piece) = (false, LONGEST_PIECE);
        Self { client, repository, descriptor, session, pieces, attempts, has_restarted, longest_piece }
    }

    /// Sends it in the way that suits the registry and the content.
    pub(super) fn send(self, is_repeatable: bool) -> Result<(), UploadError> {
        let (client, size) = (self.client, self.descriptor.size);
        let mut share = client.0.memory.share();
        match client.manner(self.repository) {
            Manner::Hopefully if is_repeatable => self.in_one_stream(),
            Manner::Carefully if is_repeatable => {
                grow(&mut share, size.min(HELD));
                self.in_pieces(&mut share)
            }
            _ if grow(&mut share, size.min(HELD)) >= size => self.whole(),
            Manner::InOneStream => self.in_one_stream(),
            Manner::Hopefully | Manner::Swiftly | Manner::Carefully => self.in_pieces(&mut share),
        }
    }

    /// Sends a blob that is held whole. After a failure it goes into a new session: nobody says what became of the first.
    fn whole(mut self) -> Result<(), UploadError> {
        let size = self.descriptor.size;
        self.pieces.next(size, usize::try_from(size).unwrap_or(usize::MAX));
        self.fill()?;
        loop {
            let mut request = HttpRequest::new(Method::PUT, self.closing_url()?);
            request.headers.push(octets());
            request.body = RequestBody::Held { length: size, content: &mut self.pieces };
            let sent = self.client.call_once(&self.session.scope, request);
            self.check_content()?;
            match sent {
                // The content may have paused for longer than the registry keeps a session.
                Ok(response) if response.status().as_u16() == 404 && !self.has_restarted => self.has_restarted = true,
                Ok(response) => {
                    self.stored(response)?;
                    return self.pieces.finish(self.descriptor).map_err(UploadError::Content);
                }
                Err(RegistryError::Http(error)) => self.attempts.wait_after(error).map_err(RegistryError::Http)?,
                Err(error) => return Err(error.into()),
            }
            self.session = self.client.open_upload(self.attempts, self.repository)?;
        }
    }

    /// Sends a blob piece by piece; in one stream if the registry does not take pieces, or only longer ones than are held.
    fn in_pieces(mut self, share: &mut Share<'_>) -> Result<(), UploadError> {
        // What a later session says comes too late: pieces are under way.
        let shortest_piece = self.session.shortest_piece;
        loop {
            let rest = self.descriptor.size.saturating_sub(self.pieces.end());
            if rest == 0 {
                break;
            }
            let shortest = shortest_piece.min(rest);
            let held = if shortest > LONGEST_MINIMUM { 0 } else { grow(share, HELD.max(shortest).min(rest)) };
            if held < shortest && self.pieces.end() == 0 {
                return self.in_one_stream();
            }
            let length = match self.client.manner(self.repository) {
                Manner::Hopefully | Manner::Swiftly => self.pieces.end().min(LONGEST_PIECE).max(held).min(rest),
                Manner::Carefully | Manner::InOneStream => held,
            };
            let length = length.min(self.longest_piece).max(shortest);
            // Authorisation that has ended is noticed here, where nothing is lost by it.
            if length > held && self.pieces.end() > 0 && !self.resume()? {
                return Err(self.gone());
            }
            self.pieces.next(length, usize::try_from(held).unwrap_or(usize::MAX));
            if let Sent::Refused = self.piece()? {
                self.session = self.client.open_upload(self.attempts, self.repository)?;
                return self.in_one_stream();
            }
        }
        self.pieces.finish(self.descriptor).map_err(UploadError::Content)?;
        self.close()
    }

    /// Sends the current piece until all of it has arrived.
    fn piece(&mut self) -> Result<Sent, UploadError> {
        let is_first = self.pieces.from() == 0;
        loop {
            let (from, end) = (self.pieces.from(), self.pieces.end());
            let remaining = end.saturating_sub(from);
            if remaining == 0 {
                return Ok(Sent::Arrived);
            }
            self.fill()?;
            let mut request = HttpRequest::new(Method::PATCH, self.session.location.clone());
            request.headers.push(octets());
            if let Ok(range) = HeaderValue::from_str(&format!("{from}-{}", end.saturating_sub(1))) {
                request.headers.push((CONTENT_RANGE, range));
            }
            request.body = RequestBody::Held { length: remaining, content: &mut self.pieces };
            let sent = self.client.call_once(&self.session.scope, request);
            self.check_content()?;
            let was_cut = matches!(&sent, Err(RegistryError::Http(error)) if error.is_cut());
            match sent {
                Ok(response) if response.status().is_success() => {
                    self.go_to(&response)?;
                    self.attempts.progressed(remaining);
                    return Ok(Sent::Arrived);
                }
                Ok(response) => match response.status().as_u16() {
                    405 | 501 if is_first => {
                        self.client.learn(self.repository, Manner::InOneStream);
                        return Ok(Sent::Refused);
                    }
                    // Perhaps it refuses pieces, and perhaps it has lost only this session.
                    400 | 404 if is_first => return Ok(Sent::Refused),
                    404 => return Err(self.gone()),
                    // A registry that says `0-0` may have nothing or one byte.
                    416 if from == 0 => {
                        self.attempts.wait_despite(response.into_error()).map_err(RegistryError::Http)?;
                        self.session = self.client.open_upload(self.attempts, self.repository)?;
                        continue;
                    }
                    // A proxy that limits requests gets shorter pieces.
                    413 if remaining > SHORTEST_PIECE => {
                        self.shorten_to_half(remaining);
                        continue;
                    }
                    416 => self.attempts.wait_despite(response.into_error()).map_err(RegistryError::Http)?,
                    _ => return Err(RegistryError::from(response.into_error()).into()),
                },
                Err(RegistryError::Http(error)) => self.attempts.wait_after(error).map_err(RegistryError::Http)?,
                Err(error) => return Err(error.into()),
            }
            self.client.learn(self.repository, Manner::Carefully);
            if self.resume()? {
                self.pieces.shorten();
                // Some proxies end the connection at once where a request is too long for them.
                if was_cut && (self.pieces.from(), self.pieces.end()) == (from, end) {
                    self.shorten_to_half(remaining);
                }
                continue;
            }
            if !is_first {
                return Err(self.gone());
            }
            // All that was sent is still held, so it goes into another session.
            if std::mem::replace(&mut self.has_restarted, true) {
                self.pieces.arrived(0);
                return Ok(Sent::Refused);
            }
            self.session = self.client.open_upload(self.attempts, self.repository)?;
            self.pieces.arrived(0);
        }
    }

    /// Sends no pieces of this length any more.
    fn shorten_to_half(&mut self, length: u64) {
        self.longest_piece = (length / 2).max(SHORTEST_PIECE);
        self.pieces.shorten_to(self.longest_piece);
    }

    /// Asks how much of the upload has arrived, and goes on from there; `false` if the registry no longer has what was sent
    /// before. OCI Distribution 1.1, "Pushing a blob in chunks": a `GET` of the location is answered with 204 and `Range`.
    fn resume(&mut self) -> Result<bool, UploadError> {
        let request = HttpRequest::new(Method::GET, self.session.location.clone());
        let response = self.client.call_in(self.attempts, &self.session.scope, request)?;
        if !response.status().is_success() {
            return Ok(false);
        }
        self.go_to(&response)?;
        Ok(self.pieces.arrived(arrived(response.header(&RANGE))))
    }

    /// Ends an upload of which all pieces have arrived.
    fn close(self) -> Result<(), UploadError> {
        let mut has_failed = false;
        loop {
            let request = HttpRequest::new(Method::PUT, self.closing_url()?);
            match self.client.call_once(&self.session.scope, request) {
                // The answer to an earlier attempt was lost.
                Ok(response)
                    if has_failed
                        && response.status() == StatusCode::NOT_FOUND
                        && self.client.has_blob(self.repository, self.descriptor)? =>
                {
                    return Ok(());
                }
                Ok(response) => return self.stored(response),
                Err(RegistryError::Http(error)) => self.attempts.wait_after(error).map_err(RegistryError::Http)?,
                Err(error) => return Err(error.into()),
            }
            has_failed = true;
        }
    }

    /// Sends all there is from the beginning of the current piece, in one stream of known length. It is sent only once, so
    /// authorisation cannot be requested half-way.
    fn in_one_stream(mut self) -> Result<(), UploadError> {
        let mut request = HttpRequest::new(Method::PUT, self.closing_url()?);
        request.headers.push(octets());
        let mut rest = self.pieces.rest();
        request.body = RequestBody::Stream { length: self.descriptor.size, content: &mut rest };
        let sent = self.client.call_once(&self.session.scope, request);
        drop(rest);
        self.check_content()?;
        self.stored(sent.map_err(|error| self.blame(error))?)?;
        self.pieces.finish(self.descriptor).map_err(UploadError::Content)
    }

    fn closing_url(&self) -> Result<Url, RegistryError> {
        let digest = utf8_percent_encode(&self.descriptor.digest.to_string(), NON_ALPHANUMERIC).to_string();
        self.session.location.with_query(&format!("digest={digest}")).map_err(RegistryError::Url)
    }

    /// Follows the session to where the registry says that it continues.
    fn go_to(&mut self, response: &Response) -> Result<(), RegistryError> {
        if response.header(&LOCATION).is_some() {
            self.session.location = self.client.upload_location(self.repository, response)?;
        }
        Ok(())
    }

    /// Reports a failure of the content, rather than the failure of the connection that it caused.
    fn check_content(&mut self) -> Result<(), UploadError> {
        self.pieces.failure().map_or(Ok(()), |error| Err(UploadError::Content(error)))
    }

    /// Checks the answer to the end of the upload.
    fn stored(&self, response: Response) -> Result<(), UploadError> {
        match response.status() {
            StatusCode::NOT_FOUND => Err(self.gone()),
            status if status.is_success() => {
                // The content has gone by: the registry is asked for it by the digest that it was sent with.
                let is_there = |_: &_| self.client.has_blob(self.repository, self.descriptor);
                confirm_digest(&response, &self.descriptor.digest, is_there)?;
                if !is_confirmed(&response) && !self.client.has_blob(self.repository, self.descriptor)? {
                    return Err(not_stored(&response).into());
                }
                Ok(())
            }
            _ => Err(RegistryError::from(response.into_error()).into()),
        }
    }

    /// Has as much of the content as can be held before a request begins, so that the registry does not wait for what is not there yet.
    fn fill(&mut self) -> Result<(), UploadError> {
        let filled = self.pieces.fill();
        filled.map_err(|error| UploadError::Content(self.pieces.failure().unwrap_or(error)))
    }

    /// The registry has lost the session: perhaps while the content paused, before the request as well as during it.
    fn gone(&self) -> UploadError {
        let gone = RegistryError::UploadGone { url: self.session.location.clone() };
        self.blamed(gone, self.pieces.longest_pause().max(self.pieces.pause_before()))
    }

    /// Says of a failure that it came of a pause of the content, where there was a long one while it was sent.
    fn blame(&self, error: RegistryError) -> UploadError {
        self.blamed(error, self.pieces.longest_pause())
    }

    fn blamed(&self, error: RegistryError, pause: Duration) -> UploadError {
        if pause < self.client.0.http.long_pause() {
            return error.into();
        }
        let (url, seconds) = (self.session.location.clone(), pause.as_secs());
        RegistryError::Paused { url, seconds, source: Box::new(error) }.into()
    }
}

fn octets() -> (HeaderName, HeaderValue) {
    (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
}

/// How many bytes have arrived, by a `Range` of `0-LAST`. Registries say `0-0` where nothing has arrived.
fn arrived(range: Option<&str>) -> u64 {
    let last = range.and_then(|range| range.trim().trim_start_matches("bytes=").strip_prefix("0-")?.parse().ok());
    last.filter(|last| *last > 0).map_or(0, |last: u64| last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_how_much_has_arrived() {
        for (range, expected) in [
            (Some("0-0"), 0),
            (Some("0-4194303"), 4_194_304),
            (Some("bytes=0-9"), 10),
            (None, 0),
            (Some("5-9"), 0),
            (Some("0-"), 0),
            (Some("0--1"), 0),
            (Some("0-18446744073709551615"), u64::MAX),
        ] {
            assert_eq!(arrived(range), expected, "{range:?}");
        }
    }
}
