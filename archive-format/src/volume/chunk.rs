//! A chunk and the digest that shows where a volume is damaged.

use sha2::{Digest as _, Sha256};

use super::header::VolumeHeader;

/// The digest of a chunk at its place: that of a volume of another set, or of another place, is a different one.
pub(super) fn digest(header: &VolumeHeader, stripe: u64, chunk: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"sealift-volume-chunk/1");
    hasher.update(header.shape.set().as_bytes());
    hasher.update([header.number]);
    hasher.update(stripe.to_be_bytes());
    hasher.update(chunk);
    hasher.finalize().into()
}
