//! HTTP/1.1 for sources and sinks: a thin blocking client that a hostile server cannot harm.
//!
//! Promise: every answer has a limit, in bytes and in time; credentials, and the bodies of requests, go only to the
//! origin that they were meant for; plain `http` is used only where the settings allow it; redirects are counted, and
//! never go from `https` to `http`. Nothing is read from the environment, no cookie is kept, and only requests that may
//! be sent twice are retried. A [`HttpClient`] is cheap to clone, and clones share their connections.

mod connector;
mod error;
mod response;
mod retry;
mod settings;
mod steady;
mod tls;
mod url;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, LOCATION};
use ureq::http::{self, HeaderName, HeaderValue, Method, StatusCode};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{AsSendBody, SendBody};

pub use error::{HttpError, PemError, SettingsError, TransportError};
pub(crate) use response::Response;
pub use response::ResponseReader;
pub(crate) use retry::Attempts;
pub use retry::{OnRetry, Retry, RetryReason};
pub use settings::{
    CertificateAuthorities, ClientIdentity, HostCertificates, HttpSettings, PemFile, PlainHttp, Proxy, Retries,
    Timeouts,
};
pub(crate) use steady::SteadyReader;
pub use url::{Url, UrlError};

/// The characters that a URL cannot contain unless they are encoded.
const BARE: &AsciiSet = &CONTROLS.add(b' ');

/// How many redirects one request follows.
pub(crate) const MAXIMUM_REDIRECTS: u32 = 5;
/// The longest response header, in bytes.
const MAXIMUM_HEADER_LENGTH: usize = 64 * 1024;
/// How many connections to one host are kept for the next request: one for each thread of a large export or import.
const MAXIMUM_IDLE_CONNECTIONS_PER_HOST: usize = 48;
/// How many connections are kept in all: those of two registries.
const MAXIMUM_IDLE_CONNECTIONS: usize = 2 * MAXIMUM_IDLE_CONNECTIONS_PER_HOST;

/// An HTTP client.
#[derive(Clone)]
pub struct HttpClient(Arc<HttpClientInner>);

struct HttpClientInner {
    agent: ureq::Agent,
    settings: HttpSettings,
    /// Why the proxy cannot be used; callers that need no network never learn of it.
    refused_proxy: Option<Arc<SettingsError>>,
    /// Why the certificates of a host cannot be used, by `host:port`; others never learn of it.
    refused_certificates: HashMap<String, Arc<SettingsError>>,
}

/// The body of a request.
pub(crate) enum RequestBody<'a> {
    /// Nothing.
    Empty,
    /// Bytes that may be sent again.
    Bytes(&'a [u8]),
    /// Bytes that are held as they pass, and may be sent again as long as they are right.
    Held { length: u64, content: &'a mut dyn Replay },
    /// Bytes that come once: such a request is neither retried nor redirected.
    Stream { length: u64, content: &'a mut dyn Read },
}

/// What comes once and is held, so that it can be read again.
pub(crate) trait Replay: Read {
    /// Goes back to the beginning.
    fn rewind(&mut self);

    /// Whether it has not failed so far.
    fn is_intact(&self) -> bool;
}

impl RequestBody<'_> {
    /// Whether it can be sent, or sent again.
    pub(crate) fn is_repeatable(&self) -> bool {
        match self {
            RequestBody::Empty | RequestBody::Bytes(_) => true,
            RequestBody::Held { content, .. } => content.is_intact(),
            RequestBody::Stream { .. } => false,
        }
    }
}

/// One request.
pub(crate) struct HttpRequest<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent to the origin of `url`, and dropped when a redirect goes elsewhere.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) body: RequestBody<'a>,
    /// How long the connection may take, if not as long as the settings say.
    pub(crate) connect_within: Option<Duration>,
    /// If set, the content is read at once, up to so many bytes, so that content that breaks off is requested again.
    pub(crate) whole_within: Option<u64>,
}

impl HttpRequest<'_> {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let (headers, authorization, body) = (Vec::new(), None, RequestBody::Empty);
        Self { method, url, headers, authorization, body, connect_within: None, whole_within: None }
    }
}

