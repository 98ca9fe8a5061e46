//! Why the trust store cannot be read or changed. Every variant has a remedy, which the command line names.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use sealift_archive_format::Digest;
use sealift_archive_format::strict_json::JsonError;
use sealift_proof::tuf::dialect::{DialectName, PinError};
use sealift_proof::tuf::map::MapError;
use sealift_proof::tuf::{Dialect, TufError};

use super::dialect::DialectFileError;
use super::keyring::{Keyring, RingKeyError};
use super::name::{NameError, RepositoryName};
use super::policy::PolicyError;
use crate::remedy::{ExporterMatter, PublisherMatter, Remediable, Remedy};

/// Why the trust store cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TrustStoreError {
    /// There is no folder of that name.
    #[error("there is no trust store at {}", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// There is something else at that path.
    #[error("{} is neither a trust store nor an empty folder", .folder.display())]
    NotAStore {
        /// The folder.
        folder: PathBuf,
    },
    /// It, or what would be around it, is not a folder.
    #[error("there is no trust store at {}: {} is not a folder", .folder.display(), .file.display())]
    NotAFolder {
        /// Where the store would be.
        folder: PathBuf,
        /// What is not a folder.
        file: PathBuf,
    },
    /// `policy.toml` is missing: what is required of an archive is no longer known.
    #[error("the policy {} is missing", .path.display())]
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
        /// The other process, if it left its id.
        process: Option<u32>,
    },
    /// The lock was removed while it was held, so that another process may be changing the store, too.
    #[error("the lock {} was removed while it was held", .path.display())]
    LockRemoved {
        /// The file.
        path: PathBuf,
    },
    /// What was judged by the store would be judged differently now.
    #[error("the trust store {} was changed in the meantime", .folder.display())]
    Changed {
        /// The folder.
        folder: PathBuf,
    },
    /// The file system failed.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is longer than allowed.
    #[error("{} is longer than {limit} bytes", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Something in the store has a name that does not belong there.
    #[error("{} does not belong in a trust store", .path.display())]
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
    /// A map that was given is not valid.
    #[error("the map {} cannot be used", .path.display())]
    Map {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MapError,
    },
    /// The map of the trust store is damaged.
    #[error("the map in use, {}, cannot be used", .path.display())]
    MapInUse {
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
        /// The pinned name that is much like it.
        meant: Option<RepositoryName>,
    },
    /// A root was pinned and something was accepted under it, but the root is missing.
    #[error("the pinned root of repository {name} is missing; it had digest {recorded}")]
    RootLost {
        /// The repository.
        name: RepositoryName,
        /// The root that the trusted state names.
        recorded: Digest,
    },
    /// A root is pinned under that name already.
    #[error("another root is already pinned for repository {name}: {digest}")]
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
    /// The root is pinned already, but in another dialect, or for another repository of Notary.
    #[error("the root of repository {name} is pinned as {pinned}, not as {offered}")]
    OtherDialect {
        /// The name.
        name: RepositoryName,
        /// The dialect in which it is pinned.
        pinned: Dialect,
        /// The dialect in which it was to be pinned.
        offered: Dialect,
    },
    /// The bytes to pin are a root, but not one of the dialect that was named.
    #[error("it is a root of {found}, not of {expected}")]
    RootOfOtherDialect {
        /// The dialect that was named, or TUF 1.0.
        expected: DialectName,
        /// The dialect of the root.
        found: DialectName,
    },
    /// The certificate or the authority that was named does not vouch for a root of Notary.
    #[error("the certificates or the authority that were named do not vouch for the root")]
    NotVouchedFor {
        /// Why it does not vouch for the root.
        source: PinError,
    },
    /// `dialect.toml` is broken.
    #[error("the dialect file {} cannot be used", .path.display())]
    Dialect {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DialectFileError,
    },
    /// The bytes to pin are not root metadata that its own keys signed.
    #[error(transparent)]
    NotARoot {
        /// What is wrong.
        source: Box<TufError>,
    },
    /// The bytes are not TUF metadata of the expected role.
    #[error("not TUF metadata of role {role}")]
    NotMetadata {
        /// The role.
        role: String,
        /// What is wrong.
        source: StateMetadataError,
    },
    /// No key of that ring has that name.
    #[error("no {keyring} is known as {name}")]
    UnknownKey {
        /// The ring.
        keyring: Keyring,
        /// The name.
        name: String,
        /// The name in that ring that is much like it.
        meant: Option<String>,
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
    #[error("an exporter's key must be an ed25519 key; this one is for {scheme}")]
    ExporterScheme {
        /// The scheme of the key.
        scheme: &'static str,
    },
    /// The root is pinned, but the record of what was last accepted under it is missing.
    #[error("the trusted state of repository {name} is missing: what was accepted before is no longer known")]
    StateLost {
        /// The repository.
        name: RepositoryName,
    },
    /// The record of what was last accepted cannot be read, or was changed.
    #[error("the trusted state of repository {name} is damaged")]
    StateDamaged {
        /// The repository.
        name: RepositoryName,
        /// What is wrong with it.
        source: StateDamage,
    },
    /// The record of the tags that were set here is missing.
    #[error("{} is missing: which tags were set here, and to what, is no longer known", .path.display())]
    DeliveriesLost {
        /// The file.
        path: PathBuf,
    },
    /// The record of the tags that were set here cannot be read, or was changed.
    #[error("{}, which records the tags that were set here, is damaged", .path.display())]
    DeliveriesDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StateDamage,
    },
    /// The history cannot be read, or a line of it was changed or removed.
    #[error("line {line} of {} does not continue the lines before it", .path.display())]
    HistoryDamaged {
        /// The file.
        path: PathBuf,
        /// The number of the first such line.
        line: usize,
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
    #[error("the new state of repository {name} has no {role} metadata")]
    NoRole {
        /// The repository.
        name: RepositoryName,
        /// The role.
        role: String,
    },
    /// A new state is from an earlier export than the one in the store.
    #[error(
        "the trusted state of repository {name} does not move back: the last accepted export was made at {stored}, this one at {}",
        .offered.map_or_else(|| "an unknown time".to_owned(), |time| time.to_string())
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

impl Remediable for TrustStoreError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Missing { folder } => Remedy::CreateTrustStore { folder: folder.clone(), meant: None },
            Self::NotAStore { .. } | Self::NotAFolder { .. } => Remedy::NameNewTrustStore,
            Self::PolicyLost { .. } => Remedy::RestorePolicy,
            Self::Locked { .. } => Remedy::AwaitTrustStore,
            Self::LockRemoved { .. } => Remedy::KeepLock,
            Self::Changed { .. } => Remedy::JudgeAgain,
            Self::Io { path, source, .. } => Remedy::of_file(path, source),
            Self::TooLong { path, .. } => Remedy::CheckFile { path: path.clone() },
            Self::Stray { path, .. } => Remedy::MoveStray { path: path.clone() },
            Self::Policy { .. } => Remedy::CorrectPolicy,
            Self::Map { .. } => Remedy::CorrectMap,
            Self::MapInUse { path, .. } => Remedy::RestoreMap { path: path.clone() },
            Self::UnknownRepository { meant, .. } => {
                Remedy::ListTrust { meant: meant.as_ref().map(ToString::to_string) }
            }
            Self::UnknownKey { meant, .. } => Remedy::ListTrust { meant: meant.clone() },
            Self::RepositoryExists { name, .. } | Self::OtherDialect { name, .. } => {
                Remedy::ReplaceRoot { repository: name.clone() }
            }
            Self::RootOfOtherDialect { found: DialectName::Notary, .. } => Remedy::PinAsNotary,
            Self::RootOfOtherDialect { found: DialectName::Tuf, .. } => Remedy::PinAsTuf,
            Self::Dialect { path, .. } => Remedy::CorrectDialect { path: path.clone() },
            Self::RootLost { name, .. } => Remedy::PinLostRoot { repository: name.clone() },
            Self::RootDigest { .. } | Self::NotVouchedFor { .. } => {
                Remedy::AskPublisher { about: PublisherMatter::Root }
            }
            Self::NotARoot { .. } | Self::NotMetadata { .. } => Remedy::GiveRoot,
            Self::KeyNameTaken { keyring, name } => Remedy::RenameKey { keyring: keyring.owner(), name: name.clone() },
            Self::SameKey { keyring, name } => Remedy::KeepKey { keyring: keyring.owner(), name: name.clone() },
            Self::RingKey { source: RingKeyError::Attester(_), .. } => Remedy::GiveAttesterKey,
            Self::RingKey { source: RingKeyError::Exporter(_), path, .. } => {
                Remedy::AddExporterAgain { path: path.clone() }
            }
            Self::RingKey { source: RingKeyError::Receiver(_), path, .. } => Remedy::CheckFile { path: path.clone() },
            Self::ExporterScheme { .. } => Remedy::AskExporter { about: ExporterMatter::PublicKey },
            Self::StateLost { name } | Self::StateDamaged { name, .. } => {
                Remedy::RestoreState { repository: Some(name.clone()) }
            }
            Self::DeliveriesLost { .. } | Self::DeliveriesDamaged { .. } => Remedy::RestoreDeliveries,
            Self::HistoryDamaged { path, .. } => Remedy::RestoreHistory { path: path.clone() },
            Self::RootChanged { name, .. } => Remedy::ExplainRoot { repository: name.clone() },
            Self::ExportMovedBack { .. } | Self::VersionMovedBack { .. } | Self::NoRole { .. } => Remedy::ImportNewer,
        }
    }
}

/// Why bytes are not TUF metadata of a role. Only what the store itself needs is checked; the engine verifies.
#[derive(Debug, thiserror::Error)]
pub enum StateMetadataError {
    /// Not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// `signed._type` is different.
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
    /// It was written in a form that this version does not support.
    #[error("its format is {0}; this version reads only 1")]
    Format(u64),
    /// Its content was changed.
    #[error("it no longer has its recorded digest ({recorded})")]
    Digest {
        /// The digest that it should have.
        recorded: Digest,
    },
    /// A metadata file that it names is missing.
    #[error("the metadata of role {role} ({digest}) is missing")]
    Gone {
        /// The role.
        role: String,
        /// The digest of the missing bytes.
        digest: Digest,
    },
    /// A metadata file that it names was changed.
    #[error("the metadata of role {role} no longer has its digest ({digest})")]
    Changed {
        /// The role.
        role: String,
        /// The digest that it should have.
        digest: Digest,
    },
}
