//! Public keys: parsed once into checked key material, bound to the one scheme they verify.

use std::ops::RangeInclusive;

use der::{Decode, Encode};
use ed25519_dalek::VerifyingKey;
use ring::signature as ring_signature;
use sealift_archive_format::Digest;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};

use super::{ed25519, rsa_pss};

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The largest key that is read, in bytes of its encoded form; an RSA key of 16,384 bits is far below it.
const MAXIMUM_ENCODED_LENGTH: usize = 16 * 1024;
/// The length of r, and of s, over P-384, in bytes.
const P384_SCALAR_LENGTH: usize = 48;
/// The lengths of RSA moduli that are accepted, in bits.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// A signature algorithm, complete: curve or padding, and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Ed25519 (RFC 8032), verified strictly: no small-order keys, no malleable signatures.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, ASN.1 signatures.
    EcdsaP256Sha256,
    /// ECDSA over P-384 with SHA-384, ASN.1 signatures.
    EcdsaP384Sha384,
    /// RSASSA-PSS with SHA-256, also for the mask, and a salt of any length.
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, also for the mask, and a salt of any length.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, also for the mask, and a salt of any length.
    RsaPssSha512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// ECDSA over P-256 with SHA-256; a signature is r and s, 32 bytes each. As Notary has it.
    EcdsaP256Sha256Fixed,
    /// ECDSA over P-384 with SHA-256; a signature is r and s, 48 bytes each. As Notary has it.
    EcdsaP384Sha256Fixed,
    /// RSASSA-PSS with SHA-256, also for the mask, and a salt of 32 bytes. As Notary has it.
    RsaPssSha256Salt32,
}

impl Scheme {
    /// The scheme of that name, as TUF (§4.2.1) and securesystemslib spell it. Those of Notary have no name there.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "ed25519" => Self::Ed25519,
            "ecdsa-sha2-nistp256" => Self::EcdsaP256Sha256,
            "ecdsa-sha2-nistp384" => Self::EcdsaP384Sha384,
            "rsassa-pss-sha256" => Self::RsaPssSha256,
            "rsassa-pss-sha384" => Self::RsaPssSha384,
            "rsassa-pss-sha512" => Self::RsaPssSha512,
            "rsa-pkcs1v15-sha256" => Self::RsaPkcs1Sha256,
            "rsa-pkcs1v15-sha384" => Self::RsaPkcs1Sha384,
            "rsa-pkcs1v15-sha512" => Self::RsaPkcs1Sha512,
            _ => return None,
        })
    }

    /// The name, as [`Scheme::from_name`] reads it, or for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256Sha256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384Sha384 => "ecdsa-sha2-nistp384",
            Self::RsaPssSha256 => "rsassa-pss-sha256",
            Self::RsaPssSha384 => "rsassa-pss-sha384",
            Self::RsaPssSha512 => "rsassa-pss-sha512",
            Self::RsaPkcs1Sha256 => "rsa-pkcs1v15-sha256",
            Self::RsaPkcs1Sha384 => "rsa-pkcs1v15-sha384",
            Self::RsaPkcs1Sha512 => "rsa-pkcs1v15-sha512",
            Self::EcdsaP256Sha256Fixed => "ecdsa-p256-sha256-fixed",
            Self::EcdsaP384Sha256Fixed => "ecdsa-p384-sha256-fixed",
            Self::RsaPssSha256Salt32 => "rsassa-pss-sha256-salt32",
        }
    }
}

/// A key's identity, whatever the key is called: equal identities are one key, and count once.
///
/// For RSA it is the modulus: anyone who knows its factors can sign under any exponent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyIdentity([u8; 32]);

