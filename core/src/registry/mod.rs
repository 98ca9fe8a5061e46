//! A client for OCI registries: thin, blocking, and safe whatever a registry answers.
//!
//! Promise: everything returned has the digest that was requested, and took no more memory than its limit. Credentials
//! go to the registry they were given for, and to the token service that belongs to it. A [`RegistryClient`] is cheap to clone,
//! may be used from many threads, and its clones share connections and tokens.
//!
//! OCI Distribution Specification 1.1; token authentication as in distribution's specification.

mod authorization;
mod blobs;
mod challenge;
mod credential_helper;
mod credentials;
mod error;
mod lists;
mod manifests;
mod memory;
mod mirrors;
mod own_remedy;
mod pieces;
mod referrers_tag;
mod remark;
mod sending;
mod sink;
mod source;
mod turns;
mod uploads;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sealift_archive_format::Digest;
use ureq::http::{HeaderValue, Method, StatusCode};

use crate::http::{self, Attempts, HttpError, HttpRequest, Response, Url};
use crate::oci::Repository;

use authorization::Grant;
pub use blobs::BlobReader;
pub use credential_helper::HelperError;
pub use credentials::{Credential, CredentialError, Credentials};
pub use error::RegistryError;
use memory::UploadMemory;
pub use mirrors::{MirrorNameError, RegistryMirror};
pub use own_remedy::own_remedy;
pub use remark::{OnRemark, Remark};
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
    settings: RegistrySettings,
    /// The base URL of each registry that was reached.
    bases: Mutex<HashMap<String, Url>>,
    /// The `Authorization` that each scope was granted.
    granted: Mutex<HashMap<Scope, Grant>>,
    /// The scopes that authorisation is being asked for.
    asking: Turns<Scope>,
    /// How registries are sent large blobs, by domain, as far as was learnt.
    manners: Mutex<HashMap<String, Manner>>,
    /// What uploads may hold in memory.
    memory: UploadMemory,
    /// The lists of referrers that are being written, by subject.
    lists: Turns<(Repository, Digest)>,
    /// Whether the referrers of a repository can be listed, as far as that was asked.
    lists_referrers: Mutex<HashMap<Repository, bool>>,
    /// What was remarked.
    remarked: Mutex<HashSet<Remark>>,
}

/// Settings of a [`RegistryClient`].
#[derive(Debug, Clone, Default)]
pub struct RegistrySettings {
    /// How it authenticates.
    pub credentials: Credentials,
    /// The hosts of token services that user names and passwords may also go to, although they are neither the registry's own host
    /// nor in the same registered domain.
    pub token_hosts: Vec<String>,
    /// Who is told what a registry does otherwise than the specification says.
    pub on_remark: OnRemark,
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
        Self::with_settings(http, RegistrySettings { credentials, ..RegistrySettings::default() })
    }

    /// A client with these settings, over this HTTP client.
    pub fn with_settings(http: http::HttpClient, settings: RegistrySettings) -> Self {
        Self(Arc::new(RegistryClientInner {
            http,
            settings,
            bases: Mutex::default(),
            granted: Mutex::default(),
            asking: Turns::default(),
            manners: Mutex::default(),
            memory: UploadMemory::default(),
            lists: Turns::default(),
            lists_referrers: Mutex::default(),
            remarked: Mutex::default(),
        }))
    }

    /// Tells something about a registry, once.
    fn remark(&self, remark: Remark) {
        if lock(&self.0.remarked).insert(remark.clone()) {
            self.0.settings.on_remark.tell(&remark);
        }
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
            request.authorization = self.granted(scope);
        }
        let mut response = send(&mut request)?;
        let is_challenge = |response: &Response, request: &HttpRequest<'_>| {
            response.status() == StatusCode::UNAUTHORIZED && response.url().same_origin(&request.url)
        };
        if !at_registry || !is_challenge(&response, &request) {
            return Ok(response);
        }
        if !request.body.is_repeatable() {
            return Err(RegistryError::Http(response.into_error()));
        }
        let authorization = match (self.renew(scope, request.authorization.as_ref(), &response), &request.authorization)
        {
            // A token that nobody had to log in for has ended, and the registry asks for a password. It is asked as if for the
            // first time.
            (Err(RegistryError::CredentialsMissing { .. }), Some(refused)) => {
                self.forget(scope, refused);
                request.authorization = None;
                response = send(&mut request)?;
                if !is_challenge(&response, &request) {
                    return Ok(response);
                }
                if !request.body.is_repeatable() {
                    return Err(RegistryError::Http(response.into_error()));
                }
                self.renew(scope, None, &response)?
            }
            (renewed, _) => renewed?,
        };
        request.authorization = Some(authorization.clone());
        let response = send(&mut request)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.forget(scope, &authorization);
            return Err(RegistryError::Http(response.into_error()));
        }
        Ok(response)
    }

    /// The authorisation that a scope was granted, as long as it is valid.
    fn granted(&self, scope: &Scope) -> Option<HeaderValue> {
        lock(&self.0.granted).get(scope).filter(|grant| grant.is_valid()).map(|grant| grant.authorization.clone())
    }

    fn forget(&self, scope: &Scope, authorization: &HeaderValue) {
        let mut granted = lock(&self.0.granted);
        if granted.get(scope).is_some_and(|grant| grant.authorization == authorization) {
            granted.remove(scope);
        }
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
        if let Some(known) = self.granted(scope).filter(|known| Some(known) != refused) {
            return Ok(known);
        }
        let grant = self.authorize(scope, response)?;
        let authorization = grant.authorization.clone();
        lock(&self.0.granted).insert(scope.clone(), grant);
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
