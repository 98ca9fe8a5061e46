//! The Update Framework (TUF 1.0.34): from a pinned root to a proven target, offline.
//!
//! - [`update()`] walks the client workflow over a [`MetadataProvider`], and yields a [`TrustedRepository`];
//! - [`TrustedRepository::resolve`] searches the delegations for a target, and yields a [`VerifiedTarget`];
//! - [`map`] says which of several repositories speak for a name;
//! - [`publication`] says what of it may be published for other clients;
//! - [`chain`] is the workflow itself, a typestate from raw bytes;
//! - [`Dialect`] is how the files of a repository are written: as TUF 1.0 has it, or as Notary v1;
//! - [`TrustedState`] is what one side remembers between archives.
//!
//! Nothing here reads a clock or does I/O: bytes come from a provider, and those of folders and web servers are not here.

mod ahead;
pub mod chain;
mod delegation;
pub mod dialect;
mod envelope;
mod error;
mod every_role;
mod hashes;
mod key;
mod limits;
mod listed;
pub mod map;
mod matching;
mod metadata;
mod path_pattern;
pub mod provider;
pub mod publication;
mod repository;
mod role_name;
mod state;
mod stray;
mod target;
mod texts;
mod update;

pub use dialect::{Dialect, Gun, TrustAnchor};
pub use envelope::{MAXIMUM_SIGNATURES, RoleEvidence, VerifiedMetadata};
pub use error::{MetadataError, TufError};
pub use every_role::RolePassedOver;
pub use hashes::{Hashes, Measured, MismatchError};
pub use key::MAXIMUM_ROLE_KEYS;
pub use limits::Limits;
pub use map::RepositoryMap;
pub use metadata::{Root, Snapshot, Targets, Timestamp};
pub use path_pattern::PathPattern;
pub use provider::{AnnouncedFile, MetadataProvider, ProviderError, TargetProvider};
pub use repository::{MAXIMUM_KEPT_ROLES, TrustedRepository};
pub use role_name::{RoleName, RoleNameError};
pub use state::TrustedState;
pub use stray::stray_metadata;
pub use target::{FetchError, VerifiedTarget};
pub use update::{advance, update};
