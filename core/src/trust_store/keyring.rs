//! Keyrings: keys that a person has named, each ring for one purpose, a file for each key.
//!
//! Promise: in one ring a name stands for one key, and a key has one name.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;
use std::path::PathBuf;
use std::str::FromStr;

use sealift_proof::in_toto::{InTotoKey, KeyFileError};
use sealift_proof::signature::{KeyError, PublicKey};

use super::disk;
use super::name::{AttesterName, ExporterName, NameError, ReceiverName};
use super::{MAXIMUM_FILE_LENGTH, TrustStore, TrustStoreError, list};
use crate::nearness;

/// What the keys of a ring are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// Those whose seals count.
    Exporters,
    /// Those who sign attestations.
    Attesters,
    /// The sites whose receipts count.
    Receivers,
}

impl Keyring {
    /// What the owner of such a key is called: `exporter`, `attester` or `receiver`.
    pub fn owner(self) -> &'static str {
        match self {
            Self::Exporters => "exporter",
            Self::Attesters => "attester",
            Self::Receivers => "receiver",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Exporters => "exporters",
            Self::Attesters => "attesters",
            Self::Receivers => "receivers",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Exporters | Self::Receivers => ".pem",
            Self::Attesters => ".pub",
        }
    }
}

impl fmt::Display for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.owner())
    }
}

/// Why a key in a ring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RingKeyError {
    /// An exporter's key.
    #[error(transparent)]
    Exporter(#[from] KeyError),
    /// An attester's key.
    #[error(transparent)]
    Attester(#[from] KeyFileError),
    /// A receiver's key.
    #[error(transparent)]
    Receiver(KeyError),
}

/// The key of a site that imports: it signs the site's receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverKey(pub PublicKey);

/// A key of a ring.
pub(super) trait RingKey: Sized {
    /// The ring.
    const RING: Keyring;
    /// What its keys are called.
    type Name: FromStr<Err = NameError> + fmt::Display + Clone + Ord + Hash;

    /// Reads the file of a key.
    fn read(bytes: &[u8]) -> Result<Self, RingKeyError>;

    /// Whether both verify the same signatures.
    fn is_same(&self, other: &Self) -> bool;
}

impl RingKey for PublicKey {
    const RING: Keyring = Keyring::Exporters;
    type Name = ExporterName;

    fn read(bytes: &[u8]) -> Result<Self, RingKeyError> {
        Ok(Self::from_pem(&String::from_utf8_lossy(bytes), None)?)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl RingKey for ReceiverKey {
    const RING: Keyring = Keyring::Receivers;
    type Name = ReceiverName;

    fn read(bytes: &[u8]) -> Result<Self, RingKeyError> {
        PublicKey::from_pem(&String::from_utf8_lossy(bytes), None).map(Self).map_err(RingKeyError::Receiver)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.0.identity() == other.0.identity()
    }
}

impl RingKey for InTotoKey {
    const RING: Keyring = Keyring::Attesters;
    type Name = AttesterName;

    fn read(bytes: &[u8]) -> Result<Self, RingKeyError> {
        Ok(Self::from_file(bytes)?)
    }

    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl TrustStore {
    /// The file of a key.
    pub(super) fn key_path<K: RingKey>(&self, name: &K::Name) -> PathBuf {
        self.folder.join(K::RING.folder()).join(format!("{name}{}", K::RING.ending()))
    }

    /// All keys of a ring.
    pub(super) fn keys<K: RingKey>(&self) -> Result<BTreeMap<K::Name, K>, TrustStoreError> {
        let key = |name: K::Name| {
            let path = self.key_path::<K>(&name);
            let bytes = disk::read(&path, MAXIMUM_FILE_LENGTH)?.ok_or_else(|| TrustStoreError::UnknownKey {
                keyring: K::RING,
                name: name.to_string(),
                meant: None,
            })?;
            let unusable = |source| TrustStoreError::RingKey { keyring: K::RING, path, source };
            K::read(&bytes).map(|key| (name, key)).map_err(unusable)
        };
        list(&self.folder.join(K::RING.folder()), K::RING.ending())?.into_iter().map(key).collect()
    }

    /// The key of a ring that was probably meant by a name that none has.
    pub(super) fn meant_key<K: RingKey>(&self, name: &K::Name) -> Option<String> {
        let known: Vec<K::Name> = list(&self.folder.join(K::RING.folder()), K::RING.ending()).unwrap_or_default();
        nearness::meant(&name.to_string(), known.iter().map(ToString::to_string))
    }

    /// Sees to it that a key has no name yet, and that its name is free.
    pub(super) fn require_new_key<K: RingKey>(&self, name: &K::Name, key: &K) -> Result<(), TrustStoreError> {
        for (known, other) in self.keys::<K>()? {
            if known == *name {
                return Err(TrustStoreError::KeyNameTaken { keyring: K::RING, name: known.to_string() });
            }
            if other.is_same(key) {
                return Err(TrustStoreError::SameKey { keyring: K::RING, name: known.to_string() });
            }
        }
        Ok(())
    }
}
