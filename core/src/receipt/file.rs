//! The file of a receipt: its envelope in one gzip member. An envelope that is not compressed is read too.

use std::borrow::Cow;
use std::io::{self, Read as _};

use flate2::{Compression, read::GzEncoder};
use sealift_archive_format::compression::{Decompressed, Parts};

use super::MAXIMUM_LENGTH;
use super::error::ReceiptDamage;

/// What a gzip member begins with (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The file of an envelope. It states no time, so the same envelope gives the same bytes.
pub(super) fn pack(envelope: Vec<u8>) -> Vec<u8> {
    let mut packed = Vec::new();
    let written = GzEncoder::new(&*envelope, Compression::best()).read_to_end(&mut packed);
    // Readers take it uncompressed too.
    written.map_or(envelope, |_| packed)
}

/// The envelope in a file.
pub(super) fn unpack(file: &[u8]) -> Result<Cow<'_, [u8]>, ReceiptDamage> {
    if !file.starts_with(&GZIP) {
        return Ok(Cow::Borrowed(file));
    }
    let envelope = decompress(file).map_err(ReceiptDamage::Compressed)?;
    match u64::try_from(envelope.len()).is_ok_and(|length| length <= MAXIMUM_LENGTH) {
        true => Ok(Cow::Owned(envelope)),
        false => Err(ReceiptDamage::TooLong),
    }
}

/// What the one gzip member has, as far as it may be read.
fn decompress(file: &[u8]) -> io::Result<Vec<u8>> {
    let mut envelope = Vec::new();
    Decompressed::open(file, Parts::One)?.take(MAXIMUM_LENGTH.saturating_add(1)).read_to_end(&mut envelope)?;
    Ok(envelope)
}