impl HttpClient {
    /// A client with these settings. Opens no connection.
    ///
    /// # Errors
    /// [`SettingsError`] when a certificate authority cannot be understood. A proxy that cannot be used is an error of the
    /// requests that would go through it.
    pub fn new(settings: HttpSettings) -> Result<Self, SettingsError> {
        let (proxy, refused_proxy) = match settings.proxy.as_ref().map(Proxy::for_agent) {
            Some(Err(error)) => (None, Some(Arc::new(error))),
            proxy => (proxy.and_then(Result::ok), None),
        };
        let usual = tls::config(&settings.ca_certificates, &[], None)?;
        let (mut by_host, mut refused_certificates) = (HashMap::new(), HashMap::new());
        for of_host in &settings.host_certificates {
            let (host, port) = of_host.host_and_port();
            let key = connector::key(host, port);
            match tls::config(&settings.ca_certificates, &of_host.authorities, of_host.identity.as_ref()) {
                Ok(config) => drop(by_host.insert(key, config)),
                Err(error) => drop(refused_certificates.insert(key, Arc::new(error))),
            }
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(MAXIMUM_HEADER_LENGTH)
            .max_idle_connections(MAXIMUM_IDLE_CONNECTIONS)
            .max_idle_connections_per_host(MAXIMUM_IDLE_CONNECTIONS_PER_HOST)
            .proxy(proxy)
            .user_agent(&settings.user_agent)
            .timeout_connect(Some(settings.timeouts.connect))
            .timeout_resolve(Some(settings.timeouts.connect))
            .timeout_send_request(Some(settings.timeouts.response))
            .timeout_per_read(Some(settings.timeouts.stall))
            .timeout_per_write(Some(settings.timeouts.stall))
            .build();
        let connector =
            ().chain(connector::ProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(connector::TlsConnector::new(usual, by_host));
        let agent = ureq::Agent::with_parts(config, connector, DefaultResolver::default());
        Ok(Self(Arc::new(HttpClientInner { agent, settings, refused_proxy, refused_certificates })))
    }

    /// Fetches a document of at most `limit` bytes; `None` when the server says that there is none (404, 410).
    ///
    /// # Errors
    /// [`HttpError`]; for a document longer than `limit`, [`HttpError::TooLarge`] after at most `limit` + 1 bytes.
    pub fn get(&self, url: &Url, limit: u64) -> Result<Option<Vec<u8>>, HttpError> {
        self.retrying(|| match self.open_once(url)? {
            Some(response) => response.into_bytes(limit).map(Some),
            None => Ok(None),
        })
    }

    /// Opens a document for reading; `None` when the server says that there is none (404, 410). The reader gives at most
    /// `limit` bytes and then an error.
    ///
    /// # Errors
    /// [`HttpError`] when the document cannot be opened.
    pub fn open(&self, url: &Url, limit: u64) -> Result<Option<ResponseReader>, HttpError> {
        let response = self.retrying(|| self.open_once(url))?;
        response.map(|response| response.into_reader(limit)).transpose()
    }

    fn open_once(&self, url: &Url) -> Result<Option<Response>, HttpError> {
        let response = self.send_once(&mut HttpRequest::new(Method::GET, url.clone()))?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(response.into_error()),
        }
    }

    /// Sends a request, and repeats it if the failure may pass, the request may be sent twice, and there are attempts left. Any
    /// status that does not ask for a retry is a response.
    pub(crate) fn send(&self, attempts: &mut Attempts, request: &mut HttpRequest<'_>) -> Result<Response, HttpError> {
        loop {
            match self.send_once(request) {
                Err(error) if request.body.is_repeatable() => attempts.wait_after(error)?,
                outcome => return outcome,
            }
        }
    }

    /// A count of attempts at something that takes more than one request.
    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(self.clone())
    }

    /// From how long on the client's own silence may make a server give up.
    pub(crate) fn long_pause(&self) -> Duration {
        self.0.settings.timeouts.stall / 4
    }

    /// Whether the settings allow plain `http` to this URL's host.
    pub(crate) fn allows_plain_http(&self, url: &Url) -> bool {
        self.0.settings.plain_http.allows(url)
    }

    /// Repeats an operation until it succeeds, fails for good, or the attempts are used up.
    pub(crate) fn retrying<T>(&self, mut action: impl FnMut() -> Result<T, HttpError>) -> Result<T, HttpError> {
        let mut attempts = self.attempts();
        loop {
            match action() {
                Ok(value) => return Ok(value),
                Err(error) => attempts.wait_after(error)?,
            }
        }
    }

    /// One attempt, with its redirects.
    pub(crate) fn send_once(&self, request: &mut HttpRequest<'_>) -> Result<Response, HttpError> {
        let mut url = request.url.clone();
        for _ in 0..=MAXIMUM_REDIRECTS {
            self.0.settings.plain_http.permit(&url)?;
            if let Some(source) = self.0.refused_proxy.as_ref().filter(|_| !url.is_loopback()) {
                return Err(HttpError::Proxy { url, source: Arc::clone(source) });
            }
            let refused = self.0.refused_certificates.get(&connector::key(url.host(), url.port()));
            if let Some(source) = refused.filter(|_| url.is_https()) {
                return Err(HttpError::Certificates { url, source: Arc::clone(source) });
            }
            let response = self.exchange(request, &url)?;
            let Some(target) = redirect_target(&request.method, &url, &response)? else {
                let response = response.without_retryable_status()?;
                return match request.whole_within {
                    Some(limit) if response.status() == StatusCode::OK => response.whole(limit),
                    _ => Ok(response),
                };
            };
            let keeps_its_body_here = is_safe(&request.method) || target.same_origin(&request.url);
            if !request.body.is_repeatable() || !keeps_its_body_here {
                return Err(HttpError::UploadRedirected { url, target });
            }
            if url.is_https() && !target.is_https() {
                return Err(HttpError::RedirectToPlainHttp { url, target });
            }
            url = target;
        }
        Err(HttpError::TooManyRedirects { url: request.url.clone(), limit: MAXIMUM_REDIRECTS })
    }

