//! What credentials are looked up by.

use std::fmt;

use crate::oci::Repository;

/// A thing at a server: credentials may be for the server, or for a part of what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    server: String,
    path: String,
}

impl Account {
    /// The server, `host` or `host:port`, in its one form.
    pub(super) fn server(&self) -> &str {
        &self.server
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
