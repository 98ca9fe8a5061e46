//! Freshness: by which clock is metadata judged to have expired?
//!
//! Metadata that is carried for three weeks may expire in transit. A [`Freshness`] names the policy, a [`Clock`] holds
//! the facts, and [`Freshness::reference_time`] yields the one instant at which expiry is judged, or says why there is
//! none. Reports show the verdict at export and the verdict now, whatever the policy.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The longest time that an archive may be in transit, unless a policy says otherwise: 30 days.
pub const DEFAULT_MAXIMUM_TRANSIT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Which instant decides whether metadata has expired, and how long an archive may be in transit.
///
/// Under every policy except an audit's, an archive may have been in transit for `maximum_transit` and no longer. This
/// does not concern the connected side, where nothing has been carried yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The sealed export time.
    AtExport {
        /// The longest time between export and now.
        maximum_transit: SignedDuration,
    },
    /// The clock of this side, as TUF §5.1 is written.
    Now {
        /// The longest time between export and now.
        maximum_transit: SignedDuration,
    },
    /// A stated instant, for audits. It proves nothing about today.
    AsOf(Timestamp),
}

/// A clock that a person asks to judge by, in place of the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedClock {
    /// The sealed export time.
    AtExport,
    /// The clock of this side.
    Now,
    /// A stated instant, for audits.
    AsOf(Timestamp),
}

/// Why a freshness may not replace the policy's on import: it accepts what the policy refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LooserFreshness {
    /// It is an audit's.
    #[error("expiry would be judged as of {instant}, which proves nothing about today")]
    Audit {
        /// The instant.
        instant: Timestamp,
    },
    /// What this side remembers was not held against the archive, because it was judged for an audit.
    #[error("it was judged for an audit, which accepts what this side has left behind")]
    Memory,
    /// It judges expiry at export, while the policy judges by this side's clock.
    #[error("expiry would be judged at export, but the policy requires now")]
    AtExport,
    /// It allows a longer transit.
    #[error("the archive could have been in transit for {}, but the policy allows only {}", spoken(.asked), spoken(.allowed))]
    LongerTransit {
        /// The longest that was asked for.
        asked: SignedDuration,
        /// The longest that the policy allows.
        allowed: SignedDuration,
    },
}

/// What is known about time when an archive is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// This side's clock.
    pub now: Timestamp,
    /// The export time that the archive states; `None` where nothing was carried (on the connected side).
    pub exported_at: Option<Timestamp>,
    /// The export time last accepted from the same pinned root: time does not run backwards across deliveries.
    pub floor: Option<Timestamp>,
}

impl Clock {
    /// Passes an export that is not older than the last accepted one.
    ///
    /// # Errors
    /// [`FreshnessError::ClockBehindLastAccepted`] and [`FreshnessError::OlderThanLastAccepted`].
    pub fn require_not_below_floor(&self) -> Result<(), FreshnessError> {
        self.require_reached_floor()?;
        match (self.floor, self.exported_at) {
            (Some(floor), Some(exported_at)) if self.is_late() => {
                Err(FreshnessError::OlderThanLastAccepted { exported_at, floor })
            }
            _ => Ok(()),
        }
    }

    /// Whether the export is older than the last accepted one.
    pub fn is_late(&self) -> bool {
        matches!((self.floor, self.exported_at), (Some(floor), Some(exported_at)) if exported_at < floor)
    }

    /// No export is accepted before its time: a clock that has not reached the last one cannot tell a replay from something new.
    fn require_reached_floor(&self) -> Result<(), FreshnessError> {
        match (self.floor, self.exported_at) {
            (Some(floor), Some(_)) if self.now < floor => {
                Err(FreshnessError::ClockBehindLastAccepted { now: self.now, floor })
            }
            _ => Ok(()),
        }
    }
}

