//! How the commands that name a network reach it: certificates, proxies, credentials, plain http.

use std::env;
use std::path::PathBuf;

use clap::Args;
use sealift_core::http::{CertificateAuthorities, Client, HttpSettings, PlainHttp, Proxy};
use sealift_core::registry::{self, Credentials};

use crate::failure::{Attempt as _, Failure};
use crate::input_file::read_file;

/// The longest `config.json` or list of certificates that is read, in bytes.
const MAXIMUM_LENGTH: u64 = 4 * 1024 * 1024;

/// How to reach registries and metadata servers. Only hosts that are named are contacted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArguments {
    /// A host (or host:port) that is reached over plain http; this machine always may be
    #[arg(long, value_name = "HOST")]
    plain_http: Vec<String>,

    /// Certificate authorities to believe beside Mozilla's list, in PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The docker configuration with the credentials of registries
    ///
    /// Without it: config.json in $DOCKER_CONFIG, or in .docker in the home folder.
    #[arg(long, value_name = "FILE")]
    registry_config: Option<PathBuf>,
}

impl NetworkArguments {
    /// A client for http.
    pub(crate) fn http(&self) -> Result<Client, Failure> {
        let attempt = || "cannot set up the network".to_owned();
        let ca_certificates = match &self.ca {
            None => CertificateAuthorities::Bundled,
            Some(path) => CertificateAuthorities::BundledAnd(read_file(path, MAXIMUM_LENGTH).attempt(attempt)?),
        };
        let plain_http =
            if self.plain_http.is_empty() { PlainHttp::Loopback } else { PlainHttp::Hosts(self.plain_http.clone()) };
        Client::new(HttpSettings { ca_certificates, plain_http, proxy: proxy(), ..HttpSettings::default() })
            .attempt(attempt)
    }

    /// A client for registries.
    pub(crate) fn registry(&self) -> Result<registry::Client, Failure> {
        Ok(registry::Client::new(self.http()?, self.credentials()?))
    }

    fn credentials(&self) -> Result<Credentials, Failure> {
        let attempt = || "cannot read the credentials of registries".to_owned();
        let Some(path) = self.registry_config.clone().or_else(default_config) else { return Ok(Credentials::none()) };
        Credentials::from_docker_config(&read_file(&path, MAXIMUM_LENGTH).attempt(attempt)?).attempt(attempt)
    }
}

/// Docker's own configuration, if there is one.
fn default_config() -> Option<PathBuf> {
    let folder = match env::var_os("DOCKER_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => etcetera::home_dir().ok()?.join(".docker"),
    };
    Some(folder.join("config.json")).filter(|path| path.exists())
}

/// The proxy that the environment names, by the usual variables.
fn proxy() -> Option<Proxy> {
    let first = |names: &[&str]| names.iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    let url = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])?;
    Some(Proxy { url, except: first(&["NO_PROXY", "no_proxy"]).unwrap_or_default() })
}
