//! Compares a header with the one expected, and says what differs.

use std::io::Read;

use tar::{EntryType, Header};

use super::read_exactly;
use crate::format_error::Problem;
use crate::inventory::EntryRecord;
use crate::tar_profile::{self, BLOCK_LENGTH};

/// Reads the header of an entry: exactly the bytes that follow from its name and size.
pub(super) fn read(input: &mut impl Read, offset: &mut u64, record: &EntryRecord) -> Result<(), Problem> {
    let expected = tar_profile::header(&record.name, record.size);
    let blocks = expected.len() / BLOCK_LENGTH;
    for (number, expected) in expected.chunks_exact(BLOCK_LENGTH).enumerate() {
        let start = *offset;
        let mut found = [0; BLOCK_LENGTH];
        read_exactly(input, offset, &mut found)?;
        if found != expected {
            *offset = start;
            let is_pax_body = number > 0 && number + 1 < blocks;
            return Err(if is_pax_body { Problem::PaxHeader } else { difference(&found, expected, record) });
        }
    }
    Ok(())
}

fn difference(found: &[u8; BLOCK_LENGTH], expected: &[u8], record: &EntryRecord) -> Problem {
    if found == &[0; BLOCK_LENGTH] {
        return Problem::MissingEntry;
    }
    let header = Header::from_byte_slice(found);
    if header.cksum().ok() != Some(checksum(found)) {
        return Problem::HeaderChecksum;
    }
    let kind = header.entry_type();
    let expects_pax = expected.len() == BLOCK_LENGTH && expected.get(156) == Some(&EntryType::XHeader.as_byte());
    if expects_pax && kind == EntryType::XHeader {
        return Problem::PaxHeader;
    }
    if kind != EntryType::Regular || found.get(156) != Some(&b'0') {
        return Problem::EntryType { found: char::from(kind.as_byte()) };
    }
    if expects_pax || expected.get(..100) != found.get(..100) || found.get(345..500) != expected.get(345..500) {
        let name = header.path_bytes();
        return Problem::UnexpectedEntry { found: String::from_utf8_lossy(&name).into_owned() };
    }
    match header.entry_size() {
        Ok(size) if size != record.size => Problem::Size { found: size, listed: record.size },
        _ => Problem::Header,
    }
}

/// The sum of the header's bytes, its checksum field counted as blanks.
fn checksum(block: &[u8; BLOCK_LENGTH]) -> u32 {
    let in_field = |at: usize| (148..156).contains(&at);
    block.iter().enumerate().map(|(at, &byte)| if in_field(at) { 32 } else { u32::from(byte) }).sum()
}
