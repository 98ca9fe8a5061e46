//! The head of a request. `httparse` reads it; what it may be is decided here.

use httparse::{EMPTY_HEADER, Error, Status};

/// The longest head of a request, in bytes.
pub const MAXIMUM_HEAD: usize = 16 << 10;
/// The most header fields of a request.
pub const MAXIMUM_HEADERS: usize = 64;

/// What is read of a request's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, as it was sent.
    pub method: String,
    /// What is asked for, as it was sent.
    pub target: String,
    /// Whether the connection may be used for another request.
    pub keep_alive: bool,
    /// Whether content follows, which is never read here.
    pub has_content: bool,
    /// The fields that decide which part of a content is sent, and whether it is.
    pub conditions: RequestConditions,
}

/// Fields that decide which part of a content is sent (RFC 9110 §13, §14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestConditions {
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

/// Why the head of a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// It is longer than the limit.
    #[error("the head of the request is longer than {MAXIMUM_HEAD} bytes")]
    TooLong,
    /// It has more fields than the limit.
    #[error("the request has more than {MAXIMUM_HEADERS} header fields")]
    TooManyHeaders,
    /// It is not HTTP/1.0 or HTTP/1.1.
    #[error("the request is not in HTTP/1.0 or HTTP/1.1")]
    Version,
    /// It is not what HTTP allows.
    #[error("the head of the request is malformed")]
    Malformed,
    /// It does not name its host exactly once (RFC 9112 §3.2).
    #[error("the request does not have exactly one Host field")]
    Host,
}

impl RequestFault {
    /// The status of the answer.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::TooLong | Self::TooManyHeaders => 431,
            Self::Version => 505,
            Self::Malformed | Self::Host => 400,
        }
    }
}

impl RequestHead {
    /// Reads the head at the beginning of what has arrived, and says how long it is; `None` where it has not arrived to its end.
    ///
    /// # Errors
    /// [`RequestFault`].
    pub fn read(arrived: &[u8]) -> Result<Option<(Self, usize)>, RequestFault> {
        let mut fields = [EMPTY_HEADER; MAXIMUM_HEADERS];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(arrived) {
            Ok(Status::Complete(length)) if length <= MAXIMUM_HEAD => length,
            Ok(Status::Partial) if arrived.len() < MAXIMUM_HEAD => return Ok(None),
            Ok(_) => return Err(RequestFault::TooLong),
            Err(Error::TooManyHeaders) => return Err(RequestFault::TooManyHeaders),
            Err(Error::Version) => return Err(RequestFault::Version),
            Err(_) => return Err(RequestFault::Malformed),
        };
        let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version) else {
            return Err(RequestFault::Malformed);
        };
        let fields = Fields(request.headers);
        let hosts = fields.all("host").count();
        if hosts > 1 || hosts == 0 && minor > 0 {
            return Err(RequestFault::Host);
        }
        let closes =
            fields.texts("connection").any(|text| text.split(',').any(|it| it.trim().eq_ignore_ascii_case("close")));
        let head = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            keep_alive: minor > 0 && !closes,
            has_content: fields.has_content(),
            conditions: RequestConditions {
                range: fields.only("range"),
                if_range: fields.only("if-range"),
                if_none_match: fields.only("if-none-match"),
            },
        };
        Ok(Some((head, length)))
    }
}

/// The fields of a head.
struct Fields<'h>(&'h [httparse::Header<'h>]);

impl<'h> Fields<'h> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    fn texts(&self, name: &str) -> impl Iterator<Item = &'h str> {
        self.all(name).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The field with this name, unless there are several.
    fn only(&self, name: &str) -> Option<String> {
        let mut texts = self.texts(name);
        texts.next().filter(|_| texts.next().is_none()).map(str::to_owned)
    }

    /// Whether content follows (RFC 9112 §6): what states its length in any way but as 0, or no length at all.
    fn has_content(&self) -> bool {
        self.all("transfer-encoding").next().is_some() || self.all("content-length").any(|value| value != b"0")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(head: &str) -> Result<RequestHead, RequestFault> {
        RequestHead::read(head.as_bytes()).map(|read| read.unwrap().0)
    }

    #[test]
    fn a_head_is_read_once_it_is_there() {
        let head = "GET /v2/ HTTP/1.1\r\nHost: r\r\nRange: bytes=0-1\r\n\r\n";
        for length in 0..head.len() {
            assert_eq!(RequestHead::read(&head.as_bytes()[..length]), Ok(None), "{length}");
        }
        let followed = format!("{head}GET /");
        let (read, length) = RequestHead::read(followed.as_bytes()).unwrap().unwrap();
        assert_eq!((length, read.method.as_str(), read.target.as_str()), (head.len(), "GET", "/v2/"));
        assert!(read.keep_alive && !read.has_content);
        assert_eq!(read.conditions.range.as_deref(), Some("bytes=0-1"));
    }

    #[test]
    fn a_head_that_is_too_long_is_refused_before_its_end() {
        let long = format!("GET / HTTP/1.1\r\nHost: r\r\nX: {}", "a".repeat(MAXIMUM_HEAD));
        assert_eq!(RequestHead::read(long.as_bytes()), Err(RequestFault::TooLong));
        assert_eq!(read(&format!("{long}\r\n\r\n")), Err(RequestFault::TooLong));
        let many = format!("GET / HTTP/1.1\r\nHost: r\r\n{}\r\n", "X: a\r\n".repeat(MAXIMUM_HEADERS));
        assert_eq!(read(&many), Err(RequestFault::TooManyHeaders));
    }

    #[test]
    fn what_http_does_not_allow_is_refused() {
        for (head, fault) in [
            ("GET / HTTP/2.0\r\nHost: r\r\n\r\n", RequestFault::Version),
            ("GET  / HTTP/1.1\r\nHost: r\r\n\r\n", RequestFault::Malformed),
            ("GET / HTTP/1.1\r\nHost : r\r\n\r\n", RequestFault::Malformed),
            ("GET / HTTP/1.1\r\nHost: r\r\n folded\r\n\r\n", RequestFault::Malformed),
            ("\u{16}\u{3}\u{1}\r\n\r\n", RequestFault::Malformed),
            ("GET / HTTP/1.1\r\n\r\n", RequestFault::Host),
            ("GET / HTTP/1.1\r\nHost: r\r\nhost: s\r\n\r\n", RequestFault::Host),
        ] {
            assert_eq!(read(head), Err(fault), "{head:?}");
        }
    }

    #[test]
    fn content_and_the_end_of_a_connection_are_seen_however_they_are_written() {
        let with = |fields: &str| read(&format!("GET / HTTP/1.1\r\nHost: r\r\n{fields}\r\n")).unwrap();
        for fields in
            ["Content-Length: 1\r\n", "content-length: 0\r\nContent-Length: 5\r\n", "Transfer-Encoding: x\r\n"]
        {
            assert!(with(fields).has_content, "{fields}");
        }
        assert!(!with("Content-Length: 0\r\n").has_content);
        for fields in ["Connection: close\r\n", "connection: x, Close\r\n", "Connection: x\r\nConnection: close\r\n"] {
            assert!(!with(fields).keep_alive, "{fields}");
        }
        assert!(!read("GET / HTTP/1.0\r\n\r\n").unwrap().keep_alive);
        assert_eq!(with("Range: bytes=0-1\r\nRange: bytes=1-2\r\n").conditions.range, None);
    }
}
