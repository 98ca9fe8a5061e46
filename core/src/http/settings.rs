//! The settings of a client; nothing here is read from the environment.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::ProxyProtocol;
use zeroize::Zeroizing;

use super::error::{HttpError, SettingsError, TransportError};
use super::retry::OnRetry;
use super::url::Url;

/// Settings of a [`HttpClient`](super::HttpClient).
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Whose certificates are trusted.
    pub ca_certificates: CertificateAuthorities,
    /// What counts for single hosts besides.
    pub host_certificates: Vec<HostCertificates>,
    /// Where plain `http` is used.
    pub plain_http: PlainHttp,
    /// The proxy, if requests go through one.
    pub proxy: Option<Proxy>,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How often to try again.
    pub retries: Retries,
    /// Who is told before each wait.
    pub on_retry: OnRetry,
    /// The `User-Agent`.
    pub user_agent: String,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            ca_certificates: CertificateAuthorities::Bundled,
            host_certificates: Vec::new(),
            plain_http: PlainHttp::Loopback,
            proxy: None,
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            on_retry: OnRetry::default(),
            user_agent: concat!("sealift/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The certificates of one host.
#[derive(Debug, Clone)]
pub struct HostCertificates {
    /// The host, or `host:port` where the port is not 443.
    pub host: String,
    /// Authorities that are also trusted there; there may be none.
    pub authorities: Vec<PemFile>,
    /// What the client shows there.
    pub identity: Option<ClientIdentity>,
}

impl HostCertificates {
    /// The host, and the port, which is 443 where none is written.
    pub(super) fn host_and_port(&self) -> (&str, u16) {
        match self.host.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
            Some((host, Ok(port))) => (host, port),
            _ => (&self.host, 443),
        }
    }
}

/// A certificate of this client, and its key.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    /// The certificate, and those between it and its authority.
    pub certificates: PemFile,
    /// The private key.
    pub key: PemFile,
}

/// What a file holds that should be PEM, or why it could not be read. If something is wrong with it, the error comes
/// where the file is needed, and names it.
#[derive(Clone)]
pub struct PemFile {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub content: Result<Zeroizing<Vec<u8>>, Arc<io::Error>>,
}

impl PemFile {
    /// A file that was read.
    pub fn new(path: impl Into<PathBuf>, content: Vec<u8>) -> Self {
        Self { path: path.into(), content: Ok(content.into()) }
    }
}

impl fmt::Debug for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The certificate authorities that are trusted for `https`. A certificate that is given in PEM may also be a server's own: then that
/// server is trusted, and nobody else because of it.
#[derive(Debug, Clone)]
pub enum CertificateAuthorities {
    /// Mozilla's list, as compiled into the program.
    Bundled,
    /// Mozilla's list and those in files, each of which has at least one.
    BundledAnd(Vec<PemFile>),
    /// Only those in a file, such as the system's own.
    Only(PemFile),
}

/// Where plain `http` may be used, without encryption and without proof of who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlainHttp {
    /// Nowhere.
    Never,
    /// To this machine: `localhost`, 127.0.0.0/8 and ::1.
    Loopback,
    /// To this machine and to these hosts, each `host` or `host:port`.
    Hosts(Vec<String>),
    /// Everywhere.
    Always,
}

impl PlainHttp {
    /// Whether plain `http` may be used for `host:port`.
    pub fn allows(&self, url: &Url) -> bool {
        match self {
            Self::Never => false,
            Self::Loopback => url.is_loopback(),
            Self::Hosts(hosts) => url.is_loopback() || hosts.iter().any(|host| is_host(host, url)),
            Self::Always => true,
        }
    }

    /// Passes `https`, and `http` where it is allowed.
    pub(super) fn permit(&self, url: &Url) -> Result<(), HttpError> {
        if url.is_https() || self.allows(url) { Ok(()) } else { Err(HttpError::PlainHttp { url: url.clone() }) }
    }
}

/// Whether `named`, with or without port, is the host of `url`.
fn is_host(named: &str, url: &Url) -> bool {
    named.eq_ignore_ascii_case(url.host()) || named.eq_ignore_ascii_case(&format!("{}:{}", url.host(), url.port()))
}

/// A proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its `http` or `https` URL, which may hold a user name and password.
    pub url: String,
    /// Hosts that are reached without it, separated by commas, as in `NO_PROXY`. This machine always is.
    pub except: String,
}

impl Proxy {
    /// `scheme://host:port`, without user name and password.
    pub(super) fn shown(&self) -> String {
        let named = ureq::Proxy::new(&self.url);
        let scheme = |proxy: &ureq::Proxy| if proxy.protocol() == ProxyProtocol::Https { "https" } else { "http" };
        named.map(|proxy| format!("{}://{}:{}", scheme(&proxy), proxy.host(), proxy.port())).unwrap_or_default()
    }

