//! The seal: a DSSE envelope over the inventory, with room for more signatures.
//!
//! Promise: what parses is byte for byte what [`UnverifiedSeal::to_bytes`] writes, and a signature can be added without
//! moving anything. The envelope is valid JSON throughout; its signatures sit in slots of fixed length, blank where
//! free. Nothing is verified here, and nothing unverified is interpreted: an [`UnverifiedSeal`] is a statement as
//! bytes. `sealift-core` verifies it as bytes, and only then reads its inventory.

mod head;
pub(crate) mod slots;

use std::io::Read;
use std::sync::Arc;

use crate::digest::Digest;
use crate::entry_name::EntryName;
use crate::inventory::{Inventory, InventoryError};
use crate::layout::EntryOffsets;
use crate::tar_profile::{self, BLOCK_LENGTH};

use head::Message;
pub(crate) use head::ReadError;
pub(crate) use slots::SLOT_LENGTH;
pub use slots::{MAXIMUM_SIGNATURES, SealSignature};

/// The payload type of the envelope: an in-toto Statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The longest seal, in bytes.
pub const MAXIMUM_LENGTH: u64 = 32 * 1024 * 1024;

/// A statement as bytes, and the signatures that claim to sign it. Anyone can make one, and the statement has not been
/// interpreted: it may be anything. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct UnverifiedSeal {
    pub(crate) message: Arc<Message>,
    pub(crate) signatures: Vec<SealSignature>,
}

/// A seal that was made here, from an inventory: what a [`Writer`](crate::Writer) begins an archive with.
#[derive(Debug, Clone)]
pub struct Seal {
    bytes: UnverifiedSeal,
    inventory: Arc<Inventory>,
}

/// Why bytes are not a seal, or why a seal cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SealFormatError {
    /// It is longer than a seal may be.
    #[error("the seal has {length} bytes; the limit is {limit}")]
    TooLong {
        /// Its length, in bytes.
        length: u64,
        /// The longest that is read, in bytes.
        limit: u64,
    },
    /// Its length, or the text around payload and signatures, is not that of a seal.
    #[error("not a seal: the envelope is not written in the one form of a seal")]
    Envelope,
    /// It is a DSSE envelope, but of something else.
    #[error("not a seal: a signed envelope of another type, {found:?}")]
    PayloadType {
        /// Its payload type, or the beginning of it.
        found: String,
    },
    /// A slot holds neither a signature nor blanks, or comes after a blank one.
    #[error("slot {slot} of the seal does not hold a complete signature; adding one may have been interrupted")]
    Slot {
        /// The slot, counted from 0.
        slot: usize,
    },
    /// There is no signature.
    #[error("the seal has no signature")]
    NoSignature,
    /// A key is not named by a SHA-256 fingerprint.
    #[error("{key} cannot name the key of a signature, because it is not a SHA-256 fingerprint")]
    Fingerprint {
        /// What was given.
        key: Digest,
    },
    /// One key is listed as having signed twice.
    #[error("the seal has two signatures by key {key}")]
    DuplicateKey {
        /// The fingerprint.
        key: Digest,
    },
    /// There are more signatures than there is room for.
    #[error("there are {count} signatures; a seal has room for {MAXIMUM_SIGNATURES}")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// What it carries is not an inventory.
    #[error("the statement in the seal cannot be read")]
    Inventory(#[from] InventoryError),
}

impl UnverifiedSeal {
    /// Assembles a seal from a statement, which may be anything, and signatures over it.
    ///
    /// # Errors
    /// [`SealFormatError`] when the signatures do not fit, or the statement is too long.
    pub fn new(statement: &[u8], signatures: Vec<SealSignature>) -> Result<Self, SealFormatError> {
        slots::check(&signatures)?;
        let seal = Self { message: Arc::new(Message::of(statement)), signatures };
        check_length(seal.length(), MAXIMUM_LENGTH)?;
        Ok(seal)
    }

