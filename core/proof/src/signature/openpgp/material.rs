//! The numbers of an OpenPGP key, and what they verify.

use der::Decode;
use dsa::BoxedUint;
use dsa::signature::hazmat::PrehashVerifier;
use ring::{digest, signature as ring_signature};
use serde_json::Value;

use super::OpenPgpError;
use super::header::Hash;
use super::packet::{ByteReader, bit_length, without_leading_zeros, write_integer};
use crate::signature::KeyIdentity;
use crate::signature::public_key::rsa_verification_weight;

/// RFC 4880 §9.1 and draft-ietf-openpgp-rfc4880bis §9.1.
const RSA: u8 = 1;
const DSA: u8 = 17;
const EDDSA: u8 = 22;

/// The object identifier of Ed25519 in OpenPGP (draft-ietf-openpgp-rfc4880bis §9.2), with its length.
const ED25519_CURVE: [u8; 10] = [9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
/// Before the 32 bytes of the key, in OpenPGP's packets.
const ED25519_PREFIX: u8 = 0x40;

const SMALLEST_RSA_BITS: usize = 2048;
const LARGEST_RSA_BITS: usize = 8192;
/// FIPS 186-4 §4.2: lengths of p and q, in bits, without the one of 1024 bits.
const DSA_SIZES: [(usize, usize); 3] = [(2048, 224), (2048, 256), (3072, 256)];
/// Longest hexadecimal text of a number; RSA and DSA numbers have at most 8192 bits.
const MAXIMUM_HEX_LENGTH: usize = LARGEST_RSA_BITS / 4 + 2;

/// A public key's numbers, big-endian and without leading zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OpenPgpMaterial {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Dsa { p: Vec<u8>, q: Vec<u8>, g: Vec<u8>, y: Vec<u8> },
    Ed25519([u8; 32]),
}

/// A signature's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SignatureNumbers {
    Rsa(Vec<u8>),
    Dsa { r: Vec<u8>, s: Vec<u8> },
    Ed25519([u8; 64]),
}

/// `Dss-Sig-Value` (RFC 3279 §2.2.2).
#[derive(der::Sequence)]
struct DssSigValue<'a> {
    r: der::asn1::UintRef<'a>,
    s: der::asn1::UintRef<'a>,
}

