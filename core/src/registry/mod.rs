//! A client for OCI registries: thin, blocking, and safe whatever a registry answers.
//!
//! Promise: everything returned has the digest that was requested, and took no more memory than its limit. A [`RegistryClient`] is
//! cheap to clone, may be used from many threads, and its clones share connections and tokens ([`crate::authorization`]).
//!
//! OCI Distribution Specification 1.1.

mod blobs;
mod error;
mod lists;
mod manifests;
mod memory;
mod mirrors;
mod own_remedy;
mod pieces;
mod referrers_tag;
mod registries_conf;
mod remark;
mod sending;
mod sink;
mod source;
mod uploads;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealift_archive_format::Digest;
use ureq::http::Method;

use crate::authorization::{Account, Authorizer, Credentials, TokenScope};
use crate::http::{self, Attempts, HttpError, HttpRequest, Response, Url};
use crate::oci::Repository;
use crate::transfer::{Turns, lock};

pub use blobs::BlobReader;
pub use error::RegistryError;
use memory::UploadMemory;
pub use mirrors::{MirrorNameError, RegistryMirror, RegistryMirrors};
pub use own_remedy::own_remedy;
pub(crate) use own_remedy::{is_unavailable, of_sink, of_source, of_unusable};
pub use registries_conf::{RegistriesConf, RegistriesConfError};
pub use remark::{OnRemark, Remark};
pub use sink::RegistrySink;
pub use source::RegistrySource;
use uploads::Manner;
pub use uploads::UploadError;

/// How long a server may take to answer a TLS handshake where it may also speak plain `http`.
const HTTPS_ANSWER_TIME: Duration = Duration::from_secs(5);

/// A client for any number of registries.
#[derive(Clone)]
pub struct RegistryClient(Arc<RegistryClientInner>);

struct RegistryClientInner {
    http: http::HttpClient,
    authorizer: Authorizer<Scope>,
    on_remark: OnRemark,
    /// The registries that are reached over `https` alone.
    https_only: BTreeSet<String>,
    /// The base URL of each registry that was reached.
    bases: Mutex<HashMap<String, Url>>,
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
    /// The registries that are reached over `https` alone, each `host` or `host:port`, also where plain `http` is allowed.
    pub https_only: BTreeSet<String>,
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
        let RegistrySettings { credentials, token_hosts, https_only, on_remark } = settings;
        Self(Arc::new(RegistryClientInner {
            authorizer: Authorizer::new(http.clone(), credentials, token_hosts),
            http,
            https_only,
            on_remark,
            bases: Mutex::default(),
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
            self.0.on_remark.tell(&remark);
        }
    }

    /// The URL of something in a repository: `https://domain/v2/path/` and `rest`.
    fn url(&self, repository: &Repository, rest: &str) -> Result<Url, RegistryError> {
        let base = self.base(repository.domain())?;
        base.join(&format!("/v2/{}/{rest}", repository.path())).map_err(RegistryError::Url)
    }

    /// Whether a registry is reached without TLS: plain `http` is allowed there, and it does not speak `https`.
    ///
    /// # Errors
    /// [`RegistryError`] where that is not known.
    pub fn is_plain_http(&self, domain: &str) -> Result<bool, RegistryError> {
        Ok(!self.base(domain)?.is_https())
    }

    /// The registry's base URL: `https`, or plain `http` where that is allowed and `https` is not supported.
    fn base(&self, domain: &str) -> Result<Url, RegistryError> {
        if let Some(base) = lock(&self.0.bases).get(domain) {
            return Ok(base.clone());
        }
        let host = if domain == "docker.io" { "registry-1.docker.io" } else { domain };
        let secure: Url = format!("https://{host}/").parse().map_err(RegistryError::Url)?;
        let plain: Url = format!("http://{host}/").parse().map_err(RegistryError::Url)?;
        let may_be_plain = !self.0.https_only.contains(domain) && self.0.http.allows_plain_http(&plain);
        let base = if may_be_plain && !self.speaks_https(&secure)? { plain } else { secure };
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
            // The proxy does not lead to the port of `https`, or fails again.
            Err(HttpError::AtProxy { .. }) => Ok(false),
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
        request: HttpRequest<'_>,
        send: impl FnMut(&mut HttpRequest<'_>) -> Result<Response, HttpError>,
    ) -> Result<Response, RegistryError> {
        let at_registry = request.url.same_origin(&self.base(scope.repository.domain())?);
        Ok(self.0.authorizer.send(scope, at_registry, request, send)?)
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
}

impl TokenScope for Scope {
    fn account(&self) -> Account {
        (&self.repository).into()
    }

    /// And another for the repository that is mounted from.
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
