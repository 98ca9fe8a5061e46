//! Ed25519 private keys: for seals, and for the sample publisher.

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding};
use zeroize::Zeroizing;

use super::{KeyError, PublicKey};

/// An ed25519 private key. Wiped from memory when dropped; never printed.
pub struct SigningKey(ed25519_dalek::SigningKey);

/// Why a private key cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file is encrypted and no passphrase was given.
    #[error("the private key is encrypted with a passphrase")]
    PassphraseNeeded,
    /// The passphrase does not decrypt it.
    #[error("the passphrase does not decrypt the private key")]
    WrongPassphrase,
    /// It is not an ed25519 key in PKCS #8 PEM.
    #[error("not an ed25519 private key in PKCS #8 PEM: {0}")]
    Malformed(String),
    /// The system's random number generator failed.
    #[error("the system's random number generator failed")]
    NoRandomness,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

impl SigningKey {
    /// A fresh key from the system's randomness.
    ///
    /// # Errors
    /// [`SigningKeyError::NoRandomness`].
    pub fn generate() -> Result<Self, SigningKeyError> {
        use ring::rand::SecureRandom as _;
        let mut seed = Zeroizing::new([0_u8; 32]);
        ring::rand::SystemRandom::new().fill(seed.as_mut()).map_err(|_| SigningKeyError::NoRandomness)?;
        Ok(Self::from_seed(&seed))
    }

    /// The key of a seed (RFC 8032 §5.1.5). For tests and samples that must be repeatable.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads PKCS #8 PEM (RFC 8410), encrypted (`ENCRYPTED PRIVATE KEY`) or not.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, SigningKeyError> {
        let malformed = |error: &dyn std::fmt::Display| SigningKeyError::Malformed(error.to_string());
        if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            let passphrase = passphrase.ok_or(SigningKeyError::PassphraseNeeded)?;
            let (_, document) = pkcs8::SecretDocument::from_pem(pem).map_err(|error| malformed(&error))?;
            let encrypted: pkcs8::EncryptedPrivateKeyInfoRef<'_> =
                document.decode_msg().map_err(|error| malformed(&error))?;
            let document = encrypted.decrypt(passphrase).map_err(|_| SigningKeyError::WrongPassphrase)?;
            return ed25519_dalek::SigningKey::from_pkcs8_der(document.as_bytes())
                .map(Self)
                .map_err(|error| malformed(&error));
        }
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|error| malformed(&error))
    }

    /// Writes PKCS #8 PEM; encrypted (PBES2: scrypt, AES-256-CBC) when a passphrase is given.
    ///
    /// # Errors
    /// [`SigningKeyError::Malformed`] when the encoding fails.
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, SigningKeyError> {
        let malformed = |error: pkcs8::Error| SigningKeyError::Malformed(error.to_string());
        match passphrase {
            None => self.without_public_half().to_pkcs8_pem(LineEnding::LF).map_err(malformed),
            Some(passphrase) => {
                let document = self.without_public_half().to_pkcs8_der().map_err(malformed)?;
                let info = pkcs8::PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(malformed)?;
                let encrypted = info.encrypt(passphrase).map_err(malformed)?;
                encrypted
                    .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
                    .map_err(|error| SigningKeyError::Malformed(error.to_string()))
            }
        }
    }

    /// What is written: version 1 of the encoding (RFC 5958 §2). OpenSSL and others do not read version 2, which holds
    /// the public half as well.
    fn without_public_half(&self) -> KeypairBytes {
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }
    }

    /// The public half.
    ///
    /// # Errors
    /// [`KeyError`] never in practice: a key made from a seed is valid.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::ed25519(self.0.verifying_key().as_bytes())
    }

    /// The 32 bytes of the public half.
    pub fn public_bytes(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Signs a message: 64 bytes, deterministic.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).to_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_pem_with_and_without_a_passphrase() {
        let key = SigningKey::from_seed(&[7; 32]);
        let plain = key.to_pem(None).unwrap();
        assert_eq!(SigningKey::from_pem(&plain, None).unwrap().public_bytes(), key.public_bytes());
        let locked = key.to_pem(Some("correct horse")).unwrap();
        assert!(matches!(SigningKey::from_pem(&locked, None), Err(SigningKeyError::PassphraseNeeded)));
        assert!(matches!(SigningKey::from_pem(&locked, Some("wrong")), Err(SigningKeyError::WrongPassphrase)));
        let opened = SigningKey::from_pem(&locked, Some("correct horse")).unwrap();
        assert_eq!(opened.public_bytes(), key.public_bytes());
    }

    #[test]
    fn a_key_is_written_as_openssl_reads_it() {
        let (label, der) = pem_rfc7468::decode_vec(SigningKey::from_seed(&[7; 32]).to_pem(None).unwrap().as_bytes())
            .map(|(label, der)| (label.to_owned(), der))
            .unwrap();
        // RFC 8410 §7: version 0, the algorithm, and the seed in an octet string within an octet string.
        let expected = [&hex::decode("302e020100300506032b657004220420").unwrap()[..], &[7; 32]].concat();
        assert_eq!((label.as_str(), der), ("PRIVATE KEY", expected));
    }

    #[test]
    fn a_key_with_its_public_half_is_read_too() {
        let key = SigningKey::from_seed(&[7; 32]);
        let with_public_half = key.0.to_pkcs8_pem(LineEnding::LF).unwrap();
        assert_eq!(SigningKey::from_pem(&with_public_half, None).unwrap().public_bytes(), key.public_bytes());
    }

    #[test]
    fn what_is_signed_verifies_and_what_is_changed_does_not() {
        let key = SigningKey::from_seed(&[7; 32]);
        let public = key.public_key().unwrap();
        let signature = key.sign(b"message");
        public.verify(b"message", &signature).unwrap();
        assert_eq!(public.verify(b"massage", &signature), Err(KeyError::BadSignature));
        assert_eq!(public.verify(b"message", &signature[..63]), Err(KeyError::BadSignature));
        let read_back = PublicKey::from_pem(&public.to_pem().unwrap(), None).unwrap();
        assert_eq!(read_back, public);
    }
}
