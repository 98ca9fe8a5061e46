//! What can go wrong between here and a registry.

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;

use super::credentials::CredentialError;
use crate::http::{HttpError, Url, UrlError};
use crate::oci::{ManifestError, Repository};

/// Why a registry did not do, or was not asked to do, what was wanted.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The request failed, or was answered with a status that means failure.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A registry's name, or what it refers to, makes no URL.
    #[error("the registry's address is not usable")]
    Url(#[source] UrlError),
    /// There is no such manifest.
    #[error("{repository} has no manifest {reference}")]
    ManifestNotFound {
        /// Where it was looked for.
        repository: Repository,
        /// The tag or digest.
        reference: String,
    },
    /// There is no such blob.
    #[error("{repository} has no blob {digest}")]
    BlobNotFound {
        /// Where it was looked for.
        repository: Repository,
        /// The blob.
        digest: Digest,
    },
    /// A manifest that is not what was asked for, or cannot be read.
    #[error("{repository} gave an unusable manifest for {reference}")]
    Manifest {
        /// Where it is from.
        repository: Repository,
        /// The tag or digest.
        reference: String,
        /// Why it is not usable.
        #[source]
        source: Box<ManifestError>,
    },
    /// The digest that the registry announces is not that of the content.
    #[error("{url} announces digest {announced:?}, but the content has {digest}")]
    DigestHeader {
        /// What answered.
        url: Url,
        /// What its `Docker-Content-Digest` says.
        announced: String,
        /// The digest of the content.
        digest: Digest,
    },
    /// The registry opened an upload and did not say where, or named a place that is not usable.
    #[error("{url} opened an upload without a usable location ({location:?})")]
    UploadLocation {
        /// What answered.
        url: Url,
        /// What its `Location` says.
        location: String,
    },
    /// A list that is not one.
    #[error("{url} answered with a list that cannot be read")]
    List {
        /// What answered.
        url: Url,
        /// Why.
        #[source]
        source: JsonError,
    },
    /// A list longer than can be meant, with no end, or one that leads to another host.
    #[error("{url} continues its list beyond every limit, or at another host")]
    ListContinues {
        /// What answered.
        url: Url,
    },
    /// The registry asks for an authorisation that is not known here.
    #[error("{registry} asks for authorisation by {challenge:?}, which is not supported")]
    Challenge {
        /// The registry.
        registry: String,
        /// What it asks for.
        challenge: String,
    },
    /// The registry asks for credentials and there are none for it.
    #[error("{registry} asks for credentials, and there are none for it")]
    CredentialsMissing {
        /// The registry.
        registry: String,
    },
    /// The credentials cannot be had.
    #[error("cannot read the credentials for {registry}")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why.
        #[source]
        source: CredentialError,
    },
    /// A token service that would be asked without encryption.
    #[error("{registry} names the token service {realm}, which is not https")]
    TokenServiceInsecure {
        /// The registry.
        registry: String,
        /// The token service.
        realm: Url,
    },
    /// A token service on a host that has nothing to do with the registry's, which would be given the credentials.
    #[error("{registry} names the token service {realm}, on a host that is not trusted with its credentials")]
    TokenServiceElsewhere {
        /// The registry.
        registry: String,
        /// The token service.
        realm: Url,
    },
    /// The token service's answer holds no token.
    #[error("the token service {realm} gave no token")]
    TokenMissing {
        /// The token service.
        realm: Url,
    },
}
