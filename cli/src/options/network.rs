//! How commands reach the network: certificates, proxies, credentials, plain http.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use sealift_core::authorization::Credentials;
use sealift_core::http::{
    CertificateAuthorities, HttpClient, HttpSettings, OnRetry, PemFile, PlainHttp, Proxy, Retry, Url, UrlError,
};
use sealift_core::registry::{
    MirrorNameError, OnRemark, RegistriesConf, RegistryClient, RegistryMirror, RegistryMirrors, RegistrySettings,
    RegistrySink, RegistrySource,
};
use sealift_core::transfer::{Sink, Source};
use sealift_core::tuf_repository::{HttpRepository, NotaryRepository};
use sealift_proof::tuf::Gun;

use super::{certificate_folders, registry_name};
use crate::failure::{Attempt as _, Failure, FilePurpose, NetworkError};
use crate::files::input::read_file;
use crate::terminal;

/// The longest `config.json` or list of certificates that is read, in bytes.
const MAXIMUM_LENGTH: u64 = 4 * 1024 * 1024;

/// How to reach registries and metadata servers. Only hosts that are named are contacted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArguments {
    /// A host (or host:port) to reach over plain http; this machine is always allowed
    #[arg(long, value_name = "HOST", value_parser = plain_host)]
    plain_http: Vec<String>,

    /// Certificate authorities, or a server's own certificate, to trust in addition to Mozilla's list, in PEM
    ///
    /// Those in the file that SSL_CERT_FILE names are trusted too, and for each host those in its folder, as docker and
    /// podman have it: /etc/docker/certs.d/HOST:PORT, with ca.crt, client.cert and client.key.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The file with the credentials for registries, as docker, podman and skopeo write it
    ///
    /// Default: docker's, config.json in $DOCKER_CONFIG or in .docker in the home folder; then podman's and skopeo's,
    /// $REGISTRY_AUTH_FILE, or containers/auth.json in $XDG_RUNTIME_DIR.
    #[arg(long, value_name = "FILE")]
    registry_config: Option<PathBuf>,
}

/// Where what is exported is really fetched from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct MirrorArguments {
    /// Fetch what is named FROM… from TO… instead: a registry, or a registry and the beginning of a path
    ///
    /// Names in the archive stay as they are. The longest FROM that fits counts, and what is missing there is not looked for
    /// elsewhere.
    #[arg(long, value_name = "FROM=TO", value_parser = mirror)]
    mirror: Vec<NamedMirror>,

    /// A registries.conf, as podman and skopeo use it: what it blocks is not fetched; everything else is fetched from its mirrors first
    ///
    /// --mirror takes precedence over it. No such file is read unless it is named here. A warning names the keys that are ignored:
    /// insecure (name hosts with --plain-http, or certificates with --ca, instead), and everything about short names.
    #[arg(long, value_name = "FILE")]
    registries_conf: Option<PathBuf>,
}

/// A mirror, and its registry if that is to be reached over `https`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedMirror {
    mirror: RegistryMirror,
    https_only: Option<String>,
}

impl MirrorArguments {
    /// The registries that are written with `https://`.
    fn https_only(&self) -> impl Iterator<Item = String> {
        self.mirror.iter().filter_map(|mirror| mirror.https_only.clone())
    }

    fn read(&self) -> Result<RegistryMirrors, Failure> {
        let mirrors = self.mirror.iter().map(|it| it.mirror.clone()).collect();
        let Some(path) = &self.registries_conf else {
            return Ok(RegistryMirrors::new(mirrors, RegistriesConf::default()));
        };
        let attempt = || format!("cannot read the registry configuration {}", path.display());
        let text = read_file(path, FilePurpose::Setting, MAXIMUM_LENGTH).attempt(attempt)?;
        let read = RegistriesConf::parse(&String::from_utf8_lossy(&text));
        let read = read.map_err(NetworkError::from).attempt(attempt)?;
        if !read.unread().is_empty() {
            let unread = read.unread().join(", ");
            let line = format!("warning: {} has keys that are ignored here: {unread}", path.display());
            terminal::tell_on_the_way(&line.into());
        }
        Ok(RegistryMirrors::new(mirrors, read))
    }
}

impl NetworkArguments {
    /// What fetches from web servers.
    pub(crate) fn web(&self) -> Result<Web, Failure> {
        self.client().map(Web)
    }

    /// The collection of Notary that this GUN names, at a server.
    pub(crate) fn notary(
        &self,
        Web(client): &Web,
        WebLocation(server): &WebLocation,
        gun: &Gun,
    ) -> Result<NotaryRepository, Failure> {
        Ok(NotaryRepository::at_server(client.clone(), self.credentials()?, server, gun))
    }

