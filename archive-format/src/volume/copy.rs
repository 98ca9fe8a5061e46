//! Copies of volumes, for a drive that holds one volume at a time.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::chunk;
use super::header::VolumeHeader;
use super::shape::{CHUNK_LENGTH, RECORD_LENGTH};
use super::stripe::record;
use crate::positioned_input::PositionedInput;

/// How many ranges of lost chunks a copy keeps. What lies between further ones counts as lost.
const MAXIMUM_LOST_RANGES: usize = 1 << 16;

/// A copy of one volume. It has the chunks that had their digest where they were read from, and knows which are lost.
#[derive(Debug)]
pub struct VolumeCopy {
    header: VolumeHeader,
    file: File,
    lost: LostChunks,
}

impl VolumeCopy {
    /// Begins a copy in an empty file: every chunk is lost yet.
    ///
    /// # Errors
    /// The error of writing it.
    pub fn begin(header: VolumeHeader, file: File) -> io::Result<Self> {
        let (bytes, length) = (header.to_bytes(), header.shape.volume_length());
        file.set_len(length)?;
        file.write_all_at(&bytes, 0)?;
        file.write_all_at(&bytes, length.saturating_sub(bytes.len() as u64))?;
        Ok(Self { header, file, lost: LostChunks::all(&header) })
    }

    /// Takes up a copy that was made before. Every chunk is compared with its digest: what is not whole is lost. `passed` is called with the
    /// number of bytes that were looked at since.
    ///
    /// # Errors
    /// The error of making room in it. What cannot be read is lost.
    pub fn take_up(header: VolumeHeader, file: File, mut passed: impl FnMut(u64)) -> io::Result<Self> {
        file.set_len(header.shape.volume_length())?;
        let mut copy = Self { header, file, lost: LostChunks::all(&header) };
        copy.lost = copy.still_lost(&copy.file, |_, _| {
            passed(RECORD_LENGTH);
            Ok(())
        })?;
        Ok(copy)
    }

    /// Which volume it is.
    pub fn header(&self) -> &VolumeHeader {
        &self.header
    }

    /// How many chunks are lost.
    pub fn lost(&self) -> u64 {
        self.lost.ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Copies those of the lost chunks that `input` has. `passed` is called with the number of bytes that were looked at since.
    ///
    /// # Errors
    /// The error of writing them. What cannot be read stays lost.
    pub fn fill(&mut self, input: &impl PositionedInput, mut passed: impl FnMut(u64)) -> io::Result<()> {
        let still = self.still_lost(input, |offset, found| {
            found.map_or(Ok(()), |record| self.file.write_all_at(record, offset))?;
            passed(RECORD_LENGTH);
            Ok(())
        })?;
        self.lost = still;
        Ok(())
    }

    /// Those of the lost chunks that `input` does not have either. Each of them is handed on, with its offset, if it is there.
    fn still_lost(
        &self,
        input: &impl PositionedInput,
        mut looked_at: impl FnMut(u64, Option<&[u8]>) -> io::Result<()>,
    ) -> io::Result<LostChunks> {
        let (mut record, mut still) = (record(), LostChunks::default());
        for number in self.lost.ranges.iter().flat_map(|(first, last)| *first..=*last) {
            let offset = self.header.shape.record_offset(number);
            let is_there = input.read_exact_at(&mut record, offset).is_ok() && self.is_whole(number, &record);
            looked_at(offset, is_there.then_some(&*record))?;
            if !is_there {
                still.add(number);
            }
        }
        Ok(still)
    }

    fn is_whole(&self, number: u64, record: &[u8]) -> bool {
        let parts = record.split_at_checked(CHUNK_LENGTH);
        parts.is_some_and(|(content, digest)| digest == chunk::digest(&self.header, number, content))
    }

    /// The most chunks that one stripe has lost in these copies.
    pub fn most_lost_in_a_stripe<'a>(copies: impl IntoIterator<Item = &'a Self>) -> u8 {
        // Where the number of lost chunks changes, and by how many.
        let mut changes: BTreeMap<u64, i16> = BTreeMap::new();
        for (first, last) in copies.into_iter().flat_map(|copy| &copy.lost.ranges) {
            *changes.entry(*first).or_default() += 1;
            *changes.entry(last.saturating_add(1)).or_default() -= 1;
        }
        let lost = changes.into_values().scan(0_i16, |lost, change| {
            *lost = lost.saturating_add(change);
            Some(*lost)
        });
        lost.max().map_or(0, |most| u8::try_from(most).unwrap_or(u8::MAX))
    }

