//! Authorisation for what a server guards: user names, passwords and tokens, as registries and similar servers ask for them.
//!
//! Promise: nothing is sent before it is asked for. Credentials go to the server they were given for, and to the token service that
//! belongs to it, and to nobody else: not where a redirect leads, and not where a server says. The requested token allows what is
//! about to be done, and nothing that the server adds.
//!
//! Token authentication as in distribution's specification; RFC 9110 §11.6.1.

mod account;
mod challenge;
mod credential_helper;
mod credentials;
mod error;
mod token;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;

use ureq::http::{HeaderValue, StatusCode};

use crate::http::{HttpClient, HttpError, HttpRequest, Response};
use crate::transfer::{Turns, lock};

pub(crate) use account::Account;
pub use credential_helper::HelperError;
pub use credentials::{Credential, CredentialError, Credentials};
pub use error::AuthorizationError;
use token::Grant;

/// What a token allows: a thing at a server, and what is done with it.
pub(crate) trait TokenScope: Clone + Eq + Hash {
    /// The thing at its server. Credentials for it may be shown to that server, and to a token service that belongs to it.
    fn account(&self) -> Account;

    /// The same thing at another server, which has the same users. Credentials for it may be shown only to a token service that
    /// belongs to that other server, and never to the first one; they count where there are none for that.
    fn other_account(&self) -> Option<Account> {
        None
    }

    /// As token services write it: `repository:path:pull,push`.
    fn to_texts(&self) -> Vec<String>;
}

/// Obtains authorisation, and remembers it. Threads may share it.
pub(crate) struct Authorizer<S> {
    http: HttpClient,
    credentials: Credentials,
    /// The hosts of token services that credentials may also go to.
    token_hosts: Vec<String>,
    /// The `Authorization` that each scope was granted.
    granted: Mutex<HashMap<S, Grant>>,
    /// The scopes that authorisation is being asked for.
    asking: Turns<S>,
}

impl<S: TokenScope> Authorizer<S> {
    pub(crate) fn new(http: HttpClient, credentials: Credentials, token_hosts: Vec<String>) -> Self {
        Self { http, credentials, token_hosts, granted: Mutex::default(), asking: Turns::default() }
    }

    /// Sends a request with its authorisation, which is obtained first if the server requires it. A request that is not `at_server`
    /// gets none, whatever is answered.
    pub(crate) fn send(
        &self,
        scope: &S,
        at_server: bool,
        mut request: HttpRequest<'_>,
        mut send: impl FnMut(&mut HttpRequest<'_>) -> Result<Response, HttpError>,
    ) -> Result<Response, AuthorizationError> {
        if at_server {
            request.authorization = self.granted(scope);
        }
        let mut response = send(&mut request)?;
        let is_challenge = |response: &Response, request: &HttpRequest<'_>| {
            response.status() == StatusCode::UNAUTHORIZED && response.url().same_origin(&request.url)
        };
        if !at_server || !is_challenge(&response, &request) {
            return Ok(response);
        }
        if !request.body.is_repeatable() {
            return Err(response.into_error().into());
        }
        let authorization = match (self.renew(scope, request.authorization.as_ref(), &response), &request.authorization)
        {
            // A token that nobody had to log in for has ended, and the server asks for a password. It is asked as if for the
            // first time.
            (Err(AuthorizationError::CredentialsMissing { .. }), Some(refused)) => {
                self.forget(scope, refused);
                request.authorization = None;
                response = send(&mut request)?;
                if !is_challenge(&response, &request) {
                    return Ok(response);
                }
                if !request.body.is_repeatable() {
                    return Err(response.into_error().into());
                }
                self.renew(scope, None, &response)?
            }
            (renewed, _) => renewed?,
        };
        request.authorization = Some(authorization.clone());
        let response = send(&mut request)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.forget(scope, &authorization);
            return Err(response.into_error().into());
        }
        Ok(response)
    }

    /// The authorisation that a scope was granted, as long as it is valid.
    fn granted(&self, scope: &S) -> Option<HeaderValue> {
        lock(&self.granted).get(scope).filter(|grant| grant.is_valid()).map(|grant| grant.authorization.clone())
    }

    fn forget(&self, scope: &S, authorization: &HeaderValue) {
        let mut granted = lock(&self.granted);
        if granted.get(scope).is_some_and(|grant| grant.authorization == authorization) {
            granted.remove(scope);
        }
    }

    /// Authorisation for `scope`, other than what was `refused` by this response. Of several threads one asks for it, and the
    /// others wait.
    fn renew(
        &self,
        scope: &S,
        refused: Option<&HeaderValue>,
        response: &Response,
    ) -> Result<HeaderValue, AuthorizationError> {
        let _turn = self.asking.wait_for(scope.clone());
        if let Some(known) = self.granted(scope).filter(|known| Some(known) != refused) {
            return Ok(known);
        }
        let grant = self.authorize(scope, response)?;
        let authorization = grant.authorization.clone();
        lock(&self.granted).insert(scope.clone(), grant);
        Ok(authorization)
    }
}
