//! Absolute `http` and `https` URLs, as far as a registry or repository client needs them.
//!
//! Promise: a [`Url`] has a scheme of those two, a host, no user information and no fragment. It is shown without its
//! query, because storage services put their signatures there.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ureq::http::Uri;

/// The longest URL, in bytes.
const MAXIMUM_LENGTH: usize = 8 * 1024;

/// An absolute `http` or `https` URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Arc<Uri>);

/// Why a text is not a URL that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It does not have the form of a URL.
    #[error("{0:?} is not a URL")]
    Form(String),
    /// The scheme is neither `http` nor `https`.
    #[error("{0:?} is not an http or https URL")]
    Scheme(String),
    /// There is a user name or password in it: those belong in the credentials.
    #[error("the URL of host {host:?} contains credentials, which must be given separately")]
    Credentials {
        /// The host.
        host: String,
    },
    /// It is longer than any real URL.
    #[error("the URL has {length} bytes; the limit is {MAXIMUM_LENGTH}")]
    Length {
        /// The length, in bytes.
        length: usize,
    },
}

impl Url {
    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// The host, without port; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// The host, and the port where one is written: `host:port`.
    pub fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// The port, the scheme's own when none is written.
    pub fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// Whether the host is this machine by name or address: `localhost`, 127.0.0.0/8 or ::1.
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// Whether both have the same scheme, host and port (RFC 6454 §5).
    pub fn same_origin(&self, other: &Self) -> bool {
        self.is_https() == other.is_https()
            && self.host().eq_ignore_ascii_case(other.host())
            && self.port() == other.port()
    }

    /// The whole URL, query included.
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }

    /// The URL that `reference` means, seen from this one (RFC 3986 §5.2).
    ///
    /// # Errors
    /// [`UrlError`] when the outcome is not an `http` or `https` URL.
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = reference.split('#').next().unwrap_or_default();
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.authority();
        let before_path = reference.split(['/', '?']).next().unwrap_or_default();
        if before_path.contains(':') {
            return reference.parse();
        }
        if let Some(rest) = reference.strip_prefix("//") {
            return format!("{scheme}://{rest}").parse();
        }
        let path_and_query = if reference.is_empty() {
            self.0.path_and_query().map_or("/", |path| path.as_str()).to_owned()
        } else if reference.starts_with('?') {
            format!("{}{reference}", self.0.path())
        } else if reference.starts_with('/') {
            without_dot_segments(reference)
        } else {
            let folder = self.0.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            without_dot_segments(&format!("{folder}/{reference}"))
        };
        format!("{scheme}://{authority}{path_and_query}").parse()
    }

    /// This URL with `query` (already encoded) added to its parameters.
    ///
    /// # Errors
    /// [`UrlError`] when `query` cannot stand in a URL.
    pub fn with_query(&self, query: &str) -> Result<Self, UrlError> {
        let separator = if self.0.query().is_some() { '&' } else { '?' };
        format!("{}{separator}{query}", self.0).parse()
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

/// Whether a host name or address without port is this machine's own.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Removes `.` and `..` from a path (RFC 3986 §5.2.4), leaving the query alone.
fn without_dot_segments(path_and_query: &str) -> String {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if last {
            kept.push("");
        }
    }
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("/{}{query}", kept.join("/"))
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > MAXIMUM_LENGTH {
            return Err(UrlError::Length { length: text.len() });
        }
        let shown = || text.chars().take(200).collect();
        let without_fragment = text.split('#').next().unwrap_or_default();
        let uri: Uri = without_fragment.parse().map_err(|_| UrlError::Form(shown()))?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            Some(_) => return Err(UrlError::Scheme(shown())),
            None => return Err(UrlError::Form(shown())),
        }
        let Some(authority) = uri.authority() else { return Err(UrlError::Form(shown())) };
        if authority.as_str().contains('@') {
            return Err(UrlError::Credentials { host: authority.host().to_owned() });
        }
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let port_is_valid = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        if authority.host().is_empty() || !port_is_valid {
            return Err(UrlError::Form(shown()));
        }
        Ok(Self(Arc::new(uri)))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.0.scheme_str().unwrap_or_default(), self.authority(), self.0.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn references_are_resolved_as_rfc_3986_says() {
        let base = url("https://r.example:5000/v2/a/b?x=1");
        for (reference, expected) in [
            ("", "https://r.example:5000/v2/a/b?x=1"),
            ("c", "https://r.example:5000/v2/a/c"),
            ("./c/", "https://r.example:5000/v2/a/c/"),
            ("../c?q=../r", "https://r.example:5000/v2/c?q=../r"),
            ("../../../..", "https://r.example:5000/"),
            ("/c/./d/../e", "https://r.example:5000/c/e"),
            ("?n=2", "https://r.example:5000/v2/a/b?n=2"),
            ("//s.example/c", "https://s.example/c"),
            ("http://s.example:81/c#f", "http://s.example:81/c"),
        ] {
            assert_eq!(base.join(reference).unwrap().to_text(), expected, "{reference}");
        }
        assert!(matches!(base.join("file:///etc/passwd"), Err(UrlError::Form(_) | UrlError::Scheme(_))));
        assert!(matches!(base.join("javascript:alert(1)"), Err(UrlError::Form(_) | UrlError::Scheme(_))));
    }

    #[test]
    fn what_is_not_a_plain_web_address_is_refused() {
        assert!(matches!("https://u:p@r.example/".parse::<Url>(), Err(UrlError::Credentials { .. })));
        for text in [
            "",
            "/v2/",
            "r.example",
            "ftp://r.example/",
            "https://",
            "https://r.example:99999/",
            "https://r.example:x/",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn origins_compare_scheme_host_and_port() {
        assert!(url("https://R.example/a").same_origin(&url("https://r.example:443/b")));
        for other in ["http://r.example/", "https://r.example:444/", "https://s.example/"] {
            assert!(!url("https://r.example/").same_origin(&url(other)), "{other}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["http://localhost:1/", "http://127.0.0.1/", "http://127.9.9.9/", "http://[::1]:5000/"] {
            assert!(url(host).is_loopback(), "{host}");
        }
        for host in ["http://localhost.example/", "http://128.0.0.1/", "http://127.0.0.1.example/", "http://[::2]/"] {
            assert!(!url(host).is_loopback(), "{host}");
        }
    }

    #[test]
    fn the_query_is_not_shown() {
        assert_eq!(
            format!("{0} {0:?}", url("https://r.example/a?signature=s")),
            "https://r.example/a https://r.example/a"
        );
    }
}