impl KeyIdentity {
    /// Makes the identity from a kind of key and its defining bytes: it is their SHA-256.
    pub(crate) fn new(kind: &str, defining: &[u8]) -> Self {
        let mut hasher = ring::digest::Context::new(&ring::digest::SHA256);
        [kind.as_bytes(), &[0], defining].iter().for_each(|part| hasher.update(part));
        let mut identity = [0; 32];
        identity.iter_mut().zip(hasher.finish().as_ref()).for_each(|(to, from)| *to = *from);
        Self(identity)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PublicKeyMaterial {
    Ed25519(VerifyingKey),
    /// An uncompressed SEC1 point, 65 bytes.
    P256(Vec<u8>),
    /// An uncompressed SEC1 point, 97 bytes.
    P384(Vec<u8>),
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

/// A public key and the one scheme it verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    material: PublicKeyMaterial,
    scheme: Scheme,
}

/// Why bytes are not a usable public key, or why a signature does not verify under one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The encoding is broken.
    #[error("not a public key: {0}")]
    Malformed(String),
    /// The key's algorithm is not supported.
    #[error("key algorithm {0} is not supported")]
    UnsupportedAlgorithm(String),
    /// The key does not fit the scheme it declares.
    #[error("a key of this kind cannot verify signatures of scheme {}", .0.name())]
    SchemeMismatch(Scheme),
    /// The key is longer than any real key.
    #[error("the encoded key is {length} bytes long; the limit is {MAXIMUM_ENCODED_LENGTH}")]
    TooLong {
        /// Length of the encoded key, in bytes.
        length: usize,
    },
    /// The RSA key is too short to trust, or too long to use.
    #[error("an RSA key of {bits} bits is not accepted: it must have {} to {} bits", RSA_BITS.start(), RSA_BITS.end())]
    RsaSize {
        /// Length of the modulus, in bits.
        bits: usize,
    },
    /// The signature is not this key's signature of the message.
    #[error("the signature does not verify")]
    BadSignature,
}

fn malformed(reason: impl std::fmt::Display) -> KeyError {
    KeyError::Malformed(reason.to_string())
}

impl PublicKey {
    /// An ed25519 key from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when they are not the one encoding of a point on the curve, or the point is of small order.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| malformed("an ed25519 key has 32 bytes"))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(malformed)?;
        // Two encodings of one key would count as two keys.
        if key.to_edwards().compress().to_bytes() != bytes {
            return Err(malformed("an ed25519 key that is not in its canonical encoding"));
        }
        if key.is_weak() {
            return Err(malformed("an ed25519 key of small order would verify anything"));
        }
        Ok(Self { material: PublicKeyMaterial::Ed25519(key), scheme: Scheme::Ed25519 })
    }

    /// An ECDSA key from its SEC1 point, uncompressed; the curve is the scheme's.
    ///
    /// # Errors
    /// [`KeyError`] when it is not an uncompressed point of the right length, or the scheme is not ECDSA.
    pub fn ecdsa_point(scheme: Scheme, point: &[u8]) -> Result<Self, KeyError> {
        let point = point.to_vec();
        let material = match scheme {
            Scheme::EcdsaP256Sha256 if point.len() == 65 && point.first() == Some(&4) => PublicKeyMaterial::P256(point),
            Scheme::EcdsaP384Sha384 if point.len() == 97 && point.first() == Some(&4) => PublicKeyMaterial::P384(point),
            Scheme::EcdsaP256Sha256 | Scheme::EcdsaP384Sha384 => {
                return Err(malformed("expected an uncompressed point on the scheme's curve"));
            }
            _ => return Err(KeyError::SchemeMismatch(scheme)),
        };
        Ok(Self { material, scheme })
    }

    /// A key from a PEM block (`PUBLIC KEY`: SPKI, RFC 5280; or `RSA PUBLIC KEY`: PKCS #1). Without a `scheme`, the
    /// usual one for the kind is used: ed25519, ECDSA with its curve's hash, RSASSA-PSS with SHA-256.
    ///
    /// # Errors
    /// [`KeyError`] when the block is broken, of an unknown kind, or does not fit the scheme.
    pub fn from_pem(pem: &str, scheme: Option<Scheme>) -> Result<Self, KeyError> {
        if pem.len() > MAXIMUM_ENCODED_LENGTH {
            return Err(KeyError::TooLong { length: pem.len() });
        }
        // RFC 7468 §3 lets parsers accept lines of any length.
        let mut block = pem_rfc7468::Decoder::new_detect_wrap(pem.trim().as_bytes()).map_err(malformed)?;
        let mut der = Vec::new();
        block.decode_to_end(&mut der).map_err(malformed)?;
        match block.type_label() {
            "PUBLIC KEY" => Self::from_spki_der(&der, scheme),
            "RSA PUBLIC KEY" => {
                Self { material: rsa_from_pkcs1(&der)?, scheme: Scheme::RsaPssSha256 }.with_scheme(scheme)
            }
            other => Err(malformed(format_args!("PEM label {other:?}; expected PUBLIC KEY"))),
        }
    }

    /// A key from SPKI DER; `scheme` as for [`PublicKey::from_pem`].
    ///
    /// # Errors
    /// [`KeyError`] when the encoding is broken, of an unknown kind, or does not fit the scheme.
    pub fn from_spki_der(der: &[u8], scheme: Option<Scheme>) -> Result<Self, KeyError> {
        if der.len() > MAXIMUM_ENCODED_LENGTH {
            return Err(KeyError::TooLong { length: der.len() });
        }
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
        let bytes = info.subject_public_key.as_bytes().ok_or_else(|| malformed("odd number of bits"))?;
        let oid = info.algorithm.oid;
        let key = if oid == ED25519 {
            Self::ed25519(bytes)?
        } else if oid == EC {
            let curve = info.algorithm.parameters_oid().map_err(malformed)?;
            match curve {
                P256 => Self::ecdsa_point(Scheme::EcdsaP256Sha256, bytes)?,
                P384 => Self::ecdsa_point(Scheme::EcdsaP384Sha384, bytes)?,
                other => return Err(KeyError::UnsupportedAlgorithm(format!("elliptic curve {other}"))),
            }
        } else if oid == RSA {
            Self { material: rsa_from_pkcs1(bytes)?, scheme: Scheme::RsaPssSha256 }
        } else {
            return Err(KeyError::UnsupportedAlgorithm(oid.to_string()));
        };
        key.with_scheme(scheme)
    }

