//! Volumes that stand one after another in one file.

use std::io::{self, Write};
use std::sync::Arc;

use super::header::{HEADER_LENGTH, VolumeHeader};
use super::shape::MAXIMUM_VOLUMES;
use crate::positioned_input::PositionedInput;

/// A volume that is a part of a file, or all of it. Clones share the file.
#[derive(Debug, Clone)]
pub struct VolumeSection<I> {
    input: Arc<I>,
    start: u64,
    /// `None` to the end of the file, wherever that is.
    length: Option<u64>,
}

impl<I: PositionedInput> VolumeSection<I> {
    /// The file as one volume.
    pub fn whole(input: I) -> Self {
        Self { input: Arc::new(input), start: 0, length: None }
    }

    /// The volumes in a file that have a header: one after another where it holds several of one set, and else the file as one.
    pub fn all(input: I) -> Vec<Self> {
        let whole = Self::whole(input);
        let length = whole.input.length().unwrap_or_default();
        let Some(each) = any_header(&*whole.input, length).map(|header| header.shape.volume_length()) else {
            return vec![whole];
        };
        let starts =
            (0..u64::from(MAXIMUM_VOLUMES)).map(|index| index.saturating_mul(each)).take_while(|start| *start < length);
        let section = |start| Self { input: Arc::clone(&whole.input), start, length: Some(each) };
        let sections: Vec<Self> = starts.map(section).filter(|it| VolumeHeader::read(it).is_ok()).collect();
        if sections.iter().any(|it| it.start > 0) {
            return sections;
        }
        vec![whole]
    }

    /// Whether it stands beside others in its file.
    pub fn is_part(&self) -> bool {
        self.length.is_some()
    }
}

/// A header from anywhere in a file of volumes: the first one or, where that is damaged, the last one or those between volumes.
fn any_header<I: PositionedInput>(input: &I, length: u64) -> Option<VolumeHeader> {
    if let Ok(header) = VolumeHeader::read(input) {
        return Some(header);
    }
    let lengths =
        (2..=u64::from(MAXIMUM_VOLUMES)).filter(|count| length.is_multiple_of(*count)).map(|count| length / count);
    let at = |offset: u64| VolumeHeader::read_at(input, offset).ok();
    lengths
        .filter_map(|each| {
            let header = at(each).or_else(|| at(each.checked_sub(HEADER_LENGTH as u64)?))?;
            (header.shape.volume_length() == each).then_some(header)
        })
        .next()
}

impl<I: PositionedInput> PositionedInput for VolumeSection<I> {
    fn length(&self) -> io::Result<u64> {
        let left = self.input.length()?.saturating_sub(self.start);
        Ok(self.length.map_or(left, |length| length.min(left)))
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(out.len() as u64);
        if self.length.is_some_and(|length| end.is_none_or(|end| end > length)) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.input.read_exact_at(out, self.start.saturating_add(offset))
    }
}

/// Writes a part of a file.
#[derive(Debug)]
pub struct SectionWriter {
    file: Arc<std::fs::File>,
    offset: u64,
}

impl SectionWriter {
    /// Writes from this position on.
    pub fn new(file: Arc<std::fs::File>, offset: u64) -> Self {
        Self { file, offset }
    }
}

impl Write for SectionWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_all_at(&*self.file, bytes, self.offset)?;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
