//! One more exporter seals an existing archive.
//!
//! Promise: nobody signs what they have not read. A [`CoSigner`] has one file open, and locked against other signers;
//! its key signs the statement that was read from it at the start, and only with a proof in hand that the archive
//! behind it was verified to its last byte ([`Verified`]), or when the signer was told the digest of the statement out
//! of band.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;

use sealift_archive_format::co_signing::{CoSigning, CoSigningError};
use sealift_archive_format::compression::Compression;
use sealift_archive_format::reader::SealedReader;
use sealift_archive_format::{Digest, SealSignature, UnverifiedSeal};
use sealift_proof::signature::SigningKey;

use crate::seal::{self, SignError};
use crate::trust_store::{Trust, TrustStore};
use crate::verify::Verified;

/// One more signature for a seal, which goes to nobody before its statement was verified or told.
#[derive(Debug)]
pub struct NewSignature {
    seal: UnverifiedSeal,
    signature: SealSignature,
    identity: sealift_proof::signature::KeyIdentity,
}

impl NewSignature {
    /// For an archive that is not compressed, and a key that has not signed it yet.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn of<R: Read>(archive: &SealedReader<R>, key: &SigningKey) -> Result<Self, SignError> {
        match archive.compression() {
            Compression::None => Self::of_seal(archive.seal(), key),
            _ => Err(CoSigningError::NotAnArchive.into()),
        }
    }

    fn of_seal(seal: &UnverifiedSeal, key: &SigningKey) -> Result<Self, SignError> {
        let signature = seal::sign_message(seal.signed_bytes(), key)?;
        seal.check_room(&signature.key)?;
        Ok(Self { seal: seal.clone(), signature, identity: key.public_key()?.identity() })
    }

    /// The digest of the statement that would be signed.
    pub fn statement_digest(&self) -> Digest {
        self.seal.statement_digest()
    }

    /// What the archive is verified against before it is signed: this side's trust. If it requires several exporters,
    /// and this key belongs to one of them, one fewer need have signed so far; but at least one must have.
    pub fn terms(&self, trust: &Trust) -> Trust {
        self.terms_of(trust.clone())
    }

    fn terms_of(&self, mut terms: Trust) -> Trust {
        if terms.exporters.values().any(|key| key.identity() == self.identity) {
            let others = terms.policy.exporter_threshold.get() - 1;
            terms.policy.exporter_threshold = NonZeroU32::new(others).unwrap_or(NonZeroU32::MIN);
        }
        terms
    }

    /// The seal with the signature, for an archive that is written anew, after it was verified against the [terms](Self::terms) of this trust store.
    ///
    /// # Errors
    /// [`SignError`], as for [`CoSigner::sign_verified`].
    pub fn seal_verified(self, verified: &Verified, store: &TrustStore) -> Result<UnverifiedSeal, SignError> {
        self.require_verified(verified, store)?;
        Ok(self.seal.with_signature(self.signature)?)
    }

    /// The seal with the signature, for a signer who was told the digest of its statement.
    ///
    /// # Errors
    /// [`SignError::OtherStatement`].
    pub fn seal_statement(self, statement: &Digest) -> Result<UnverifiedSeal, SignError> {
        self.require_statement(statement)?;
        Ok(self.seal.with_signature(self.signature)?)
    }

    fn require_verified(&self, verified: &Verified, store: &TrustStore) -> Result<(), SignError> {
        verified.head().terms.require_as_strict_as_policy()?;
        let states = verified.judgement().next_states();
        store.require_unchanged(&verified.head().basis, &states, |trust| self.terms_of(trust))?;
        self.require_statement(verified.head().seal.statement_digest())
    }

    fn require_statement(&self, statement: &Digest) -> Result<(), SignError> {
        let found = self.statement_digest();
        if found == *statement { Ok(()) } else { Err(SignError::OtherStatement { found, told: statement.clone() }) }
    }
}

/// An archive that is open and locked, and has room for one more signature.
#[derive(Debug)]
pub struct CoSigner<'a> {
    archive: CoSigning<'a>,
    new: NewSignature,
}