impl OpenPgpMaterial {
    /// Reads it from the members `type`, `method` and `keyval` of securesystemslib's form.
    pub(super) fn from_json(key: &Value) -> Result<Self, OpenPgpError> {
        let text = |name: &'static str| {
            key.get(name).and_then(Value::as_str).ok_or(OpenPgpError::Field { field: name, expected: "a string" })
        };
        let number = |field: &'static str| {
            let expected = "the hexadecimal form of a number";
            key.pointer("/keyval/public")
                .and_then(|public| public.get(field)?.as_str())
                .filter(|text| text.len() <= MAXIMUM_HEX_LENGTH)
                .and_then(|text| hex::decode(text).ok())
                .ok_or(OpenPgpError::Field { field, expected })
        };
        let plain = |field| number(field).map(|bytes| without_leading_zeros(&bytes).to_vec());
        match (text("type")?, text("method")?) {
            ("rsa", "pgp+rsa-pkcsv1.5") => Ok(Self::Rsa { modulus: plain("n")?, exponent: plain("e")? }),
            ("dsa", "pgp+dsa-fips-180-2") => {
                Ok(Self::Dsa { p: plain("p")?, q: plain("q")?, g: plain("g")?, y: plain("y")? })
            }
            ("eddsa", "pgp+eddsa-ed25519") => Self::ed25519(&number("q")?),
            (kind, method) => {
                let shorten = |text: &str| text.chars().take(40).collect();
                Err(OpenPgpError::UnsupportedMethod { kind: shorten(kind), method: shorten(method) })
            }
        }
    }

    /// From the algorithm-specific part of a public-key packet (RFC 4880 §5.5.2): all of it.
    pub(super) fn from_packet(algorithm: u8, mut reader: ByteReader<'_>) -> Result<Self, OpenPgpError> {
        let mut next = || reader.integer().map(<[u8]>::to_vec);
        let material = match algorithm {
            RSA => Self::Rsa { modulus: next()?, exponent: next()? },
            DSA => Self::Dsa { p: next()?, q: next()?, g: next()?, y: next()? },
            EDDSA => {
                if reader.take(ED25519_CURVE.len())? != ED25519_CURVE {
                    return Err(OpenPgpError::InvalidMaterial("EdDSA"));
                }
                Self::ed25519(reader.integer()?)?
            }
            other => return Err(OpenPgpError::UnsupportedAlgorithm(other)),
        };
        reader.finish()?;
        Ok(material)
    }

    /// 32 bytes, with or without OpenPGP's prefix.
    fn ed25519(bytes: &[u8]) -> Result<Self, OpenPgpError> {
        let bytes = match bytes {
            [ED25519_PREFIX, key @ ..] if key.len() == 32 => key,
            key => key,
        };
        bytes.try_into().map(Self::Ed25519).map_err(|_| OpenPgpError::InvalidMaterial("EdDSA"))
    }

    /// The body of the version 4 public-key packet that has these numbers (RFC 4880 §5.5.2).
    pub(super) fn packet_body(&self, created: u32) -> Vec<u8> {
        let mut body = vec![4];
        body.extend_from_slice(&created.to_be_bytes());
        body.push(self.algorithm());
        match self {
            Self::Rsa { modulus, exponent } => {
                [modulus, exponent].iter().for_each(|number| write_integer(number, &mut body));
            }
            Self::Dsa { p, q, g, y } => [p, q, g, y].iter().for_each(|number| write_integer(number, &mut body)),
            Self::Ed25519(key) => {
                body.extend_from_slice(&ED25519_CURVE);
                write_integer(&[&[ED25519_PREFIX], &key[..]].concat(), &mut body);
            }
        }
        body
    }

    /// The public-key algorithm's number.
    pub(super) fn algorithm(&self) -> u8 {
        match self {
            Self::Rsa { .. } => RSA,
            Self::Dsa { .. } => DSA,
            Self::Ed25519(_) => EDDSA,
        }
    }

    /// The key's identity, in the sense of [`crate::signature::PublicKey::identity`].
    pub(super) fn identity(&self) -> KeyIdentity {
        match self {
            Self::Rsa { modulus, .. } => KeyIdentity::new("rsa", modulus),
            Self::Dsa { .. } => KeyIdentity::new("openpgp-dsa", &self.packet_body(0)),
            Self::Ed25519(key) => KeyIdentity::new("ed25519", key),
        }
    }

    /// How long a verification takes, as [`crate::signature::PublicKey`] states it. DSA is slow here: some 18
    /// milliseconds for 2048 bits, and 54 for 3072.
    pub(super) fn verification_weight(&self) -> u64 {
        match self {
            Self::Rsa { modulus, .. } => rsa_verification_weight(modulus),
            Self::Dsa { p, .. } => {
                let of_1024_bits = u64::try_from(p.len().div_ceil(128)).unwrap_or(u64::MAX);
                of_1024_bits.saturating_pow(3).saturating_mul(11)
            }
            Self::Ed25519(_) => 1,
        }
    }

    /// Verifies the signature of `signed`, which is hashed here.
    pub(super) fn verify(&self, hash: Hash, signed: &[u8], value: &SignatureNumbers) -> Result<(), OpenPgpError> {
        let valid = match (self, value) {
            (Self::Rsa { modulus, exponent }, SignatureNumbers::Rsa(signature)) => {
                verify_rsa(modulus, exponent, hash, signed, signature)?
            }
            (Self::Dsa { p, q, g, y }, SignatureNumbers::Dsa { r, s }) => {
                let key = dsa_key(p, q, g, y)?;
                let width = q.len();
                match (boxed(r, width), boxed(s, width)) {
                    (Some(r), Some(s)) => dsa::Signature::from_components(r, s)
                        .is_some_and(|signature| key.verify_prehash(hash.digest(signed).as_ref(), &signature).is_ok()),
                    _ => false,
                }
            }
            (Self::Ed25519(key), SignatureNumbers::Ed25519(signature)) => {
                let key =
                    ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| OpenPgpError::InvalidMaterial("EdDSA"))?;
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                key.verify_strict(hash.digest(signed).as_ref(), &signature).is_ok()
            }
            _ => false,
        };
        if valid { Ok(()) } else { Err(OpenPgpError::BadSignature) }
    }
}

