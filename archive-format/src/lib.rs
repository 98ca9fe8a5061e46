//! Bytes and types of a Sealift archive, and nothing else.
//!
//! `docs/format.md` is the normative specification; this crate is one implementation of it. It sees no network, no
//! clock, no TUF rule and no terminal, and it trusts nothing: whether a seal is to be believed is for `sealift-core`.
//!
//! | you want to | begin with |
//! |---|---|
//! | read an archive from front to back | [`Reader::open`], which yields a [`SealedReader`], then a [`Reader`] of entries |
//! | write one | [`Inventory`], [`Seal::new`], [`Writer`] |
//! | add a signature to an archive in a file | [`co_signing`] |
//! | know where everything will lie | [`Seal::layout`] |
//! | digests, and hashing as bytes pass | [`Digest`], [`Hasher`] |
//! | JSON in which nothing can have two meanings | [`strict_json`] |
//! | signed envelopes | [`dsse`] |
//! | several files for one archive, and the loss of some | [`volume`] |
//!
//! # Reading an archive's frame, without trust
//!
//! Anyone can see what an archive says of itself, and that its bytes are in order. Who says so, and whether it is true, is not
//! known by that: the signature here is made of zeros.
//!
//! ```
//! use sealift_archive_format::Reader;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let archive = made_by_hand()?;
//! let sealed = Reader::open(archive.as_slice())?;
//! for signature in sealed.seal().signatures() {
//!     println!("claims to be signed by key {}", signature.key);
//! }
//! // Not verified: for looking only.
//! let mut reader = sealed.read_inventory()?;
//! println!("says that it was exported at {}", reader.inventory().exported_at);
//!
//! let mut names = Vec::new();
//! while let Some(mut entry) = reader.next_entry()? {
//!     names.push(entry.name().to_string());
//!     // Size and digest are those that the inventory lists, or this is an error.
//!     let content = entry.read_all()?;
//!     assert_eq!(content.len() as u64, entry.size());
//! }
//! assert_eq!(names, ["oci-layout", "index.json"]);
//! // Nothing comes after the last entry.
//! assert_eq!(reader.finish()?, archive.len() as u64);
//! # let mut damaged = archive.clone();
//! # let at = archive.windows(5).rposition(|window| window == b"hello").ok_or("no content")?;
//! # damaged[at] = b'j';
//! # let mut reader = Reader::open(damaged.as_slice())?.read_inventory()?;
//! # reader.next_entry()?.ok_or("no entry")?.read_all()?;
//! # assert!(reader.next_entry()?.ok_or("no entry")?.read_all().is_err());
//! # Ok(())
//! # }
//! # fn made_by_hand() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//! #     use sealift_archive_format::inventory::{EntryRecord, Exporter, FormatVersion};
//! #     use sealift_archive_format::{Digest, EntryName, Inventory, Seal, SealSignature, Writer};
//! #     let contents = [(EntryName::oci_layout(), &b"{}"[..]), (EntryName::oci_index(), b"hello")];
//! #     let inventory = Inventory {
//! #         base: None,
//! #         entries: contents.iter().map(|(name, content)| EntryRecord::of(name.clone(), content)).collect(),
//! #         exported_at: "2026-01-02T03:04:05Z".parse()?,
//! #         exporter: Exporter { name: "example".to_owned(), version: "1".to_owned() },
//! #         format_version: FormatVersion::CURRENT,
//! #         items: Vec::new(),
//! #         repositories: Vec::new(),
//! #     };
//! #     let seal = Seal::new(inventory, vec![SealSignature { key: Digest::sha256(b"a key"), bytes: [0; 64] }])?;
//! #     let mut writer = Writer::new(Vec::new(), &seal)?;
//! #     for (name, mut content) in contents {
//! #         writer.append(&name, &mut content)?;
//! #     }
//! #     Ok(writer.finish()?)
//! # }
//! ```

pub mod co_signing;
pub mod compression;
pub mod content;
pub mod digest;
pub mod dsse;
pub mod entry_name;
pub mod file_name;
mod format_error;
mod growing;
pub mod inventory;
mod layout;
mod positioned_input;
pub mod reader;
mod referrer_kind;
pub mod repository_name;
pub mod seal;
pub mod strict_json;
pub mod tar_profile;
pub mod volume;
mod writer;

pub use content::{BlobContent, Checked, ContentError, Described};
pub use digest::{Digest, DigestAlgorithm, DigestError, Hasher};
pub use entry_name::{EntryName, EntryNameError, EntryPlace};
pub use file_name::{FileName, FileNameError};
pub use format_error::{FormatError, Problem};
pub use inventory::{Inventory, InventoryError};
pub use layout::{EntryOffsets, Located};
pub use positioned_input::PositionedInput;
pub use reader::{EntryReader, Reader, SealedReader};
pub use referrer_kind::{ReferrerKind, ReferrerKindError};
pub use repository_name::{NameError, RepositoryName};
pub use seal::{Seal, SealSignature, UnverifiedSeal};
pub use writer::{InPlaceWriter, WriteError, Writer};