    pub(super) fn for_agent(&self) -> Result<ureq::Proxy, SettingsError> {
        let refused = |error| SettingsError::Proxy(TransportError::new(error));
        let proxy = ureq::Proxy::new(&self.url).map_err(refused)?;
        if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
            return Err(SettingsError::ProxyProtocol);
        }
        let mut builder = ureq::Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
        let named = self.except.split(',').map(str::trim).filter(|host| !host.is_empty());
        for host in named {
            // A domain means everything in it, with or without a dot in front.
            let domain = host.trim_start_matches("*.").trim_start_matches('.');
            builder = builder.no_proxy(domain).no_proxy(&format!(".{domain}"));
        }
        if let Some(username) = proxy.username() {
            builder = builder.username(username);
        }
        if let Some(password) = proxy.password() {
            builder = builder.password(password);
        }
        builder.build().map_err(refused)
    }
}

/// How long to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For resolving a name, and again for connecting.
    pub connect: Duration,
    /// For the header of a response, or for a body, in addition to the time allowed for the bytes that have arrived.
    pub response: Duration,
    /// For the next bytes, at any point.
    pub stall: Duration,
    /// The slowest transfer that is tolerated, in bytes per second.
    pub slowest: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        let (connect, minute) = (Duration::from_secs(20), Duration::from_secs(60));
        Self { connect, response: minute, stall: minute, slowest: 4096 }
    }
}

impl Timeouts {
    /// How long `length` bytes of a body may take.
    pub(super) fn for_body(&self, length: u64) -> Duration {
        self.response.saturating_add(Duration::from_secs(length / self.slowest.max(1)))
    }
}

/// How often, and after how long, a failed request is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// Attempts in all; 1 means no retry.
    pub attempts: u32,
    /// The longest delay after the first failure, the shortest being half of it; both double with every further failure.
    pub first_delay: Duration,
    /// The longest delay. If a server asks for more (`Retry-After`), the request fails.
    pub longest_wait: Duration,
    /// How long after the first failure the last attempt may begin.
    pub longest_in_all: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        let (first_delay, longest_wait) = (Duration::from_millis(500), Duration::from_secs(60));
        Self { attempts: 5, first_delay, longest_wait, longest_in_all: Duration::from_secs(300) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_spoken_only_where_it_is_named() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        let (here, there) = (url("http://127.0.0.1:5000/"), url("http://r.example:5000/"));
        let hosts = PlainHttp::Hosts(vec!["R.example:5000".into()]);
        for (policy, at_home, away) in [
            (PlainHttp::Never, false, false),
            (PlainHttp::Loopback, true, false),
            (hosts.clone(), true, true),
            (PlainHttp::Always, true, true),
        ] {
            assert_eq!((policy.allows(&here), policy.allows(&there)), (at_home, away), "{policy:?}");
        }
        assert!(!hosts.allows(&url("http://r.example/")));
        assert!(PlainHttp::Never.permit(&url("https://r.example/")).is_ok());
    }

    #[test]
    fn hosts_that_are_named_are_reached_without_the_proxy() {
        let proxy = |url: &str| Proxy { url: url.to_owned(), except: "near.example, ".to_owned() };
        let agents = proxy("http://user:secret@proxy.example:3128").for_agent().unwrap();
        let direct = |url: &str| agents.is_no_proxy(&url.parse().unwrap());
        for url in ["https://near.example/", "https://so.near.example/"] {
            assert!(direct(url), "{url}");
        }
        for url in ["https://far.example/", "https://notnear.example/"] {
            assert!(!direct(url), "{url}");
        }
        assert_eq!((agents.host(), agents.port(), agents.username()), ("proxy.example", 3128, Some("user")));
        assert_eq!(proxy("http://user:secret@proxy.example:3128").shown(), "http://proxy.example:3128");
        assert_eq!(proxy("proxy.example").shown(), "http://proxy.example:80");
        assert!(matches!(proxy("nonsense://x").for_agent(), Err(SettingsError::Proxy(_))));
        for url in ["socks4://127.0.0.1:1080", "socks5://127.0.0.1:1080", "socks5h://127.0.0.1:1080"] {
            assert!(matches!(proxy(url).for_agent(), Err(SettingsError::ProxyProtocol)), "{url}");
        }
    }

    #[test]
    fn the_time_for_a_body_grows_with_its_length() {
        let timeouts = Timeouts { slowest: 1000, response: Duration::from_secs(1), ..Timeouts::default() };
        assert_eq!(timeouts.for_body(0), Duration::from_secs(1));
        assert_eq!(timeouts.for_body(60_000), Duration::from_secs(61));
    }
}