    /// Sends the request to `url` and reads the header of the response.
    fn exchange(&self, request: &mut HttpRequest<'_>, url: &Url) -> Result<Response, HttpError> {
        let mut builder = http::Request::builder().method(&request.method).uri(url.uri());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(authorization) = &request.authorization
            && url.same_origin(&request.url)
        {
            builder = builder.header(AUTHORIZATION, authorization);
        }
        let connect = request.connect_within;
        let sent = match &mut request.body {
            RequestBody::Empty if is_safe(&request.method) => {
                builder.body(()).map_err(Into::into).and_then(|request| self.run(request, url, 0, connect))
            }
            RequestBody::Empty => {
                builder.body(&[][..]).map_err(Into::into).and_then(|request| self.run(request, url, 0, connect))
            }
            RequestBody::Bytes(bytes) => {
                let length = bytes.len() as u64;
                builder.body(*bytes).map_err(Into::into).and_then(|request| self.run(request, url, length, connect))
            }
            RequestBody::Held { length, content } => {
                content.rewind();
                builder
                    .header(CONTENT_LENGTH, *length)
                    .body(SendBody::from_reader(content))
                    .map_err(Into::into)
                    .and_then(|request| self.run(request, url, *length, connect))
            }
            RequestBody::Stream { length, content } => builder
                .header(CONTENT_LENGTH, *length)
                .body(SendBody::from_reader(content))
                .map_err(Into::into)
                .and_then(|request| self.run(request, url, *length, connect)),
        };
        match sent {
            Ok(response) => Ok(Response::new(url.clone(), response, self.0.settings.timeouts.clone())),
            Err(source) => Err(self.unreached(url, source)),
        }
    }

    /// Why there was no response: a failure of the proxy is kept apart from one of the server.
    fn unreached(&self, url: &Url, error: ureq::Error) -> HttpError {
        let url = url.clone();
        match error {
            ureq::Error::Other(other) if other.is::<connector::AtProxy>() => match other.downcast() {
                Ok(at_proxy) => {
                    let connector::AtProxy(error) = *at_proxy;
                    let proxy = self.0.settings.proxy.as_ref().map(Proxy::shown).unwrap_or_default();
                    HttpError::AtProxy { url, proxy, source: TransportError::new(error) }
                }
                Err(other) => HttpError::Transport { url, source: TransportError::new(ureq::Error::Other(other)) },
            },
            error => {
                let allows = self.allows_plain_http(&url);
                HttpError::Transport { url, source: TransportError::new(error).where_plain_http_is_allowed(allows) }
            }
        }
    }

    /// Runs one exchange, with time for `sent` bytes at the slowest rate that is tolerated.
    fn run<B: AsSendBody>(
        &self,
        request: http::Request<B>,
        url: &Url,
        sent: u64,
        connect_within: Option<Duration>,
    ) -> Result<http::Response<ureq::Body>, ureq::Error> {
        let timeouts = &self.0.settings.timeouts;
        let agent = &self.0.agent;
        let request = agent.configure_request(request);
        // This machine is never reached through a proxy.
        let request = if url.is_loopback() { request.proxy(None) } else { request };
        let request = request
            .timeout_connect(Some(connect_within.map_or(timeouts.connect, |within| within.min(timeouts.connect))))
            .timeout_send_body(Some(timeouts.for_body(sent)))
            .timeout_recv_response(Some(timeouts.for_body(sent)))
            .build();
        agent.run(request)
    }
}

/// Whether a request of this method has no body and changes nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Where a response redirects the request to, if it does.
fn redirect_target(method: &Method, url: &Url, response: &Response) -> Result<Option<Url>, HttpError> {
    let follow = match response.status() {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => is_safe(method),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => false,
    };
    if !follow {
        return Ok(None);
    }
    // Some servers send spaces and letters beyond ASCII as they are; they mean the same as when they are encoded.
    let location = response.header_bytes(&LOCATION).map(|bytes| percent_encode(bytes, BARE).to_string());
    let location = location.unwrap_or_default();
    match url.join(&location) {
        Ok(target) if !location.is_empty() => Ok(Some(target)),
        _ => Err(HttpError::Redirect { url: url.clone(), location: without_secrets(&location) }),
    }
}

/// The beginning of what a `Location` says, without query and user information.
fn without_secrets(location: &str) -> String {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let shown = match path.split_once("//") {
        Some((scheme, rest)) if rest.contains('@') => {
            format!("{scheme}//…@{}", rest.rsplit('@').next().unwrap_or_default())
        }
        _ => path.to_owned(),
    };
    shown.chars().take(200).collect()
}
