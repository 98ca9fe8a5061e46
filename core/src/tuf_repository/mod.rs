//! Where TUF repositories are: in a folder, behind a web server or behind one of Notary, and as a mirror that is written here.
//!
//! Promise: nothing here decides about trust. The providers hand bytes to the engine of `sealift-proof`, which verifies
//! them.

mod content;
mod folder;
#[cfg(feature = "network")]
mod http;
pub mod mirror;
mod notary;

use sealift_proof::tuf::ProviderError;

use crate::remedy::{PublisherMatter, Remediable, Remedy};

pub use content::TargetFiles;
pub use folder::RepositoryFolder;
#[cfg(feature = "network")]
pub use http::HttpRepository;
pub use notary::NotaryRepository;

impl Remediable for ProviderError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::TooLong { .. } => Remedy::AskPublisher { about: PublisherMatter::LongFile },
            Self::TooMuch { .. } => Remedy::ExportLessMetadata,
            #[cfg(feature = "network")]
            Self::Unavailable { source, .. } => of_network(&**source).unwrap_or(Remedy::CheckRepository),
            #[cfg(not(feature = "network"))]
            Self::Unavailable { .. } => Remedy::CheckRepository,
        }
    }
}

/// The remedy for a repository that is reached over a network.
#[cfg(feature = "network")]
fn of_network(error: &(dyn std::error::Error + 'static)) -> Option<Remedy> {
    let http = error.downcast_ref().map(crate::http::HttpError::remedy);
    http.or_else(|| error.downcast_ref().map(crate::authorization::AuthorizationError::remedy))
}
