//! The key by which credentials are looked up.

use std::fmt;

use sealift_proof::domain::Domain;

use crate::http::Url;
use crate::oci::Repository;

/// A thing at a server: credentials can be for the whole server, or for a part of what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    server: String,
    path: String,
}

impl Account {
    /// The thing at `path` of a server, `host` or `host:port`, however that is written.
    pub(crate) fn new(server: &str, path: &str) -> Self {
        let server = server.parse().map_or_else(|_| server.to_owned(), |domain: Domain| domain.to_string());
        Self { server, path: path.to_owned() }
    }

    /// The server, `host` or `host:port`, in its one form.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The server without its port.
    pub(super) fn host(&self) -> Option<String> {
        Some(self.url("https")?.host().to_owned())
    }

    /// Where the server is if it speaks plain http.
    pub(super) fn plain_url(&self) -> Option<Url> {
        self.url("http")
    }

    /// Whether a URL leads to the server itself, and not to another one on its host.
    pub(super) fn is_at(&self, url: &Url) -> bool {
        let scheme = if url.is_https() { "https" } else { "http" };
        self.url(scheme).is_some_and(|own| own.same_origin(url))
    }

    fn url(&self, scheme: &str) -> Option<Url> {
        format!("{scheme}://{}/", self.server).parse().ok()
    }
}

impl From<&Repository> for Account {
    fn from(repository: &Repository) -> Self {
        Self { server: repository.domain().to_owned(), path: repository.path().to_owned() }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.path)
    }
}
