//! From a challenge to an `Authorization`: user name and password, or a token from the service that the server names.
//!
//! Promise: a token service is contacted over `https`, unless the server itself uses plain `http` and the service is
//! on its host; credentials go only to services on the host of the server they are for, on another host in the same registered
//! domain, or on a host that the user named, and those for another server that has the same thing never to the server that asks;
//! and the requested token allows what is about to be done, and nothing that the server adds.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use ureq::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use ureq::http::{HeaderValue, Method, StatusCode};
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::credentials::Credential;
use super::{Account, AuthorizationError, Authorizer, TokenScope};
use crate::http::{HttpRequest, RequestBody, Response, Url};

/// The longest answer of a token service, in bytes.
const TOKEN_ANSWER_LIMIT: u64 = 256 * 1024;

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<Zeroizing<String>>,
    access_token: Option<Zeroizing<String>>,
    /// How long the token is valid, in seconds.
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
}

/// A number of seconds. Some services send a text or a fraction; what cannot be read is as if it were not there.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok())))
}

/// What a server takes as authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) authorization: HeaderValue,
    /// When it ends, if that is known.
    ends: Option<Instant>,
}

impl Grant {
    /// One that does not end.
    fn lasting(authorization: HeaderValue) -> Self {
        Self { authorization, ends: None }
    }

    /// Whether it will be valid when a request that is sent now arrives.
    pub(super) fn is_valid(&self) -> bool {
        self.ends.is_none_or(|ends| ends > Instant::now() + Duration::from_secs(1))
    }
}

impl<S: TokenScope> Authorizer<S> {
    /// Obtains authorisation for `scope`, as the response to an unauthorised request demands.
    pub(super) fn authorize(&self, scope: &S, response: &Response) -> Result<Grant, AuthorizationError> {
        let account = scope.account();
        let server = account.server();
        let values: Vec<&str> = response.header_values(&WWW_AUTHENTICATE).collect();
        let challenges: Vec<Challenge> = values.iter().flat_map(|value| challenge::parse(value)).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let Some(challenge) = bearer.or(challenges.first()) else {
            let challenge = values.join(", ").chars().take(200).collect();
            return Err(AuthorizationError::Challenge { server: server.to_owned(), challenge });
        };
        let credential = self.credential(&account)?;
        if let Some(Credential::RegistryToken(token)) = &credential
            && let Some(authorization) = sensitive(&format!("Bearer {}", **token))
        {
            return Ok(Grant::lasting(authorization));
        }
        match challenge {
            Challenge::Basic => match &credential {
                Some(Credential::Password { username, password }) => Ok(Grant::lasting(basic(username, password))),
                _ => {
                    let (server, places) = (server.to_owned(), self.credentials.places());
                    Err(AuthorizationError::CredentialsMissing { server, places })
                }
            },
            Challenge::Bearer { realm, service } => {
                let realm = self.token_service(server, response.url(), realm, credential.is_some())?;
                let credential = match credential {
                    Some(own) => Some(own),
                    None => self.others_credential(scope, response.url(), &realm)?,
                };
                self.token(&realm, service.as_deref(), scope, credential.as_ref())
            }
        }
    }

    fn credential(&self, account: &Account) -> Result<Option<Credential>, AuthorizationError> {
        let found = self.credentials.find_for(account);
        found.map_err(|source| AuthorizationError::Credentials { server: account.server().to_owned(), source })
    }

    /// The credential for the other server that has the thing, if the token service belongs to that one, is not the server that named
    /// it, and is contacted no less safely than that other one.
    fn others_credential(
        &self,
        scope: &S,
        server_url: &Url,
        realm: &Url,
    ) -> Result<Option<Credential>, AuthorizationError> {
        let may_have_it = |other: &Account| {
            let belongs = other.host().is_some_and(|host| self.belongs(realm, &host));
            let is_other_than_server = !realm.same_origin(server_url) || other.is_at(realm);
            let is_safe = realm.is_https() || other.plain_url().is_some_and(|url| self.http.allows_plain_http(&url));
            belongs && is_other_than_server && is_safe
        };
        match scope.other_account().filter(may_have_it) {
            Some(other) => self.credential(&other),
            None => Ok(None),
        }
    }

