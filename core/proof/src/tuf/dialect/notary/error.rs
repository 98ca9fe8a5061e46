//! What can be wrong with Notary's metadata beyond what can be wrong with any.

use super::super::Gun;
use super::certificate::CertificateError;

/// Why bytes are not Notary's metadata of the expected kind.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// A key has another id than the one that follows from it.
    #[error("a key is listed as {stated}, but its id is {computed}")]
    KeyId {
        /// The id under which it is listed.
        stated: String,
        /// The id that it has.
        computed: String,
    },
    /// A private key is published.
    #[error("key {key_id} is listed with its private half")]
    PrivateKey {
        /// The key's id.
        key_id: String,
    },
    /// A role names a key that is not there.
    #[error("{role} names key {key_id}, which is not listed")]
    KeyNotListed {
        /// The role.
        role: String,
        /// The key's id.
        key_id: String,
    },
    /// A key of the root role is not a usable certificate.
    #[error("root key {key_id} cannot be used")]
    RootKey {
        /// The key's id.
        key_id: String,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// A certificate of the root role is made out to another repository.
    #[error("the certificate of root key {key_id} is for {found:?}, not for {gun}")]
    CommonName {
        /// The key's id.
        key_id: String,
        /// The common name in the certificate.
        found: String,
        /// The repository.
        gun: Gun,
    },
    /// The name of a delegated role is not one that its delegator can give.
    #[error("{delegator} delegates to {name:?}, which is not the name of a role right below it")]
    DelegatedName {
        /// The delegator.
        delegator: String,
        /// The name.
        name: String,
    },
    /// Delegations contradict themselves.
    #[error("the delegations are malformed: {0}")]
    Delegations(String),
    /// The hash of a file is not as long as its algorithm makes it.
    #[error("the hashes of a file are malformed: {0}")]
    Hash(String),
    /// The snapshot does not list a file that it always lists.
    #[error("it does not list {0}")]
    NotListed(&'static str),
}
