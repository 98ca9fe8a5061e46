//! What a version 4 signature says about itself: the part that is hashed, and the packet around it. RFC 4880 §5.2.3.

use super::packet::ByteReader;
use super::{Fingerprint, OpenPgpError};

/// Hash algorithms (RFC 4880 §9.4): those that are strong enough for a signature, and SHA-1 for revocations alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The number of SHA-1.
const SHA1: u8 = 2;

impl Hash {
    fn from_number(number: u8) -> Result<Self, OpenPgpError> {
        match number {
            8 => Ok(Self::Sha256),
            9 => Ok(Self::Sha384),
            10 => Ok(Self::Sha512),
            other => Err(OpenPgpError::UnsupportedHash(other)),
        }
    }
}

/// The hashed part of a signature, parsed: "other headers" in securesystemslib's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignatureHeader {
    bytes: Vec<u8>,
    pub(super) kind: u8,
    pub(super) key_algorithm: u8,
    pub(super) hash_number: u8,
    pub(super) claims: Claims,
}

/// The subpackets that mean something here. Times are seconds; `created` counts from 1970, the others from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) created: Option<u32>,
    pub(super) signature_validity: Option<u32>,
    pub(super) key_validity: Option<u32>,
    pub(super) issuer: Option<Vec<u8>>,
    pub(super) issuer_fingerprint: Option<Fingerprint>,
    pub(super) key_flags: Option<u8>,
    pub(super) embedded_signature: Option<Vec<u8>>,
}

impl SignatureHeader {
    /// Reads the hashed part alone: all of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, OpenPgpError> {
        let mut reader = ByteReader::new(bytes);
        let header = Self::read(&mut reader, bytes)?;
        reader.finish()?;
        Ok(header)
    }

    fn read(reader: &mut ByteReader<'_>, bytes: &[u8]) -> Result<Self, OpenPgpError> {
        let version = reader.byte()?;
        if version != 4 {
            return Err(OpenPgpError::UnsupportedVersion(version));
        }
        let (kind, key_algorithm, hash_number) = (reader.byte()?, reader.byte()?, reader.byte()?);
        let length = usize::from(reader.u16()?);
        let claims = Claims::parse(reader.take(length)?)?;
        let bytes = bytes.get(..6 + length).unwrap_or_default().to_vec();
        Ok(Self { bytes, kind, key_algorithm, hash_number, claims })
    }

    /// The hash algorithm.
    pub(super) fn hash(&self) -> Result<Hash, OpenPgpError> {
        Hash::from_number(self.hash_number)
    }

    /// The hash algorithm of a revocation. A collision in SHA-1 could only take a key away.
    pub(super) fn hash_of_revocation(&self) -> Result<Hash, OpenPgpError> {
        if self.hash_number == SHA1 { Ok(Hash::Sha1) } else { self.hash() }
    }

    /// The bytes that are signed: the content, this header, and the trailer (RFC 4880 §5.2.4).
    pub(super) fn signed_bytes(&self, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let mut signed = Vec::with_capacity(content.len() + self.bytes.len() + 6);
        signed.extend_from_slice(content);
        signed.extend_from_slice(&self.bytes);
        signed.extend_from_slice(&[0x04, 0xff]);
        signed.extend_from_slice(&length.to_be_bytes());
        signed
    }

    /// Its stated issuer must be this key.
    pub(super) fn require_issuer(&self, key_id: &Fingerprint) -> Result<(), OpenPgpError> {
        let mismatch = |stated: &[u8]| OpenPgpError::IssuerMismatch { stated: hex::encode(stated), key_id: *key_id };
        match (&self.claims.issuer_fingerprint, &self.claims.issuer) {
            (Some(stated), _) if stated != key_id => Err(mismatch(stated.as_bytes())),
            (_, Some(stated)) if stated != key_id.short() => Err(mismatch(stated)),
            _ => Ok(()),
        }
    }
}

impl Claims {
    fn parse(bytes: &[u8]) -> Result<Self, OpenPgpError> {
        let mut claims = Self::default();
        let mut reader = ByteReader::new(bytes);
        while !reader.is_empty() {
            let length = match reader.byte()? {
                short @ ..192 => usize::from(short),
                high @ 192..255 => (usize::from(high) - 192) * 256 + usize::from(reader.byte()?) + 192,
                255 => reader.long_length()?,
            };
            let mut body = ByteReader::new(reader.take(length)?);
            let kind = body.byte()?;
            claims.take_in(kind & 0x7f, kind & 0x80 != 0, body)?;
        }
        Ok(claims)
    }

