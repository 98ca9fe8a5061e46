//! How we authenticate to registries, from docker's `config.json`.
//!
//! Promise: secrets are wiped from memory when dropped and are never printed. The file's content is an argument; a
//! credential helper is run only for a registry that the file assigns to it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sealift_archive_format::strict_json::{self, JsonError};
use sealift_proof::domain::Domain;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::account::Account;
use super::credential_helper::{self, HelperError};
use crate::oci::Repository;
use crate::oci::descriptor::null_as_default;
use crate::remedy::{Remediable, Remedy};

/// The longest `config.json`, in bytes.
const MAXIMUM_LENGTH: usize = 4 * 1024 * 1024;
/// The name under which docker keeps the credentials of its own registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// One way to authenticate to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user name and a password.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: Zeroizing<String>,
    },
    /// A token that a token service exchanges for others (OAuth 2.0 refresh token).
    IdentityToken(Zeroizing<String>),
    /// A token that the registry takes as it is (RFC 6750).
    RegistryToken(Zeroizing<String>),
}

/// The credentials for any number of registries.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Where to look, in this order.
    places: Vec<CredentialFile>,
    helper_folder: Option<PathBuf>,
}

/// A file with credentials, or one that was looked for.
#[derive(Clone)]
struct CredentialFile {
    name: String,
    config: Option<Config>,
}

/// Why credentials cannot be obtained.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file is too long.
    #[error("the docker configuration has {length} bytes; the limit is {MAXIMUM_LENGTH}")]
    Length {
        /// The length, in bytes.
        length: usize,
    },
    /// The file is not a docker configuration.
    #[error("the docker configuration cannot be read")]
    Json(#[from] JsonError),
    /// An `auth` that is not `user:password` in base64.
    #[error("the docker configuration's auth for {key} is not a user name and password in base64")]
    Auth {
        /// The registry's key in the file.
        key: String,
    },
    /// The credential helper failed.
    #[error("credential helper {helper:?} failed")]
    Helper {
        /// The helper's name, without `docker-credential-`.
        helper: String,
        /// Why it failed.
        #[source]
        source: HelperError,
    },
}

impl Remediable for CredentialError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Length { .. } | Self::Json(_) | Self::Auth { .. } | Self::Helper { .. } => Remedy::CorrectCredentials,
        }
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    #[serde(deserialize_with = "null_as_default")]
    auths: BTreeMap<String, Auth>,
    #[serde(deserialize_with = "null_as_default")]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<Zeroizing<String>>,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
    identitytoken: Option<Zeroizing<String>>,
    registrytoken: Option<Zeroizing<String>>,
}

impl Credentials {
    /// No credentials: all requests are anonymous.
    pub fn none() -> Self {
        Self::default()
    }

    /// The credentials of a docker `config.json` with this content.
    ///
    /// # Errors
    /// [`CredentialError::Length`], [`CredentialError::Json`].
    pub fn from_docker_config(content: &[u8]) -> Result<Self, CredentialError> {
        if content.len() > MAXIMUM_LENGTH {
            return Err(CredentialError::Length { length: content.len() });
        }
        let place = CredentialFile {
            name: "the docker configuration".to_owned(),
            config: Some(strict_json::parse_into(content)?),
        };
        Ok(Self { places: vec![place], helper_folder: None })
    }

    /// None, because there is no such file.
    pub fn missing(name: &str) -> Self {
        Self { places: vec![CredentialFile { name: name.to_owned(), config: None }], helper_folder: None }
    }

