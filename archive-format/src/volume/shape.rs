//! How an archive is cut: how many volumes, and how long they are.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::header::HEADER_LENGTH;

/// The length of a chunk, in bytes.
pub const CHUNK_LENGTH: usize = 64 * 1024;
/// A chunk and its digest, in bytes.
pub(super) const RECORD_LENGTH: u64 = CHUNK_LENGTH as u64 + 32;
/// How many volumes a set has at most.
pub const MAXIMUM_VOLUMES: u8 = 255;
/// The longest archive, in bytes: with it every offset in a volume is one that a file can have.
pub const MAXIMUM_ARCHIVE_LENGTH: u64 = 1 << 62;

/// What the volumes of one set have in common, and those of no other set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetId([u8; 32]);

impl SetId {
    /// The id of a set that holds the archive which begins with `seal`: the whole first record, header and content.
    ///
    /// Everything in an archive follows from its seal, so two sets of one id hold the same bytes. `docs/volumes.md`, "The set id".
    pub fn of(seal: &[u8], data: u8, parity: u8, length: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"sealift-volume-set/1");
        hasher.update([data, parity]);
        hasher.update(length.to_be_bytes());
        hasher.update(seal);
        Self(hasher.finalize().into())
    }

    /// An id as it is written in a header.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The id as it is written in a header.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What every header of a set says alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeShape {
    set: SetId,
    data: u8,
    parity: u8,
    length: u64,
}

/// Why an archive cannot be cut in this way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There is no volume for the archive itself.
    #[error("a set has at least 1 data volume")]
    NoData,
    /// There are too many volumes.
    #[error("the set has {data} data volumes and {parity} parity volumes; the limit is {MAXIMUM_VOLUMES} volumes")]
    TooManyVolumes {
        /// How many hold the archive.
        data: u64,
        /// How many hold parity.
        parity: u8,
    },
    /// The archive is empty, or longer than any file.
    #[error("the archive is {0} bytes long; volumes hold 1 to {MAXIMUM_ARCHIVE_LENGTH}")]
    ArchiveLength(u64),
    /// A volume of this size holds not even one chunk.
    #[error("volumes of {size} bytes are too small; the least is {}", least_volume_length())]
    VolumeSize {
        /// The size that was asked for, in bytes.
        size: u64,
    },
}

const fn least_volume_length() -> u64 {
    2 * HEADER_LENGTH as u64 + RECORD_LENGTH
}