impl SignatureNumbers {
    /// From securesystemslib's bytes: RSA's number, DSA's pair in DER, EdDSA's 64 bytes.
    pub(super) fn from_plain(algorithm: u8, bytes: &[u8]) -> Result<Self, OpenPgpError> {
        match algorithm {
            RSA => Ok(Self::Rsa(bytes.to_vec())),
            DSA => {
                let pair = DssSigValue::from_der(bytes).map_err(|_| OpenPgpError::BadSignature)?;
                Ok(Self::Dsa { r: pair.r.as_bytes().to_vec(), s: pair.s.as_bytes().to_vec() })
            }
            EDDSA => bytes.try_into().map(Self::Ed25519).map_err(|_| OpenPgpError::BadSignature),
            other => Err(OpenPgpError::UnsupportedAlgorithm(other)),
        }
    }

    /// From the integers at the end of a signature packet (RFC 4880 §5.2.2): all of them.
    pub(super) fn from_packet(algorithm: u8, mut reader: ByteReader<'_>) -> Result<Self, OpenPgpError> {
        let mut next = || reader.integer().map(<[u8]>::to_vec);
        let value = match algorithm {
            RSA => Self::Rsa(next()?),
            DSA => Self::Dsa { r: next()?, s: next()? },
            EDDSA => {
                // Integers drop leading zeros; the halves of an EdDSA signature are strings of 32 bytes.
                let mut half = || padded(&next()?, 32).ok_or(OpenPgpError::BadSignature);
                let both = [half()?, half()?].concat();
                Self::from_plain(EDDSA, &both)?
            }
            other => return Err(OpenPgpError::UnsupportedAlgorithm(other)),
        };
        reader.finish()?;
        Ok(value)
    }
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

fn verify_rsa(
    modulus: &[u8],
    exponent: &[u8],
    hash: Hash,
    signed: &[u8],
    signature: &[u8],
) -> Result<bool, OpenPgpError> {
    let bits = bit_length(modulus);
    if !(SMALLEST_RSA_BITS..=LARGEST_RSA_BITS).contains(&bits) {
        return Err(OpenPgpError::KeySize { kind: "RSA", bits });
    }
    let algorithm = match hash {
        Hash::Sha1 => &ring_signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
    };
    // OpenPGP drops a signature's leading zeros, PKCS #1 counts them.
    let Some(signature) = padded(signature, modulus.len()) else { return Ok(false) };
    let key = ring_signature::RsaPublicKeyComponents { n: modulus, e: exponent };
    Ok(key.verify(algorithm, signed, &signature).is_ok())
}

/// The key, with sizes as FIPS 186-4 has them, and 1 < g < p, 1 < y < p.
fn dsa_key(p: &[u8], q: &[u8], g: &[u8], y: &[u8]) -> Result<dsa::VerifyingKey, OpenPgpError> {
    if !DSA_SIZES.contains(&(bit_length(p), bit_length(q))) {
        return Err(OpenPgpError::KeySize { kind: "DSA", bits: bit_length(p) });
    }
    let build = || {
        let width = p.len();
        let (g, y) = (boxed(g, width)?, boxed(y, width)?);
        let (p, q) = (boxed(p, width)?, boxed(q, q.len())?);
        if g.bits() < 2 || y.bits() < 2 || y >= p {
            return None;
        }
        let components = dsa::Components::from_components(p, q, g).ok()?;
        dsa::VerifyingKey::from_components(components, y).ok()
    };
    build().ok_or(OpenPgpError::InvalidMaterial("DSA"))
}

/// A number of exactly `width` bytes, in the big-integer's own type.
fn boxed(bytes: &[u8], width: usize) -> Option<BoxedUint> {
    let bytes = padded(bytes, width)?;
    BoxedUint::from_be_slice(&bytes, u32::try_from(width * 8).ok()?).ok()
}

/// The number with leading zeros up to `width` bytes; `None` when it is longer.
fn padded(bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let bytes = without_leading_zeros(bytes);
    let mut padded = vec![0; width.checked_sub(bytes.len())?];
    padded.extend_from_slice(bytes);
    Some(padded)
}
