//! What a blob's bytes are: in the file of an archive, or in memory.

use std::sync::Arc;

use sealift_archive_format::reader::RandomReader;

use super::pieces::{PIECE_LENGTH, PieceDigests};
use crate::access::CutReason;

/// A content that was verified.
#[derive(Debug)]
pub(crate) enum ServedContent {
    /// In an archive.
    Placed(PlacedContent),
    /// In memory: small, and nowhere else.
    Held(Arc<[u8]>),
}

/// A content in the file of an archive.
#[derive(Debug)]
pub(crate) struct PlacedContent {
    pub(super) place: BlobPlace,
    pub(super) pieces: PieceDigests,
}

/// Where a blob is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlobPlace {
    /// Which archive, by its number.
    pub(super) archive: usize,
    /// Which entry of it, by its index in the inventory.
    pub(super) entry: usize,
}

impl ServedContent {
    /// The length, in bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Placed(placed) => placed.pieces.length(),
            Self::Held(bytes) => bytes.len() as u64,
        }
    }
}

impl PlacedContent {
    /// Reads a piece, and compares it with what was verified.
    pub(super) fn piece(&self, archive: &RandomReader<'_>, number: u64, piece: &mut Vec<u8>) -> Result<(), CutReason> {
        piece.resize(self.pieces.length_of(number).ok_or(CutReason::Changed)?, 0);
        let offset = number.saturating_mul(PIECE_LENGTH as u64);
        archive.read_part(self.place.entry, offset, piece).map_err(|_| CutReason::Unreadable)?;
        if self.pieces.is_piece(number, piece) { Ok(()) } else { Err(CutReason::Changed) }
    }
}
