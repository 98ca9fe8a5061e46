//! Where everything is in an archive. Sizes are known before contents, so offsets are too.

use crate::entry_name::EntryName;
use crate::inventory::Inventory;
use crate::tar_profile;

/// The offsets of all entries of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryOffsets {
    /// The entries, the seal first, in the order of the archive.
    pub entries: Vec<Located>,
    /// The length of the archive, in bytes, with the blocks that end it.
    pub length: u64,
}

/// Where an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its name.
    pub name: EntryName,
    /// Where its header begins, in bytes from the start of the archive.
    pub header_offset: u64,
    /// Where its content begins.
    pub content_offset: u64,
    /// The length of its content.
    pub size: u64,
}

impl EntryOffsets {
    /// The layout of the archive that an inventory describes, behind a seal of `seal_length` bytes.
    pub fn of(seal_length: u64, inventory: &Inventory) -> Self {
        let listed = inventory.entries.iter().map(|entry| (entry.name.clone(), (!entry.absent).then_some(entry.size)));
        let mut entries = Vec::new();
        let mut offset = 0;
        for (name, size) in std::iter::once((EntryName::seal(), Some(seal_length))).chain(listed) {
            // What is absent has a place in the list, and none in the archive.
            let Some(size) = size else {
                entries.push(Located { name, header_offset: offset, content_offset: offset, size: 0 });
                continue;
            };
            let content_offset = offset + tar_profile::header(&name, size).len() as u64;
            entries.push(Located { name, header_offset: offset, content_offset, size });
            offset = content_offset + size + tar_profile::padding(size) as u64;
        }
        Self { entries, length: offset + tar_profile::END.len() as u64 }
    }
}
