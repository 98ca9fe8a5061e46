//! Freshness: by which clock is metadata judged to have expired?
//!
//! Metadata that is carried for three weeks expires on the way. A [`Freshness`] names the policy, a [`Clock`] holds the
//! facts, and [`Freshness::reference_time`] yields the one instant at which expiry is judged, or says why there is none.
//! Reports show the verdict at export and the verdict now, whatever the policy.

use jiff::{SignedDuration, Timestamp};

/// The longest a carried archive may be on its way unless a policy says otherwise: 30 days.
pub const DEFAULT_MAXIMUM_TRANSIT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Which instant decides whether metadata has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The sealed export time, if it is not in the future, not before the last accepted export, and no older than
    /// `maximum_transit`.
    AtExport {
        /// The longest time between export and now.
        maximum_transit: SignedDuration,
    },
    /// The clock of this side, as TUF §5.1 is written.
    Now,
    /// A stated instant, for audits. It says nothing about today.
    AsOf(Timestamp),
}

/// What is known about time when an archive is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// This side's clock.
    pub now: Timestamp,
    /// When the archive says it was exported; `None` where nothing was carried (on the connected side).
    pub exported_at: Option<Timestamp>,
    /// The export time last accepted from the same pinned root: time does not run backwards across deliveries.
    pub floor: Option<Timestamp>,
}

/// Why no instant can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreshnessError {
    /// The policy asks for an export time and there is none.
    #[error("the freshness policy judges expiry at export, but no export time is known")]
    NoExportTime,
    /// The export time lies after now.
    #[error("the archive says it was exported at {exported_at}, which is later than now ({now})")]
    ExportedInTheFuture {
        /// The sealed export time.
        exported_at: Timestamp,
        /// This side's clock.
        now: Timestamp,
    },
    /// The export time lies before the last accepted one.
    #[error(
        "the archive was exported at {exported_at}, before the last accepted export from this repository ({floor})"
    )]
    OlderThanLastAccepted {
        /// The sealed export time.
        exported_at: Timestamp,
        /// The last accepted export time.
        floor: Timestamp,
    },
    /// The archive was on its way for too long.
    #[error("the archive was exported at {exported_at} and has been on its way for {} hours; the policy allows {}", .age.as_hours(), .maximum_transit.as_hours())]
    TooLongInTransit {
        /// The sealed export time.
        exported_at: Timestamp,
        /// How long ago that is.
        age: SignedDuration,
        /// The longest that the policy allows.
        maximum_transit: SignedDuration,
    },
}

impl Freshness {
    /// The instant at which expiry is judged.
    ///
    /// # Errors
    /// [`FreshnessError`] when the export time that the policy needs is missing, lies in the future or before the last
    /// accepted export, or is older than the longest transit. An export time before the floor is refused under every
    /// policy: it is a replay.
    pub fn reference_time(&self, clock: &Clock) -> Result<Timestamp, FreshnessError> {
        if let (Some(exported_at), Some(floor)) = (clock.exported_at, clock.floor)
            && exported_at < floor
        {
            return Err(FreshnessError::OlderThanLastAccepted { exported_at, floor });
        }
        match *self {
            Self::Now => Ok(clock.now),
            Self::AsOf(instant) => Ok(instant),
            Self::AtExport { maximum_transit } => {
                let exported_at = clock.exported_at.ok_or(FreshnessError::NoExportTime)?;
                if exported_at > clock.now {
                    return Err(FreshnessError::ExportedInTheFuture { exported_at, now: clock.now });
                }
                let age = clock.now.duration_since(exported_at);
                if age > maximum_transit {
                    return Err(FreshnessError::TooLongInTransit { exported_at, age, maximum_transit });
                }
                Ok(exported_at)
            }
        }
    }
}

/// Why a text is not an instant in the form that TUF and in-toto write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time of the form YYYY-MM-DDTHH:MM:SSZ")]
pub struct TimeFormatError(String);

/// Parses the one form of time that TUF (§4.2.2) and in-toto (§4.3.1) allow: `YYYY-MM-DDTHH:MM:SSZ`.
///
/// # Errors
/// [`TimeFormatError`] for any other text, fractions of a second and offsets included.
pub fn parse_instant(text: &str) -> Result<Timestamp, TimeFormatError> {
    let shape = b"0000-00-00T00:00:00Z";
    let fits = text.len() == shape.len()
        && text.bytes().zip(shape).all(|(byte, &at)| if at == b'0' { byte.is_ascii_digit() } else { byte == at });
    let instant = if fits { text.parse().ok() } else { None };
    instant.ok_or_else(|| TimeFormatError(text.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_instant(text).unwrap()
    }

    const POLICY: Freshness = Freshness::AtExport { maximum_transit: DEFAULT_MAXIMUM_TRANSIT };

    fn clock(now: &str, exported_at: &str) -> Clock {
        Clock { now: at(now), exported_at: Some(at(exported_at)), floor: None }
    }

    #[test]
    fn at_export_judges_at_the_sealed_time() {
        let clock = clock("2026-02-01T00:00:00Z", "2026-01-20T00:00:00Z");
        assert_eq!(POLICY.reference_time(&clock), Ok(at("2026-01-20T00:00:00Z")));
        assert_eq!(Freshness::Now.reference_time(&clock), Ok(clock.now));
    }

    #[test]
    fn an_export_time_in_the_future_is_refused() {
        let clock = clock("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        assert!(matches!(POLICY.reference_time(&clock), Err(FreshnessError::ExportedInTheFuture { .. })));
    }

    #[test]
    fn the_transit_has_a_longest_age() {
        let day_30 = clock("2026-01-31T00:00:00Z", "2026-01-01T00:00:00Z");
        assert!(POLICY.reference_time(&day_30).is_ok());
        let later = clock("2026-01-31T00:00:01Z", "2026-01-01T00:00:00Z");
        assert!(matches!(POLICY.reference_time(&later), Err(FreshnessError::TooLongInTransit { .. })));
    }

    #[test]
    fn an_export_before_the_floor_is_refused_under_every_policy() {
        let mut clock = clock("2026-01-10T00:00:00Z", "2026-01-05T00:00:00Z");
        clock.floor = Some(at("2026-01-06T00:00:00Z"));
        for policy in [POLICY, Freshness::Now, Freshness::AsOf(clock.now)] {
            assert!(matches!(policy.reference_time(&clock), Err(FreshnessError::OlderThanLastAccepted { .. })));
        }
        clock.floor = clock.exported_at;
        assert!(POLICY.reference_time(&clock).is_ok());
    }

    #[test]
    fn only_one_form_of_time_is_read() {
        for text in [
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01 00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T00:00:00z",
            "+026-01-01T00:00:00Z",
            "",
        ] {
            assert!(parse_instant(text).is_err(), "{text}");
        }
    }
}
