//! What can go wrong in talking to a server.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::retry::RetryReason;
use super::url::Url;
use crate::remedy::{Remediable, Remedy};

/// Why a client cannot be made from settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file of certificates cannot be used.
    #[error("cannot use the certificates in {}", .path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// The file of the client's key cannot be used, or the key does not belong to the client's certificate.
    #[error("cannot use the client key in {}", .path.display())]
    ClientKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PemError,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] TransportError),
    /// The proxy's URL cannot be used.
    #[error("the proxy is not a usable http or https proxy URL")]
    Proxy(#[source] TransportError),
    /// The proxy uses another protocol.
    #[error("the proxy is not an http or https proxy, and no other kind is supported")]
    ProxyProtocol,
}

impl Remediable for SettingsError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Certificates { path, .. } => Remedy::CorrectCertificates { path: path.clone() },
            Self::ClientKey { path, .. } => Remedy::CorrectClientKey { path: path.clone() },
            Self::Tls(_) => Remedy::Report,
            Self::Proxy(_) | Self::ProxyProtocol => Remedy::CorrectProxy,
        }
    }
}

/// Why a file in PEM cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot read it")]
    Unreadable(#[source] Arc<io::Error>),
    /// It cannot be understood.
    #[error("it is not PEM")]
    NotPem(#[source] Arc<TransportError>),
    /// There is no certificate in it.
    #[error("it holds no certificate")]
    NoCertificate,
    /// There is no private key in it.
    #[error("it holds no private key")]
    NoPrivateKey,
    /// The key is of a kind that is not supported, or it is not the certificate's key.
    #[error("it cannot be used with the certificate beside it")]
    OtherKey(#[source] Arc<TransportError>),
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Plain `http` to a host for which the settings do not allow it.
    #[error("{url} is not https, and plain http is not allowed for this host")]
    PlainHttp {
        /// What was to be requested.
        url: Url,
    },
    /// The proxy that the request would go through cannot be used.
    #[error("cannot reach {url} through the proxy")]
    Proxy {
        /// What was to be requested.
        url: Url,
        /// What is wrong with the proxy.
        source: Arc<SettingsError>,
    },
    /// The proxy was not reached, or did not connect to the server.
    #[error("cannot reach {url} through the proxy {proxy}")]
    AtProxy {
        /// What was requested.
        url: Url,
        /// The proxy: `scheme://host:port`.
        proxy: String,
        /// What the proxy did, or why there was no connection to it.
        source: TransportError,
    },
    /// The certificates for this host cannot be used.
    #[error("cannot reach {url} with the certificates for that host")]
    Certificates {
        /// What was to be requested.
        url: Url,
        /// What is wrong with them.
        source: Arc<SettingsError>,
    },
    /// There was no response: no connection, no trusted certificate, or no answer in time.
    #[error("cannot reach {url}")]
    Transport {
        /// What was requested.
        url: Url,
        /// Why there was no response.
        source: TransportError,
    },
    /// The body of the response ended too early.
    #[error("the response from {url} ended too early")]
    Body {
        /// What was requested.
        url: Url,
        /// Why reading stopped.
        #[source]
        source: io::Error,
    },
    /// A status that means failure.
    #[error("{url} answered {status}{}{}", shown(.message), asked(*.retry_after))]
    Status {
        /// What was requested.
        url: Url,
        /// The HTTP status code.
        status: u16,
        /// How long the server asks to wait before another attempt.
        retry_after: Option<Duration>,
        /// The beginning of the server's explanation, without control characters.
        message: String,
    },
    /// The response is longer than allowed.
    #[error("the response from {url} is longer than the limit of {limit} bytes")]
    TooLarge {
        /// What was requested.
        url: Url,
        /// The limit, in bytes.
        limit: u64,
    },
    /// More redirects than are followed.
    #[error("{url} redirects more than {limit} times")]
    TooManyRedirects {
        /// What was requested.
        url: Url,
        /// How many are followed.
        limit: u32,
    },
    /// A redirect without a usable location.
    #[error("{url} redirects to {location:?}, which is not a URL")]
    Redirect {
        /// What was requested.
        url: Url,
        /// What its `Location` says.
        location: String,
    },
    /// A redirect from https to http.
    #[error("{url} redirects to {target}, which is not https")]
    RedirectToPlainHttp {
        /// What was requested.
        url: Url,
        /// Where it redirects to.
        target: Url,
    },
    /// A redirect of a request with a body, to another host or with its bytes already spent.
    #[error("{url} redirects an upload to {target}, which is not followed")]
    UploadRedirected {
        /// What was requested.
        url: Url,
        /// Where it redirects to.
        target: Url,
    },
}

/// Of a server of files. A registry's own errors say more.
impl Remediable for HttpError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::PlainHttp { url } => Remedy::UseHttps { host: url.authority().to_owned() },
            Self::RedirectToPlainHttp { url, .. } => Remedy::RedirectToHttps { host: url.authority().to_owned() },
            Self::Proxy { .. } => Remedy::CorrectProxy,
            Self::AtProxy { url, proxy, source } => source.at_proxy(url, proxy),
            Self::Certificates { source, .. } => source.remedy(),
            Self::Transport { url, source } => source.tls_remedy(url).unwrap_or(Remedy::CheckConnection),
            Self::Body { .. } => Remedy::CheckConnection,
            Self::Status { .. } => Remedy::AskServer,
            Self::TooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::Redirect { .. }
            | Self::UploadRedirected { .. } => Remedy::CheckLocation,
        }
    }
}

