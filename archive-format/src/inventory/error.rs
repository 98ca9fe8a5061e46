//! Why bytes are not an inventory, or why an inventory makes no sense.

use super::{
    FILE_MEDIA_TYPE, FormatVersion, MAXIMUM_BASE, MAXIMUM_ENTRIES, MAXIMUM_FILES, MAXIMUM_LEFT_OUT,
    MAXIMUM_LEFT_OUT_BYTES, MAXIMUM_LEFT_OUT_REFERRERS, MAXIMUM_PLATFORMS, MAXIMUM_SIZE, MAXIMUM_TEXT_LENGTH,
};
use crate::digest::Digest;
use crate::entry_name::EntryName;
use crate::file_name::FileName;
use crate::repository_name::RepositoryName;
use crate::strict_json::JsonError;

/// What is wrong with an inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// It is not strict JSON of the right shape.
    #[error("not an inventory")]
    Json(#[from] JsonError),
    /// It is not an in-toto Statement v1.
    #[error("not an in-toto Statement v1: its type is {found:?}")]
    NotAStatement {
        /// The `_type` that was found.
        found: String,
    },
    /// It is a statement of another kind.
    #[error("not an inventory: the predicate type is {found:?}")]
    NotAnInventory {
        /// The `predicateType` that was found.
        found: String,
    },
    /// It was written for a later major version of the format.
    #[error("the archive has format version {found}, and this program reads version 1: a newer release is needed")]
    NewerMajor {
        /// The version that was found, as it was written.
        found: String,
    },
    /// The format version is not a valid version.
    #[error("{found:?} is not a version of the archive format")]
    FormatVersion {
        /// The text that was found.
        found: String,
    },
    /// The base names neither a receipt nor archives in the one form that it has.
    #[error("`base` is not a receipt, nor a sorted list of up to {MAXIMUM_BASE} archives, by SHA-256")]
    Base,
    /// An entry is left out that cannot be, or without a base.
    #[error("entry {entry} is absent, and only a blob can be, in an archive with a base")]
    Absent {
        /// The entry.
        entry: EntryName,
    },
    /// Something in the statement is unknown to its own version of the format, or not written in the canonical way.
    #[error(
        "the statement is not canonical, or has a member that format version 1.0 does not define: at byte {offset}, near {near:?}"
    )]
    NotCanonical {
        /// Where what was found first differs from the canonical form, in bytes of the statement.
        offset: usize,
        /// What was found there.
        near: String,
    },
    /// The subjects are not the bundles and images.
    #[error("the subjects of the statement are not the bundles and images of the inventory")]
    Subject,
    /// The inventory states a version other than the one that this program writes.
    #[error("an inventory of format version {found} cannot be written")]
    WriteVersion {
        /// The version.
        found: FormatVersion,
    },
    /// The export time is not one that can be written.
    #[error("the export time {found} is not a whole second of the years 0 to 9999")]
    ExportTime {
        /// The time.
        found: jiff::Timestamp,
    },
    /// A text is empty, too long or has control characters.
    #[error("{text:?} cannot be a {what}: it must have 1 to {MAXIMUM_TEXT_LENGTH} bytes and no control characters")]
    Text {
        /// What the text is used as.
        what: &'static str,
        /// Its beginning.
        text: String,
    },
    /// An image has too many platforms.
    #[error("image {reference:?} has {count} platforms; the limit is {MAXIMUM_PLATFORMS}")]
    TooManyPlatforms {
        /// The image's reference.
        reference: String,
        /// How many there are.
        count: usize,
    },
    /// Too many platforms are listed as left out.
    #[error(
        "{count} platforms of all images are left out, with {bytes} bytes; the limits are {MAXIMUM_LEFT_OUT} and {MAXIMUM_LEFT_OUT_BYTES}"
    )]
    TooManyLeftOut {
        /// How many there are.
        count: usize,
        /// How many bytes they have.
        bytes: usize,
    },
    /// The platforms of an image are not sorted, or one is listed twice.
    #[error("the platforms of image {reference:?} are not sorted: {platform:?} is out of order, or listed twice")]
    PlatformOrder {
        /// The image's reference.
        reference: String,
        /// The platform that is out of order.
        platform: String,
    },
    /// The foreign layers or manifests of an image that were left behind are not sorted, or one is listed twice.
    #[error("the list of what image {reference:?} lacks is not sorted: {digest} is out of order, or listed twice")]
    LeftOutOrder {
        /// The image's reference.
        reference: String,
        /// The digest that is out of order.
        digest: Digest,
    },
    /// What is said about the choice of referrers contradicts itself, or what is carried.
    #[error(
        "the choice of referrers of {reference:?} cannot be: a kind that was chosen is not left out, at most {MAXIMUM_LEFT_OUT_REFERRERS} referrers are, and where no kind was chosen, nothing is carried or left out"
    )]
    ReferrerChoice {
        /// The reference of the bundle or the image.
        reference: String,
    },
    /// What is carried for its tag has a tag that is not made from a digest.
    #[error("{tag:?} is not a tag that is made from a digest")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// The repositories are not sorted.
    #[error("the TUF repositories are not sorted: {name:?} is out of order")]
    RepositoryOrder {
        /// The repository that is out of order.
        name: RepositoryName,
    },
    /// When the archive is unpacked, one name would be both a file and a folder.
    #[error("entry {file} would be both a file and a folder with {below} in it")]
    FileAndFolder {
        /// The file.
        file: EntryName,
        /// What would be in a folder of the same name.
        below: EntryName,
    },
    /// There are too many entries.
    #[error("the inventory has {count} entries; the limit is {MAXIMUM_ENTRIES}")]
    TooManyEntries {
        /// How many there are.
        count: usize,
    },
    /// A size, or the sum of all, is too large.
    #[error("the sizes exceed the limit of {MAXIMUM_SIZE} bytes")]
    TooLarge,
    /// Two bundles or images have the same reference.
    #[error("reference {reference:?} is used twice")]
    DuplicateReference {
        /// The reference.
        reference: String,
    },
    /// Two images of a bundle are the same component.
    #[error("bundle {reference:?} has two components named {component:?}")]
    DuplicateComponent {
        /// The bundle's reference.
        reference: String,
        /// The component.
        component: String,
    },
    /// An image of kind `image` is in a bundle, or an image of another kind is not.
    #[error("the kind of image {reference:?} does not fit its place")]
    MisplacedImage {
        /// The image's reference.
        reference: String,
    },
    /// A repository is listed twice.
    #[error("TUF repository {name:?} is listed twice")]
    DuplicateRepository {
        /// The repository.
        name: RepositoryName,
    },
    /// A repository is listed, but none of its metadata is an entry.
    #[error("TUF repository {name:?} is listed, but has no metadata in the archive")]
    EmptyRepository {
        /// The repository.
        name: RepositoryName,
    },
    /// An entry belongs to a repository that is not listed.
    #[error("entry {entry} belongs to a TUF repository that is not listed")]
    UnlistedRepository {
        /// The entry.
        entry: EntryName,
    },
    /// An entry that every archive has is not listed.
    #[error("entry {entry} is missing")]
    MissingEntry {
        /// The entry.
        entry: EntryName,
    },
    /// Two entries have the same name.
    #[error("entry {entry} is listed twice")]
    DuplicateEntry {
        /// The entry.
        entry: EntryName,
    },
    /// An entry is not where it has to be.
    #[error("entry {entry} is out of order")]
    WrongOrder {
        /// The entry.
        entry: EntryName,
    },
    /// A blob's digest is not the one in its name, or another entry's digest is not SHA-256.
    #[error("entry {entry} cannot have the digest {digest}")]
    EntryDigest {
        /// The entry.
        entry: EntryName,
        /// The digest that is listed.
        digest: Digest,
    },
    /// A descriptor has no blob.
    #[error("{digest} is named, but is not among the entries")]
    MissingBlob {
        /// The digest.
        digest: Digest,
    },
    /// A thick bundle is not described by its SHA-256 and its SHA-512, or not in the same way as for another name.
    #[error("the thick bundle of {reference:?} is not described by its one SHA-256 and its one SHA-512")]
    ThickBundleDigests {
        /// The bundle's reference.
        reference: String,
    },
    /// There are too many files.
    #[error("the inventory has {count} files among its items; the limit is {MAXIMUM_FILES}")]
    TooManyFiles {
        /// How many there are.
        count: usize,
    },
    /// A file is not described by its SHA-256, or not in the one form that files have.
    #[error("{name} is not described by its one SHA-256 as {FILE_MEDIA_TYPE}, and by no more than its one SHA-512")]
    FileForm {
        /// The file.
        name: FileName,
    },
    /// Two files would lie in one place, where case makes no difference, or one in a folder that is the other.
    #[error("{first} and {second} would be in each other's way in a folder that does not tell upper from lower case")]
    FilesCollide {
        /// One of them.
        first: FileName,
        /// The other.
        second: FileName,
    },
    /// A descriptor and its blob differ in size.
    #[error("{digest} is described with {described} bytes, and listed with {listed}")]
    DescriptorSize {
        /// The digest.
        digest: Digest,
        /// The size in the descriptor, in bytes.
        described: u64,
        /// The size of the entry, in bytes.
        listed: u64,
    },
}