    /// Registries as a source, some of them over `https` alone; `None` where there is no network.
    pub(crate) fn registry_source(
        &self,
        mirrors: &MirrorArguments,
        https_only: impl IntoIterator<Item = String>,
    ) -> Result<Option<Arc<dyn Source>>, Failure> {
        let https_only = https_only.into_iter().chain(mirrors.https_only()).collect();
        Ok(Some(Arc::new(RegistrySource::with_mirrors(self.registries(https_only)?, mirrors.read()?))))
    }

    /// Registries as they are, without mirrors, some of them over `https` alone.
    pub(crate) fn asked_registry(&self, https_only: Option<&String>) -> Result<Arc<dyn Source>, Failure> {
        Ok(Arc::new(RegistrySource::new(self.registries(https_only.into_iter().cloned().collect())?)))
    }

    /// Registries as a sink, some of them over `https` alone.
    pub(crate) fn registry_sink(&self, https_only: Option<&String>) -> Result<Box<dyn Sink>, Failure> {
        Ok(Box::new(RegistrySink::new(self.registries(https_only.into_iter().cloned().collect())?)))
    }

    /// Whether a registry is reached without TLS, where it is not written with `https://`.
    pub(crate) fn is_plain_http(&self, domain: &str) -> bool {
        let asked = self.registries(BTreeSet::new()).ok().and_then(|client| client.is_plain_http(domain).ok());
        // Where it does not answer any more, what is allowed has to do.
        let is_allowed = || format!("http://{domain}/").parse().is_ok_and(|url| self.plain_http().allows(&url));
        asked.unwrap_or_else(is_allowed)
    }

    fn plain_http(&self) -> PlainHttp {
        if self.plain_http.is_empty() { PlainHttp::Loopback } else { PlainHttp::Hosts(self.plain_http.clone()) }
    }

    fn client(&self) -> Result<HttpClient, Failure> {
        let attempt = || "cannot set up the network".to_owned();
        let read = |path: PathBuf, attempt: &dyn Fn() -> String| {
            Ok(PemFile::new(&path, read_file(&path, FilePurpose::Setting, MAXIMUM_LENGTH).attempt(attempt)?))
        };
        let named = self.ca.iter().cloned().map(|path| read(path, &attempt));
        let of_environment = named_by("SSL_CERT_FILE").into_iter().map(|path| {
            let attempt = format!("cannot read {}, which SSL_CERT_FILE names", path.display());
            read(path, &|| attempt.clone())
        });
        let files = named.chain(of_environment).collect::<Result<_, Failure>>()?;
        let ca_certificates = CertificateAuthorities::BundledAnd(files);
        let host_certificates = certificate_folders::read(MAXIMUM_LENGTH).attempt(attempt)?;
        let plain_http = self.plain_http();
        let on_retry = OnRetry::call(|retry| terminal::tell_on_the_way(&line(retry).into()));
        let (proxy, others) = (proxy(), HttpSettings::default());
        HttpClient::new(HttpSettings { ca_certificates, host_certificates, plain_http, proxy, on_retry, ..others })
            .map_err(NetworkError::from)
            .attempt(attempt)
    }

    fn registries(&self, https_only: BTreeSet<String>) -> Result<RegistryClient, Failure> {
        let on_remark = OnRemark::call(|remark| {
            let text = remark.to_string();
            terminal::tell_on_the_way(&text.as_str().into());
            REMARKS.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        });
        let (credentials, others) = (self.credentials()?, RegistrySettings::default());
        let settings = RegistrySettings { credentials, https_only, on_remark, ..others };
        Ok(RegistryClient::with_settings(self.client()?, settings))
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        let files = match &self.registry_config {
            Some(path) => vec![path.clone()],
            None => default_files(),
        };
        let mut credentials = Credentials::none();
        for path in files {
            let name = path.display().to_string();
            if self.registry_config.is_none() && !path.exists() {
                credentials = credentials.or(Credentials::missing(&name));
                continue;
            }
            let attempt = || format!("cannot read the credentials of registries in {name}");
            let config = read_file(&path, FilePurpose::Setting, MAXIMUM_LENGTH).attempt(attempt)?;
            // podman leaves an empty file behind.
            let config = if config.trim_ascii().is_empty() { b"{}".to_vec() } else { config };
            let found = Credentials::from_docker_config(&config).map_err(NetworkError::from).attempt(attempt)?;
            credentials = credentials.or(found.named(&name));
        }
        Ok(credentials)
    }
}

/// A host that is reached over plain http, with its port where it has one.
fn plain_host(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    match format!("http://{host}/").parse::<Url>() {
        Ok(url) if url.authority() == host => Ok(host.to_owned()),
        _ => Err("give a host such as r.example, or a host and a port such as r.example:5000".to_owned()),
    }
}

