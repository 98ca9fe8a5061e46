//! The seal: a DSSE envelope over the inventory, with room for more signatures.
//!
//! Promise: what parses is byte for byte what [`UnverifiedSeal::to_bytes`] writes, and a signature can be added without
//! moving anything. The envelope is valid JSON throughout; its signatures sit in slots of fixed length, blank where free.
//! Nothing is verified here: `sealift-core` turns an [`UnverifiedSeal`] into a verified one.

mod co_signing;
mod slots;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Digest;
use crate::dsse;
use crate::entry_name::EntryName;
use crate::inventory::{Inventory, InventoryError};
use crate::tar_profile::{self, BLOCK_LENGTH};

pub use co_signing::{CoSigning, CoSigningError};
pub use slots::{MAXIMUM_SIGNATURES, SLOT_LENGTH, SealSignature};

/// The payload type of the envelope: an in-toto Statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The longest seal, in bytes.
pub const MAXIMUM_LENGTH: u64 = 32 * 1024 * 1024;

const OPENING: &str = r#"{"payload":""#;
const MIDDLE: &str = r#"","payloadType":"application/vnd.in-toto+json","signatures":["#;

/// An inventory, and the signatures that are said to be over it. Anyone can make one.
#[derive(Debug, Clone)]
pub struct UnverifiedSeal {
    statement: Vec<u8>,
    inventory: Arc<Inventory>,
    signatures: Vec<SealSignature>,
}

/// Why bytes are not a seal, or why a seal cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SealFormatError {
    /// It is longer than a seal may be.
    #[error("a seal of {length} bytes: the limit is {limit}")]
    TooLong {
        /// Its length, in bytes.
        length: u64,
        /// The longest that is read, in bytes.
        limit: u64,
    },
    /// Its length or the text around payload and signatures is not a seal's.
    #[error("not a seal: the envelope is not written in the one way that seals are")]
    Envelope,
    /// A slot holds neither a signature nor blanks, or comes after a blank one.
    #[error("slot {slot} of the seal holds no whole signature: was adding one interrupted?")]
    Slot {
        /// The slot, counted from 0.
        slot: usize,
    },
    /// There is no signature.
    #[error("the seal has no signature")]
    NoSignature,
    /// What names a key is not a SHA-256 fingerprint.
    #[error("{key} cannot name the key of a signature: fingerprints are SHA-256")]
    Fingerprint {
        /// What was given.
        key: Digest,
    },
    /// One key is said to have signed twice.
    #[error("the seal has two signatures of key {key}")]
    DuplicateKey {
        /// The fingerprint.
        key: Digest,
    },
    /// There are more signatures than there is room for.
    #[error("{count} signatures: a seal has room for {MAXIMUM_SIGNATURES}")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// What it carries is not an inventory.
    #[error("what the seal carries cannot be read")]
    Inventory(#[from] InventoryError),
}

impl UnverifiedSeal {
    /// Puts a seal together from an inventory and signatures over its [`signed_bytes`].
    ///
    /// # Errors
    /// [`SealFormatError`] when the inventory breaks a rule or the signatures do not fit.
    pub fn new(inventory: Inventory, signatures: Vec<SealSignature>) -> Result<Self, SealFormatError> {
        slots::check(&signatures)?;
        let seal = Self { statement: inventory.to_statement()?, inventory: Arc::new(inventory), signatures };
        check_length(seal.length(), MAXIMUM_LENGTH)?;
        Ok(seal)
    }

    /// Parses the content of `sealift/seal.json`.
    ///
    /// # Errors
    /// [`SealFormatError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SealFormatError> {
        check_length(bytes.len() as u64, MAXIMUM_LENGTH)?;
        let (head, tail) = split(bytes)?;
        let statement = parse_head(head)?;
        let signatures = slots::parse(tail)?;
        let inventory = Arc::new(Inventory::parse(&statement)?);
        Ok(Self { statement, inventory, signatures })
    }

    /// The content of `sealift/seal.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = encode_head(&self.statement);
        bytes.extend_from_slice(&slots::encode(&self.signatures));
        bytes
    }

    /// The length of `sealift/seal.json`, in bytes. It does not depend on the number of signatures.
    pub fn length(&self) -> u64 {
        (head_length(self.statement.len()) + slots::LENGTH) as u64
    }

    /// What the archive is said to hold.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// The statement that is signed, as it is carried.
    pub fn statement(&self) -> &[u8] {
        &self.statement
    }

    /// The digest of the statement: it identifies the archive, whoever signed it.
    pub fn statement_digest(&self) -> Digest {
        Digest::sha256(&self.statement)
    }

    /// The bytes that each signature is said to sign.
    pub fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(&self.statement)
    }

    /// The signatures, unverified, in the order in which they were added.
    pub fn signatures(&self) -> &[SealSignature] {
        &self.signatures
    }
}

/// The bytes that an exporter signs to seal a statement: DSSE's pre-authentication encoding.
pub fn signed_bytes(statement: &[u8]) -> Vec<u8> {
    dsse::pae(PAYLOAD_TYPE, statement)
}

/// The length of the seal that this header announces, if it is a seal's header.
pub(crate) fn header_length(header: &[u8; BLOCK_LENGTH]) -> Option<u64> {
    let length = tar::Header::from_byte_slice(header).entry_size().ok()?;
    (tar_profile::header(&EntryName::seal(), length) == header).then_some(length)
}

/// Checks a seal's length before anything of it is read.
pub(crate) fn check_length(length: u64, limit: u64) -> Result<(), SealFormatError> {
    let blocks = length.is_multiple_of(BLOCK_LENGTH as u64);
    match length {
        _ if length > limit => Err(SealFormatError::TooLong { length, limit }),
        _ if !blocks || length <= slots::LENGTH as u64 => Err(SealFormatError::Envelope),
        _ => Ok(()),
    }
}

/// Splits a seal into what comes before the slots, and the slots.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8; slots::LENGTH]), SealFormatError> {
    bytes.split_last_chunk().ok_or(SealFormatError::Envelope)
}

/// The length of everything before the slots: whole blocks.
fn head_length(statement_length: usize) -> usize {
    let encoded = statement_length.div_ceil(3) * 4;
    (OPENING.len() + encoded + MIDDLE.len()).next_multiple_of(BLOCK_LENGTH)
}

fn encode_head(statement: &[u8]) -> Vec<u8> {
    let mut head = format!("{OPENING}{}{MIDDLE}", STANDARD.encode(statement)).into_bytes();
    head.resize(head_length(statement.len()), b' ');
    head
}

fn parse_head(head: &[u8]) -> Result<Vec<u8>, SealFormatError> {
    let encoded = head.strip_prefix(OPENING.as_bytes()).and_then(|rest| rest.split(|&byte| byte == b'"').next());
    let statement = encoded.and_then(|encoded| STANDARD.decode(encoded).ok()).ok_or(SealFormatError::Envelope)?;
    if encode_head(&statement) == head { Ok(statement) } else { Err(SealFormatError::Envelope) }
}

#[cfg(test)]
mod tests;
