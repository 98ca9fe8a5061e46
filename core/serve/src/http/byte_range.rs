//! Which part of a content is asked for (RFC 9110 §14).

use std::ops::Range;

/// What a `Range` field comes to for a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AskedRange {
    /// All of it: no range, several, or something that is not a range of bytes.
    Whole,
    /// This part, which is not empty.
    Part(Range<u64>),
    /// A part that the content does not have.
    Beyond,
}

impl AskedRange {
    /// Reads a `Range` field for a content of `length` bytes.
    pub(crate) fn of(field: &str, length: u64) -> Self {
        Self::read(field, length).unwrap_or(Self::Whole)
    }

    fn read(field: &str, length: u64) -> Option<Self> {
        let (unit, range) = field.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
            return None;
        }
        let part = match (first, last) {
            ("", suffix) => length.saturating_sub(number(suffix)?)..length,
            (first, "") => number(first)?..length,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..last.saturating_add(1).min(length)
            }
        };
        Some(if part.is_empty() { Self::Beyond } else { Self::Part(part) })
    }
}

/// A number of digits alone; one that is too large is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::AskedRange::{Beyond, Part, Whole};
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_content() {
        for (field, expected) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=2-5", Part(2..6)),
            ("Bytes = 2-", Part(2..10)),
            ("bytes=9-99999999999999999999999", Part(9..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-30", Part(0..10)),
            ("bytes=-0", Beyond),
            ("bytes=10-", Beyond),
            ("bytes=10-12", Beyond),
            ("bytes=18446744073709551615-18446744073709551615", Beyond),
        ] {
            assert_eq!(AskedRange::of(field, 10), expected, "{field}");
        }
        assert_eq!(AskedRange::of("bytes=0-", 0), Beyond);
        assert_eq!(AskedRange::of("bytes=-1", 0), Beyond);
    }

    #[test]
    fn what_is_not_one_range_of_bytes_asks_for_everything() {
        for field in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=+1-2", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1"]
        {
            assert_eq!(AskedRange::of(field, 10), Whole, "{field}");
        }
    }
}
