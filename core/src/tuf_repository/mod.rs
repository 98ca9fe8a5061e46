//! Where TUF repositories are: in a folder or behind a web server, and as a mirror that is written here.
//!
//! Promise: nothing here decides about trust. The providers hand bytes to the engine of `sealift-proof`, which verifies
//! them.

mod folder;
#[cfg(feature = "network")]
mod http;
pub mod mirror;

use sealift_proof::tuf::ProviderError;

use crate::remedy::{PublisherMatter, Remediable, Remedy};

pub use folder::RepositoryFolder;
#[cfg(feature = "network")]
pub use http::HttpRepository;

impl Remediable for ProviderError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::TooLong { .. } => Remedy::AskPublisher { about: PublisherMatter::LongFile },
            Self::TooMuch { .. } => Remedy::ExportLessMetadata,
            #[cfg(feature = "network")]
            Self::Unavailable { source, .. } => {
                source.downcast_ref().map_or(Remedy::CheckRepository, crate::http::HttpError::remedy)
            }
            #[cfg(not(feature = "network"))]
            Self::Unavailable { .. } => Remedy::CheckRepository,
        }
    }
}
