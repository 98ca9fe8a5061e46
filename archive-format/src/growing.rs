//! Memory that grows as bytes arrive, because an input may end long before the length that it announces.

/// How much room is made ahead of what has arrived, at the least, in bytes.
const LEAST_AHEAD: usize = 128 * 1024;

/// Makes room for `more` bytes: never for more than `most` in all, and never for much more than has already arrived.
pub(crate) fn grow(bytes: &mut Vec<u8>, more: usize, most: usize) {
    if bytes.capacity() - bytes.len() < more {
        let ahead = (bytes.len() / 4).max(LEAST_AHEAD).min(most.saturating_sub(bytes.len()));
        bytes.reserve_exact(ahead.max(more));
    }
}
