//! Where TUF repositories are: in a folder or behind a web server, and as a mirror that is written here.
//!
//! Promise: nothing here decides about trust. The providers hand bytes to the engine of `sealift-proof`, which verifies
//! them.

mod folder;
#[cfg(feature = "network")]
mod http;
pub mod mirror;

pub use folder::RepositoryFolder;
#[cfg(feature = "network")]
pub use http::HttpRepository;