    fn take_in(&mut self, kind: u8, critical: bool, mut body: ByteReader<'_>) -> Result<(), OpenPgpError> {
        let repeated = match kind {
            2 => self.created.replace(body.u32()?).is_some(),
            3 => self.signature_validity.replace(body.u32()?).is_some(),
            9 => self.key_validity.replace(body.u32()?).is_some(),
            16 => self.issuer.replace(body.take(8)?.to_vec()).is_some(),
            33 => {
                let version = body.byte()?;
                if version != 4 {
                    return Err(OpenPgpError::UnsupportedVersion(version));
                }
                let fingerprint = Fingerprint::from_bytes(body.take(20)?);
                std::mem::replace(&mut self.issuer_fingerprint, fingerprint).is_some()
            }
            27 => {
                // Flags beyond the first octet say nothing about signing.
                let flags = if body.is_empty() { 0 } else { body.byte()? };
                body = ByteReader::new(&[]);
                self.key_flags.replace(flags).is_some()
            }
            32 => self.embedded_signature.replace(body.rest().to_vec()).is_some(),
            // Preferences, features, user ids, reasons and the like: they change nothing about what is signed.
            11 | 21..=26 | 28..=30 | 34 => return Ok(()),
            other if critical => return Err(OpenPgpError::CriticalSubpacket(other)),
            _ => return Ok(()),
        };
        if repeated {
            return Err(OpenPgpError::RepeatedSubpacket(kind));
        }
        body.finish()
    }
}

/// A whole version 4 signature packet.
pub(super) struct SignaturePacket<'a> {
    /// The hashed part.
    pub(super) header: SignatureHeader,
    /// Subpackets that are not hashed: hints, believed only if something else proves them.
    pub(super) hints: Claims,
    /// The algorithm's integers.
    pub(super) integers: ByteReader<'a>,
}

impl<'a> SignaturePacket<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, OpenPgpError> {
        let mut reader = ByteReader::new(body);
        let header = SignatureHeader::read(&mut reader, body)?;
        let length = usize::from(reader.u16()?);
        let hints = Claims::parse(reader.take(length)?)?;
        reader.u16()?; // The left bits of the hash only let a reader fail early.
        Ok(Self { header, hints, integers: reader })
    }

    /// Whether it states its issuer, in a hashed or in an unhashed subpacket.
    pub(super) fn names_issuer(&self) -> bool {
        let names = |claims: &Claims| claims.issuer.is_some() || claims.issuer_fingerprint.is_some();
        names(&self.header.claims) || names(&self.hints)
    }

    /// Whether it states this key as its issuer, in a hashed or in an unhashed subpacket.
    pub(super) fn claims_issuer(&self, key_id: &Fingerprint) -> bool {
        let claims = [&self.header.claims, &self.hints];
        let fingerprint = claims.iter().find_map(|claims| claims.issuer_fingerprint);
        let short = claims.iter().find_map(|claims| claims.issuer.as_deref());
        match (fingerprint, short) {
            (Some(fingerprint), _) => fingerprint == *key_id,
            (None, Some(short)) => short == key_id.short(),
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(subpackets: &[u8]) -> Result<SignatureHeader, OpenPgpError> {
        let length = u8::try_from(subpackets.len()).unwrap();
        SignatureHeader::parse(&[&[4, 0, 1, 8, 0, length], subpackets].concat())
    }

    #[test]
    fn the_claims_are_read() {
        let read = header(&[5, 2, 0, 0, 0, 7, 9, 16, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        assert_eq!(read.claims.created, Some(7));
        assert_eq!(read.claims.issuer.as_deref(), Some(&[1, 2, 3, 4, 5, 6, 7, 8][..]));
    }

    #[test]
    fn subpackets_stay_within_their_bounds() {
        for broken in
            [&[0][..], &[6, 2, 0, 0, 0, 7], &[4, 2, 0, 0, 0], &[6, 2, 0, 0, 0, 7, 7], &[255, 0, 0], &[2, 33, 4]]
        {
            assert!(matches!(header(broken), Err(OpenPgpError::Packet(_))), "{broken:x?}");
        }
    }

    #[test]
    fn a_repeated_or_an_unknown_critical_subpacket_is_refused() {
        let created = [5, 2, 0, 0, 0, 7];
        assert_eq!(header(&[created, created].concat()), Err(OpenPgpError::RepeatedSubpacket(2)));
        assert_eq!(header(&[1, 0x80 | 20]), Err(OpenPgpError::CriticalSubpacket(20)));
        assert!(header(&[1, 20]).is_ok());
    }

    #[test]
    fn a_subpacket_that_says_nothing_about_what_is_signed_may_be_critical() {
        for kind in [11, 21, 22, 23, 24, 25, 26, 28, 29, 30, 34] {
            assert!(header(&[2, 0x80 | kind, 1]).is_ok(), "{kind}");
        }
        for other in [4, 5, 7, 10, 12, 19, 31, 35, 39, 100] {
            assert_eq!(header(&[2, 0x80 | other, 1]), Err(OpenPgpError::CriticalSubpacket(other)));
        }
    }

    #[test]
    fn only_version_4_without_trailing_bytes_is_a_header() {
        assert_eq!(SignatureHeader::parse(&[3, 0, 1, 8, 0, 0]), Err(OpenPgpError::UnsupportedVersion(3)));
        assert!(matches!(SignatureHeader::parse(&[4, 0, 1, 8, 0, 0, 0]), Err(OpenPgpError::Packet(_))));
    }
}