impl HttpError {
    /// What can be done about a failure of TLS or of a proxy, about plain http, or about a server that asks to wait. It helps in every
    /// command.
    pub(crate) fn own_remedy(&self) -> Option<Remedy> {
        match self {
            Self::Status { retry_after: Some(asked), .. } if !asked.is_zero() && *asked <= LONGEST_SAID => {
                Some(Remedy::Wait { seconds: asked.as_secs() })
            }
            Self::Status { status: 429, .. } | Self::Status { retry_after: Some(_), .. } => Some(Remedy::AwaitServer),
            Self::Transport { url, source } => source.tls_remedy(url),
            Self::Certificates { .. }
            | Self::Proxy { .. }
            | Self::AtProxy { .. }
            | Self::PlainHttp { .. }
            | Self::RedirectToPlainHttp { .. } => Some(self.remedy()),
            Self::Status { .. }
            | Self::Body { .. }
            | Self::TooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::Redirect { .. }
            | Self::UploadRedirected { .. } => None,
        }
    }

    /// Whether the server wants to know again who asks.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status { status: 401, .. })
    }

    /// Whether the server's explanation has this word in it.
    pub(crate) fn says(&self, word: &str) -> bool {
        matches!(self, Self::Status { message, .. } if message.contains(word))
    }

    /// Whether the server, or a proxy before it, takes only shorter requests.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(self, Self::Status { status: 413, .. })
    }

    /// Whether the connection ended before there was an answer.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Self::Transport { source, .. } if source.in_short() == RetryReason::Cut)
    }

    /// Whether the same request may succeed a little later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Transport { source, .. } | Self::AtProxy { source, .. } => source.may_pass(),
            Self::Body { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}

/// The report of the HTTP client underneath. Nothing of that client is part of this crate's interface.
#[derive(Debug)]
pub struct TransportError {
    error: Box<ureq::Error>,
    /// Whether plain http to the server is allowed.
    allows_plain_http: bool,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.in_tls() {
            Some(failure) => failure.fmt(f),
            None => match self.refused_by_proxy() {
                Some(status) => write!(f, "the proxy answered {status}"),
                None => match &*self.error {
                    // In the words of the system alone.
                    ureq::Error::Io(error) => f.write_str(&in_lower_case(&error.to_string())),
                    error => error.fmt(f),
                },
            },
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.in_tls() {
            Some(_) => self.tls().map(|error| error as &(dyn Error + 'static)),
            None => self.error.source(),
        }
    }
}

/// What is wrong between a client and a server that does not get as far as a request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TlsFailure {
    /// What answers does not speak TLS.
    NotTls,
    /// Nobody who is trusted signed the certificate.
    UnknownIssuer,
    /// The certificate is for other names.
    OtherName,
    /// The certificate has expired, or is not valid yet.
    Dates,
    /// The certificate is not one that can be used for a server.
    Unusable,
    /// The server wants to see another certificate of the client's, or one at all.
    ClientCertificate,
}

impl TlsFailure {
    fn remedy(&self, url: &Url) -> Remedy {
        match self {
            Self::NotTls => Remedy::AllowPlainHttp { host: url.authority().to_owned() },
            Self::UnknownIssuer => Remedy::NameAuthority,
            Self::OtherName => Remedy::UseCertifiedName,
            Self::Dates => Remedy::RenewCertificate,
            Self::Unusable => Remedy::ReplaceCertificate,
            Self::ClientCertificate => Remedy::GiveClientKey { host: url.authority().to_owned() },
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTls => "what answers there does not speak https",
            Self::UnknownIssuer => "the server's certificate is not signed by an authority that is trusted here",
            Self::OtherName => "the server's certificate is for another name",
            Self::Dates => "the server's certificate is not valid at this time",
            Self::Unusable => "the server's certificate is not one that a server can use",
            Self::ClientCertificate => "the server does not accept this client's certificate, or wants to see one",
        })
    }
}

impl TransportError {
    pub(super) fn new(error: ureq::Error) -> Self {
        Self { error: Box::new(error), allows_plain_http: false }
    }

    /// The same where plain http to the server is allowed, or is not.
    pub(super) fn where_plain_http_is_allowed(self, allows_plain_http: bool) -> Self {
        Self { allows_plain_http, ..self }
    }

