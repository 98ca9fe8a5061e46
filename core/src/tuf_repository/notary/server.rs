//! Notary's server: `/v2/GUN/_trust/tuf/FILE`, with tokens as registries have them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sealift_proof::tuf::ProviderError;
use ureq::http::{Method, StatusCode};

use super::GunError;
use crate::authorization::{Account, AuthorizationError, Authorizer, Credentials, Scope};
use crate::http::{HttpClient, HttpError, HttpRequest, Url};

/// What stays as it is in a part of a path: unreserved characters (RFC 3986 §2.3), and `:` as it stands before a port.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// The files of one GUN at a server. Retries and their delays are the client's.
pub(super) struct Server {
    http: HttpClient,
    authorizer: Authorizer<Pull>,
    pull: Pull,
    /// Where the files are; it ends with a slash.
    files: String,
}

/// To read the files of a GUN.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Pull {
    server: String,
    gun: String,
}

impl Scope for Pull {
    fn account(&self) -> Account {
        Account::new(&self.server, &self.gun)
    }

    /// The registry that the GUN names: whoever logged in to that is known to its token service, which is Notary's too.
    fn other_account(&self) -> Option<Account> {
        self.gun.split_once('/').map(|(registry, path)| Account::new(registry, path))
    }

    fn to_texts(&self) -> Vec<String> {
        vec![format!("repository:{}:pull", self.gun)]
    }
}

impl Server {
    pub(super) fn new(http: HttpClient, credentials: Credentials, server: &Url, gun: &str) -> Result<Self, GunError> {
        let path = encoded(gun).ok_or_else(|| GunError { gun: gun.to_owned() })?;
        Ok(Self {
            authorizer: Authorizer::new(http.clone(), credentials, Vec::new()),
            http,
            pull: Pull { server: server.authority().to_owned(), gun: gun.to_owned() },
            files: format!("{}/v2/{path}/_trust/tuf/", server.to_text().trim_end_matches('/')),
        })
    }

    /// A file, which has at most `limit` bytes; `None` when the server says that there is none (404, 410).
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, ProviderError> {
        self.fetch(name, limit).map_err(|error| match error {
            AuthorizationError::Http(HttpError::TooLarge { limit, .. }) => {
                ProviderError::TooLong { file_name: name.to_owned(), limit }
            }
            error => ProviderError::Unavailable { file_name: name.to_owned(), source: error.into() },
        })
    }

    fn fetch(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, AuthorizationError> {
        let url: Url = format!("{}{name}", self.files).parse().map_err(AuthorizationError::Url)?;
        let mut request = HttpRequest::new(Method::GET, url);
        // So content that breaks off is asked for again.
        request.whole_within = Some(limit);
        let mut attempts = self.http.attempts();
        let response =
            self.authorizer.send(&self.pull, true, request, |request| self.http.send(&mut attempts, request))?;
        match response.status() {
            StatusCode::OK => Ok(Some(response.into_bytes(limit)?)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(response.into_error().into()),
        }
    }
}

/// A GUN as the path of a URL has it, if it can be a part of one: a server would take `..` for something else.
fn encoded(gun: &str) -> Option<String> {
    let is_name = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control);
    let parts: Vec<&str> = gun.split('/').collect();
    let encoded = |part: &&str| utf8_percent_encode(part, ENCODED).to_string();
    parts.iter().all(|part| is_name(part)).then(|| parts.iter().map(encoded).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gun_is_a_path_below_the_server_or_refused() {
        for (gun, expected) in [
            ("example.com/acme/web", "example.com/acme/web"),
            ("localhost:5000/a", "localhost:5000/a"),
            ("a b/c?d#e%2f", "a%20b/c%3Fd%23e%252f"),
        ] {
            assert_eq!(encoded(gun).as_deref(), Some(expected), "{gun}");
        }
        for gun in ["", "/a", "a/", "a//b", ".", "a/../b", "a/.", "a\n/b", "a\0"] {
            assert_eq!(encoded(gun), None, "{gun:?}");
        }
    }
}
