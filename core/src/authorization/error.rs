//! Why authorisation cannot be obtained.

use super::credentials::CredentialError;
use crate::http::{HttpError, Url, UrlError};
use crate::remedy::{Remediable, Remedy};

/// Why a request was not made with the authorisation that it needs.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizationError {
    /// The request failed, or the token service's answer was a status that means failure.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The address of a token service is not valid.
    #[error("the token service's address is not usable")]
    Url(#[source] UrlError),
    /// The server requires a kind of authorisation that is not supported.
    #[error("{server} {}", demanded(.challenge))]
    Challenge {
        /// The server.
        server: String,
        /// What it requires; empty where it does not say.
        challenge: String,
    },
    /// The server requires credentials, and there are none for it.
    #[error("{server} requires credentials, but there are none for it (looked in: {places})")]
    CredentialsMissing {
        /// The server.
        server: String,
        /// Where credentials were looked for.
        places: String,
    },
    /// The credentials cannot be read.
    #[error("cannot read the credentials for {server}")]
    Credentials {
        /// The server.
        server: String,
        /// Why they cannot be read.
        #[source]
        source: CredentialError,
    },
    /// A token service would be contacted without encryption.
    #[error("{server} names the token service {realm}, which is not https")]
    TokenServiceInsecure {
        /// The server.
        server: String,
        /// The token service.
        realm: Url,
    },
    /// Credentials would go to a token service on a host that is unrelated to the server.
    #[error("{server} names the token service {realm}, on a host that is not trusted with its credentials")]
    TokenServiceElsewhere {
        /// The server.
        server: String,
        /// The token service.
        realm: Url,
    },
    /// The server names a token service by something that is not a URL.
    #[error("{server} names the token service {realm:?}, which is not a URL that can be used")]
    Realm {
        /// The server.
        server: String,
        /// The beginning of what it names.
        realm: String,
        /// What is wrong with it.
        #[source]
        source: UrlError,
    },
    /// The token service's answer holds a token that no request can carry.
    #[error("the token service {realm} returned a token with characters that no request can carry")]
    TokenUnusable {
        /// The token service.
        realm: Url,
    },
    /// The token service's answer holds no token.
    #[error("the token service {realm} did not return a token")]
    TokenMissing {
        /// The token service.
        realm: Url,
    },
}

impl AuthorizationError {
    /// Whether the server answered 401 and did not say what it requires.
    pub(crate) fn is_bare_refusal(&self) -> bool {
        matches!(self, Self::Challenge { challenge, .. } if challenge.is_empty())
    }

    /// What can be done about the connection or the credentials, in whichever command.
    pub(crate) fn own_remedy(&self) -> Option<Remedy> {
        match self {
            Self::Http(error) if error.is_unauthorized() => Some(Remedy::LogIn { registry: None }),
            Self::Http(error) => error.own_remedy(),
            Self::Challenge { server, .. } if self.is_bare_refusal() => {
                Some(Remedy::LogIn { registry: Some(server.clone()) })
            }
            Self::CredentialsMissing { server, .. } => Some(Remedy::LogIn { registry: Some(server.clone()) }),
            Self::Credentials { source, .. } => Some(source.remedy()),
            Self::Url(_)
            | Self::Challenge { .. }
            | Self::TokenServiceInsecure { .. }
            | Self::TokenServiceElsewhere { .. }
            | Self::Realm { .. }
            | Self::TokenUnusable { .. }
            | Self::TokenMissing { .. } => None,
        }
    }
}

/// What a server that answered 401 demands.
fn demanded(challenge: &str) -> String {
    match challenge {
        "" => "answered 401, and does not say how to log in".to_owned(),
        challenge => format!("requires authorisation by {challenge:?}, which is not supported"),
    }
}

impl Remediable for AuthorizationError {
    fn remedy(&self) -> Remedy {
        self.own_remedy().unwrap_or_else(|| match self {
            Self::Http(error) => error.remedy(),
            Self::Credentials { source, .. } => source.remedy(),
            Self::Url(_)
            | Self::Challenge { .. }
            | Self::CredentialsMissing { .. }
            | Self::TokenServiceInsecure { .. }
            | Self::TokenServiceElsewhere { .. }
            | Self::Realm { .. }
            | Self::TokenUnusable { .. }
            | Self::TokenMissing { .. } => Remedy::AskServer,
        })
    }
}
