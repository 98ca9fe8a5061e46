//! The headers of a tar file, one after the other.
//!
//! The crate `tar` reads blocks and records. It is not asked to go from entry to entry: it would read the record of a long name into
//! memory, however long that says it is.

use std::path::Path;

use tar::{EntryType, PaxExtensions};

use super::TarEntry;
use super::error::TarballError;
use super::unpacked::Input;

/// The most entries of a tar file.
pub const MAXIMUM_ENTRIES: usize = 200_000;
/// The most bytes of all names and links together.
pub(super) const MAXIMUM_NAMES_LENGTH: u64 = 32 << 20;
/// The longest record about an entry: a name of GNU's, or the extensions of POSIX (pax), in bytes.
pub(super) const MAXIMUM_RECORD: u64 = 64 << 10;
/// The longest name, in bytes.
const MAXIMUM_NAME: usize = 4096;
const BLOCK: u64 = 512;

/// One block, which has the checksum of a header.
pub(super) struct Header<'b>(&'b tar::Header);

impl<'b> Header<'b> {
    /// Reads a block; `None` if it is not a header.
    pub(super) fn read(block: &'b [u8]) -> Option<Self> {
        let sum = block.get(..512)?.iter().enumerate();
        // The checksum counts its own eight bytes as blanks.
        let sum: u32 = sum.map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
        let header = tar::Header::from_byte_slice(block.get(..512)?);
        (header.cksum().ok()? == sum).then_some(Self(header))
    }
}

/// What the records before an entry say about it.
#[derive(Default)]
struct Records {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Reads all headers, and passes on each file and each link with its name. Whoever gets a file may read its content from the input.
pub(super) fn read_all<I: Input, E: From<TarballError>>(
    path: &Path,
    input: &mut I,
    mut found: impl FnMut(&mut I, String, TarEntry) -> Result<(), E>,
) -> Result<(), E> {
    let (mut records, mut count, mut names_length) = (Records::default(), 0_usize, 0_u64);
    loop {
        let position = input.position();
        let not_a_header = || TarballError::Header { path: path.to_owned(), position };
        let mut block = [0; 512];
        input.fill(&mut block)?;
        if block == [0; 512] {
            input.fill(&mut block)?;
            return if block == [0; 512] { Ok(input.drain()?) } else { Err(not_a_header().into()) };
        }
        let header = Header::read(&block).ok_or_else(not_a_header)?.0;
        count += 1;
        if count > MAXIMUM_ENTRIES {
            return Err(TarballError::TooManyEntries { path: path.to_owned() }.into());
        }
        let stated = header.entry_size().map_err(|_| not_a_header())?;
        let kind = header.entry_type();
        if matches!(
            kind,
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader
        ) {
            let record = read_record(path, input, stated)?;
            match kind {
                EntryType::GNULongName => records.name = Some(without_zeros(record)),
                EntryType::GNULongLink => records.link = Some(without_zeros(record)),
                EntryType::XHeader => records.extend(&record).ok_or_else(not_a_header)?,
                // What is said about every entry: comments, times. A name or a size for all would be nonsense.
                _ => Records::default().extend(&record).ok_or_else(not_a_header)?,
            }
            continue;
        }
        let Records { name, link, size } = std::mem::take(&mut records);
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        let shown = || String::from_utf8_lossy(&name).chars().take(200).collect::<String>();
        // A link without a record has at most 100 bytes in its header.
        let link_length = link.as_ref().map_or(if header.link_name_bytes().is_some() { 100 } else { 0 }, Vec::len);
        names_length += (name.len() + link_length) as u64;
        if names_length > MAXIMUM_NAMES_LENGTH {
            return Err(TarballError::NamesLength { path: path.to_owned() }.into());
        }
        let wrong_name = || TarballError::Name { path: path.to_owned(), name: shown() };
        let inside = normal(&name, "").ok_or_else(wrong_name)?;
        let length = size.unwrap_or(stated);
        // Readers do not agree on whether content follows a folder or a link that states a length.
        if length > 0 && matches!(kind, EntryType::Directory | EntryType::Symlink | EntryType::Link) {
            return Err(not_a_header().into());
        }
        let entry = match kind {
            EntryType::Directory => continue,
            // Readers do not agree on whether this is a file or a folder, either.
            EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => return Err(wrong_name().into()),
            EntryType::Regular | EntryType::Continuous => TarEntry::Content { position: input.position(), length },
            EntryType::Symlink | EntryType::Link => {
                let target = link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
                // A symbolic link is relative to its folder, a hard link to the top.
                let folder = inside.rsplit_once('/').map_or("", |(folder, _)| folder);
                let from = if kind == EntryType::Symlink { folder } else { "" };
                let outside = || TarballError::LinkOut {
                    path: path.to_owned(),
                    name: shown(),
                    target: String::from_utf8_lossy(&target).chars().take(200).collect(),
                };
                TarEntry::Link(normal(&target, from).filter(|target| !target.is_empty()).ok_or_else(outside)?)
            }
            _ => return Err(TarballError::EntryType { path: path.to_owned(), name: shown() }.into()),
        };
        if inside.is_empty() {
            return Err(wrong_name().into());
        }
        let end = padded(length).and_then(|length| input.position().checked_add(length)).ok_or_else(not_a_header)?;
        found(input, inside, entry)?;
        input.skip(end.saturating_sub(input.position()))?;
    }
}

impl Records {
    /// Adds the extensions of a pax record; `None` if it cannot be read, or asks for what is not read here.
    fn extend(&mut self, record: &[u8]) -> Option<()> {
        for extension in PaxExtensions::new(record) {
            let extension = extension.ok()?;
            match extension.key().ok()? {
                "path" => self.name = Some(extension.value_bytes().to_vec()),
                "linkpath" => self.link = Some(extension.value_bytes().to_vec()),
                "size" => self.size = Some(extension.value().ok()?.parse().ok()?),
                key if key.starts_with("GNU.sparse.") => return None,
                _ => {}
            }
        }
        Some(())
    }
}

/// Reads what is said about the next entry, if it is not too long.
fn read_record(path: &Path, input: &mut impl Input, length: u64) -> Result<Vec<u8>, TarballError> {
    let too_long = || TarballError::Record { path: path.to_owned(), length };
    let whole = padded(length).filter(|_| length <= MAXIMUM_RECORD).ok_or_else(too_long)?;
    let mut record = vec![0; usize::try_from(whole).map_err(|_| too_long())?];
    input.fill(&mut record)?;
    record.truncate(usize::try_from(length).map_err(|_| too_long())?);
    Ok(record)
}

fn without_zeros(mut record: Vec<u8>) -> Vec<u8> {
    while record.last() == Some(&0) {
        record.pop();
    }
    record
}

/// A length, filled up to whole blocks.
fn padded(length: u64) -> Option<u64> {
    length.checked_next_multiple_of(BLOCK)
}

/// A path that begins in `folder`, in its one form: without `.`, `..` and empty parts. `None` if it is not text, or leads out.
fn normal(name: &[u8], folder: &str) -> Option<String> {
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= MAXIMUM_NAME && !name.starts_with('/'))?;
    if name.chars().any(char::is_control) {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            // Only links go up, and never above the top.
            ".." if folder.is_empty() => return None,
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
