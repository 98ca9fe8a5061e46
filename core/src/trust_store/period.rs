//! Lengths of time, as a person writes them in `policy.toml`.

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, written as a whole number of days, hours or minutes: `30d`, `12h`, `90m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub SignedDuration);

/// Why a text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a length of time: expected a whole number of days, hours or minutes, such as 30d, 12h or 90m")]
pub struct PeriodError(String);

/// A century: no transit or warning is longer.
const LONGEST_MINUTES: u32 = 100 * 366 * 24 * 60;

impl std::str::FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || PeriodError(text.chars().take(40).collect());
        let (unit_at, unit) = text.char_indices().last().ok_or_else(wrong)?;
        let count = text.get(..unit_at).ok_or_else(wrong)?;
        if !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let minutes: u32 = match unit {
            'd' => 24 * 60,
            'h' => 60,
            'm' => 1,
            _ => return Err(wrong()),
        };
        let count: u32 = count.parse().map_err(|_| wrong())?;
        let total = count.checked_mul(minutes).filter(|total| *total <= LONGEST_MINUTES).ok_or_else(wrong)?;
        Ok(Self(SignedDuration::from_mins(i64::from(total))))
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.0.as_mins();
        if minutes % (24 * 60) == 0 {
            write!(f, "{}d", minutes / (24 * 60))
        } else if minutes % 60 == 0 {
            write!(f, "{}h", minutes / 60)
        } else {
            write!(f, "{minutes}m")
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_days_hours_or_minutes() {
        let hours = |text: &str| text.parse::<Period>().map(|period| period.0.as_hours());
        assert_eq!(hours("30d"), Ok(720));
        assert_eq!(hours("12h"), Ok(12));
        assert_eq!(hours("90m"), Ok(1));
        for text in ["", "d", "30", "-1d", "+1d", "1.5d", "30 d", "30D", "4294967295d", "1ü"] {
            assert!(hours(text).is_err(), "{text}");
        }
        for text in ["30d", "36h", "90m"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
    }
}