    /// What can be done about TLS on the way to `url`, if it is about TLS.
    fn tls_remedy(&self, url: &Url) -> Option<Remedy> {
        match self.in_tls()? {
            // It was not used because of what is written.
            TlsFailure::NotTls if self.allows_plain_http => {
                Some(Remedy::LeaveOutHttps { host: url.authority().to_owned() })
            }
            failure => Some(failure.remedy(url)),
        }
    }

    /// Whether the server spoke TLS even though no connection resulted.
    pub(crate) fn met_tls(&self) -> bool {
        self.tls().is_some_and(|error| !matches!(error, rustls::Error::InvalidMessage(_)))
    }

    /// What can be done about a failure of a proxy on the way to `url`.
    fn at_proxy(&self, url: &Url, proxy: &str) -> Remedy {
        let proxy = || proxy.to_owned();
        match (self.in_tls(), self.refused_by_proxy()) {
            (Some(TlsFailure::NotTls), _) => {
                Remedy::UsePlainProxy { proxy: proxy().replacen("https://", "http://", 1) }
            }
            (Some(failure), _) => failure.remedy(url),
            (None, Some("407")) => Remedy::LogInToProxy { proxy: proxy() },
            (None, _) => Remedy::CheckProxy { proxy: proxy(), host: url.host().to_owned() },
        }
    }

    /// The status with which a proxy refuses to connect to a server. The client underneath has it only as text.
    fn refused_by_proxy(&self) -> Option<&str> {
        let ureq::Error::ConnectProxyFailed(reason) = &*self.error else { return None };
        let status = reason.strip_prefix("proxy server responded ")?.split('/').next()?;
        (status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit())).then_some(status)
    }

    /// Whether the same may succeed a little later.
    fn may_pass(&self) -> bool {
        match &*self.error {
            // What is invalid, such as a certificate, stays invalid.
            ureq::Error::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => true,
            _ => false,
        }
    }

    /// What it is, for one line.
    pub(super) fn in_short(&self) -> RetryReason {
        match &*self.error {
            ureq::Error::Timeout(_) => RetryReason::Slow,
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => RetryReason::Slow,
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof => RetryReason::Cut,
                _ => RetryReason::Unreachable,
            },
            _ => RetryReason::Unreachable,
        }
    }

    /// What is wrong with TLS, if that is it.
    fn in_tls(&self) -> Option<TlsFailure> {
        use rustls::AlertDescription as Alert;
        use rustls::CertificateError as Certificate;
        match self.tls()? {
            rustls::Error::InvalidMessage(_) => Some(TlsFailure::NotTls),
            rustls::Error::InvalidCertificate(error) => Some(match error {
                Certificate::UnknownIssuer => TlsFailure::UnknownIssuer,
                Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => TlsFailure::OtherName,
                Certificate::Expired
                | Certificate::ExpiredContext { .. }
                | Certificate::NotValidYet
                | Certificate::NotValidYetContext { .. } => TlsFailure::Dates,
                // A certificate of its own authority is believed where it is named.
                Certificate::Other(other) if super::tls::is_authority(other) => TlsFailure::UnknownIssuer,
                _ => TlsFailure::Unusable,
            }),
            rustls::Error::AlertReceived(
                Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnknownCA
                | Alert::CertificateUnknown
                | Alert::CertificateExpired
                | Alert::AccessDenied,
            ) => Some(TlsFailure::ClientCertificate),
            _ => None,
        }
    }

    /// The error of TLS that it is about, if it is about one.
    fn tls(&self) -> Option<&rustls::Error> {
        match &*self.error {
            ureq::Error::Rustls(error) => Some(error),
            ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
            _ => None,
        }
    }
}

/// A sentence that follows another one: it begins with a small letter, unless its first word is in capitals.
fn in_lower_case(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.as_str()) {
        (Some(first), rest) if rest.starts_with(char::is_lowercase) => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_owned(),
    }
}

/// The longest wait that is suggested, whatever a server asks for.
const LONGEST_SAID: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a server asks to wait.
fn asked(wait: Option<Duration>) -> String {
    let said = |wait: Duration| {
        let (seconds, hour, day) = (wait.as_secs(), 3600, 24 * 3600);
        match seconds {
            _ if wait > LONGEST_SAID => "more than 30 days".to_owned(),
            0..120 => format!("{seconds} seconds"),
            _ if seconds < 2 * hour => format!("{} minutes", seconds.div_ceil(60)),
            _ if seconds < 2 * day => format!("{} hours", seconds.div_ceil(hour)),
            _ => format!("{} days", seconds.div_ceil(day)),
        }
    };
    wait.filter(|wait| !wait.is_zero()).map(|wait| format!(" (asking to wait {})", said(wait))).unwrap_or_default()
}

/// A server's message, introduced, when there is one.
fn shown(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
