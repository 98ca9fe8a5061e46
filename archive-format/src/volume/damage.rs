//! What was found damaged, told loudly: which volumes, and which of their chunks.

use std::fmt;

use serde::Serialize;

/// How many ranges of chunks are told of one by one.
pub const MAXIMUM_RANGES: usize = 1000;

/// What is wrong with chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DamageKind {
    /// The volume is not there, or its header and the copy of it are unreadable.
    Missing,
    /// The volume ends before the chunk does.
    Short,
    /// The medium cannot be read there.
    Unreadable,
    /// The chunk does not have its digest.
    Changed,
}

impl fmt::Display for DamageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Short => "cut short",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
        })
    }
}

/// Chunks of one volume, one after the other, that are damaged in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DamagedRange {
    /// The number of the volume, from 1.
    pub volume: u8,
    /// What is wrong.
    pub kind: DamageKind,
    /// The first chunk, from 0.
    pub first: u64,
    /// The last chunk.
    pub last: u64,
}

/// What was found damaged so far. Its memory is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Damage {
    ranges: Vec<DamagedRange>,
    /// Damaged chunks that are in no range.
    untold: u64,
}

impl Damage {
    /// The ranges, in the order in which they begin.
    pub fn ranges(&self) -> &[DamagedRange] {
        &self.ranges
    }

    /// How many damaged chunks are in none of the ranges, because there are more than [`MAXIMUM_RANGES`].
    pub fn untold(&self) -> u64 {
        self.untold
    }

    /// Whether nothing was found damaged.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many chunks are damaged.
    pub fn chunks(&self) -> u64 {
        self.ranges.iter().map(|range| range.last - range.first + 1).sum::<u64>() + self.untold
    }

    /// Adds a chunk. Those of one volume come in ascending order.
    pub(super) fn add(&mut self, volume: u8, chunk: u64, kind: DamageKind) {
        let is_full = self.ranges.len() >= MAXIMUM_RANGES;
        let of_volume = self.ranges.iter_mut().rev().find(|range| range.volume == volume);
        match of_volume {
            Some(range) if range.kind == kind && range.last.checked_add(1) == Some(chunk) => range.last = chunk,
            _ if !is_full => {
                self.ranges.push(DamagedRange { volume, kind, first: chunk, last: chunk });
            }
            _ => self.untold = self.untold.saturating_add(1),
        }
    }
}

impl fmt::Display for DamagedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { volume, kind, first, last } = self;
        match first == last {
            true => write!(f, "volume {volume}: chunk {first} is {kind}"),
            false => write!(f, "volume {volume}: chunks {first} to {last} are {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_counted_and_their_list_has_a_limit() {
        let mut damage = Damage::default();
        for chunk in [3, 4, 5, 7] {
            damage.add(2, chunk, DamageKind::Changed);
            damage.add(1, chunk, DamageKind::Missing);
        }
        damage.add(2, 8, DamageKind::Short);
        let told: Vec<String> = damage.ranges().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "volume 2: chunks 3 to 5 are changed",
                "volume 1: chunks 3 to 5 are missing",
                "volume 2: chunk 7 is changed",
                "volume 1: chunk 7 is missing",
                "volume 2: chunk 8 is cut short",
            ]
        );
        (0..5000).for_each(|chunk| damage.add(3, chunk * 2, DamageKind::Unreadable));
        assert_eq!((damage.ranges().len(), damage.chunks()), (MAXIMUM_RANGES, 5009));
        assert_eq!(damage.untold(), 5000 - (MAXIMUM_RANGES as u64 - 5));
    }
}