/// Why no instant can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreshnessError {
    /// The policy needs an export time, and there is none.
    #[error("the freshness policy judges expiry at export, but no export time is known")]
    NoExportTime,
    /// The export time is later than now.
    #[error("the archive states that it was exported at {exported_at}, which is later than now ({now})")]
    ExportedInTheFuture {
        /// The sealed export time.
        exported_at: Timestamp,
        /// This side's clock.
        now: Timestamp,
    },
    /// This side's clock is behind an export that it accepted: the clock is wrong now, or one side's clock was wrong
    /// then.
    #[error("this side's clock ({now}) is behind the last accepted export from this repository ({floor})")]
    ClockBehindLastAccepted {
        /// This side's clock.
        now: Timestamp,
        /// The last accepted export time.
        floor: Timestamp,
    },
    /// The export time is earlier than the last accepted one.
    #[error(
        "the archive was exported at {exported_at}, before the last accepted export from this repository ({floor})"
    )]
    OlderThanLastAccepted {
        /// The sealed export time.
        exported_at: Timestamp,
        /// The last accepted export time.
        floor: Timestamp,
    },
    /// The archive was in transit for too long.
    #[error(
        "the archive was exported at {exported_at} and has been in transit for {}; the policy allows {}",
        spoken(.age), spoken(.maximum_transit)
    )]
    TooLongInTransit {
        /// The sealed export time.
        exported_at: Timestamp,
        /// How long ago that is.
        age: SignedDuration,
        /// The longest that the policy allows.
        maximum_transit: SignedDuration,
    },
}

/// A length of time in its two greatest units, as a person says it: `40 days 3 hours`.
fn spoken(duration: &SignedDuration) -> String {
    let seconds = duration.as_secs();
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let greatest = units.iter().position(|(_, length)| seconds >= *length).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let words = units.iter().skip(greatest).take(2).filter_map(|(unit, length)| {
        let count = left / length;
        left %= length;
        let plural = if count == 1 { "" } else { "s" };
        (count != 0 || (seconds == 0 && *unit == "second")).then(|| format!("{count} {unit}{plural}"))
    });
    words.collect::<Vec<_>>().join(" ")
}

impl Freshness {
    /// The instant at which expiry is judged. Where that is the export, it is the last accepted one if that is later: it is at least as
    /// late as that.
    ///
    /// # Errors
    /// [`FreshnessError`] when the export time that the policy needs is missing, lies in the future, or is longer ago than the longest
    /// transit, and when the clock has not reached the last accepted export. Under every policy an export time in the future is
    /// refused, because it would become a floor that no honest delivery reaches.
    pub fn reference_time(&self, clock: &Clock) -> Result<Timestamp, FreshnessError> {
        if let Some(exported_at) = clock.exported_at {
            self.require_plausible(exported_at, clock)?;
        }
        match *self {
            Self::Now { .. } => Ok(clock.now),
            Self::AsOf(instant) => Ok(instant),
            Self::AtExport { .. } => {
                let exported_at = clock.exported_at.ok_or(FreshnessError::NoExportTime)?;
                Ok(clock.floor.map_or(exported_at, |floor| floor.max(exported_at)))
            }
        }
    }

    /// Passes a freshness that takes nothing that `policy` refuses. What has not expired now had not at export, which is not
    /// later.
    ///
    /// # Errors
    /// [`LooserFreshness`].
    pub fn require_as_strict_as(&self, policy: &Self) -> Result<(), LooserFreshness> {
        match (*self, *policy) {
            (Self::AsOf(instant), _) => return Err(LooserFreshness::Audit { instant }),
            (Self::AtExport { .. }, Self::Now { .. }) => return Err(LooserFreshness::AtExport),
            (Self::AtExport { .. } | Self::Now { .. }, _) => {}
        }
        match (self.maximum_transit(), policy.maximum_transit()) {
            (Some(asked), Some(allowed)) if asked > allowed => Err(LooserFreshness::LongerTransit { asked, allowed }),
            _ => Ok(()),
        }
    }

    /// Refuses an export time that no honest delivery can have.
    fn require_plausible(&self, exported_at: Timestamp, clock: &Clock) -> Result<(), FreshnessError> {
        let now = clock.now;
        clock.require_reached_floor()?;
        if exported_at > now {
            return Err(FreshnessError::ExportedInTheFuture { exported_at, now });
        }
        let age = now.duration_since(exported_at);
        if let Some(maximum_transit) = self.maximum_transit().filter(|&longest| age > longest) {
            return Err(FreshnessError::TooLongInTransit { exported_at, age, maximum_transit });
        }
        Ok(())
    }