    /// Parses the content of `sealift/seal.json`, but not the statement that it carries.
    ///
    /// # Errors
    /// [`SealFormatError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SealFormatError> {
        check_length(bytes.len() as u64, MAXIMUM_LENGTH)?;
        Self::read(&mut &*bytes, bytes.len() as u64).map_err(|error| match error {
            ReadError::Io(_) => SealFormatError::Envelope,
            ReadError::Format(error) => error,
        })
    }

    /// Reads a seal whose length has been checked.
    pub(crate) fn read(input: &mut impl Read, length: u64) -> Result<Self, ReadError> {
        let (message, tail) = read_parts(input, length)?;
        Ok(Self { message: Arc::new(message), signatures: slots::parse(&tail)? })
    }

    /// The content of `sealift/seal.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = head::encode(self.statement());
        bytes.extend_from_slice(&slots::encode(&self.signatures));
        bytes
    }

    /// The length of `sealift/seal.json`, in bytes. It does not depend on the number of signatures.
    pub fn length(&self) -> u64 {
        (head::length(self.statement().len()) + slots::LENGTH) as u64
    }

    /// The statement that is signed, as it is carried.
    pub fn statement(&self) -> &[u8] {
        self.message.statement()
    }

    /// The digest of the statement: it identifies the archive, whoever signed it.
    pub fn statement_digest(&self) -> Digest {
        Digest::sha256(self.statement())
    }

    /// The bytes that each signature claims to sign: DSSE's pre-authentication encoding of the statement.
    pub fn signed_bytes(&self) -> &[u8] {
        self.message.signed_bytes()
    }

    /// The signatures, unverified, in the order in which they were added.
    pub fn signatures(&self) -> &[SealSignature] {
        &self.signatures
    }
}

impl Seal {
    /// Seals an inventory with signatures over its [`signed_bytes`].
    ///
    /// # Errors
    /// [`SealFormatError`] when the inventory breaks a rule or the signatures do not fit.
    pub fn new(inventory: Inventory, signatures: Vec<SealSignature>) -> Result<Self, SealFormatError> {
        let bytes = UnverifiedSeal::new(&inventory.to_statement()?, signatures)?;
        Ok(Self { bytes, inventory: Arc::new(inventory) })
    }

    /// The seal as it is written.
    pub fn bytes(&self) -> &UnverifiedSeal {
        &self.bytes
    }

    /// What the archive will hold.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// Where everything will lie in the archive.
    pub fn layout(&self) -> EntryOffsets {
        EntryOffsets::of(self.bytes.length(), &self.inventory)
    }
}

/// The bytes that an exporter signs to seal a statement: DSSE's pre-authentication encoding.
pub fn signed_bytes(statement: &[u8]) -> Vec<u8> {
    crate::dsse::pae(PAYLOAD_TYPE, statement)
}

/// The length of the seal that this header announces, if it is a seal's header.
pub(crate) fn header_length(header: &[u8; BLOCK_LENGTH]) -> Option<u64> {
    let length = tar::Header::from_byte_slice(header).entry_size().ok()?;
    (tar_profile::header(&EntryName::seal(), length) == header).then_some(length)
}

/// Checks a seal's length before any of it is read.
pub(crate) fn check_length(length: u64, limit: u64) -> Result<(), SealFormatError> {
    let blocks = length.is_multiple_of(BLOCK_LENGTH as u64);
    match length {
        _ if length > limit => Err(SealFormatError::TooLong { length, limit }),
        _ if !blocks || length <= slots::LENGTH as u64 => Err(SealFormatError::Envelope),
        _ => Ok(()),
    }
}

/// Reads what comes before the slots, and the slots.
pub(crate) fn read_parts(input: &mut impl Read, length: u64) -> Result<(Message, [u8; slots::LENGTH]), ReadError> {
    let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(slots::LENGTH));
    let message = head::read(input, length.ok_or(SealFormatError::Envelope)?)?;
    let mut tail = [0; slots::LENGTH];
    input.read_exact(&mut tail)?;
    Ok((message, tail))
}

#[cfg(test)]
mod tests;
