//! A client for OCI registries: thin, blocking, and safe whatever a registry answers.
//!
//! Promise: everything returned has the digest that was requested, and took no more memory than its limit. Credentials
//! go to the registry they were given for, and to the token service that belongs to it. A [`RegistryClient`] is cheap to clone,
//! may be used from many threads, and its clones share connections and tokens.
//!
//! OCI Distribution Specification 1.1; token authentication as in distribution's specification.

mod asked_to_wait;
mod authorization;
mod blobs;
mod challenge;
mod credential_helper;
mod credentials;
mod error;
mod lists;
mod manifests;
mod memory;
mod pieces;
mod referrers_tag;
mod sending;
mod sink;
mod source;
mod turns;
mod uploads;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealift_archive_format::Digest;
use ureq::http::{HeaderValue, Method, StatusCode};

use crate::http::{self, Attempts, HttpError, HttpRequest, Response, Url};
use crate::oci::Repository;

pub use asked_to_wait::asked_to_wait;
pub use blobs::BlobReader;
pub use credential_helper::HelperError;
pub use credentials::{Credential, CredentialError, Credentials};
pub use error::RegistryError;
use memory::UploadMemory;
pub use sink::RegistrySink;
pub use source::RegistrySource;
use turns::Turns;
use uploads::Manner;
pub use uploads::UploadError;

/// How long a server may take to answer a TLS handshake where it may also speak plain `http`.
const HTTPS_ANSWER_TIME: Duration = Duration::from_secs(5);

/// A client for any number of registries.
#[derive(Clone)]
pub struct RegistryClient(Arc<RegistryClientInner>);

struct RegistryClientInner {
    http: http::HttpClient,
    credentials: Credentials,
    token_hosts: Vec<String>,
    /// The base URL of each registry that was reached.
    bases: Mutex<HashMap<String, Url>>,
    /// The `Authorization` that each scope was granted.
    granted: Mutex<HashMap<Scope, HeaderValue>>,
    /// The scopes that authorisation is being asked for.
    asking: Turns<Scope>,
    /// How registries are sent large blobs, by domain, as far as was learnt.
    manners: Mutex<HashMap<String, Manner>>,
    /// What uploads may hold in memory.
    memory: UploadMemory,
    /// The lists of referrers that are being written, by subject.
    lists: Turns<(Repository, Digest)>,
}

/// An action in a repository, as token services name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Access {
    Pull,
    Push,
}

/// A repository and the action in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Scope {
    repository: Repository,
    access: Access,
    /// The repository of the same registry that a blob is mounted from.
    mounted_from: Option<Repository>,
}

impl RegistryClient {
    /// A client with these credentials, over this HTTP client.
    pub fn new(http: http::HttpClient, credentials: Credentials) -> Self {
        Self::with_token_hosts(http, credentials, Vec::new())
    }

    /// As [`RegistryClient::new`], where user names and passwords may also go to token services on these hosts, although they
    /// are neither the registry's own host nor in the same registered domain.
    pub fn with_token_hosts(http: http::HttpClient, credentials: Credentials, token_hosts: Vec<String>) -> Self {
        Self(Arc::new(RegistryClientInner {
            http,
            credentials,
            token_hosts,
            bases: Mutex::default(),
            granted: Mutex::default(),
            asking: Turns::default(),
            manners: Mutex::default(),
            memory: UploadMemory::default(),
            lists: Turns::default(),
        }))
    }

    /// The URL of something in a repository: `https://domain/v2/path/` and `rest`.
    fn url(&self, repository: &Repository, rest: &str) -> Result<Url, RegistryError> {
        let base = self.base(repository.domain())?;
        base.join(&format!("/v2/{}/{rest}", repository.path())).map_err(RegistryError::Url)
    }

    /// The registry's base URL: `https`, or plain `http` where that is allowed and `https` is not supported.
    fn base(&self, domain: &str) -> Result<Url, RegistryError> {
        if let Some(base) = lock(&self.0.bases).get(domain) {
            return Ok(base.clone());
        }
        let host = if domain == "docker.io" { "registry-1.docker.io" } else { domain };
        let secure: Url = format!("https://{host}/").parse().map_err(RegistryError::Url)?;
        let plain: Url = format!("http://{host}/").parse().map_err(RegistryError::Url)?;
        let base = if self.0.http.allows_plain_http(&plain) && !self.speaks_https(&secure)? { plain } else { secure };
        lock(&self.0.bases).insert(domain.to_owned(), base.clone());
        Ok(base)
    }

