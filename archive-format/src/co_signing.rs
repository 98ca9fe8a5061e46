//! Adding a signature to the seal of an archive that is already written.
//!
//! Promise: one slot is written, in one write that lies within one sector, and then synchronised. Before that the seal
//! is complete without the new signature, and afterwards it is complete with it. If a medium tears even that write,
//! readers refuse the seal, and adding a signature again repairs it: the torn slot is the one that is written.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use crate::digest::Digest;
use crate::reader::SealedReader;
use crate::seal::slots::{self, Slot};
use crate::seal::{self, MAXIMUM_LENGTH, ReadError, SLOT_LENGTH, SealFormatError, SealSignature, UnverifiedSeal};
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
    /// The key has already signed.
    #[error("key {0} has already signed this archive")]
    AlreadySigned(Digest),
    /// Every slot is taken.
    #[error("the seal has no room for another signature: all {} slots are taken", slots::MAXIMUM_SIGNATURES)]
    NoRoom,
}

impl<'a> CoSigning<'a> {
    /// Locks the archive against other signers, and reads its seal; a signature whose addition was interrupted is
    /// ignored.
    ///
    /// # Errors
    /// [`CoSigningError`].
    pub fn open(archive: &'a mut File) -> Result<Self, CoSigningError> {
        archive.lock()?;
        archive.seek(SeekFrom::Start(0))?;
        let mut header = [0; BLOCK_LENGTH];
        archive.read_exact(&mut header).map_err(|_| CoSigningError::NotAnArchive)?;
        let length = seal::header_length(&header).ok_or(CoSigningError::NotAnArchive)?;
        seal::check_length(length, MAXIMUM_LENGTH)?;
        let read = seal::read_parts(&mut BufReader::new(&mut *archive), length);
        let (message, tail) = read.map_err(|error| match error {
            ReadError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => SealFormatError::Envelope.into(),
            ReadError::Io(error) => CoSigningError::Io(error),
            ReadError::Format(error) => error.into(),
        })?;
        let signatures = whole_signatures(&tail)?;
        Ok(Self { archive, seal: UnverifiedSeal { message: Arc::new(message), signatures } })
    }

    /// Reads the archive after its seal, from the locked file, so that it can be verified before it is signed.
    ///
    /// # Errors
    /// [`CoSigningError::Io`].
    pub fn reader(&mut self) -> Result<SealedReader<&mut File>, CoSigningError> {
        let start = BLOCK_LENGTH as u64 + self.seal.length();
        self.archive.seek(SeekFrom::Start(start))?;
        Ok(SealedReader::after_seal(&mut *self.archive, self.seal.clone()))
    }

    /// The seal as it is.
    pub fn seal(&self) -> &UnverifiedSeal {
        &self.seal
    }

    /// Checks that there is room for the signature of a key that has not signed yet.
    ///
    /// # Errors
    /// [`CoSigningError::AlreadySigned`] and [`CoSigningError::NoRoom`].
    pub fn check_room(&self, key: &Digest) -> Result<(), CoSigningError> {
        self.seal.check_room(key)
    }

    /// Writes a signature over the seal's [`UnverifiedSeal::signed_bytes`] into the next slot, and synchronises the file.
    ///
    /// # Errors
    /// [`CoSigningError`]; nothing is written when the key has signed already or there is no room.
    pub fn add_signature(mut self, signature: SealSignature) -> Result<UnverifiedSeal, CoSigningError> {
        self.check_room(&signature.key)?;
        let slot = self.seal.signatures.len();
        self.seal.signatures.push(signature);
        let slots = slots::encode(&self.seal.signatures);
        let start = slot * SLOT_LENGTH;
        let written = slots.get(start..start + SLOT_LENGTH).unwrap_or_default();
        let slots_start = BLOCK_LENGTH as u64 + self.seal.length() - slots::LENGTH as u64;
        self.archive.seek(SeekFrom::Start(slots_start + start as u64))?;
        self.archive.write_all(written)?;
        self.archive.sync_data()?;
        Ok(self.seal.clone())
    }
}

impl UnverifiedSeal {
    /// Checks that there is room for the signature of a key that has not signed yet.
    ///
    /// # Errors
    /// [`CoSigningError::AlreadySigned`] and [`CoSigningError::NoRoom`].
    pub fn check_room(&self, key: &Digest) -> Result<(), CoSigningError> {
        if self.signatures.iter().any(|earlier| earlier.key == *key) {
            return Err(CoSigningError::AlreadySigned(key.clone()));
        }
        if self.signatures.len() >= slots::MAXIMUM_SIGNATURES { Err(CoSigningError::NoRoom) } else { Ok(()) }
    }

    /// The seal with one more signature over its [`signed_bytes`](Self::signed_bytes): for an archive that is written anew. It has the same length.
    ///
    /// # Errors
    /// Those of [`check_room`](Self::check_room).
    pub fn with_signature(mut self, signature: SealSignature) -> Result<Self, CoSigningError> {
        self.check_room(&signature.key)?;
        self.signatures.push(signature);
        Ok(self)
    }
}

impl Drop for CoSigning<'_> {
    fn drop(&mut self) {
        // Closing the file would unlock it too; a failure here breaks no promise.
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
