//! Bytes and types of a Sealift archive, and nothing else.
//!
//! `docs/format.md` is the normative specification; this crate is one implementation of it. It sees no network, no
//! clock, no TUF rule and no terminal, and it trusts nothing: whether a seal is to be believed is for `sealift-core`.

pub mod digest;
pub mod dsse;
pub mod entry_name;
pub mod strict_json;

pub use digest::{Digest, DigestAlgorithm, DigestError, Hasher};
pub use entry_name::{EntryName, EntryNameError, Place};
