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
use ureq::http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use ureq::http::{HeaderName, HeaderValue, Method, StatusCode};

use super::error::RegistryError;
use super::manifests::confirm_digest;
use super::memory::Share;
use super::pieces::Pieces;
use super::{RegistryClient, Scope, lock};
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
struct Session {
    /// What authorised opening it.
    scope: Scope,
    location: Url,
    /// The shortest piece that it takes, in bytes.
    shortest_piece: u64,
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

/// What became of a piece.
enum Sent {
    Arrived,
    /// The registry does not take pieces.
    Refused,
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
        let scope = Scope::mount(from, to);
        let from = utf8_percent_encode(from.path(), NON_ALPHANUMERIC);
        let url = self.url(to, &format!("blobs/uploads/?mount={}&from={from}", descriptor.digest))?;
        let response = self.call_in(attempts, &scope, HttpRequest::new(Method::POST, url))?;
        match response.status() {
            StatusCode::CREATED => confirm_digest(&response, &descriptor.digest).map(|()| Mount::Done),
            StatusCode::ACCEPTED => self.session(scope, &response).map(Mount::Refused),
            // Some registries answer a mount that they do not allow with an error where the specification says 202.
            _ => self.open_upload(attempts, to).map(Mount::Refused),
        }
    }

    fn open_upload(&self, attempts: &mut Attempts, repository: &Repository) -> Result<Session, RegistryError> {
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
                RegistryError::UploadGone { .. } => self.learn_from_a_cut_stream(repository),
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
        let pieces = Pieces::of(content);
        let mut share = self.0.memory.share();
        let sending = Sending {
            client: self,
            repository,
            descriptor,
            session,
            pieces,
            attempts,
            has_restarted: false,
            longest_piece: LONGEST_PIECE,
        };
        match self.manner(repository) {
            Manner::Hopefully if is_repeatable => sending.in_one_stream(),
            Manner::Carefully if is_repeatable => {
                grow(&mut share, descriptor.size.min(HELD));
                sending.in_pieces(&mut share)
            }
            _ if grow(&mut share, descriptor.size.min(HELD)) >= descriptor.size => sending.whole(),
            Manner::InOneStream => sending.in_one_stream(),
            Manner::Hopefully | Manner::Swiftly | Manner::Carefully => sending.in_pieces(&mut share),
        }
    }

    fn manner(&self, repository: &Repository) -> Manner {
        lock(&self.0.manners).get(repository.domain()).copied().unwrap_or_default()
    }

    fn learn_from_a_cut_stream(&self, repository: &Repository) {
        if self.manner(repository) == Manner::Hopefully {
            self.learn(repository, Manner::Swiftly);
        }
    }

    fn learn(&self, repository: &Repository, manner: Manner) {
        lock(&self.0.manners).insert(repository.domain().to_owned(), manner);
    }
}

/// Takes memory for up to `wanted` bytes; how many may be held.
fn grow(share: &mut Share<'_>, wanted: u64) -> u64 {
    share.grow(usize::try_from(wanted).unwrap_or(usize::MAX)) as u64
}

/// A blob on its way.
struct Sending<'s> {
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

impl Sending<'_> {
    /// Sends a blob that is held whole. After a failure it goes into a new session: nobody says what became of the first.
    fn whole(mut self) -> Result<(), UploadError> {
        let size = self.descriptor.size;
        self.pieces.next(size, usize::try_from(size).unwrap_or(usize::MAX));
        loop {
            let mut request = HttpRequest::new(Method::PUT, self.closing_url()?);
            request.headers.push(octets());
            request.body = RequestBody::Held { length: size, content: &mut self.pieces };
            let sent = self.client.call_once(&self.session.scope, request);
            self.check_content()?;
            match sent {
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
            let mut request = HttpRequest::new(Method::PATCH, self.session.location.clone());
            request.headers.push(octets());
            if let Ok(range) = HeaderValue::from_str(&format!("{from}-{}", end.saturating_sub(1))) {
                request.headers.push((CONTENT_RANGE, range));
            }
            request.body = RequestBody::Held { length: remaining, content: &mut self.pieces };
            let sent = self.client.call_once(&self.session.scope, request);
            self.check_content()?;
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
                        self.longest_piece = (remaining / 2).max(SHORTEST_PIECE);
                        self.pieces.shorten_to(self.longest_piece);
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
        self.stored(sent?)?;
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
            status if status.is_success() => Ok(confirm_digest(&response, &self.descriptor.digest)?),
            _ => Err(RegistryError::from(response.into_error()).into()),
        }
    }

    fn gone(&self) -> UploadError {
        RegistryError::UploadGone { url: self.session.location.clone() }.into()
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
