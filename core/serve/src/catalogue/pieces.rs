//! The pieces of a content: measured as it passes the verification, and compared again before they are sent.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// The length of a piece, in bytes. Each has a digest of 32 bytes in memory: 2.5 MiB for an archive of 20 GiB.
pub(crate) const PIECE_LENGTH: usize = 256 << 10;

/// The digests of the pieces of a content.
#[derive(Debug)]
pub(crate) struct PieceDigests {
    length: u64,
    digests: Box<[[u8; 32]]>,
}

impl PieceDigests {
    /// Reads a content to its end. The caller sees to it that it cannot be read to its end unless it is what it should be.
    pub(crate) fn measure(content: &mut dyn Read) -> io::Result<Self> {
        let (mut length, mut digests) = (0_u64, Vec::new());
        let mut piece = Vec::new();
        loop {
            piece.clear();
            (&mut *content).take(PIECE_LENGTH as u64).read_to_end(&mut piece)?;
            if piece.is_empty() {
                return Ok(Self { length, digests: digests.into() });
            }
            length = length.saturating_add(piece.len() as u64);
            digests.push(Sha256::digest(&piece).into());
        }
    }

    /// The length of the content, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The length of a piece, in bytes; `None` if the content has no such piece.
    pub(crate) fn length_of(&self, number: u64) -> Option<usize> {
        let begin = number.checked_mul(PIECE_LENGTH as u64)?;
        let left = self.length.checked_sub(begin).filter(|left| *left > 0)?;
        Some(usize::try_from(left).unwrap_or(PIECE_LENGTH).min(PIECE_LENGTH))
    }

    /// Whether these bytes are the piece with this number.
    pub(crate) fn is_piece(&self, number: u64, piece: &[u8]) -> bool {
        let expected = usize::try_from(number).ok().and_then(|number| self.digests.get(number));
        expected.is_some_and(|expected| *expected == <[u8; 32]>::from(Sha256::digest(piece)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    #[test]
    fn each_piece_is_known_and_nothing_else_is() {
        let content: Vec<u8> = (0..=u8::MAX).cycle().take(PIECE_LENGTH + 3).collect();
        let pieces = PieceDigests::measure(&mut content.as_slice()).unwrap();
        assert_eq!(pieces.length(), content.len() as u64);
        assert_eq!([0, 1, 2].map(|number| pieces.length_of(number)), [Some(PIECE_LENGTH), Some(3), None]);
        let (first, second) = content.split_at(PIECE_LENGTH);
        assert!(pieces.is_piece(0, first) && pieces.is_piece(1, second));
        assert!(!pieces.is_piece(1, first) && !pieces.is_piece(0, &content) && !pieces.is_piece(2, b""));
        let mut flipped = first.to_vec();
        flipped[PIECE_LENGTH - 1] ^= 1;
        assert!(!pieces.is_piece(0, &flipped));
    }

    #[test]
    fn nothing_has_no_pieces() {
        let pieces = PieceDigests::measure(&mut io::empty()).unwrap();
        assert_eq!((pieces.length(), pieces.length_of(0)), (0, None));
    }
}
