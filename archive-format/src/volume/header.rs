//! The header of a volume, which stands at its beginning and again at its end.

use sha2::{Digest as _, Sha256};

use super::shape::{SetId, ShapeError, VolumeShape};
use crate::positioned_input::PositionedInput;

/// The length of a header, in bytes.
pub(super) const HEADER_LENGTH: usize = 512;
/// What every volume begins with, whatever its version.
const KIND: &[u8; 15] = b"sealift-volume/";
/// The version of the format that is written and read here.
const VERSION: u8 = b'1';
/// How many bytes come before the digest of the header.
const DIGESTED: usize = HEADER_LENGTH - 32;

/// What a header says: the set, and which of its volumes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeHeader {
    /// The set.
    pub shape: VolumeShape,
    /// The number of the volume, from 1.
    pub number: u8,
}

/// Why some bytes are not the header of a volume.
#[derive(Debug, thiserror::Error)]
pub enum HeaderFault {
    /// It is some other file.
    #[error("not a Sealift volume")]
    NotAVolume,
    /// It is of a version that came later.
    #[error("the volume is of version {:?}; this program reads version 1", char::from(*.0))]
    Version(u8),
    /// It is damaged.
    #[error("the header does not have the digest that it states")]
    Digest,
    /// It describes a set that cannot be.
    #[error("the header describes no possible set of volumes")]
    Shape(#[source] ShapeError),
    /// It has a number that its set does not have.
    #[error("the header says that this is volume {number} of {volumes}")]
    Number {
        /// The number that it states.
        number: u8,
        /// How many volumes there are.
        volumes: u8,
    },
    /// The bytes that mean nothing are not zeros.
    #[error("the unused bytes of the header are not zeros")]
    Unused,
    /// It cannot be read.
    #[error("the header cannot be read")]
    Io(#[source] std::io::Error),
}

impl VolumeHeader {
    /// Reads the header at the beginning of a file or, where that is damaged, the one at its end.
    ///
    /// # Errors
    /// [`HeaderFault`] of the first one.
    pub fn read(input: &impl PositionedInput) -> Result<Self, HeaderFault> {
        Self::read_at(input, 0).or_else(|fault| {
            let end = input.length().ok().and_then(|length| length.checked_sub(HEADER_LENGTH as u64));
            let copy = end.and_then(|end| Self::read_at(input, end).ok());
            copy.ok_or(fault)
        })
    }

    pub(super) fn read_at(input: &impl PositionedInput, offset: u64) -> Result<Self, HeaderFault> {
        let mut bytes = [0; HEADER_LENGTH];
        input.read_exact_at(&mut bytes, offset).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => HeaderFault::NotAVolume,
            _ => HeaderFault::Io(error),
        })?;
        Self::parse(&bytes)
    }

    /// The header as bytes. `docs/volumes.md`, "The header".
    pub fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        let shape = &self.shape;
        let (set, length) = (shape.set(), shape.length().to_be_bytes());
        let counts = [shape.data(), shape.parity(), self.number];
        let fields = [&KIND[..], &[VERSION], set.as_bytes(), &length, &counts];
        let mut bytes = [0; HEADER_LENGTH];
        let written = fields.into_iter().flatten();
        bytes.iter_mut().zip(written).for_each(|(to, from)| *to = *from);
        let digest = Sha256::digest(bytes.split_at(DIGESTED).0);
        bytes.split_at_mut(DIGESTED).1.copy_from_slice(&digest);
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`HeaderFault`].
    pub fn parse(bytes: &[u8; HEADER_LENGTH]) -> Result<Self, HeaderFault> {
        let (content, digest) = bytes.split_at(DIGESTED);
        let rest = content.strip_prefix(KIND).ok_or(HeaderFault::NotAVolume)?;
        let (version, rest) = rest.split_first().ok_or(HeaderFault::NotAVolume)?;
        // A digest first: a damaged version is not a later one.
        if digest != Sha256::digest(content).as_slice() {
            return Err(HeaderFault::Digest);
        }
        if *version != VERSION {
            return Err(HeaderFault::Version(*version));
        }
        let (set, rest) = rest.split_first_chunk().ok_or(HeaderFault::NotAVolume)?;
        let (length, rest) = rest.split_first_chunk().ok_or(HeaderFault::NotAVolume)?;
        let ([data, parity, number], unused) = rest.split_first_chunk().ok_or(HeaderFault::NotAVolume)?;
        if unused.iter().any(|byte| *byte != 0) {
            return Err(HeaderFault::Unused);
        }
        let shape = VolumeShape::new(SetId::from_bytes(*set), *data, *parity, u64::from_be_bytes(*length))
            .map_err(HeaderFault::Shape)?;
        if *number == 0 || *number > shape.volumes() {
            return Err(HeaderFault::Number { number: *number, volumes: shape.volumes() });
        }
        Ok(Self { shape, number: *number })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    fn header() -> VolumeHeader {
        let shape = VolumeShape::new(SetId::from_bytes([9; 32]), 3, 2, 1_000_000).unwrap();
        VolumeHeader { shape, number: 5 }
    }

    /// The header with some bytes replaced, and with the digest that they have.
    fn with(at: usize, replaced: &[u8]) -> Result<VolumeHeader, HeaderFault> {
        let mut bytes = header().to_bytes();
        bytes[at..at + replaced.len()].copy_from_slice(replaced);
        let digest = Sha256::digest(&bytes[..DIGESTED]);
        bytes[DIGESTED..].copy_from_slice(&digest);
        VolumeHeader::parse(&bytes)
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        assert_eq!(VolumeHeader::parse(&header().to_bytes()).unwrap(), header());
    }

    #[test]
    fn a_header_with_any_byte_changed_is_refused() {
        for at in 0..HEADER_LENGTH {
            let mut bytes = header().to_bytes();
            bytes[at] ^= 1;
            let fault = VolumeHeader::parse(&bytes).unwrap_err();
            match at {
                0..15 => assert!(matches!(fault, HeaderFault::NotAVolume), "{at}"),
                _ => assert!(matches!(fault, HeaderFault::Digest), "{at}"),
            }
        }
    }

    #[test]
    fn a_lying_header_is_refused() {
        assert!(matches!(with(15, b"2"), Err(HeaderFault::Version(b'2'))));
        assert!(matches!(with(48, &[0; 8]), Err(HeaderFault::Shape(ShapeError::ArchiveLength(0)))));
        assert!(matches!(with(48, &[0xff; 8]), Err(HeaderFault::Shape(ShapeError::ArchiveLength(u64::MAX)))));
        assert!(matches!(with(56, &[0, 2]), Err(HeaderFault::Shape(ShapeError::NoData))));
        assert!(matches!(with(56, &[200, 200]), Err(HeaderFault::Shape(ShapeError::TooManyVolumes { .. }))));
        for number in [0, 6, 255] {
            assert!(matches!(with(58, &[number]), Err(HeaderFault::Number { volumes: 5, .. })));
        }
        assert!(matches!(with(59, &[1]), Err(HeaderFault::Unused)));
        assert!(matches!(with(479, &[1]), Err(HeaderFault::Unused)));
    }
}
