//! The inventory: everything that an archive holds, and for whom. It is what a seal signs.
//!
//! Promise: [`Inventory::parse`] and [`Inventory::to_statement`] are inverse, byte for byte, for this version of the
//! format, and what `parse` returns keeps every rule of `docs/format.md`. It is still a claim: whether to believe it
//! depends on who signed it.

mod base;
mod error;
mod format_version;
mod forms;
mod item;
mod origin;
mod rules;
mod statement;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::entry_name::EntryName;
use crate::file_name::FileName;
use crate::repository_name::RepositoryName;

pub use base::{BaseRecord, MAXIMUM_BASE, ReceiptRecord};
pub use error::InventoryError;
pub use format_version::FormatVersion;
pub use item::ItemRecord;
pub use origin::{MAXIMUM_LEFT_OUT_REFERRERS, MadeFrom, ReferrerChoice};
pub use statement::{PREDICATE_TYPE, STATEMENT_TYPE};

/// The most entries that an inventory may list.
pub const MAXIMUM_ENTRIES: usize = 100_000;
/// The most platforms that are listed for one image.
pub const MAXIMUM_PLATFORMS: usize = 256;
/// The most platforms that are listed as left out, of all images together.
pub const MAXIMUM_LEFT_OUT: usize = 1_000_000;
/// The most bytes that they have together.
pub const MAXIMUM_LEFT_OUT_BYTES: usize = 16 * 1024 * 1024;
/// The longest text in an inventory (a reference, a target's name, a component, a platform, …), in bytes.
pub const MAXIMUM_TEXT_LENGTH: usize = 1_024;
/// The most plain files that are items of one archive.
pub const MAXIMUM_FILES: usize = 10_000;
/// The media type of every plain file: what it is, its name says.
pub const FILE_MEDIA_TYPE: &str = "application/octet-stream";
/// The largest number in an inventory, and the largest archive, in bytes: the largest integer that every JSON reader
/// keeps exactly.
pub const MAXIMUM_SIZE: u64 = (1 << 53) - 1;

/// The most memory that a statement and its inventory may take together, in bytes.
pub const MAXIMUM_MEMORY: usize = 64 * 1024 * 1024;
/// The most that they may take when nobody has verified the seal, in bytes: 16 MiB more than the longest seal.
pub const MAXIMUM_UNVERIFIED_MEMORY: usize = 48 * 1024 * 1024;

// The members of every object below are declared in the order of their names: that is their canonical order, and so
// serialising them is enough to be canonical (RFC 8785).

/// What an archive holds. The author fills in the members; [`Inventory::check`] says whether they make sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// What is left out of the archive because it is where the archive goes; `None` where everything is carried.
    #[serde(default, deserialize_with = "forms::present", skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseRecord>,
    /// Every entry after the seal, in the order of the archive.
    pub entries: Vec<EntryRecord>,
    /// When the archive was made, to the second.
    #[serde(with = "forms::instant")]
    pub exported_at: Timestamp,
    /// What made the archive.
    pub exporter: Exporter,
    /// The version of the format.
    pub format_version: FormatVersion,
    /// The bundles, the images that belong to no bundle, and the plain files.
    pub items: Vec<ItemRecord>,
    /// The TUF repositories that are carried.
    pub repositories: Vec<RepositoryRecord>,
}

/// The program that made an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exporter {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A CNAB bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRecord {
    /// Its `bundle.json`.
    pub descriptor: DescriptorRecord,
    /// Its parts: its invocation images and component images.
    pub images: Vec<ImageRecord>,
    /// The OCI index that holds it in a registry (CNAB Registries), where there is one.
    pub index: Option<DescriptorRecord>,
    /// Where it comes from.
    pub reference: String,
    /// Which referrers of its index were chosen.
    pub referrer_choice: ReferrerChoice,
    /// The referrers of its index that are carried: signatures, SBOMs and the like.
    pub referrers: Vec<DescriptorRecord>,
    /// What is carried because tags of cosign's name it as belonging to the index.
    pub tagged: Vec<TaggedRecord>,
    /// The TUF target that should vouch for it.
    pub target: Option<TargetRecord>,
    /// The file that it came in with its images, where that is what is vouched for.
    pub thick_bundle: Option<ThickBundleRecord>,
}

/// A thick bundle: a bundle and its images in one file (CNAB Core 1.2 §104), which travels as it is. Layers that nothing else
/// needs are in it, and are no entries of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThickBundleRecord {
    /// The file, by its SHA-256.
    pub descriptor: DescriptorRecord,
    /// Its SHA-512: a TUF target may list either, or both.
    pub sha512: Digest,
}

/// A plain file: a TUF target of any kind. Its content is a blob, and nothing in it is interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The file, by its SHA-256.
    pub descriptor: DescriptorRecord,
    /// Its name.
    pub name: FileName,
    /// Its SHA-512, where what vouches for it lists that.
    pub sha512: Option<Digest>,
}