    /// The longest time between export and now; `None` for an audit, which ignores it.
    pub fn maximum_transit(&self) -> Option<SignedDuration> {
        match *self {
            Self::AtExport { maximum_transit } | Self::Now { maximum_transit } => Some(maximum_transit),
            Self::AsOf(_) => None,
        }
    }

    /// Its name in a policy and in a report: `at-export`, `now` or `as-of`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AtExport { .. } => "at-export",
            Self::Now { .. } => "now",
            Self::AsOf(_) => "as-of",
        }
    }

    /// The instant after which this policy refuses what it accepts now: when the longest transit ends, and, for a
    /// policy that judges by this side's clock, when the first of `expiries` is reached. `None` for a policy that
    /// ignores the clock.
    pub fn red_line(&self, clock: &Clock, expiries: impl IntoIterator<Item = Timestamp>) -> Option<Timestamp> {
        let arrival = |transit| clock.exported_at.and_then(|exported_at| exported_at.checked_add(transit).ok());
        match *self {
            Self::AsOf(_) => None,
            Self::AtExport { maximum_transit } => arrival(maximum_transit),
            Self::Now { maximum_transit } => expiries.into_iter().chain(arrival(maximum_transit)).min(),
        }
    }
}

/// Whether something that expires was still valid at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was valid, and will be for this long.
    Fresh {
        /// The time left until it expires.
        remaining: SignedDuration,
    },
    /// It was not valid, and had not been for this long.
    Expired {
        /// The time since it expired; zero at the very instant of expiry.
        since: SignedDuration,
    },
}

impl Verdict {
    /// Judges an expiry at an instant: metadata is valid as long as its expiry lies after it (TUF 1.0.34 §5.3.10).
    pub fn at(instant: Timestamp, expires: Timestamp) -> Self {
        if expires > instant {
            Self::Fresh { remaining: expires.duration_since(instant) }
        } else {
            Self::Expired { since: instant.duration_since(expires) }
        }
    }

    /// Whether it was still valid.
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Fresh { .. })
    }

    /// Whether it is still valid, but for no longer than `notice`.
    pub fn is_near_the_end(self, notice: SignedDuration) -> bool {
        matches!(self, Self::Fresh { remaining } if remaining <= notice)
    }
}

/// Both verdicts on one expiry; reports show them whatever the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdicts {
    /// At the export time, where there is one.
    pub at_export: Option<Verdict>,
    /// By this side's clock.
    pub now: Verdict,
}

impl Verdicts {
    /// Judges an expiry by both clocks.
    pub fn on(expires: Timestamp, clock: &Clock) -> Self {
        Self {
            at_export: clock.exported_at.map(|exported_at| Verdict::at(exported_at, expires)),
            now: Verdict::at(clock.now, expires),
        }
    }
}

/// Why a text is not an instant in the form that TUF and in-toto write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time of the form YYYY-MM-DDTHH:MM:SSZ")]
pub struct TimeFormatError(String);

/// Parses the one form of time that TUF (§4.2.2) and in-toto (§4.3.1) allow: `YYYY-MM-DDTHH:MM:SSZ`.
///
/// A time beyond the last second that [`Timestamp`] can hold, such as `9999-12-31T23:59:59Z`, which is a common way to
/// write *never*, becomes that last second.
///
/// # Errors
/// [`TimeFormatError`] for any other text: fractions of a second, offsets, and seconds and days that do not exist.
pub fn parse_instant(text: &str) -> Result<Timestamp, TimeFormatError> {
    civil_time(text)
        .map(|time| TimeZone::UTC.to_timestamp(time).unwrap_or_else(|_| last_second()))
        .ok_or_else(|| TimeFormatError(text.chars().take(40).collect()))
}

