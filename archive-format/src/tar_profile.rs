//! The tar profile: the one possible header of an entry with a given name and size.
//!
//! Promise: [`header`] is a function of name and size alone, and a reader that knows both accepts exactly these bytes.
//! A POSIX ustar header; where a name or a size does not fit one, a single pax header with `path`, `size`, or both goes
//! before it (POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"). `docs/format.md` is normative.

use tar::{EntryType, Header};

use crate::entry_name::EntryName;

/// Everything in a tar file comes in blocks of this many bytes.
pub const BLOCK_LENGTH: usize = 512;
/// The end of an archive: two blocks of zeros, and nothing after them.
pub const END: [u8; 2 * BLOCK_LENGTH] = [0; 2 * BLOCK_LENGTH];
/// The longest name that the header itself holds, in bytes.
pub(crate) const MAXIMUM_PLAIN_NAME_LENGTH: usize = 100;
/// The largest size that the header itself holds, in bytes: eleven octal digits, 8 GiB less one.
pub const MAXIMUM_PLAIN_SIZE: u64 = 0o777_7777_7777;

/// The name of the pax header, for tools that do not know pax headers.
const PAX_NAME: &str = "sealift/pax";

/// The blocks before an entry's content.
pub fn header(name: &EntryName, size: u64) -> Vec<u8> {
    let name = name.as_str();
    let extension = pax_body(name, size);
    let plain_size = if size > MAXIMUM_PLAIN_SIZE { 0 } else { size };
    let main = ustar(EntryType::Regular, name, plain_size);
    if extension.is_empty() {
        return main.to_vec();
    }
    let mut blocks = ustar(EntryType::XHeader, PAX_NAME, extension.len() as u64).to_vec();
    blocks.extend_from_slice(&extension);
    blocks.resize(blocks.len().next_multiple_of(BLOCK_LENGTH), 0);
    blocks.extend_from_slice(&main);
    blocks
}

/// The bytes that an entry takes up: header, content and padding. `None` beyond 64 bits.
pub fn length(name: &EntryName, size: u64) -> Option<u64> {
    (header(name, size).len() as u64).checked_add(size)?.checked_add(padding(size) as u64)
}

/// The zeros after content of that size, up to a whole block.
pub fn padding(size: u64) -> usize {
    const BLOCK: u64 = BLOCK_LENGTH as u64;
    usize::try_from((BLOCK - size % BLOCK) % BLOCK).unwrap_or_default()
}

fn ustar(kind: EntryType, name: &str, size: u64) -> [u8; BLOCK_LENGTH] {
    let mut header = Header::new_ustar();
    // A name that is too long is cut here; the pax header has the whole name.
    for (to, from) in header.as_old_mut().name.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    *header.as_bytes()
}

fn pax_body(name: &str, size: u64) -> Vec<u8> {
    let mut body = String::new();
    if name.len() > MAXIMUM_PLAIN_NAME_LENGTH {
        body.push_str(&pax_record("path", name));
    }
    if size > MAXIMUM_PLAIN_SIZE {
        body.push_str(&pax_record("size", &size.to_string()));
    }
    body.into_bytes()
}

/// `<length> <keyword>=<value>\n`, where the length counts its own digits too.
fn pax_record(keyword: &str, value: &str) -> String {
    let rest = format!(" {keyword}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long_name() -> EntryName {
        EntryName::tuf_target(&"main".parse().unwrap(), &"n".repeat(76)).unwrap()
    }

    #[test]
    fn a_header_is_one_ustar_block_where_name_and_size_fit() {
        let block = header(&EntryName::oci_layout(), MAXIMUM_PLAIN_SIZE);
        assert_eq!(block.len(), BLOCK_LENGTH);
        let parsed = Header::from_byte_slice(&block);
        assert_eq!(&*parsed.path_bytes(), b"oci-layout");
        assert_eq!(parsed.size().unwrap(), MAXIMUM_PLAIN_SIZE);
        assert_eq!((parsed.mode().unwrap(), parsed.mtime().unwrap()), (0o644, 0));
        assert_eq!(parsed.entry_type(), EntryType::Regular);
        let sum: u32 =
            block.iter().enumerate().map(|(at, &b)| if (148..156).contains(&at) { 32 } else { u32::from(b) }).sum();
        assert_eq!(parsed.cksum().unwrap(), sum);
    }

    #[test]
    fn names_of_up_to_100_bytes_need_no_pax_header() {
        let name = EntryName::tuf_target(&"main".parse().unwrap(), &"n".repeat(75)).unwrap();
        assert_eq!((name.as_str().len(), header(&name, 0).len()), (100, BLOCK_LENGTH));
        assert_eq!((long_name().as_str().len(), header(&long_name(), 0).len()), (101, 3 * BLOCK_LENGTH));
    }

    #[test]
    fn a_pax_record_counts_its_own_digits() {
        assert_eq!(pax_record("path", "a"), "9 path=a\n");
        assert_eq!(pax_record("path", "ab"), "11 path=ab\n");
        assert_eq!(pax_record("path", &"x".repeat(90)).len(), 99);
        assert_eq!(pax_record("path", &"x".repeat(91)).len(), 101);
    }

    #[test]
    fn tar_reads_names_and_sizes_that_need_a_pax_header() {
        for (name, size) in [(long_name(), 5), (EntryName::oci_layout(), 1 << 33), (long_name(), 1 << 50)] {
            let blocks = header(&name, size);
            let mut archive = tar::Archive::new(&*blocks);
            let entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!((&*entry.path_bytes(), entry.size()), (name.as_str().as_bytes(), size));
        }
    }

    #[test]
    fn content_is_padded_to_whole_blocks() {
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
        assert_eq!(length(&EntryName::oci_layout(), 513), Some(512 + 1_024));
        assert_eq!(length(&EntryName::oci_layout(), u64::MAX), None);
    }
}