    /// Whether a token service belongs to a server on this host.
    fn belongs(&self, realm: &Url, host: &str) -> bool {
        let is_named = || self.token_hosts.iter().any(|named| named.eq_ignore_ascii_case(realm.host()));
        realm.host().eq_ignore_ascii_case(host) || is_beside(realm.host(), host) || is_named()
    }

    /// The token service's URL, if it may be contacted.
    fn token_service(
        &self,
        server: &str,
        server_url: &Url,
        realm: &str,
        with_credentials: bool,
    ) -> Result<Url, AuthorizationError> {
        // Some registries name a path of theirs.
        let url = if realm.starts_with('/') { server_url.join(realm) } else { realm.parse() };
        let realm = url.map_err(|source| {
            let (server, realm) = (server.to_owned(), realm.chars().take(200).collect());
            AuthorizationError::Realm { server, realm, source }
        })?;
        let same_host = realm.host().eq_ignore_ascii_case(server_url.host());
        if !realm.is_https() && (server_url.is_https() || !same_host) {
            return Err(AuthorizationError::TokenServiceInsecure { server: server.to_owned(), realm });
        }
        if with_credentials && !self.belongs(&realm, server_url.host()) {
            return Err(AuthorizationError::TokenServiceElsewhere { server: server.to_owned(), realm });
        }
        Ok(realm)
    }

    /// Asks a token service for a token.
    fn token(
        &self,
        realm: &Url,
        service: Option<&str>,
        scope: &S,
        credential: Option<&Credential>,
    ) -> Result<Grant, AuthorizationError> {
        let asked = Instant::now();
        let scopes = scope.to_texts();
        let mut parameters: Vec<String> = service.iter().map(|service| parameter("service", service)).collect();
        let mut form = None;
        let mut request = HttpRequest::new(Method::GET, realm.clone());
        match credential {
            Some(Credential::IdentityToken(token)) => {
                parameters.push(parameter("scope", &scopes.join(" ")));
                parameters.push("grant_type=refresh_token&client_id=sealift".to_owned());
                parameters.push(parameter("refresh_token", token));
                request.method = Method::POST;
                request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
                form = Some(Zeroizing::new(parameters.join("&")));
            }
            Some(Credential::Password { username, password }) => {
                request.authorization = Some(basic(username, password));
                parameters.extend(scopes.iter().map(|scope| parameter("scope", scope)));
            }
            // A token for a registry is none for a token service.
            Some(Credential::RegistryToken(_)) | None => {
                parameters.extend(scopes.iter().map(|scope| parameter("scope", scope)))
            }
        }
        match &form {
            Some(form) => request.body = RequestBody::Bytes(form.as_bytes()),
            None => request.url = realm.with_query(&parameters.join("&")).map_err(AuthorizationError::Url)?,
        }
        let bytes = self.http.retrying(|| {
            let response = self.http.send_once(&mut request)?;
            match response.status() {
                StatusCode::OK => response.into_bytes(TOKEN_ANSWER_LIMIT).map(Zeroizing::new),
                _ => Err(response.into_error()),
            }
        })?;
        let missing = || AuthorizationError::TokenMissing { realm: realm.clone() };
        let answer: TokenAnswer = serde_json::from_slice(&bytes).map_err(|_| missing())?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty()).ok_or_else(missing)?;
        let unusable = || AuthorizationError::TokenUnusable { realm: realm.clone() };
        let authorization = sensitive(&format!("Bearer {}", *token)).ok_or_else(unusable)?;
        let ends = answer.expires_in.and_then(|seconds| asked.checked_add(Duration::from_secs(seconds)));
        Ok(Grant { authorization, ends })
    }
}

/// Whether two hosts are in a domain that one owner registered: `auth.example.org` and `registry.example.org`, but
/// neither `evil.co.uk` and `shop.co.uk` nor `a.github.io` and `b.github.io`, where anyone can have a name.
fn is_beside(host: &str, registry: &str) -> bool {
    registrable_domain(host).is_some_and(|domain| registrable_domain(registry) == Some(domain))
}