    /// Whether something answers over TLS. Only called where plain `http` would be acceptable.
    fn speaks_https(&self, base: &Url) -> Result<bool, RegistryError> {
        let ping = base.join("/v2/").map_err(RegistryError::Url)?;
        let mut request = HttpRequest::new(Method::GET, ping);
        request.connect_within = Some(HTTPS_ANSWER_TIME);
        match self.0.http.send_once(&mut request) {
            // Where TLS failed, plain `http` is not tried.
            Err(HttpError::Transport { source, .. }) => Ok(source.met_tls()),
            _ => Ok(true),
        }
    }

    /// Sends a request with its authorisation, which is obtained first if the registry requires it. Failures that may pass are
    /// repeated.
    fn call(&self, scope: &Scope, request: HttpRequest<'_>) -> Result<Response, RegistryError> {
        self.call_in(&mut self.attempts(), scope, request)
    }

    /// As [`RegistryClient::call`], as part of something that takes more than one request.
    fn call_in(
        &self,
        attempts: &mut Attempts,
        scope: &Scope,
        request: HttpRequest<'_>,
    ) -> Result<Response, RegistryError> {
        self.authorized(scope, request, |request| self.0.http.send(attempts, request))
    }

    /// As [`RegistryClient::call`], and repeats nothing: for what has its own [`Attempts`].
    fn call_once(&self, scope: &Scope, request: HttpRequest<'_>) -> Result<Response, RegistryError> {
        self.authorized(scope, request, |request| self.0.http.send_once(request))
    }

    fn authorized(
        &self,
        scope: &Scope,
        mut request: HttpRequest<'_>,
        mut send: impl FnMut(&mut HttpRequest<'_>) -> Result<Response, HttpError>,
    ) -> Result<Response, RegistryError> {
        let at_registry = request.url.same_origin(&self.base(scope.repository.domain())?);
        if at_registry {
            request.authorization = lock(&self.0.granted).get(scope).cloned();
        }
        let response = send(&mut request)?;
        let challenged = response.status() == StatusCode::UNAUTHORIZED && response.url().same_origin(&request.url);
        if !challenged || !at_registry {
            return Ok(response);
        }
        if !request.body.is_repeatable() {
            return Err(RegistryError::Http(response.into_error()));
        }
        let authorization = self.renew(scope, request.authorization.as_ref(), &response)?;
        request.authorization = Some(authorization.clone());
        let response = send(&mut request)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let mut granted = lock(&self.0.granted);
            if granted.get(scope) == Some(&authorization) {
                granted.remove(scope);
            }
            return Err(RegistryError::Http(response.into_error()));
        }
        Ok(response)
    }

    /// Authorisation for `scope`, other than what was `refused` by this response. Of several threads one asks for it, and the
    /// others wait.
    fn renew(
        &self,
        scope: &Scope,
        refused: Option<&HeaderValue>,
        response: &Response,
    ) -> Result<HeaderValue, RegistryError> {
        let _turn = self.0.asking.wait_for(scope.clone());
        let known = lock(&self.0.granted).get(scope).cloned();
        if let Some(known) = known.filter(|known| Some(known) != refused) {
            return Ok(known);
        }
        let authorization = self.authorize(scope, response)?;
        lock(&self.0.granted).insert(scope.clone(), authorization.clone());
        Ok(authorization)
    }

    /// A count of attempts at something that takes more than one request.
    fn attempts(&self) -> Attempts {
        self.0.http.attempts()
    }
}

impl Scope {
    fn pull(repository: &Repository) -> Self {
        Self { repository: repository.clone(), access: Access::Pull, mounted_from: None }
    }

    fn push(repository: &Repository) -> Self {
        Self { repository: repository.clone(), access: Access::Push, mounted_from: None }
    }

    fn mount(from: &Repository, to: &Repository) -> Self {
        Self { mounted_from: Some(from.clone()), ..Self::push(to) }
    }

    /// As token services write it: `repository:path:pull,push`, and another for the repository that is mounted from.
    fn to_texts(&self) -> Vec<String> {
        let text = |repository: &Repository, access| {
            let actions = match access {
                Access::Pull => "pull",
                Access::Push => "pull,push",
            };
            format!("repository:{}:{actions}", repository.path())
        };
        let from = self.mounted_from.iter().map(|from| text(from, Access::Pull));
        std::iter::once(text(&self.repository, self.access)).chain(from).collect()
    }
}

/// Locks, even if another thread panicked while it held the lock: the maps are always consistent.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