fn civil_time(text: &str) -> Option<DateTime> {
    let shape = b"0000-00-00T00:00:00Z";
    let fits = text.len() == shape.len()
        && text.bytes().zip(shape).all(|(byte, &at)| if at == b'0' { byte.is_ascii_digit() } else { byte == at });
    let text = text.strip_suffix('Z').filter(|_| fits)?;
    // A leap second would be read as the second before it.
    text.parse().ok().filter(|time: &DateTime| time.to_string() == text)
}

/// The last whole second that can be held, near the end of the year 9999.
fn last_second() -> Timestamp {
    Timestamp::from_second(Timestamp::MAX.as_second()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        parse_instant(text).unwrap()
    }

    const POLICY: Freshness = Freshness::AtExport { maximum_transit: DEFAULT_MAXIMUM_TRANSIT };
    const NOW: Freshness = Freshness::Now { maximum_transit: DEFAULT_MAXIMUM_TRANSIT };

    fn clock(now: &str, exported_at: &str) -> Clock {
        Clock { now: at(now), exported_at: Some(at(exported_at)), floor: None }
    }

    #[test]
    fn at_export_judges_at_the_sealed_time() {
        let clock = clock("2026-02-01T00:00:00Z", "2026-01-20T00:00:00Z");
        assert_eq!(POLICY.reference_time(&clock), Ok(at("2026-01-20T00:00:00Z")));
        assert_eq!(NOW.reference_time(&clock), Ok(clock.now));
    }

    #[test]
    fn an_export_time_in_the_future_is_refused() {
        let clock = clock("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        assert!(matches!(POLICY.reference_time(&clock), Err(FreshnessError::ExportedInTheFuture { .. })));
    }

    #[test]
    fn the_transit_has_a_longest_age() {
        let day_30 = clock("2026-01-31T00:00:00Z", "2026-01-01T00:00:00Z");
        let later = clock("2026-01-31T00:00:01Z", "2026-01-01T00:00:00Z");
        for policy in [POLICY, NOW] {
            assert!(policy.reference_time(&day_30).is_ok());
            assert!(matches!(policy.reference_time(&later), Err(FreshnessError::TooLongInTransit { .. })));
        }
        assert_eq!(Freshness::AsOf(later.now).reference_time(&later), Ok(later.now), "an audit may come later");
        let nothing_carried = Clock { exported_at: None, ..later };
        assert_eq!(NOW.reference_time(&nothing_carried), Ok(later.now));
        assert_eq!(POLICY.reference_time(&nothing_carried), Err(FreshnessError::NoExportTime));
    }

    #[test]
    fn a_clock_behind_the_last_accepted_export_is_named_as_what_is_wrong() {
        let floor = at("2026-01-06T00:00:00Z");
        for exported_at in ["2026-01-04T00:00:00Z", "2026-01-07T00:00:00Z"] {
            let behind = Clock { floor: Some(floor), ..clock("2026-01-05T00:00:00Z", exported_at) };
            for policy in [POLICY, NOW, Freshness::AsOf(behind.now)] {
                let expected = FreshnessError::ClockBehindLastAccepted { now: behind.now, floor };
                assert_eq!(policy.reference_time(&behind), Err(expected));
            }
        }
    }

    #[test]
    fn an_export_before_the_floor_is_judged_no_earlier_than_at_the_floor() {
        let mut clock = clock("2026-01-10T00:00:00Z", "2026-01-05T00:00:00Z");
        let floor = at("2026-01-06T00:00:00Z");
        clock.floor = Some(floor);
        let older = FreshnessError::OlderThanLastAccepted { exported_at: at("2026-01-05T00:00:00Z"), floor };
        assert_eq!(clock.require_not_below_floor(), Err(older));
        assert_eq!(POLICY.reference_time(&clock), Ok(floor));
        assert_eq!(NOW.reference_time(&clock), Ok(clock.now));
        clock.floor = clock.exported_at;
        assert_eq!(clock.require_not_below_floor(), Ok(()));
        assert_eq!(POLICY.reference_time(&clock), Ok(at("2026-01-05T00:00:00Z")));
    }

    #[test]
    fn both_verdicts_are_given_whatever_the_policy() {
        let clock = clock("2026-02-01T00:00:00Z", "2026-01-20T00:00:00Z");
        let verdicts = Verdicts::on(at("2026-01-25T00:00:00Z"), &clock);
        assert_eq!(verdicts.at_export, Some(Verdict::Fresh { remaining: SignedDuration::from_hours(5 * 24) }));
        assert_eq!(verdicts.now, Verdict::Expired { since: SignedDuration::from_hours(7 * 24) });
        let nothing_carried = Clock { exported_at: None, ..clock };
        assert_eq!(Verdicts::on(clock.now, &nothing_carried).at_export, None);
    }

    #[test]
    fn metadata_expires_at_the_instant_it_names() {
        let instant = at("2026-01-01T00:00:00Z");
        assert_eq!(Verdict::at(instant, instant), Verdict::Expired { since: SignedDuration::ZERO });
        let second = SignedDuration::from_secs(1);
        assert_eq!(Verdict::at(instant, instant + second), Verdict::Fresh { remaining: second });
    }

    #[test]
    fn a_warning_comes_before_the_red_line_and_not_after_it() {
        let notice = SignedDuration::from_hours(72);
        let expires = at("2026-01-10T00:00:00Z");
        let near = |now| Verdict::at(at(now), expires).is_near_the_end(notice);
        assert!(!near("2026-01-06T23:59:59Z"));
        assert!(near("2026-01-07T00:00:00Z"));
        assert!(near("2026-01-09T23:59:59Z"));
        assert!(!near("2026-01-10T00:00:00Z"));
    }

    #[test]
    fn each_policy_has_its_own_red_line() {
        let clock = clock("2026-01-20T00:00:00Z", "2026-01-15T00:00:00Z");
        let expiries = [at("2026-03-01T00:00:00Z"), at("2026-01-25T00:00:00Z")];
        assert_eq!(POLICY.red_line(&clock, expiries), Some(at("2026-02-14T00:00:00Z")));
        assert_eq!(NOW.red_line(&clock, expiries), Some(at("2026-01-25T00:00:00Z")));
        assert_eq!(NOW.red_line(&clock, [at("2026-03-01T00:00:00Z")]), Some(at("2026-02-14T00:00:00Z")));
        assert_eq!(Freshness::AsOf(clock.now).red_line(&clock, expiries), None);
        assert_eq!(POLICY.red_line(&Clock { exported_at: None, ..clock }, expiries), None);
    }

    #[test]
    fn what_lets_in_more_than_the_policy_does_not_stand_in_for_it() {
        let (day, week) = (SignedDuration::from_hours(24), SignedDuration::from_hours(7 * 24));
        let at_export = |maximum_transit| Freshness::AtExport { maximum_transit };
        let now = |maximum_transit| Freshness::Now { maximum_transit };
        for transit in [day, week] {
            for (asked, policy) in
                [(at_export(transit), at_export(week)), (now(transit), at_export(week)), (now(transit), now(week))]
            {
                assert_eq!(asked.require_as_strict_as(&policy), Ok(()), "{asked:?} {policy:?}");
            }
            assert_eq!(at_export(transit).require_as_strict_as(&now(week)), Err(LooserFreshness::AtExport));
            let instant = at("2026-01-01T00:00:00Z");
            for policy in [at_export(transit), now(transit), Freshness::AsOf(instant)] {
                let audit = Freshness::AsOf(instant).require_as_strict_as(&policy);
                assert_eq!(audit, Err(LooserFreshness::Audit { instant }));
            }
        }
        let longer = LooserFreshness::LongerTransit { asked: week, allowed: day };
        for (asked, policy) in [(at_export(week), at_export(day)), (now(week), at_export(day)), (now(week), now(day))] {
            assert_eq!(asked.require_as_strict_as(&policy), Err(longer.clone()), "{asked:?} {policy:?}");
        }
    }

    #[test]
    fn a_receiver_whose_clock_is_slow_refuses_what_seems_to_come_from_the_future() {
        let true_export = clock("2026-01-10T00:00:00Z", "2026-01-10T00:00:00Z");
        let slow = Clock { now: at("2026-01-09T23:00:00Z"), ..true_export };
        assert!(POLICY.reference_time(&true_export).is_ok());
        assert!(matches!(POLICY.reference_time(&slow), Err(FreshnessError::ExportedInTheFuture { .. })));
    }

    #[test]
    fn a_receiver_whose_clock_is_fast_accepts_no_longer_a_transit_than_the_policy_allows() {
        let fast_by_a_week = clock("2026-01-17T00:00:00Z", "2026-01-10T00:00:00Z");
        assert_eq!(POLICY.reference_time(&fast_by_a_week), Ok(at("2026-01-10T00:00:00Z")));
        let fast_by_a_year = clock("2027-01-10T00:00:00Z", "2026-01-10T00:00:00Z");
        assert!(matches!(POLICY.reference_time(&fast_by_a_year), Err(FreshnessError::TooLongInTransit { .. })));
    }

    #[test]
    fn an_export_time_that_lies_moves_the_verdict_by_the_longest_transit_at_most() {
        // Metadata expired on the 1st; an exporter claims to have exported before that, to make it seem valid.
        let expires = at("2026-01-01T00:00:00Z");
        let lying = |now, claimed| {
            let clock = clock(now, claimed);
            POLICY.reference_time(&clock).map(|instant| Verdict::at(instant, expires))
        };
        let within = lying("2026-01-30T00:00:00Z", "2025-12-31T23:59:59Z");
        assert!(matches!(within, Ok(Verdict::Fresh { .. })), "the policy's own bound: {within:?}");
        let beyond = lying("2026-01-31T00:00:00Z", "2025-12-31T23:59:59Z");
        assert!(matches!(beyond, Err(FreshnessError::TooLongInTransit { .. })));
        // And an honest delivery in between takes even that away.
        let mut floored = clock("2026-01-30T00:00:00Z", "2025-12-31T23:59:59Z");
        floored.floor = Some(at("2026-01-02T00:00:00Z"));
        let verdict = POLICY.reference_time(&floored).map(|instant| Verdict::at(instant, expires));
        assert!(matches!(verdict, Ok(Verdict::Expired { .. })), "{verdict:?}");
    }

    #[test]
    fn an_export_time_that_lies_forward_is_refused_under_every_policy_and_so_becomes_no_floor() {
        let clock = clock("2026-01-10T00:00:00Z", "2036-01-01T00:00:00Z");
        for policy in [POLICY, NOW, Freshness::AsOf(clock.now)] {
            assert!(matches!(policy.reference_time(&clock), Err(FreshnessError::ExportedInTheFuture { .. })));
        }
    }

    #[test]
    fn a_length_of_time_is_said_in_days() {
        let said = |seconds| spoken(&SignedDuration::from_secs(seconds));
        assert_eq!(said(0), "0 seconds");
        assert_eq!(said(61), "1 minute 1 second");
        assert_eq!(said(30 * 86_400), "30 days");
        assert_eq!(said(40 * 86_400 + 3 * 3_600 + 5), "40 days 3 hours");
        assert_eq!(said(86_400 + 5), "1 day");
    }

    #[test]
    fn only_one_form_of_time_is_read() {
        for text in [
            "2026-01-01T00:00:00.5Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01 00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "9999-12-32T00:00:00Z",
            "9999-12-31T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2016-12-31T23:59:60Z",
            "2026-01-01T00:00:00z",
            "+026-01-01T00:00:00Z",
            "",
        ] {
            assert!(parse_instant(text).is_err(), "{text}");
        }
    }
    #[test]
    fn a_time_beyond_the_last_that_can_be_held_becomes_that_one() {
        let never = at("9999-12-31T23:59:59Z");
        assert_eq!(never.to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(at("9999-12-30T22:00:01Z"), never);
        assert!(at("9999-12-30T21:59:59Z") < never);
        assert_eq!(at("1970-01-01T00:00:00Z"), Timestamp::UNIX_EPOCH);
    }
}
