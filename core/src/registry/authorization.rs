//! From a challenge to an `Authorization`: user name and password, or a token from the service that the registry names.
//!
//! Promise: a token service is asked over `https`, unless the registry itself is plain and the service is on its host;
//! credentials go only to services on the registry's own host, beside it in one domain, or on a host the user named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use ureq::http::{HeaderValue, Method, StatusCode};
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::credentials::Credential;
use super::error::RegistryError;
use super::{Client, Scope};
use crate::http::{Request, RequestBody, Response, Url};

/// The longest answer of a token service, in bytes.
const TOKEN_ANSWER_LIMIT: u64 = 256 * 1024;

#[derive(serde::Deserialize)]
struct TokenAnswer {
    token: Option<Zeroizing<String>>,
    access_token: Option<Zeroizing<String>>,
}

impl Client {
    /// Obtains what authorises `scope`, as the response to an unauthorised request asks.
    pub(super) fn authorize(&self, scope: &Scope, response: &Response) -> Result<HeaderValue, RegistryError> {
        let registry = scope.repository.domain();
        let values: Vec<&str> = response.header_values(&WWW_AUTHENTICATE).collect();
        let challenges: Vec<Challenge> = values.iter().flat_map(|value| challenge::parse(value)).collect();
        let bearer = challenges.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let Some(challenge) = bearer.or(challenges.first()) else {
            let challenge = values.join(", ").chars().take(200).collect();
            return Err(RegistryError::Challenge { registry: registry.to_owned(), challenge });
        };
        let credential = self.0.credentials.find(&scope.repository);
        let credential =
            credential.map_err(|source| RegistryError::Credentials { registry: registry.to_owned(), source })?;
        match challenge {
            Challenge::Basic => match &credential {
                Some(Credential::Password { username, password }) => Ok(basic(username, password)),
                _ => Err(RegistryError::CredentialsMissing { registry: registry.to_owned() }),
            },
            Challenge::Bearer { realm, service, scope: asked } => {
                let realm = self.token_service(registry, response.url(), realm, credential.is_some())?;
                let wanted = asked.clone().unwrap_or_else(|| scope.to_text());
                self.token(&realm, service.as_deref(), &wanted, credential.as_ref())
            }
        }
    }

    /// The token service's URL, when it may be asked.
    fn token_service(
        &self,
        registry: &str,
        registry_url: &Url,
        realm: &str,
        with_credentials: bool,
    ) -> Result<Url, RegistryError> {
        let realm: Url = realm.parse().map_err(RegistryError::Url)?;
        let same_host = realm.host().eq_ignore_ascii_case(registry_url.host());
        if !realm.is_https() && (registry_url.is_https() || !same_host) {
            return Err(RegistryError::TokenServiceInsecure { registry: registry.to_owned(), realm });
        }
        let named = self.0.token_hosts.iter().any(|host| host.eq_ignore_ascii_case(realm.host()));
        if with_credentials && !same_host && !named && !is_beside(realm.host(), registry_url.host()) {
            return Err(RegistryError::TokenServiceElsewhere { registry: registry.to_owned(), realm });
        }
        Ok(realm)
    }

    /// Asks a token service for a token.
    fn token(
        &self,
        realm: &Url,
        service: Option<&str>,
        scope: &str,
        credential: Option<&Credential>,
    ) -> Result<HeaderValue, RegistryError> {
        let scopes = scope.split(' ').filter(|scope| !scope.is_empty());
        let mut parameters: Vec<String> = service.iter().map(|service| parameter("service", service)).collect();
        let mut form = None;
        let mut request = Request::new(Method::GET, realm.clone());
        match credential {
            Some(Credential::IdentityToken(token)) => {
                parameters.push(parameter("scope", scope));
                parameters.push("grant_type=refresh_token&client_id=sealift".to_owned());
                parameters.push(parameter("refresh_token", token));
                request.method = Method::POST;
                request.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
                form = Some(Zeroizing::new(parameters.join("&")));
            }
            Some(Credential::Password { username, password }) => {
                request.authorization = Some(basic(username, password));
                parameters.extend(scopes.map(|scope| parameter("scope", scope)));
            }
            None => parameters.extend(scopes.map(|scope| parameter("scope", scope))),
        }
        match &form {
            Some(form) => request.body = RequestBody::Bytes(form.as_bytes()),
            None => request.url = realm.with_query(&parameters.join("&")).map_err(RegistryError::Url)?,
        }
        let response = self.0.http.send(&mut request)?;
        if response.status() != StatusCode::OK {
            return Err(response.into_error().into());
        }
        let bytes = Zeroizing::new(response.into_bytes(TOKEN_ANSWER_LIMIT)?);
        let missing = || RegistryError::TokenMissing { realm: realm.clone() };
        let answer: TokenAnswer = serde_json::from_slice(&bytes).map_err(|_| missing())?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty()).ok_or_else(missing)?;
        sensitive(&format!("Bearer {}", *token)).ok_or_else(missing)
    }
}

/// Whether two hosts are in one domain, one label below which the registry is: `auth.example.org` for
/// `registry.example.org`. A domain of one label is none, and addresses are in no domain.
fn is_beside(host: &str, registry: &str) -> bool {
    let Some((_, domain)) = registry.split_once('.') else { return false };
    let (host, domain) = (host.to_ascii_lowercase(), domain.to_ascii_lowercase());
    let is_address = registry.parse::<std::net::IpAddr>().is_ok();
    let below = host.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    below && domain.contains('.') && !is_address
}

fn parameter(name: &str, value: &str) -> String {
    format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
}

/// RFC 7617.
fn basic(username: &str, password: &str) -> HeaderValue {
    let pair = Zeroizing::new(format!("{username}:{password}"));
    // Base64 is always a header's text.
    sensitive(&format!("Basic {}", BASE64.encode(pair.as_bytes()))).unwrap_or_else(|| HeaderValue::from_static(""))
}

/// A header's value that is never printed.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_neighbours_in_one_domain_are_beside_each_other() {
        for (host, registry, beside) in [
            ("auth.docker.io", "registry-1.docker.io", true),
            ("gitlab.com", "registry.gitlab.com", true),
            ("AUTH.example.org", "r.example.org", true),
            ("evil.org", "r.example.org", false),
            ("notexample.org", "r.example.org", false),
            ("evil.org", "example.org", false),
            ("other.0.0.1", "127.0.0.1", false),
            ("auth", "registry", false),
        ] {
            assert_eq!(is_beside(host, registry), beside, "{host} {registry}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let header = basic("user", "secret");
        assert_eq!(header.to_str().unwrap(), "Basic dXNlcjpzZWNyZXQ=");
        assert!(!format!("{header:?}").contains("dXNlcjpzZWNyZXQ"));
    }
}
