//! What can go wrong in talking to a registry.

use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;

use crate::authorization::AuthorizationError;
use crate::http::{HttpError, Url, UrlError};
use crate::oci::{ManifestError, Repository};
use crate::transfer::{SinkError, SourceError};

/// What a registry says of a manifest that it does not take. OCI Distribution 1.1, "Error Codes".
const MANIFEST_INVALID: &str = "MANIFEST_INVALID";

/// Why a registry did not do what was requested, or was not asked to.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The request failed, or was answered with a status that means failure.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A registry's name, or a location that it states, does not make a valid URL.
    #[error("the registry's address is not usable")]
    Url(#[source] UrlError),
    /// A `registries.conf` forbids fetching it.
    #[error("the registry configuration blocks {repository}, by the prefix {prefix}")]
    Blocked {
        /// What would be fetched.
        repository: Repository,
        /// The prefix, as it is written there.
        prefix: String,
    },
    /// The manifest does not exist.
    #[error("repository {repository} has no manifest {reference}")]
    ManifestNotFound {
        /// Where it was looked for.
        repository: Repository,
        /// The tag or digest.
        reference: String,
    },
    /// The registry refuses a manifest, because it lacks something that the manifest lists.
    #[error("repository {repository} refuses manifest {digest}, because something that it lists is not there")]
    ListedMissing {
        /// Where it was sent to.
        repository: Repository,
        /// The manifest.
        digest: Digest,
        /// What the registry answered.
        #[source]
        source: Box<HttpError>,
    },
    /// The registry does not know manifests by digests of this algorithm.
    #[error("repository {repository} does not take manifest {digest}: its registry knows manifests by SHA-256 only")]
    DigestAlgorithm {
        /// Where it was sent to.
        repository: Repository,
        /// The manifest.
        digest: Digest,
        /// What the registry answered.
        #[source]
        source: Box<HttpError>,
    },
    /// The blob does not exist.
    #[error("repository {repository} has no blob {digest}")]
    BlobNotFound {
        /// Where it was looked for.
        repository: Repository,
        /// The blob.
        digest: Digest,
    },
    /// A manifest that is not what was asked for, or cannot be read.
    #[error("repository {repository} returned an unusable manifest for {reference}")]
    Manifest {
        /// Where it is from.
        repository: Repository,
        /// The tag or digest.
        reference: String,
        /// Why it is not usable.
        #[source]
        source: Box<ManifestError>,
    },
    /// The registry answered with something other than content: a page of HTML, or bytes in an encoding that was not asked for.
    #[error("{url} answered with {what}, instead of what was requested")]
    OtherForm {
        /// What answered.
        url: Url,
        /// What it is, in words.
        what: String,
        /// Why it cannot be what was asked for.
        #[source]
        source: Box<RegistryError>,
    },
    /// The registry announces a digest that is not the content's.
    #[error("{url} announces digest {announced:?}, but the content has {digest}")]
    DigestHeader {
        /// What answered.
        url: Url,
        /// What its `Docker-Content-Digest` says.
        announced: String,
        /// The digest of the content.
        digest: Digest,
    },
    /// The registry answered as if it had taken a manifest or a blob, without the status or the digest that would confirm it, and
    /// does not have it.
    #[error("{url} answered {status}, which confirms nothing, and does not have what was sent")]
    NotStored {
        /// What answered.
        url: Url,
        /// The HTTP status code: one that means success, but not 201.
        status: u16,
    },
    /// The registry opened an upload and did not say where, or named a place that is not usable.
    #[error("{url} opened an upload without a usable location ({location:?})")]
    UploadLocation {
        /// What answered.
        url: Url,
        /// What its `Location` says.
        location: String,
    },
    /// The registry no longer has what was uploaded so far. The content has passed, so the blob has to be sent again by whoever has
    /// it.
    #[error("{url} no longer has the upload that was begun there")]
    UploadGone {
        /// Where the upload went.
        url: Url,
    },
    /// The content did not go on coming, and its upload did not last that long.
    #[error("{url} did not keep an upload while nothing of the content came for {seconds} s")]
    Paused {
        /// Where the upload went.
        url: Url,
        /// For how long nothing came, in seconds.
        seconds: u64,
        /// How the upload ended.
        #[source]
        source: Box<RegistryError>,
    },
    /// A list cannot be read.
    #[error("{url} answered with a list that cannot be read")]
    List {
        /// What answered.
        url: Url,
        /// What is wrong with it.
        #[source]
        source: JsonError,
    },
    /// A list is too long, has no end, or continues on another host.
    #[error("{url} continues its list beyond the limit, or on another host")]
    ListContinues {
        /// What answered.
        url: Url,
    },
    /// Authorisation cannot be obtained.
    #[error(transparent)]
    Authorization(AuthorizationError),
}

impl RegistryError {
    /// Whether the registry answered 401 and did not say what it requires.
    pub(super) fn is_bare_refusal(&self) -> bool {
        matches!(self, Self::Authorization(error) if error.is_bare_refusal())
    }
}

impl From<AuthorizationError> for RegistryError {
    fn from(error: AuthorizationError) -> Self {
        match error {
            AuthorizationError::Http(error) => Self::Http(error),
            other => Self::Authorization(other),
        }
    }
}

impl From<RegistryError> for SourceError {
    fn from(reason: RegistryError) -> Self {
        match reason {
            RegistryError::ManifestNotFound { .. } | RegistryError::BlobNotFound { .. } => Self::missing(reason),
            reason => Self::new(reason),
        }
    }
}

impl From<RegistryError> for SinkError {
    fn from(reason: RegistryError) -> Self {
        match reason {
            RegistryError::ListedMissing { .. } => Self::Missing(Box::new(reason)),
            RegistryError::Http(ref error) if error.says(MANIFEST_INVALID) => Self::Invalid(Box::new(reason)),
            reason => Self::new(reason),
        }
    }
}