impl<'a> CoSigner<'a> {
    /// Locks an archive and reads its seal, for a key that has not signed it yet.
    ///
    /// # Errors
    /// [`SignError`]; the archive is unchanged.
    pub fn open(archive: &'a mut File, key: &SigningKey) -> Result<Self, SignError> {
        let archive = CoSigning::open(archive)?;
        let new = NewSignature::of_seal(archive.seal(), key)?;
        Ok(Self { archive, new })
    }

    /// The digest of the statement that would be signed.
    pub fn statement_digest(&self) -> Digest {
        self.new.statement_digest()
    }

    /// What the archive is verified against before it is signed: see [`NewSignature::terms`].
    pub fn terms(&self, trust: &Trust) -> Trust {
        self.new.terms(trust)
    }

    /// The archive, from the file that is locked: to be verified with [`crate::verify::open_sealed`].
    ///
    /// # Errors
    /// [`SignError`] when the file cannot be read.
    pub fn reader(&mut self) -> Result<SealedReader<&mut File>, SignError> {
        Ok(self.archive.reader()?)
    }

    /// Signs what was verified against the [terms](Self::terms) of this trust store. Reading an archive takes its time, so the store is
    /// asked again. Returns the resulting seal.
    ///
    /// # Errors
    /// [`SignError::OtherStatement`] when that was another archive, [`SignError::Freshness`] when it was judged by a looser
    /// clock than the policy's, [`SignError::TrustStore`] when the store would judge it differently now, and those of writing.
    pub fn sign_verified(self, verified: &Verified, store: &TrustStore) -> Result<UnverifiedSeal, SignError> {
        self.new.require_verified(verified, store)?;
        Ok(self.archive.add_signature(self.new.signature)?)
    }

    /// Signs the statement that has this digest: for a signer who was told it by someone who verified the archive.
    /// Nothing else in the archive is examined. Returns the resulting seal.
    ///
    /// # Errors
    /// [`SignError::OtherStatement`], and errors of writing; the archive is then unchanged.
    pub fn sign_statement(self, statement: &Digest) -> Result<UnverifiedSeal, SignError> {
        self.new.require_statement(statement)?;
        Ok(self.archive.add_signature(self.new.signature)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Seek as _;
    use std::sync::Arc;

    use sealift_archive_format::{Reader, Seal, Writer};

    use super::*;
    use crate::seal::tests::{exporter, inventory};
    use crate::seal::{sign, verify};

    fn archive(key: &SigningKey) -> (File, Digest) {
        let inventory = inventory();
        let signature = sign(&inventory.to_statement().unwrap(), key).unwrap();
        let seal = Seal::new(inventory, vec![signature]).unwrap();
        let mut writer = Writer::new(tempfile::tempfile().unwrap(), &seal).unwrap();
        for entry in &seal.inventory().entries {
            writer.append(&entry.name, &mut &b"{}"[..]).unwrap();
        }
        (writer.finish().unwrap(), seal.bytes().statement_digest())
    }

    #[test]
    fn a_seal_that_is_co_signed_in_place_has_both_signers() {
        let [a, b] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let (mut archive, statement) = archive(&a);
        let seal = CoSigner::open(&mut archive, &b).unwrap().sign_statement(&statement).unwrap();
        assert_eq!(seal.signatures().len(), 2);
        let again = CoSigner::open(&mut archive, &b).map(drop);
        assert!(matches!(again, Err(SignError::CoSigning(CoSigningError::AlreadySigned(_)))));
        archive.rewind().unwrap();
        let sealed = Reader::open(archive).unwrap();
        let two = NonZeroU32::new(2).unwrap();
        let verified = verify(sealed.seal(), &[exporter("a", &a), exporter("b", &b)], two).unwrap();
        assert_eq!(verified.signers(), ["a", "b"]);
        sealed.with_inventory(Arc::clone(verified.inventory())).finish().unwrap();
    }

    #[test]
    fn another_statement_than_the_one_that_was_told_is_not_signed() {
        let [a, b] = [1, 2].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let (mut archive, statement) = archive(&a);
        let told = Digest::sha256(b"another");
        let error = CoSigner::open(&mut archive, &b).unwrap().sign_statement(&told).unwrap_err();
        assert!(matches!(error, SignError::OtherStatement { found, .. } if found == statement));
        archive.rewind().unwrap();
        assert_eq!(Reader::open(archive).unwrap().seal().signatures().len(), 1, "nothing was written");
    }
}