    /// A key from SPKI DER, under the one of these schemes that is for its kind.
    pub(crate) fn of_scheme_in(der: &[u8], schemes: &[Scheme]) -> Result<Self, KeyError> {
        let key = Self::from_spki_der(der, None)?;
        let fitting = schemes.iter().find_map(|scheme| key.clone().with_scheme(Some(*scheme)).ok());
        fitting.ok_or_else(|| KeyError::UnsupportedAlgorithm(key.scheme().name().to_owned()))
    }

    /// The same key under another scheme of its kind.
    fn with_scheme(self, scheme: Option<Scheme>) -> Result<Self, KeyError> {
        let Some(scheme) = scheme else { return Ok(self) };
        let fits = match (&self.material, scheme) {
            (PublicKeyMaterial::Ed25519(_), Scheme::Ed25519)
            | (PublicKeyMaterial::P256(_), Scheme::EcdsaP256Sha256 | Scheme::EcdsaP256Sha256Fixed)
            | (PublicKeyMaterial::P384(_), Scheme::EcdsaP384Sha384 | Scheme::EcdsaP384Sha256Fixed) => true,
            (PublicKeyMaterial::Rsa { .. }, scheme) => scheme.name().starts_with("rsa"),
            _ => false,
        };
        if fits { Ok(Self { scheme, ..self }) } else { Err(KeyError::SchemeMismatch(scheme)) }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// What distinguishes this key from others.
    pub fn identity(&self) -> KeyIdentity {
        match &self.material {
            PublicKeyMaterial::Ed25519(key) => KeyIdentity::new("ed25519", key.as_bytes()),
            PublicKeyMaterial::P256(point) => KeyIdentity::new("p256", point),
            PublicKeyMaterial::P384(point) => KeyIdentity::new("p384", point),
            PublicKeyMaterial::Rsa { modulus, .. } => KeyIdentity::new("rsa", modulus),
        }
    }

    /// The fingerprint: SHA-256 of the key's SPKI DER encoding, as `openssl pkey -pubin -outform DER | sha256sum`.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when the key cannot be encoded.
    pub fn fingerprint(&self) -> Result<Digest, KeyError> {
        Ok(Digest::sha256(&self.to_spki_der()?))
    }

    /// The SPKI DER encoding (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when the key cannot be encoded.
    pub fn to_spki_der(&self) -> Result<Vec<u8>, KeyError> {
        use der::asn1::{AnyRef, BitString};
        let (oid, parameters, bytes) = match &self.material {
            PublicKeyMaterial::Ed25519(key) => (ED25519, None, key.as_bytes().to_vec()),
            PublicKeyMaterial::P256(point) => (EC, Some(AnyRef::from(&P256)), point.clone()),
            PublicKeyMaterial::P384(point) => (EC, Some(AnyRef::from(&P384)), point.clone()),
            PublicKeyMaterial::Rsa { modulus, exponent } => (RSA, Some(AnyRef::NULL), rsa_to_pkcs1(modulus, exponent)?),
        };
        SubjectPublicKeyInfoOwned {
            algorithm: spki::AlgorithmIdentifier { oid, parameters: parameters.map(Into::into) },
            subject_public_key: BitString::from_bytes(&bytes).map_err(malformed)?,
        }
        .to_der()
        .map_err(malformed)
    }

    /// The SPKI PEM encoding.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when the key cannot be encoded.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        pem_rfc7468::encode_string("PUBLIC KEY", pem_rfc7468::LineEnding::LF, &self.to_spki_der()?).map_err(malformed)
    }

    /// How long a verification takes at most, apart from hashing: a multiple of one with RSA of 2,048 bits, which takes
    /// some 200 microseconds.
    pub(crate) fn verification_weight(&self) -> u64 {
        match &self.material {
            PublicKeyMaterial::Ed25519(_) | PublicKeyMaterial::P256(_) => 1,
            PublicKeyMaterial::P384(_) => 4,
            PublicKeyMaterial::Rsa { modulus, .. } => rsa_verification_weight(modulus),
        }
    }