    /// The same, from a file of this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.places.iter_mut().for_each(|place| name.clone_into(&mut place.name));
        self
    }

    /// These, and for a registry that has none here, others.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        self.places.extend(others.places);
        self
    }

    /// Where [`Credentials::find`] looks, in words.
    pub fn places(&self) -> String {
        let names = self.places.iter().map(|place| match place.config {
            Some(_) => place.name.clone(),
            None => format!("{} (which does not exist)", place.name),
        });
        let names: Vec<String> = names.collect();
        if names.is_empty() { "no file".to_owned() } else { names.join(", ") }
    }

    /// Looks for credential helpers in this folder, and not where the system looks for programs.
    #[must_use]
    pub fn with_helper_folder(mut self, folder: PathBuf) -> Self {
        self.helper_folder = Some(folder);
        self
    }

    /// The credential for a repository, from the first file that has one: a helper's for its registry, the file's most specific
    /// entry for the repository, or the default helper's. An empty user name and an empty password are not a credential.
    ///
    /// # Errors
    /// [`CredentialError::Auth`], [`CredentialError::Helper`].
    pub fn find(&self, repository: &Repository) -> Result<Option<Credential>, CredentialError> {
        self.find_for(&repository.into())
    }

    /// As [`Credentials::find`], for a thing at any server.
    pub(super) fn find_for(&self, account: &Account) -> Result<Option<Credential>, CredentialError> {
        for config in self.places.iter().filter_map(|place| place.config.as_ref()) {
            if let Some(credential) = self.find_in(config, account)? {
                return Ok(Some(credential));
            }
        }
        Ok(None)
    }

    fn find_in(&self, config: &Config, account: &Account) -> Result<Option<Credential>, CredentialError> {
        let domain = account.server();
        let helper = config.cred_helpers.iter().find(|(key, _)| name_of_key(key) == domain);
        if let Some((_, helper)) = helper {
            return self.ask_helper(helper, domain);
        }
        if let Some((key, auth)) = config.entry(account)
            && let Some(credential) = auth.credential(key)?
        {
            return Ok(Some(credential));
        }
        match &config.creds_store {
            Some(helper) if !helper.is_empty() => self.ask_helper(helper, domain),
            _ => Ok(None),
        }
    }

    fn ask_helper(&self, helper: &str, domain: &str) -> Result<Option<Credential>, CredentialError> {
        let key = if domain == "docker.io" { DOCKER_HUB_KEY } else { domain };
        let answer = credential_helper::run(helper, self.helper_folder.as_deref(), key);
        let answer = answer.map_err(|source| CredentialError::Helper { helper: helper.to_owned(), source })?;
        Ok(answer.map(|(username, secret)| match username.as_str() {
            "<token>" => Credential::IdentityToken(secret),
            _ => Credential::Password { username, password: secret },
        }))
    }
}

impl Config {
    /// The most specific entry for an account.
    fn entry(&self, account: &Account) -> Option<(&String, &Auth)> {
        let full = account.to_string();
        let covers = |name: String| {
            full.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
        };
        let entries = self.auths.iter().filter(|(key, _)| covers(name_of_key(key)));
        entries.max_by_key(|(key, _)| name_of_key(key).len())
    }
}

impl Auth {
    fn credential(&self, key: &str) -> Result<Option<Credential>, CredentialError> {
        if let Some(token) = self.identitytoken.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::IdentityToken(token.clone())));
        }
        if let Some(token) = self.registrytoken.as_ref().filter(|token| !token.is_empty()) {
            return Ok(Some(Credential::RegistryToken(token.clone())));
        }
        if let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) {
            let pair = decode_pair(auth).ok_or_else(|| CredentialError::Auth { key: key.to_owned() })?;
            return Ok(pair.unless_empty());
        }
        let pair = self.username.clone().zip(self.password.clone());
        Ok(pair.and_then(|(username, password)| Credential::Password { username, password }.unless_empty()))
    }
}

