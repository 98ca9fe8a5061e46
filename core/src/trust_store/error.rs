//! Why the trust store cannot be read or changed. Every variant has a way out, which the command line names.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;
use sealift_proof::tuf::TufError;
use sealift_proof::tuf::map::MapError;

use super::keyring::{Keyring, RingKeyError};
use super::name::{NameError, RepositoryName};
use super::policy::PolicyError;

/// Why the trust store cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustStoreError {
    /// There is no folder of that name.
    #[error("there is no trust store at {}", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// There is a folder of that name, and it holds other things.
    #[error("{} is a folder with other things in it, not a trust store", .folder.display())]
    NotAStore {
        /// The folder.
        folder: PathBuf,
    },
    /// `policy.toml` is gone: what is asked of an archive is not known any more.
    #[error("the policy {} is lost", .path.display())]
    PolicyLost {
        /// Where it was.
        path: PathBuf,
    },
    /// Another process is changing the store.
    #[error(
        "the trust store {} is being changed by another process{}",
        .folder.display(),
        .process.map(|id| format!(" ({id})")).unwrap_or_default()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The other process, where it left its id.
        process: Option<u32>,
    },
    /// The lock was removed while it was held, so that another process may be changing the store, too.
    #[error("the lock {} was removed while it was held", .path.display())]
    LockRemoved {
        /// The file.
        path: PathBuf,
    },
    /// The file system says no.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is longer than it can be.
    #[error("{} is longer than {limit} bytes", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Something in the store has a name that nothing in the store has.
    #[error("{} does not belong into a trust store", .path.display())]
    Stray {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with its name.
        source: NameError,
    },
    /// `policy.toml` is broken.
    #[error("the policy {} cannot be used", .path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// `map.json` is broken.
    #[error("the map {} cannot be used", .path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MapError,
    },
    /// No root is pinned under that name.
    #[error("no root is pinned for repository {name}")]
    UnknownRepository {
        /// The name.
        name: RepositoryName,
    },
    /// A root was pinned, and something was accepted under it, and the root is gone.
    #[error("the pinned root of repository {name} is lost: it had digest {recorded}")]
    RootLost {
        /// The repository.
        name: RepositoryName,
        /// The root that the trusted state names.
        recorded: Digest,
    },
    /// A root is pinned under that name already.
    #[error("another root is pinned for repository {name} already: {digest}")]
    RepositoryExists {
        /// The name.
        name: RepositoryName,
        /// The root that is pinned.
        digest: Digest,
    },
    /// The root is not the one that was expected.
    #[error("the root has digest {found}, not {expected}")]
    RootDigest {
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of the bytes that were given.
        found: Digest,
    },
    /// The bytes to pin are not root metadata that its own keys signed.
    #[error(transparent)]
    NotARoot {
        /// What is wrong.
        source: Box<TufError>,
    },
    /// The bytes are not TUF metadata of the role they stand for.
    #[error("not TUF metadata of role {role}")]
    NotMetadata {
        /// The role.
        role: String,
        /// What is wrong.
        source: MetadataError,
    },
    /// No key of that ring has that name.
    #[error("no {keyring} is known as {name}")]
    UnknownKey {
        /// The ring.
        keyring: Keyring,
        /// The name.
        name: String,
    },
    /// Another key of that ring has that name already.
    #[error("an {keyring} is known as {name} already")]
    KeyNameTaken {
        /// The ring.
        keyring: Keyring,
        /// The name.
        name: String,
    },
    /// The same key has another name in that ring already.
    #[error("this key is known already, as {keyring} {name}")]
    SameKey {
        /// The ring.
        keyring: Keyring,
        /// The other name.
        name: String,
    },
    /// A key cannot be used.
    #[error("the {keyring}'s key {} cannot be used", .path.display())]
    RingKey {
        /// The ring.
        keyring: Keyring,
        /// The file in the store.
        path: PathBuf,
        /// What is wrong with it.
        source: RingKeyError,
    },
    /// Seals are made with ed25519.
    #[error("an exporter's key is an ed25519 key; this one is for {scheme}")]
    ExporterScheme {
        /// The scheme of the key.
        scheme: &'static str,
    },
    /// The root is pinned, but what was last accepted under it is gone.
    #[error("the trusted state of repository {name} is lost: what was accepted before is not known any more")]
    StateLost {
        /// The repository.
        name: RepositoryName,
    },
    /// What was last accepted cannot be read, or was changed.
    #[error("the trusted state of repository {name} is damaged")]
    StateDamaged {
        /// The repository.
        name: RepositoryName,
        /// What is wrong with it.
        source: StateDamage,
    },
    /// Which tags were set here is not known any more.
    #[error("{} is lost: which tags were set here, and to what, is not known any more", .path.display())]
    DeliveriesLost {
        /// The file.
        path: PathBuf,
    },
    /// Which tags were set here cannot be read, or was changed.
    #[error("{}, which says which tags were set here, is damaged", .path.display())]
    DeliveriesDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StateDamage,
    },
    /// The trusted state belongs to another root than the one that is pinned now.
    #[error("the trusted state of repository {name} belongs to root {recorded}, but {pinned} is pinned")]
    RootChanged {
        /// The repository.
        name: RepositoryName,
        /// The root that the state names.
        recorded: Digest,
        /// The root in the store.
        pinned: Digest,
    },
    /// A new state lacks a top-level role.
    #[error("the new state of repository {name} holds no {role}")]
    NoRole {
        /// The repository.
        name: RepositoryName,
        /// The role.
        role: String,
    },
    /// A new state is of an earlier export than the one in the store.
    #[error(
        "the trusted state of repository {name} does not move back: the last accepted export is of {stored}, this one of {}",
        .offered.map_or_else(|| "no known time".to_owned(), |time| time.to_string())
    )]
    ExportMovedBack {
        /// The repository.
        name: RepositoryName,
        /// The export time in the store.
        stored: Timestamp,
        /// The export time of the new state.
        offered: Option<Timestamp>,
    },
    /// A new state has an older version of a role than the one in the store.
    #[error("the trusted state of repository {name} does not move back: {role} is at version {stored}, not {offered}")]
    VersionMovedBack {
        /// The repository.
        name: RepositoryName,
        /// The role.
        role: String,
        /// The version in the store.
        stored: u64,
        /// The version of the new state.
        offered: u64,
    },
}

/// Why bytes are not TUF metadata of a role. Only what the store itself needs is looked at; the engine verifies.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `signed._type` is another.
    #[error("its type is {found:?}, not {expected:?}")]
    Type {
        /// The type that the role has.
        expected: &'static str,
        /// The type that was found, if any.
        found: Option<String>,
    },
    /// `signed.version` is not a positive integer.
    #[error("it has no version")]
    Version,
}

/// What is wrong with a trusted state.
#[derive(Debug, thiserror::Error)]
pub enum StateDamage {
    /// `state.json` is not what the store writes.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It was written in a form that this version does not know.
    #[error("its format is {0}; this version knows 1")]
    Format(u64),
    /// What it says was changed.
    #[error("it does not have its digest ({recorded}) any more")]
    Digest {
        /// The digest that it should have.
        recorded: Digest,
    },
    /// A metadata file that it names is gone.
    #[error("the metadata of role {role} ({digest}) is gone")]
    Gone {
        /// The role.
        role: String,
        /// The digest of the missing bytes.
        digest: Digest,
    },
    /// A metadata file that it names was changed.
    #[error("the metadata of role {role} does not have its digest ({digest}) any more")]
    Changed {
        /// The role.
        role: String,
        /// The digest that it should have.
        digest: Digest,
    },
}