/// The part of a host's name that its owner registered: one label below a public suffix (publicsuffix.org, with its
/// private section). Under a top-level domain that is not in the list, that is one label below it. `None` for
/// addresses, single labels and public suffixes themselves.
fn registrable_domain(host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let (_, last) = host.rsplit_once('.')?;
    // A host that ends in a number is an address, in one of its spellings (URL Standard, host parsing).
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if is_number || !host.split('.').all(is_label) {
        return None;
    }
    psl::domain_str(host).map(str::to_owned)
}

fn parameter(name: &str, value: &str) -> String {
    format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
}

/// RFC 7617.
fn basic(username: &str, password: &str) -> HeaderValue {
    let pair = Zeroizing::new(format!("{username}:{password}"));
    // Base64 is always valid in a header.
    sensitive(&format!("Basic {}", BASE64.encode(pair.as_bytes()))).unwrap_or_else(|| HeaderValue::from_static(""))
}

/// A header's value that is never printed.
fn sensitive(text: &str) -> Option<HeaderValue> {
    // The client underneath sends only text that is ASCII.
    let mut value = HeaderValue::from_str(text).ok().filter(|_| text.is_ascii())?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::super::credentials::Credentials;
    use super::*;

    #[test]
    fn only_hosts_of_one_registered_domain_are_beside_each_other() {
        for (host, registry) in [
            ("auth.docker.io", "registry-1.docker.io"),
            ("gitlab.com", "registry.gitlab.com"),
            ("quay.io", "quay.io"),
            ("ghcr.io", "ghcr.io"),
            ("gcr.io", "eu.gcr.io"),
            ("api.digitalocean.com", "registry.digitalocean.com"),
            ("dockerauth.cn-hangzhou.aliyuncs.com", "registry.cn-hangzhou.aliyuncs.com"),
            ("AUTH.example.org", "r.example.org."),
            ("example.org", "a.b.example.org"),
            ("auth.shop.co.uk", "registry.shop.co.uk"),
            ("auth.user.github.io", "user.github.io"),
            ("auth.shop.xn--55qx5d.cn", "shop.xn--55qx5d.cn"),
            ("auth.corp.internal", "registry.corp.internal"),
        ] {
            assert!(is_beside(host, registry) && is_beside(registry, host), "{host} {registry}");
        }
        for (host, registry) in [
            ("evil.org", "r.example.org"),
            ("notexample.org", "r.example.org"),
            ("r.example.org.evil.org", "r.example.org"),
            ("evil.org", "example.org"),
            ("evil.co.uk", "shop.co.uk"),
            ("EVIL.CO.UK", "SHOP.CO.UK"),
            ("evil.co.uk", "registry.shop.co.uk"),
            ("co.uk", "shop.co.uk"),
            ("evil.com.au", "shop.com.au"),
            ("evil.xn--55qx5d.cn", "shop.xn--55qx5d.cn"),
            ("b.github.io", "a.github.io"),
            ("github.io", "a.github.io"),
            ("evil.s3.amazonaws.com", "shop.s3.amazonaws.com"),
            ("evil.internal", "shop.internal"),
            ("evil..co.uk", "shop..co.uk"),
            ("auth", "registry"),
            ("localhost", "localhost"),
            ("", ""),
            (".", "."),
            ("other.0.0.1", "127.0.0.1"),
            ("10.0.0.1", "127.0.0.1"),
            ("10.1", "127.1"),
            ("10.0x1", "127.0x1"),
            ("10.0.0.1.", "127.0.0.1."),
            ("[::1]", "[::2]"),
            ("[::ffff:10.0.0.1]", "[::ffff:127.0.0.1]"),
        ] {
            assert!(!is_beside(host, registry) && !is_beside(registry, host), "{host} {registry}");
        }
    }

    #[test]
    fn credentials_go_to_the_same_host_or_one_beside_it_and_without_them_anyone_may_be_asked() {
        #[derive(Clone, PartialEq, Eq, Hash)]
        struct Anything;
        impl TokenScope for Anything {
            fn account(&self) -> Account {
                Account::new("r.example", "a")
            }

            fn to_texts(&self) -> Vec<String> {
                Vec::new()
            }
        }
        let http = crate::http::HttpClient::new(crate::http::HttpSettings::default()).unwrap();
        let authorizer = Authorizer::<Anything>::new(http, Credentials::none(), Vec::new());
        let service = |registry: &str, realm: &str, with_credentials: bool| {
            let url: Url = format!("https://{registry}/v2/").parse().unwrap();
            authorizer.token_service(registry, &url, realm, with_credentials)
        };
        for (registry, realm) in [
            ("registry-1.docker.io", "https://auth.docker.io/token"),
            ("quay.io", "https://quay.io/v2/auth"),
            ("ghcr.io", "https://ghcr.io/token"),
            ("gcr.io", "https://gcr.io/v2/token"),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("127.0.0.1:5000", "https://127.0.0.1:5001/token"),
            ("[::1]:5000", "https://[::1]:5001/token"),
            ("co.uk", "https://CO.UK/token"),
            ("r.example:5000", "/v2/token"),
        ] {
            service(registry, realm, true).unwrap();
        }
        for (registry, realm) in [
            ("shop.co.uk", "https://evil.co.uk/token"),
            ("a.github.io", "https://b.github.io/token"),
            ("127.0.0.1:5000", "https://127.0.0.2:5000/token"),
            ("registry-1.docker.io", "https://auth.docker.io.evil.example/token"),
        ] {
            assert!(
                matches!(service(registry, realm, true), Err(AuthorizationError::TokenServiceElsewhere { .. })),
                "{realm}"
            );
            service(registry, realm, false).unwrap();
        }
    }

    #[test]
    fn another_server_s_credentials_go_only_to_its_own_token_service_and_as_safely_as_to_it() {
        #[derive(Clone, PartialEq, Eq, Hash)]
        struct Twice;
        impl TokenScope for Twice {
            fn account(&self) -> Account {
                Account::new("notary.shop.example", "web")
            }

            fn other_account(&self) -> Option<Account> {
                Some(Account::new("registry.shop.example:5000", "web"))
            }

            fn to_texts(&self) -> Vec<String> {
                Vec::new()
            }
        }
        let url = |text: &str| text.parse::<Url>().unwrap();
        let shown = |plain: &[&str], server: &str, realm: &str| {
            let hosts = plain.iter().map(|&host| host.to_owned()).collect();
            let settings =
                crate::http::HttpSettings { plain_http: crate::http::PlainHttp::Hosts(hosts), ..Default::default() };
            let config = br#"{"auths":{"registry.shop.example:5000":{"auth":"dTpw"}}}"#;
            let credentials = Credentials::from_docker_config(config).unwrap();
            let http = crate::http::HttpClient::new(settings).unwrap();
            let authorizer = Authorizer::<Twice>::new(http, credentials, Vec::new());
            authorizer.others_credential(&Twice, &url(server), &url(realm)).unwrap().is_some()
        };
        for realm in [
            "https://auth.shop.example/token",
            "https://registry.shop.example:5000/token",
            "https://registry.shop.example/t",
        ] {
            assert!(shown(&[], "https://notary.shop.example/", realm), "{realm}");
        }
        // One server is both.
        let both = "https://registry.shop.example:5000/";
        assert!(shown(&[], both, "https://REGISTRY.shop.example:5000/token"));
        // The server itself, however it writes that.
        for realm in ["https://notary.shop.example/token", "https://NOTARY.shop.example:443/token"] {
            assert!(!shown(&[], "https://notary.shop.example/", realm), "{realm}");
        }
        assert!(!shown(&[], "https://registry.shop.example:4443/", "https://registry.shop.example:4443/token"));
        assert!(!shown(&[], "https://notary.shop.example/", "https://auth.evil.example/token"));
        // In plain http only where the registry is spoken to like that.
        let (server, realm) = ("http://registry.shop.example:4443/", "http://registry.shop.example:5001/token");
        assert!(!shown(&["registry.shop.example:4443", "registry.shop.example:5001"], server, realm));
        assert!(shown(&["registry.shop.example:5000"], server, realm));
    }

    #[test]
    fn a_password_is_not_printed() {
        let header = basic("user", "secret");
        assert_eq!(header.to_str().unwrap(), "Basic dXNlcjpzZWNyZXQ=");
        assert!(!format!("{header:?}").contains("dXNlcjpzZWNyZXQ"));
    }
}
