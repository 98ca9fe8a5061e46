//! Why an OpenPGP key or signature is refused.

use jiff::Timestamp;

use super::Fingerprint;

/// Why an OpenPGP key cannot be read, or why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenPgpError {
    /// A field of the JSON form is missing or has the wrong shape.
    #[error("OpenPGP JSON: field {field:?} is not {expected}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The type and the method name different algorithms, or one that is not understood.
    #[error("OpenPGP key type {kind:?} with method {method:?} is not supported")]
    UnsupportedMethod {
        /// The `type` field.
        kind: String,
        /// The `method` field.
        method: String,
    },
    /// The key id is not the fingerprint of the key.
    #[error("the OpenPGP key's id is {declared}, but its fingerprint is {computed}")]
    KeyIdMismatch {
        /// The key id in the document.
        declared: Fingerprint,
        /// The version 4 fingerprint of the key material and its creation time.
        computed: Fingerprint,
    },
    /// The key or one of its parts has too many of something.
    #[error("the OpenPGP key has more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The bytes are not ASCII armor of a public key.
    #[error("not an armored OpenPGP public key: {0}")]
    Armor(&'static str),
    /// The bytes are not well-formed OpenPGP packets.
    #[error("broken OpenPGP data: {0}")]
    Packet(&'static str),
    /// A packet that is not allowed in a public key.
    #[error("an OpenPGP packet of type {0} is not allowed in a public key")]
    UnexpectedPacket(u8),
    /// The key or signature version is not 4.
    #[error("OpenPGP version {0} is not supported: only version 4 is")]
    UnsupportedVersion(u8),
    /// The public-key algorithm is not RSA, DSA or EdDSA.
    #[error("OpenPGP public-key algorithm {0} is not supported: RSA (1), DSA (17) and EdDSA (22) are")]
    UnsupportedAlgorithm(u8),
    /// The signature's hash is too weak or unknown.
    #[error("OpenPGP hash algorithm {0} is not accepted here")]
    UnsupportedHash(u8),
    /// The signature's type is not that of a binary document.
    #[error("an OpenPGP signature of type {0:#04x} does not sign a binary document")]
    SignatureType(u8),
    /// A subpacket is marked critical and is not supported.
    #[error("the OpenPGP signature has a critical subpacket of type {0}, which is not supported")]
    CriticalSubpacket(u8),
    /// A subpacket is repeated.
    #[error("the OpenPGP signature has more than one subpacket of type {0}")]
    RepeatedSubpacket(u8),
    /// The key is too short, or its parameters are out of bounds.
    #[error("an OpenPGP {kind} key of {bits} bits is not accepted")]
    KeySize {
        /// `RSA` or `DSA`.
        kind: &'static str,
        /// The length of the modulus, in bits.
        bits: usize,
    },
    /// The numbers are not a public key.
    #[error("the numbers of the OpenPGP {0} key are not a public key")]
    InvalidMaterial(&'static str),
    /// The certificate has no self-signature that verifies and is strong enough.
    #[error("no user id of OpenPGP key {0} has a valid self-signature with SHA-256, SHA-384 or SHA-512")]
    NoSelfSignature(Fingerprint),
    /// The key's owner revoked it.
    #[error("the OpenPGP key {0} is revoked")]
    Revoked(Fingerprint),
    /// The file has a revocation that cannot be checked. What it revokes is unknown, so nothing in the file is used.
    #[error("the file of OpenPGP key {key_id} has a revocation that cannot be checked")]
    RevocationNotChecked {
        /// The key.
        key_id: Fingerprint,
        /// What is wrong with the revocation.
        source: Box<OpenPgpError>,
    },
    /// The file has a signature by its own key that does not sign what it follows.
    #[error(
        "the file of OpenPGP key {key_id} has a signature by the key itself, of type {kind:#04x}, that does not sign what it follows"
    )]
    Misplaced {
        /// The signature's type.
        kind: u8,
        /// The key.
        key_id: Fingerprint,
    },
    /// The signature names a key that is neither this one nor one of its subkeys.
    #[error("the OpenPGP signature is by {0}, which is neither this key nor one of its subkeys")]
    NotThisKey(Fingerprint),
    /// The key's owner did not allow this part of the key to sign data.
    #[error("the OpenPGP key {0} is not meant for signing data")]
    NotForSigning(Fingerprint),
    /// The signature's algorithm is not the key's.
    #[error("the OpenPGP signature has algorithm {signature}, the key has algorithm {key}")]
    AlgorithmMismatch {
        /// The signature's public-key algorithm.
        signature: u8,
        /// The key's public-key algorithm.
        key: u8,
    },
    /// The signature names an issuer that is not the key that it is verified with.
    #[error("the OpenPGP signature states its issuer as {stated}, but is presented as one by {key_id}")]
    IssuerMismatch {
        /// The issuer or issuer fingerprint in the signature, in hexadecimal.
        stated: String,
        /// The key that should verify it.
        key_id: Fingerprint,
    },
    /// The signature does not say when it was made.
    #[error("the OpenPGP signature has no creation time")]
    NoSignatureTime,
    /// The signature says it was made before its key was.
    #[error("the OpenPGP signature says it was made at {signed}, before its key {key_id} was made at {created}")]
    SignedBeforeKey {
        /// The key.
        key_id: Fingerprint,
        /// When the signature says it was made.
        signed: Timestamp,
        /// When the key says it was made.
        created: Timestamp,
    },
    /// The key had expired at the instant of judgement.
    #[error("the OpenPGP key {key_id} expired at {expired}; it was judged at {judged}")]
    KeyExpired {
        /// The key, or the primary key of the subkey.
        key_id: Fingerprint,
        /// When it expired.
        expired: Timestamp,
        /// The instant of judgement.
        judged: Timestamp,
    },
    /// The signature had expired at the instant of judgement.
    #[error("the OpenPGP signature expired at {expired}; it was judged at {judged}")]
    SignatureExpired {
        /// When it expired.
        expired: Timestamp,
        /// The instant of judgement.
        judged: Timestamp,
    },
    /// The signature is not this key's signature of the message.
    #[error("the OpenPGP signature does not verify")]
    BadSignature,
}