/// A mirror, and what it is for.
fn mirror(text: &str) -> Result<NamedMirror, String> {
    let (named, https_only) = match text.split_once('=') {
        Some((from, to)) => {
            let (from, to) = (registry_name::registry(from)?, registry_name::registry(to)?);
            (format!("{}={}", from.name, to.name), to.https_only)
        }
        None => (text.to_owned(), None),
    };
    let mirror = named.parse().map_err(|error: MirrorNameError| error.to_string())?;
    Ok(NamedMirror { mirror, https_only })
}

/// Fetches from web servers.
pub(crate) struct Web(HttpClient);

impl Web {
    /// The TUF repository, or the part of one, at a location.
    pub(crate) fn repository(&self, WebLocation(url): &WebLocation) -> HttpRepository {
        HttpRepository::new(self.0.clone(), url, url)
    }
}

/// Where files are on a web server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebLocation(Url);

impl FromStr for WebLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(_) if text.contains(['?', '#']) => Err("a location must not have a query or a fragment".to_owned()),
            Ok(url) => Ok(Self(url)),
            Err(UrlError::Credentials { .. }) => {
                Err("user names and passwords in a location are not supported; leave them out".to_owned())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl WebLocation {
    /// The location of `name` below this one.
    pub(crate) fn join(&self, name: &str) -> Result<Self, String> {
        format!("{}/{name}", self.0.to_text().trim_end_matches('/')).parse()
    }
}

/// The line that is shown before a wait.
fn line(retry: &Retry) -> String {
    let Retry { host, reason, wait, attempt, attempts, .. } = retry;
    let wait = match wait.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{seconds:.1}"),
        seconds => format!("{:.0}", seconds.ceil()),
    };
    format!("{host} {reason}; trying again in {wait} s (attempt {attempt} of {attempts})")
}

/// Where docker keeps credentials, and then where podman and skopeo do.
fn default_files() -> Vec<PathBuf> {
    let docker = named_by("DOCKER_CONFIG").or_else(|| Some(etcetera::home_dir().ok()?.join(".docker")));
    let podman = named_by("REGISTRY_AUTH_FILE")
        .or_else(|| named_by("XDG_RUNTIME_DIR").map(|folder| folder.join("containers").join("auth.json")));
    docker.map(|folder| folder.join("config.json")).into_iter().chain(podman).collect()
}

/// What has been said about registries so far.
static REMARKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// What was said about registries on the way, for a result that says it too.
pub(crate) fn remarks() -> Vec<String> {
    REMARKS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The path in a variable of the environment, if there is one.
fn named_by(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The proxy that the environment names, in the usual variables.
fn proxy() -> Option<Proxy> {
    let first = |names: &[&str]| names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    let url = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])?;
    Some(Proxy { url, except: first(&["NO_PROXY", "no_proxy"]).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{mirror, plain_host};
    use crate::options::place::{Location, TufPlace};

    #[test]
    fn a_host_of_plain_http_is_a_host() {
        for (text, host) in
            [("r.example", "r.example"), ("http://r.example:5000/", "r.example:5000"), ("[::1]:1", "[::1]:1")]
        {
            assert_eq!(plain_host(text).unwrap(), host, "{text}");
        }
        for text in ["", "https://r.example", "r.example:99999", "r.example/a", "u@r.example", "a b"] {
            assert!(plain_host(text).unwrap_err().contains("r.example:5000"), "{text}");
        }
    }

    #[test]
    fn a_mirror_is_understood_with_what_people_write_before_it() {
        let (stated, plain) = (mirror("quay.io=https://r.example/a").unwrap(), mirror("quay.io=r.example/a").unwrap());
        assert_eq!(stated.mirror, plain.mirror);
        assert_eq!((stated.https_only.as_deref(), plain.https_only), (Some("r.example"), None));
        assert!(mirror("quay.io=http://r.example").unwrap_err().contains("--plain-http r.example"));
        for text in ["quay.io", "=r.example", ""] {
            assert!(mirror(text).unwrap_err().contains("is not FROM=TO"), "{text}");
        }
    }

    #[test]
    fn a_tuf_repository_is_behind_a_url() {
        let url = |text: &str| Location::Web(text.parse().unwrap());
        for (text, metadata, targets) in [
            ("r=HTTPS://r.example/x//", url("https://r.example/x/metadata"), url("https://r.example/x/targets")),
            ("r=http://r.example/m,tuf", url("http://r.example/m"), Location::Folder("tuf".into())),
        ] {
            let place: TufPlace = text.parse().unwrap();
            assert_eq!((place.metadata, place.targets), (metadata, targets), "{text}");
        }
        for text in ["r=https://u:p@r.example/", "r=https://r.example/x?token=t", "r=https://r.example/x#y"] {
            assert!(text.parse::<TufPlace>().is_err(), "{text}");
        }
    }
}
