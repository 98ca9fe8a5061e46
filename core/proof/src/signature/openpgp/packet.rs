//! OpenPGP framing: packets, multiprecision integers, fingerprints. RFC 4880 §3.2, §4.2, §12.2.

use std::fmt;

use super::OpenPgpError;

/// A version 4 fingerprint: what securesystemslib calls the key id of an OpenPGP key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 20]);

impl Fingerprint {
    /// From 40 hexadecimal characters, in either case.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 20];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Of a public-key packet's body (RFC 4880 §12.2). SHA-1 because that is the definition; it only names keys here.
    pub(super) fn of_key_body(body: &[u8]) -> Self {
        use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &framed_key(body));
        Self::from_bytes(digest.as_ref()).unwrap_or(Self([0; 20]))
    }

    /// The key id of RFC 4880: the low 64 bits.
    pub(super) fn short(&self) -> &[u8] {
        self.0.get(12..).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A key's body as it is hashed: into its fingerprint, and into signatures over it (RFC 4880 §5.2.4).
pub(super) fn framed_key(body: &[u8]) -> Vec<u8> {
    let mut framed = vec![0x99];
    framed.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    framed.extend_from_slice(body);
    framed
}

/// Reads forward, within bounds.
#[derive(Clone, Copy)]
pub(super) struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], OpenPgpError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(OpenPgpError::Packet("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], OpenPgpError> {
        self.take(N)?.try_into().map_err(|_| OpenPgpError::Packet("it ends too early"))
    }

    pub(super) fn byte(&mut self) -> Result<u8, OpenPgpError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, OpenPgpError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, OpenPgpError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn long_length(&mut self) -> Result<usize, OpenPgpError> {
        usize::try_from(self.u32()?).map_err(|_| OpenPgpError::Packet("a length is too large"))
    }

    /// A multiprecision integer, without leading zeros (RFC 4880 §3.2).
    pub(super) fn integer(&mut self) -> Result<&'a [u8], OpenPgpError> {
        let bits = usize::from(self.u16()?);
        let bytes = self.take(bits.div_ceil(8))?;
        if bit_length(bytes) != bits {
            return Err(OpenPgpError::Packet("an integer does not have the length it states"));
        }
        Ok(bytes)
    }

    /// Requires that nothing is left.
    pub(super) fn finish(self) -> Result<(), OpenPgpError> {
        if self.is_empty() { Ok(()) } else { Err(OpenPgpError::Packet("there is more than there should be")) }
    }

    /// The next packet: its type and body (RFC 4880 §4.2). Partial and indeterminate lengths have no place in keys.
    pub(super) fn packet(&mut self) -> Result<(u8, &'a [u8]), OpenPgpError> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Err(OpenPgpError::Packet("a packet does not begin with the bit it must"));
        }
        let (kind, length) = if first & 0x40 == 0 {
            let length = match first & 3 {
                0 => usize::from(self.byte()?),
                1 => usize::from(self.u16()?),
                2 => self.long_length()?,
                _ => return Err(OpenPgpError::Packet("a packet of indeterminate length")),
            };
            ((first >> 2) & 0x0f, length)
        } else {
            let length = match self.byte()? {
                short @ ..192 => usize::from(short),
                high @ 192..224 => (usize::from(high) - 192) * 256 + usize::from(self.byte()?) + 192,
                224..255 => return Err(OpenPgpError::Packet("a packet of partial length")),
                255 => self.long_length()?,
            };
            (first & 0x3f, length)
        };
        Ok((kind, self.take(length)?))
    }
}

/// How many bits the number has.
pub(super) fn bit_length(bytes: &[u8]) -> usize {
    let bytes = without_leading_zeros(bytes);
    match bytes.first() {
        Some(first) => bytes.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

pub(super) fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// Appends a multiprecision integer.
pub(super) fn write_integer(bytes: &[u8], out: &mut Vec<u8>) {
    let bits = u16::try_from(bit_length(bytes)).unwrap_or(u16::MAX);
    out.extend_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(without_leading_zeros(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_definite_length_is_read_and_no_other() {
        let body = |bytes: &[u8]| ByteReader::new(bytes).packet().map(|(kind, body)| (kind, body.len()));
        assert_eq!(body(&[0x98, 1, 0]), Ok((6, 1)));
        assert_eq!(body(&[0x99, 0, 1, 0]), Ok((6, 1)));
        assert_eq!(body(&[0x9a, 0, 0, 0, 1, 0]), Ok((6, 1)));
        assert_eq!(body(&[0xc6, 1, 0]), Ok((6, 1)));
        assert_eq!(body(&[&[0xc6, 192, 0][..], &[0; 192]].concat()), Ok((6, 192)));
        assert_eq!(body(&[0xc6, 255, 0, 0, 0, 1, 0]), Ok((6, 1)));
        for broken in
            [&[0x9b, 0][..], &[0xc6, 224, 0], &[0x18, 0], &[0x98, 2, 0], &[0xc6, 255, 0xff, 0xff, 0xff, 0xff], &[]]
        {
            assert!(matches!(body(broken), Err(OpenPgpError::Packet(_))), "{broken:x?}");
        }
    }

    #[test]
    fn an_integer_has_exactly_the_length_it_states() {
        assert_eq!(ByteReader::new(&[0, 9, 1, 0xff]).integer().unwrap(), [1, 0xff]);
        assert_eq!(ByteReader::new(&[0, 0]).integer().unwrap(), [0_u8; 0]);
        for broken in [&[0, 10, 1, 0xff][..], &[0, 16, 0, 0xff], &[0, 9, 1], &[0]] {
            assert!(ByteReader::new(broken).integer().is_err(), "{broken:x?}");
        }
    }
}