/// A container image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "forms::RawImage", into = "forms::RawImage")]
pub struct ImageRecord {
    /// Whether all its platforms are carried.
    pub completeness: Completeness,
    /// Its manifest or index.
    pub descriptor: DescriptorRecord,
    /// Its role in its bundle.
    pub role: ImageRole,
    /// What it lists that is not carried.
    pub left_out: LeftOutRecord,
    /// What its manifest was made from, if the exporter made it.
    pub made_from: Option<MadeFrom>,
    /// The platforms that are carried, for example `linux/amd64`.
    pub platforms: Vec<String>,
    /// Its reference, as the bundle or the operator writes it.
    pub reference: String,
    /// Which of its referrers were chosen.
    pub referrer_choice: ReferrerChoice,
    /// Its referrers that are carried: signatures, SBOMs and the like.
    pub referrers: Vec<DescriptorRecord>,
    /// What is carried because tags of cosign's name it as belonging to the image.
    pub tagged: Vec<TaggedRecord>,
    /// The TUF target that should vouch for it.
    pub target: Option<TargetRecord>,
}

/// The role of an image in a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageRole {
    /// It installs the bundle.
    Invocation,
    /// It is the bundle's component of this name.
    Component(String),
    /// It belongs to no bundle.
    StandAlone,
}

/// Whether every platform of an image is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Completeness {
    /// Everything that its index lists.
    AllPlatforms,
    /// Some were chosen; the manifests of the others are absent on purpose.
    Selected,
}

/// What an image lists that was left behind on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutRecord {
    /// The layers that registries are not meant to distribute, sorted.
    pub foreign_layers: Vec<Digest>,
    /// What was left behind although the indexes that list it do not show why: for example, manifests whose own configurations state
    /// platforms that were not chosen. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifests: Vec<Digest>,
    /// The platforms of the manifests that were not chosen, as indexes state them, sorted.
    #[serde(deserialize_with = "forms::left_out")]
    pub platforms: Vec<String>,
}

impl LeftOutRecord {
    /// Whether nothing is recorded as left behind.
    pub fn is_empty(&self) -> bool {
        self.foreign_layers.is_empty() && self.manifests.is_empty() && self.platforms.is_empty()
    }
}

/// A manifest that has no subject, and is known by a tag that is made from the digest of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedRecord {
    /// The manifest or index.
    pub descriptor: DescriptorRecord,
    /// The tag, for example `sha256-….sig`.
    pub tag: String,
}

/// A TUF target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Its name in the TUF metadata.
    pub name: String,
}

/// A TUF repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRecord {
    /// The name under which its files are carried.
    pub name: RepositoryName,
}

/// An OCI content descriptor, as far as it identifies content.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescriptorRecord {
    /// The digest.
    pub digest: Digest,
    /// The media type.
    pub media_type: String,
    /// The size, in bytes.
    pub size: u64,
}

/// An entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "forms::RawEntry")]
pub struct EntryRecord {
    /// Whether it is left out, because it is where the archive goes: then the archive has neither a header nor a content for it.
    #[serde(skip_serializing_if = "forms::is_not")]
    pub absent: bool,
    /// The digest of its content: a blob's own digest, and SHA-256 for everything else.
    pub digest: Digest,
    /// Its name.
    pub name: EntryName,
    /// Its size, in bytes.
    pub size: u64,
}

impl EntryRecord {
    /// The record of an entry, made from its content.
    pub fn of(name: EntryName, content: &[u8]) -> Self {
        Self { absent: false, digest: Digest::sha256(content), name, size: content.len() as u64 }
    }

    /// The record of a blob.
    pub fn blob(digest: &Digest, size: u64) -> Self {
        Self { absent: false, digest: digest.clone(), name: EntryName::blob(digest), size }
    }
}

impl Inventory {
    /// The entries that are in the archive, in its order: all but those that are absent.
    pub fn carried(&self) -> impl Iterator<Item = &EntryRecord> {
        self.entries.iter().filter(|entry| !entry.absent)
    }

    /// The blobs that are left out.
    pub fn absent(&self) -> impl Iterator<Item = &EntryRecord> {
        self.entries.iter().filter(|entry| entry.absent)
    }

    /// Parses the statement of a seal that was verified. Statement and inventory take [`MAXIMUM_MEMORY`] bytes at most.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub fn parse(statement: &[u8]) -> Result<Self, InventoryError> {
        statement::parse(statement, MAXIMUM_MEMORY)
    }

    /// Parses the statement of a seal that nobody verified: to look at it. Statement and inventory take
    /// [`MAXIMUM_UNVERIFIED_MEMORY`] bytes at most.
    ///
    /// # Errors
    /// [`InventoryError`].
    pub fn parse_unverified(statement: &[u8]) -> Result<Self, InventoryError> {
        statement::parse(statement, MAXIMUM_UNVERIFIED_MEMORY)
    }

    /// The in-toto Statement v1 over this inventory: the bytes that a seal carries and signs.
    ///
    /// # Errors
    /// [`InventoryError`] when the inventory breaks a rule.
    pub fn to_statement(&self) -> Result<Vec<u8>, InventoryError> {
        self.check()?;
        if self.format_version != FormatVersion::CURRENT {
            return Err(InventoryError::WriteVersion { found: self.format_version });
        }
        let statement = statement::encode(self)?;
        statement::check_memory(&statement, MAXIMUM_MEMORY)?;
        Ok(statement)
    }

    /// Checks every rule that does not need the content of the entries.
    ///
    /// # Errors
    /// [`InventoryError`], for the first rule that is broken.
    pub fn check(&self) -> Result<(), InventoryError> {
        rules::check(self)
    }
}

#[cfg(test)]
mod tests;
