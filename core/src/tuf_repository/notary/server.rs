//! Notary's server: `/v2/GUN/_trust/tuf/FILE`, with tokens as registries have them.

use sealift_proof::tuf::{Gun, ProviderError};
use ureq::http::{Method, StatusCode};

use crate::authorization::{Account, AuthorizationError, Authorizer, Credentials, TokenScope};
use crate::http::{HttpClient, HttpError, HttpRequest, Url};

/// The files of one GUN at a server. Retries and their delays are the client's.
pub(super) struct Server {
    http: HttpClient,
    authorizer: Authorizer<Pull>,
    pull: Pull,
    /// Where the files are; it ends with a slash.
    files: String,
}

/// The permission to read the files of a GUN.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Pull {
    server: String,
    gun: Gun,
}

impl TokenScope for Pull {
    fn account(&self) -> Account {
        Account::new(&self.server, self.gun.as_str())
    }

    /// The registry that the GUN names: whoever logged in to that is known to its token service, which is Notary's too.
    fn other_account(&self) -> Option<Account> {
        self.gun.as_str().split_once('/').map(|(registry, path)| Account::new(registry, path))
    }

    fn to_texts(&self) -> Vec<String> {
        vec![format!("repository:{}:pull", self.gun)]
    }
}

impl Server {
    pub(super) fn new(http: HttpClient, credentials: Credentials, server: &Url, gun: &Gun) -> Self {
        Self {
            authorizer: Authorizer::new(http.clone(), credentials, Vec::new()),
            http,
            pull: Pull { server: server.authority().to_owned(), gun: gun.clone() },
            files: format!("{}/v2/{gun}/_trust/tuf/", server.to_text().trim_end_matches('/')),
        }
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