/// `user:password` in base64, padded, as docker writes it, or unpadded.
fn decode_pair(auth: &str) -> Option<Credential> {
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = Zeroizing::new(GeneralPurpose::new(&alphabet::STANDARD, lenient).decode(auth.trim()).ok()?);
    let (username, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let password = Zeroizing::new(password.trim_end_matches('\0').to_owned());
    Some(Credential::Password { username: username.to_owned(), password })
}

/// The registry, or the part of one, that a key of the file means: some keys are URLs, and a host has many spellings.
fn name_of_key(key: &str) -> String {
    let without_scheme = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let name = match without_scheme.trim_end_matches('/') {
        name if without_scheme.len() != key.len() => name.split('/').next().unwrap_or_default(),
        name => name,
    };
    let (host, path) = name.split_at_checked(name.find('/').unwrap_or(name.len())).unwrap_or((name, ""));
    let host = host.parse().map_or_else(|_| host.to_owned(), |domain: Domain| domain.to_string());
    // The host that serves docker.io.
    if host == "registry-1.docker.io" { format!("docker.io{path}") } else { format!("{host}{path}") }
}

impl Credential {
    /// Some tools write an empty user name and an empty password where they know none.
    fn unless_empty(self) -> Option<Self> {
        match &self {
            Self::Password { username, password } if username.is_empty() && password.is_empty() => None,
            _ => Some(self),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { username, .. } => write!(f, "Password {{ username: {username:?}, .. }}"),
            Self::IdentityToken(_) => f.write_str("IdentityToken(..)"),
            Self::RegistryToken(_) => f.write_str("RegistryToken(..)"),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs = self.places.iter().filter_map(|place| place.config.as_ref());
        let registries: Vec<&String> = configs.flat_map(|config| config.auths.keys()).collect();
        f.debug_struct("Credentials").field("registries", &registries).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Reference;

    fn repository(text: &str) -> Repository {
        text.parse::<Reference>().unwrap().repository().clone()
    }

    fn find(config: &str, name: &str) -> Option<Credential> {
        Credentials::from_docker_config(config.as_bytes()).unwrap().find(&repository(name)).unwrap()
    }

    fn password(username: &str, password: &str) -> Option<Credential> {
        let password = Zeroizing::new(password.to_owned());
        Some(Credential::Password { username: username.to_owned(), password })
    }

    #[test]
    fn entries_are_found_as_docker_and_podman_write_them() {
        // "dTpw" is u:p, "dTpwOnE" is u:p:q without padding.
        let config = r#"{"auths":{
            "https://index.docker.io/v1/":{"auth":"dTpw"},
            "r.example:5000":{"auth":"dTpwOnE"},
            "r.example:5000/team":{"username":"team","password":"secret"},
            "https://s.example/v2/":{"identitytoken":"token"},
            "empty.example":{}},
            "HttpHeaders":{},"credHelpers":null}"#;
        assert_eq!(find(config, "alpine"), password("u", "p"));
        assert_eq!(find(config, "r.example:5000/app"), password("u", "p:q"));
        assert_eq!(find(config, "r.example:5000/team/app"), password("team", "secret"));
        assert_eq!(find(config, "r.example:5000/teams"), password("u", "p:q"));
        assert_eq!(find(config, "s.example/app"), Some(Credential::IdentityToken(Zeroizing::new("token".into()))));
        for name in ["r.example/app", "empty.example/app", "example/app.r.example", "notr.example:5000/app"] {
            let expected = if name.starts_with("example/") { password("u", "p") } else { None };
            assert_eq!(find(config, name), expected, "{name}");
        }
    }

    #[test]
    fn empty_pairs_are_no_credentials() {
        for entry in [r#"{"auth":"Og=="}"#, r#"{"auth":""}"#, r#"{"username":"","password":""}"#, "{}"] {
            let config = format!(r#"{{"auths":{{"r.example":{entry}}}}}"#);
            assert_eq!(find(&config, "r.example/app"), None, "{entry}");
        }
        assert_eq!(find(r#"{"auths":{"r.example":{"auth":"dTo="}}}"#, "r.example/app"), password("u", ""));
    }

    #[test]
    fn files_are_asked_one_after_the_other_and_named() {
        let of = |config: &str| Credentials::from_docker_config(config.as_bytes()).unwrap();
        let first = of(r#"{"auths":{"r.example":{"auth":"dTpw"},"s.example":{"auth":"Og=="}}}"#).named("a/config.json");
        let second = of(r#"{"auths":{"r.example":{"auth":"dTpx"},"s.example":{"auth":"dTpx"}}}"#).named("b/auth.json");
        let all = first.or(Credentials::missing("c/auth.json")).or(second);
        assert_eq!(all.find(&repository("r.example/a")).unwrap(), password("u", "p"));
        assert_eq!(all.find(&repository("s.example/a")).unwrap(), password("u", "q"));
        assert_eq!(all.places(), "a/config.json, c/auth.json (which does not exist), b/auth.json");
        assert_eq!(Credentials::none().places(), "no file");
    }

    #[test]
    fn a_registry_is_found_however_it_is_spelt() {
        let config = r#"{"auths":{"R.Example:443":{"auth":"dTpw"},"https://S.example./v2/":{"auth":"dTpw"},
            "T.example/Team":{"auth":"dTpw"},"u.example/team":{"auth":"dTpw"}}}"#;
        for name in ["r.example/app", "R.EXAMPLE/app", "r.example.:443/app", "s.example/app", "U.example/team/app"] {
            assert_eq!(find(config, name), password("u", "p"), "{name}");
        }
        assert_eq!(find(config, "r.example:80/app"), None);
        assert_eq!(find(config, "t.example/team/app"), None, "paths have case");
    }

    #[test]
    fn an_unreadable_entry_matters_only_to_its_registry() {
        let config = r#"{"auths":{"r.example":{"auth":"???"},"s.example":{"auth":"dTpw"}}}"#;
        let credentials = Credentials::from_docker_config(config.as_bytes()).unwrap();
        assert!(matches!(credentials.find(&repository("r.example/a")), Err(CredentialError::Auth { .. })));
        assert_eq!(credentials.find(&repository("s.example/a")).unwrap(), password("u", "p"));
        assert!(matches!(Credentials::from_docker_config(b"{"), Err(CredentialError::Json(_))));
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = r#"{"auths":{"r.example":{"username":"u","password":"secret"}}}"#;
        let credentials = Credentials::from_docker_config(config.as_bytes()).unwrap();
        let shown = format!("{credentials:?} {:?}", find(config, "r.example/a"));
        assert!(shown.contains("r.example") && !shown.contains("secret"), "{shown}");
    }
}