    /// Verifies a signature over `message`.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`] when it is not this key's.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        use ring_signature as rs;
        let valid = match (&self.material, self.scheme) {
            (PublicKeyMaterial::Ed25519(key), _) => ed25519::is_valid(key, message, signature),
            (PublicKeyMaterial::P256(point), Scheme::EcdsaP256Sha256Fixed) => {
                verify_point(&rs::ECDSA_P256_SHA256_FIXED, point, message, signature)
            }
            (PublicKeyMaterial::P256(point), _) => verify_point(&rs::ECDSA_P256_SHA256_ASN1, point, message, signature),
            (PublicKeyMaterial::P384(point), Scheme::EcdsaP384Sha256Fixed) => {
                asn1_of_fixed(signature, P384_SCALAR_LENGTH)
                    .is_some_and(|signature| verify_point(&rs::ECDSA_P384_SHA256_ASN1, point, message, &signature))
            }
            (PublicKeyMaterial::P384(point), _) => verify_point(&rs::ECDSA_P384_SHA384_ASN1, point, message, signature),
            (PublicKeyMaterial::Rsa { modulus, exponent }, scheme) => {
                let pss = |hash| rsa_pss::verify(hash, modulus, exponent, message, signature);
                let key = rs::RsaPublicKeyComponents { n: modulus, e: exponent };
                let pkcs1 = |parameters| key.verify(parameters, message, signature).is_ok();
                match scheme {
                    Scheme::RsaPssSha256 => pss(&ring::digest::SHA256),
                    Scheme::RsaPssSha384 => pss(&ring::digest::SHA384),
                    Scheme::RsaPssSha512 => pss(&ring::digest::SHA512),
                    Scheme::RsaPkcs1Sha256 => pkcs1(&rs::RSA_PKCS1_2048_8192_SHA256),
                    Scheme::RsaPkcs1Sha384 => pkcs1(&rs::RSA_PKCS1_2048_8192_SHA384),
                    Scheme::RsaPkcs1Sha512 => pkcs1(&rs::RSA_PKCS1_2048_8192_SHA512),
                    // There the salt has to be as long as the hash.
                    Scheme::RsaPssSha256Salt32 => key.verify(&rs::RSA_PSS_2048_8192_SHA256, message, signature).is_ok(),
                    Scheme::Ed25519
                    | Scheme::EcdsaP256Sha256
                    | Scheme::EcdsaP384Sha384
                    | Scheme::EcdsaP256Sha256Fixed
                    | Scheme::EcdsaP384Sha256Fixed => return Err(KeyError::SchemeMismatch(scheme)),
                }
            }
        };
        if valid { Ok(()) } else { Err(KeyError::BadSignature) }
    }
}

/// As [`PublicKey::verification_weight`]: it grows with the square of the modulus's length.
pub(crate) fn rsa_verification_weight(modulus: &[u8]) -> u64 {
    let of_2048_bits = u64::try_from(modulus.len().div_ceil(256)).unwrap_or(u64::MAX);
    of_2048_bits.saturating_pow(2)
}

fn verify_point(
    algorithm: &'static dyn ring_signature::VerificationAlgorithm,
    point: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    ring_signature::UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
}

/// `ECDSA-Sig-Value` (RFC 5480 Appendix A).
#[derive(der::Sequence)]
struct EcdsaSignature<'a> {
    r: der::asn1::UintRef<'a>,
    s: der::asn1::UintRef<'a>,
}

/// A signature that is r and s, `length` bytes each, in ASN.1.
fn asn1_of_fixed(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(length).filter(|(_, s)| s.len() == length)?;
    EcdsaSignature { r: der::asn1::UintRef::new(r).ok()?, s: der::asn1::UintRef::new(s).ok()? }.to_der().ok()
}

/// `RSAPublicKey` (RFC 8017 A.1.1): modulus and exponent.
#[derive(der::Sequence)]
struct Pkcs1<'a> {
    modulus: der::asn1::UintRef<'a>,
    exponent: der::asn1::UintRef<'a>,
}

fn rsa_from_pkcs1(der: &[u8]) -> Result<PublicKeyMaterial, KeyError> {
    let key = Pkcs1::from_der(der).map_err(malformed)?;
    let leading_zeros = key.modulus.as_bytes().first().map_or(0, |first| first.leading_zeros() as usize);
    let bits = key.modulus.as_bytes().len() * 8 - leading_zeros;
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::RsaSize { bits });
    }
    Ok(PublicKeyMaterial::Rsa { modulus: key.modulus.as_bytes().to_vec(), exponent: key.exponent.as_bytes().to_vec() })
}

fn rsa_to_pkcs1(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, KeyError> {
    let uint = |bytes| der::asn1::UintRef::new(bytes).map_err(malformed);
    Pkcs1 { modulus: uint(modulus)?, exponent: uint(exponent)? }.to_der().map_err(malformed)
}
