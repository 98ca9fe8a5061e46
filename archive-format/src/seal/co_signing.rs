//! Adding a signature to the seal of an archive that is already written.
//!
//! Promise: one slot is written, in one write that lies within one sector, and then synchronised. Until then the seal is
//! whole without the new signature, and after it with it. If a medium tears even that write, readers refuse the seal, and
//! adding a signature again repairs it: the torn slot is the one that is written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::slots::{self, Slot};
use super::{MAXIMUM_LENGTH, SLOT_LENGTH, SealFormatError, SealSignature, UnverifiedSeal};
use crate::inventory::Inventory;
use crate::tar_profile::BLOCK_LENGTH;

/// An archive that is open, and locked, for one more signature.
#[derive(Debug)]
pub struct CoSigning<'a> {
    archive: &'a mut File,
    seal: UnverifiedSeal,
}

/// Why no signature can be added.
#[derive(Debug, thiserror::Error)]
pub enum CoSigningError {
    /// The archive cannot be locked, read or written.
    #[error("cannot read or write the archive")]
    Io(#[from] io::Error),
    /// The file does not begin as an archive does.
    #[error("not a Sealift archive, or one that is compressed: only a plain archive can be signed in place")]
    NotAnArchive,
    /// The seal is broken.
    #[error("the archive's seal is broken")]
    Seal(#[from] SealFormatError),
    /// The key has signed already.
    #[error("key {0} has signed this archive already")]
    AlreadySigned(crate::Digest),
    /// Every slot is taken.
    #[error("the seal has no room for another signature: all {} slots are taken", slots::MAXIMUM_SIGNATURES)]
    NoRoom,
}

impl<'a> CoSigning<'a> {
    /// Locks the archive against other signers, and reads its seal; where adding a signature was interrupted, without it.
    ///
    /// # Errors
    /// [`CoSigningError`].
    pub fn open(archive: &'a mut File) -> Result<Self, CoSigningError> {
        archive.lock()?;
        archive.seek(SeekFrom::Start(0))?;
        let mut header = [0; BLOCK_LENGTH];
        archive.read_exact(&mut header).map_err(|_| CoSigningError::NotAnArchive)?;
        let length = super::header_length(&header).ok_or(CoSigningError::NotAnArchive)?;
        super::check_length(length, MAXIMUM_LENGTH)?;
        let mut bytes = Vec::new();
        archive.take(length).read_to_end(&mut bytes)?;
        let (head, tail) = super::split(&bytes)?;
        let statement = super::parse_head(head)?;
        let signatures = whole_signatures(tail)?;
        let inventory = Inventory::parse(&statement).map_err(SealFormatError::from)?.into();
        Ok(Self { archive, seal: UnverifiedSeal { statement, inventory, signatures } })
    }

    /// The seal as it is.
    pub fn seal(&self) -> &UnverifiedSeal {
        &self.seal
    }

    /// Writes a signature over the seal's [`UnverifiedSeal::signed_bytes`] into the next slot, and synchronises the file.
    ///
    /// # Errors
    /// [`CoSigningError`]; nothing is written when the key has signed already or there is no room.
    pub fn add_signature(mut self, signature: SealSignature) -> Result<UnverifiedSeal, CoSigningError> {
        if self.seal.signatures.iter().any(|earlier| earlier.key == signature.key) {
            return Err(CoSigningError::AlreadySigned(signature.key));
        }
        let slot = self.seal.signatures.len();
        if slot >= slots::MAXIMUM_SIGNATURES {
            return Err(CoSigningError::NoRoom);
        }
        self.seal.signatures.push(signature);
        let bytes = self.seal.to_bytes();
        let start = bytes.len() - slots::LENGTH + slot * SLOT_LENGTH;
        let written = bytes.get(start..start + SLOT_LENGTH).unwrap_or_default();
        self.archive.seek(SeekFrom::Start((BLOCK_LENGTH + start) as u64))?;
        self.archive.write_all(written)?;
        self.archive.sync_data()?;
        Ok(self.seal.clone())
    }
}

impl Drop for CoSigning<'_> {
    fn drop(&mut self) {
        // Closing the file would unlock it too; a failure here changes nothing that was promised.
        let _ = self.archive.unlock();
    }
}

/// The signatures up to the first slot that has none; that one may be torn, and those after it are free.
fn whole_signatures(tail: &[u8; slots::LENGTH]) -> Result<Vec<SealSignature>, SealFormatError> {
    let mut signatures = Vec::new();
    for (at, slot) in slots::read(tail)?.into_iter().enumerate() {
        match slot {
            Slot::Signed(signature) if signatures.len() == at => signatures.push(signature),
            Slot::Torn if signatures.len() == at => {}
            Slot::Free => {}
            Slot::Signed(_) | Slot::Torn => return Err(SealFormatError::Slot { slot: at }),
        }
    }
    slots::check(&signatures)?;
    Ok(signatures)
}