impl VolumeShape {
    /// A set of `data` volumes that hold an archive of `length` bytes, and `parity` volumes that make up for as many lost ones.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn new(set: SetId, data: u8, parity: u8, length: u64) -> Result<Self, ShapeError> {
        if data == 0 {
            return Err(ShapeError::NoData);
        }
        if data > MAXIMUM_VOLUMES.saturating_sub(parity) {
            return Err(ShapeError::TooManyVolumes { data: data.into(), parity });
        }
        if length == 0 || length > MAXIMUM_ARCHIVE_LENGTH {
            return Err(ShapeError::ArchiveLength(length));
        }
        Ok(Self { set, data, parity, length })
    }

    /// How many data volumes an archive of `length` bytes needs, if no volume may be longer than `size` bytes and there are `parity` others.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn data_volumes(length: u64, size: u64, parity: u8) -> Result<u8, ShapeError> {
        if length == 0 || length > MAXIMUM_ARCHIVE_LENGTH {
            return Err(ShapeError::ArchiveLength(length));
        }
        let stripes = size.checked_sub(2 * HEADER_LENGTH as u64).map_or(0, |room| room / RECORD_LENGTH);
        if stripes == 0 {
            return Err(ShapeError::VolumeSize { size });
        }
        let data = length.div_ceil(CHUNK_LENGTH as u64).div_ceil(stripes);
        let most = MAXIMUM_VOLUMES.saturating_sub(parity);
        u8::try_from(data).ok().filter(|data| *data <= most).ok_or(ShapeError::TooManyVolumes { data, parity })
    }

    /// How many data volumes and how many parity volumes make one file of which `percent` of a hundred more are parity: many, so that a scratch costs little of each
    /// stripe, and few enough that a disc is read in long pieces.
    pub fn in_one_file(length: u64, percent: u8) -> (u8, u8) {
        let most = if percent < 5 { 100 } else { 20 };
        let data = u8::try_from(length.div_ceil(CHUNK_LENGTH as u64)).unwrap_or(most).clamp(1, most);
        let parity = (u16::from(data) * u16::from(percent)).div_ceil(100).max(1);
        (data, u8::try_from(parity).unwrap_or(MAXIMUM_VOLUMES))
    }

    /// The id of the set.
    pub fn set(&self) -> SetId {
        self.set
    }

    /// How many volumes hold the archive.
    pub fn data(&self) -> u8 {
        self.data
    }

    /// How many volumes hold parity.
    pub fn parity(&self) -> u8 {
        self.parity
    }

    /// How many volumes there are. They are numbered from 1, those with data first.
    pub fn volumes(&self) -> u8 {
        self.data.saturating_add(self.parity)
    }

    /// The length of the archive, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// How many stripes there are: chunks in each volume.
    pub fn stripes(&self) -> u64 {
        self.length.div_ceil(self.stripe_length())
    }

    /// The length of every volume, in bytes.
    pub fn volume_length(&self) -> u64 {
        self.record_offset(self.stripes()) + HEADER_LENGTH as u64
    }

    /// How many bytes of the archive a stripe holds.
    pub(super) fn stripe_length(&self) -> u64 {
        u64::from(self.data) * CHUNK_LENGTH as u64
    }

    /// How many bytes of the archive this stripe holds: fewer than the others in the last one.
    pub(super) fn content_of(&self, stripe: u64) -> usize {
        let before = stripe.saturating_mul(self.stripe_length());
        let content = self.length.saturating_sub(before).min(self.stripe_length());
        usize::try_from(content).unwrap_or_default()
    }

    /// Where a chunk begins in its volume. `stripe` is at most the number of stripes, which keeps it below 2^63.
    pub(super) fn record_offset(&self, stripe: u64) -> u64 {
        HEADER_LENGTH as u64 + stripe * RECORD_LENGTH
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SET: SetId = SetId([7; 32]);

    #[test]
    fn counts_and_lengths_have_limits() {
        assert_eq!(VolumeShape::new(SET, 0, 2, 1), Err(ShapeError::NoData));
        assert_eq!(VolumeShape::new(SET, 250, 6, 1), Err(ShapeError::TooManyVolumes { data: 250, parity: 6 }));
        assert!(VolumeShape::new(SET, 250, 5, 1).is_ok());
        for length in [0, MAXIMUM_ARCHIVE_LENGTH + 1, u64::MAX] {
            assert_eq!(VolumeShape::new(SET, 1, 0, length), Err(ShapeError::ArchiveLength(length)));
            assert_eq!(VolumeShape::data_volumes(length, 1 << 20, 0), Err(ShapeError::ArchiveLength(length)));
        }
        let longest = VolumeShape::new(SET, 1, 254, MAXIMUM_ARCHIVE_LENGTH).unwrap();
        assert!(i64::try_from(longest.volume_length()).is_ok());
    }

    #[test]
    fn volumes_are_as_long_as_asked_at_most_and_no_more_than_needed() {
        let (length, size) = (100_000_000, 4_700_000);
        let data = VolumeShape::data_volumes(length, size, 2).unwrap();
        let with = |data| VolumeShape::new(SET, data, 2, length).unwrap().volume_length();
        assert!(with(data) <= size && with(data - 1) > size);
        assert_eq!(VolumeShape::data_volumes(1, least_volume_length(), 254), Ok(1));
        let size = least_volume_length() - 1;
        assert_eq!(VolumeShape::data_volumes(1, size, 0), Err(ShapeError::VolumeSize { size }));
        let too_many = VolumeShape::data_volumes(u64::from(u32::MAX), 1 << 20, 0);
        assert!(matches!(too_many, Err(ShapeError::TooManyVolumes { data: 4096.., parity: 0 })));
    }

    #[test]
    fn a_set_id_depends_on_all_that_it_names() {
        let ids = [
            SetId::of(b"seal", 3, 2, 9),
            SetId::of(b"Seal", 3, 2, 9),
            SetId::of(b"seal", 2, 3, 9),
            SetId::of(b"seal", 3, 2, 8),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
