//! Container images and other OCI content as values: names, descriptors, manifests, graphs.
//!
//! Promise: bytes stay as they are. Manifests and indexes are read to know what they list, and are carried as the raw
//! bytes that everyone else knows by their digest. Every document and every walk has a limit.
//!
//! OCI Image Specification 1.1, OCI Distribution Specification 1.1, and Docker's manifest version 2, schema 2.

pub(crate) mod attestation;
mod beginning;
mod companions;
pub mod descriptor;
pub mod graph;
pub mod manifest;
pub mod media_type;
mod platform;
pub mod reference;
pub mod referrer;
pub mod sparse;
pub(crate) mod stated_platform;

pub(crate) use attestation::attested;
pub use attestation::{Attached, AttachedBy};
pub use beginning::{NameBeginning, NameBeginningError};
pub use companions::{Companions, CosignKind, CosignTag, CosignTagError, TaggedGraph};
pub(crate) use companions::{is_made_from_a_digest, referrers_tag};
pub use descriptor::Descriptor;
pub(crate) use graph::{Choice, Graphs};
pub use graph::{ForeignLayers, Graph, GraphError, Platforms};
pub use manifest::{Document, ImageIndex, ImageManifest, ManifestBytes, ManifestError};
pub use platform::{Platform, PlatformError, PlatformWish};
pub use reference::{Reference, ReferenceError, Repository, Tag};
pub use referrer::ReferrerKind;
pub(crate) use sparse::StandIns;