    /// The file, which is a volume.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The file alone.
    pub fn into_file(self) -> File {
        self.file
    }
}

/// Ranges of chunks, in ascending order.
#[derive(Debug, Default)]
struct LostChunks {
    ranges: Vec<(u64, u64)>,
}

impl LostChunks {
    /// Every chunk of a volume.
    fn all(header: &VolumeHeader) -> Self {
        Self { ranges: vec![(0, header.shape.stripes().saturating_sub(1))] }
    }

    fn add(&mut self, number: u64) {
        let is_full = self.ranges.len() >= MAXIMUM_LOST_RANGES;
        match self.ranges.last_mut() {
            Some((_, last)) if is_full || last.checked_add(1) == Some(number) => *last = number,
            _ => self.ranges.push((number, number)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::io::Write as _;

    use super::super::{SetId, VolumeShape, VolumeWriter};
    use super::*;

    fn volumes() -> Vec<Vec<u8>> {
        let length = 10 * CHUNK_LENGTH as u64;
        let shape = VolumeShape::new(SetId::of(b"seal", 2, 1, length), 2, 1, length).unwrap();
        let mut writer = VolumeWriter::new(shape, vec![Vec::new(); 3]).unwrap();
        writer.write_all(&vec![7; 10 * CHUNK_LENGTH]).unwrap();
        writer.finish().unwrap()
    }

    fn copy(volume: &[u8]) -> VolumeCopy {
        let header = VolumeHeader::read(&volume).unwrap();
        let mut copy = VolumeCopy::begin(header, tempfile::tempfile().unwrap()).unwrap();
        assert_eq!(copy.lost(), 5);
        copy.fill(&volume, |_| ()).unwrap();
        copy
    }

    fn content(copy: VolumeCopy) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(copy.file.length().unwrap()).unwrap()];
        PositionedInput::read_exact_at(&copy.into_file(), &mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn what_one_reading_loses_another_one_fills_in() {
        let whole = volumes();
        let mut damaged = whole[0].clone();
        let at = |number: usize| 512 + number * 65_568 + 9;
        damaged[at(1)] ^= 1;
        damaged.truncate(at(3));
        let mut first = copy(&damaged);
        assert_eq!(first.lost.ranges, [(1, 1), (3, 4)]);
        let mut other = whole[0].clone();
        other[at(4)] ^= 1;
        first.fill(&other.as_slice(), |_| ()).unwrap();
        assert_eq!(first.lost(), 1);
        first.fill(&whole[0].as_slice(), |_| ()).unwrap();
        assert!(first.lost() == 0 && content(first) == whole[0]);
    }

    #[test]
    fn the_worst_stripe_is_known() {
        let damaged: Vec<VolumeCopy> = volumes()
            .into_iter()
            .enumerate()
            .map(|(index, mut volume)| {
                volume.truncate(512 + (index + 2) * 65_568);
                copy(&volume)
            })
            .collect();
        assert_eq!(VolumeCopy::most_lost_in_a_stripe(&damaged), 3);
        assert_eq!(VolumeCopy::most_lost_in_a_stripe(&damaged[1..]), 2);
        assert_eq!(VolumeCopy::most_lost_in_a_stripe([]), 0);
    }

    #[test]
    fn the_list_of_lost_chunks_has_a_limit() {
        let mut lost = LostChunks::default();
        (0..200_000).for_each(|number| lost.add(number * 2));
        assert_eq!((lost.ranges.len(), lost.ranges.last()), (MAXIMUM_LOST_RANGES, Some(&(131_070, 399_998))));
    }
}
