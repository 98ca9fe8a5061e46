//! Bytes and types of a Sealift archive, and nothing else.
//!
//! `docs/format.md` is the normative specification; this crate is one implementation of it. It sees no network, no
//! clock, no TUF rule and no terminal, and it trusts nothing: whether a seal is to be believed is for `sealift-core`.

pub mod co_signing;
pub mod compression;
pub mod digest;
pub mod dsse;
pub mod entry_name;
pub mod format_error;
mod growing;
pub mod inventory;
pub mod layout;
pub mod reader;
pub mod repository_name;
pub mod seal;
pub mod strict_json;
pub mod tar_profile;
pub mod writer;

pub use digest::{Digest, DigestAlgorithm, DigestError, Hasher};
pub use entry_name::{EntryName, EntryNameError, Place};
pub use format_error::{FormatError, Problem};
pub use inventory::{Inventory, InventoryError};
pub use layout::Layout;
pub use reader::{EntryReader, Reader, SealedReader};
pub use repository_name::{NameError, RepositoryName};
pub use seal::{Seal, SealSignature, UnverifiedSeal};
pub use writer::{WriteError, Writer};
