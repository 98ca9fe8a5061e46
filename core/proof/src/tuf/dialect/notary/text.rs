//! Values as Notary writes them: bytes in base64, and times with fractions of a second and an offset.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp as Instant;
use serde::{Deserialize, Deserializer};

/// Bytes in base64 (RFC 4648 §4), with padding, in the one spelling that they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base64(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refused = |error| serde::de::Error::custom(format_args!("not base64: {error}"));
        STANDARD.decode(text).map(Self).map_err(refused)
    }
}

/// A time of RFC 3339, with at most nanoseconds.
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_instant(&text).ok_or_else(|| serde::de::Error::custom(format_args!("{text:?} is not a time of RFC 3339")))
}

fn parse_instant(text: &str) -> Option<Instant> {
    let (date_and_time, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let fraction = rest.strip_prefix('.').map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    let (fraction, offset) = match fraction {
        None => ("", rest),
        Some(digits @ 1..=9) => rest.split_at_checked(digits + 1)?,
        Some(_) => return None,
    };
    let fits = |text: &str, shape: &[u8]| {
        let same = |(byte, at): (u8, &u8)| if *at == b'0' { byte.is_ascii_digit() } else { byte == *at };
        text.len() == shape.len() && text.bytes().zip(shape).all(same)
    };
    let has_shape = fits(date_and_time, b"0000-00-00T00:00:00")
        && [&b"Z"[..], b"+00:00", b"-00:00"].iter().any(|shape| fits(offset, shape));
    // A leap second would be read as the second before it.
    let is_leap_second = date_and_time.ends_with(":60");
    if !has_shape || is_leap_second {
        return None;
    }
    format!("{date_and_time}{fraction}{offset}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nanoseconds_and_offsets() {
        let second: Instant = "2026-12-09T13:08:41Z".parse().unwrap();
        for text in ["2026-12-09T13:08:41Z", "2026-12-09T14:08:41+01:00", "2026-12-09T05:38:41.000-07:30"] {
            assert_eq!(parse_instant(text), Some(second), "{text}");
        }
        assert_eq!(parse_instant("2026-12-09T13:08:41.693522196Z"), "2026-12-09T13:08:41.693522196Z".parse().ok());
    }

    #[test]
    fn nothing_else_is_a_time() {
        for text in [
            "",
            "2026-12-09",
            "2026-12-09T13:08:41",
            "2026-12-09t13:08:41z",
            "2026-12-09 13:08:41Z",
            "2026-12-09T13:08:41.Z",
            "2026-12-09T13:08:41.0000000001Z",
            "2026-12-09T13:08:60Z",
            "2026-13-09T13:08:41Z",
            "2026-02-30T13:08:41Z",
            "2026-12-09T13:08:41+1:00",
            "2026-12-09T13:08:41+01",
            "2026-12-09T13:08:41+99:00",
            "2026-12-09T13:08:41Z[UTC]",
            "+002026-12-09T13:08:41Z",
            "2026-12-09T13:08:4\u{661}Z",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        let read = |text: &str| serde_json::from_value::<Base64>(text.into());
        assert_eq!(read("AQI=").unwrap().0, [1, 2]);
        for text in ["AQI", "AQJ=", "AQI=\n", " AQI=", "AQI==", "-_-_"] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
