//! When to try again, and after how long. Everything that is tried again goes through [`Attempts`].
//!
//! Promise: attempts are bounded in number and in time, and each wait is announced before it begins. Waits are spread at random,
//! so that clients that failed together do not come back together.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

use super::HttpClient;
use super::error::HttpError;
use super::settings::Retries;
use crate::transfer;

/// After so many bytes without a failure, earlier failures no longer count.
pub(crate) const FORGIVING_PROGRESS: u64 = 1024 * 1024;

/// A failure that may pass, and the wait before the next attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// The server: `host`, or `host:port` where a port was written; the URL of the proxy where it was not reached.
    pub host: String,
    /// Why the attempt failed.
    pub reason: RetryReason,
    /// How long the wait is.
    pub wait: Duration,
    /// Which attempt follows; 2 after the first failure.
    pub attempt: u32,
    /// How many attempts there are at most, without progress between them.
    pub attempts: u32,
}

/// Why an attempt failed, in short. `Display` completes a sentence that begins with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryReason {
    /// It answered this HTTP status.
    Status(u16),
    /// There was no connection.
    Unreachable,
    /// It took too long.
    Slow,
    /// The connection ended too early.
    Cut,
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "answered {status}"),
            Self::Unreachable => f.write_str("cannot be reached"),
            Self::Slow => f.write_str("took too long"),
            Self::Cut => f.write_str("broke the connection"),
        }
    }
}

type Told = dyn Fn(&Retry) + Send + Sync;

/// Who is told before each wait; by default nobody. Called from several threads at once.
#[derive(Clone, Default)]
pub struct OnRetry(Option<Arc<Told>>);

impl OnRetry {
    /// Calls this function.
    pub fn call(function: impl Fn(&Retry) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(function)))
    }
}

impl fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnRetry(a function)" } else { "OnRetry(nobody)" })
    }
}

/// The attempts at one piece of work: how many have failed since the last progress, and since when.
pub(crate) struct Attempts {
    client: HttpClient,
    failed: u32,
    first_failure: Option<Instant>,
    /// Bytes that arrived since the last failure.
    progress: u64,
}

impl Attempts {
    pub(super) fn new(client: HttpClient) -> Self {
        Self { client, failed: 0, first_failure: None, progress: 0 }
    }

    /// Notes that `bytes` arrived for good. After enough of them, earlier failures no longer count.
    pub(crate) fn progressed(&mut self, bytes: u64) {
        self.progress = self.progress.saturating_add(bytes);
        if self.progress >= FORGIVING_PROGRESS {
            (self.failed, self.first_failure) = (0, None);
        }
    }

    /// Waits before another attempt.
    ///
    /// # Errors
    /// Returns `error` if it cannot pass, or the attempts or the time are used up, or the server asks for too long a wait, and, in the
    /// middle of a wait, when the work that this is part of has failed elsewhere.
    pub(crate) fn wait_after(&mut self, error: HttpError) -> Result<(), HttpError> {
        if error.may_pass() { self.wait_despite(error) } else { Err(error) }
    }

    /// As [`Attempts::wait_after`], for an error that the next attempt answers in another way than by hoping.
    pub(crate) fn wait_despite(&mut self, error: HttpError) -> Result<(), HttpError> {
        let retries = &self.client.0.settings.retries;
        let since = *self.first_failure.get_or_insert_with(Instant::now);
        (self.failed, self.progress) = (self.failed.saturating_add(1), 0);
        let wait = retries.wait(self.failed, &error, fastrand::f64());
        let Some(wait) = wait.filter(|wait| since.elapsed().saturating_add(*wait) <= retries.longest_in_all) else {
            return Err(error);
        };
        if let (OnRetry(Some(told)), Some((host, reason))) = (&self.client.0.settings.on_retry, error.in_short()) {
            let (attempt, attempts) = (self.failed.saturating_add(1), retries.attempts);
            told(&Retry { host, reason, wait, attempt, attempts });
        }
        if transfer::pause(wait) { Ok(()) } else { Err(error) }
    }
}

impl Retries {
    /// How long to wait after `failed` failed attempts, the last with `error`; `None` to give up. `spread`, from 0 to 1, says
    /// where in its range the wait lies.
    ///
    /// A wait that the server asks for (`Retry-After`) is kept, and lengthened by up to the first delay. Others lie between half
    /// the doubled delay and the whole.
    fn wait(&self, failed: u32, error: &HttpError, spread: f64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        if let HttpError::Status { retry_after: Some(asked), .. } = error {
            let lengthened = asked.saturating_add(self.first_delay.mul_f64(spread));
            return (*asked <= self.longest_wait).then_some(lengthened);
        }
        let doubled =
            2u32.checked_pow(failed.saturating_sub(1)).and_then(|factor| self.first_delay.checked_mul(factor));
        let longest = doubled.unwrap_or(self.longest_wait).min(self.longest_wait);
        Some(longest.mul_f64(0.5 + spread / 2.0))
    }
}

impl HttpError {
    /// The server and the reason, for one line; `None` for what is never tried again.
    fn in_short(&self) -> Option<(String, RetryReason)> {
        let (url, reason) = match self {
            Self::Status { url, status, .. } => (url, RetryReason::Status(*status)),
            Self::Body { url, source } if source.kind() == io::ErrorKind::TimedOut => (url, RetryReason::Slow),
            Self::Body { url, .. } => (url, RetryReason::Cut),
            Self::Transport { url, source } => (url, source.in_short()),
            Self::AtProxy { proxy, source, .. } => return Some((proxy.clone(), source.in_short())),
            _ => return None,
        };
        Some((url.authority().to_owned(), reason))
    }
}

/// What `Retry-After` asks for (RFC 9110 §10.2.3): seconds, or a date, which is compared with the server's own `Date`.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let wait = date(asked)?.duration_since(date(text(DATE)?)?);
    Some(wait.try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::http::HttpSettings;

    const RETRIES: Retries = Retries {
        attempts: 5,
        first_delay: Duration::from_millis(500),
        longest_wait: Duration::from_secs(3),
        longest_in_all: Duration::from_secs(60),
    };

    fn status(status: u16, retry_after: Option<Duration>) -> HttpError {
        let url = "https://r.example:5000/".parse().unwrap();
        HttpError::Status { url, status, retry_after, message: String::new() }
    }

    fn attempts(retries: Retries, on_retry: OnRetry) -> Attempts {
        Attempts::new(HttpClient::new(HttpSettings { retries, on_retry, ..HttpSettings::default() }).unwrap())
    }

    #[test]
    fn delays_double_up_to_the_longest_and_attempts_end() {
        let waits = |spread| {
            let wait = |failed| RETRIES.wait(failed, &status(503, None), spread).map(|wait| wait.as_millis());
            (1..=5).map(wait).collect::<Vec<_>>()
        };
        assert_eq!(waits(1.0), [Some(500), Some(1000), Some(2000), Some(3000), None]);
        assert_eq!(waits(0.0), [Some(250), Some(500), Some(1000), Some(1500), None]);
    }

    #[test]
    fn the_server_decides_the_delay_unless_it_asks_for_too_much() {
        let asked = |seconds, spread| RETRIES.wait(1, &status(503, Some(Duration::from_secs(seconds))), spread);
        assert_eq!(asked(0, 0.0), Some(Duration::ZERO));
        assert_eq!(asked(3, 0.0), Some(Duration::from_secs(3)));
        assert_eq!(asked(3, 1.0), Some(Duration::from_millis(3500)), "never less than what was asked for");
        assert_eq!(asked(4, 0.0), None);
    }

    #[test]
    fn what_does_not_pass_is_not_repeated() {
        let retries = Retries { first_delay: Duration::ZERO, ..RETRIES };
        let mut attempts = attempts(retries, OnRetry::default());
        assert!(attempts.wait_after(status(403, None)).is_err());
        let url = "https://r.example/".parse().unwrap();
        assert!(attempts.wait_after(HttpError::TooLarge { url, limit: 1 }).is_err());
        attempts.wait_after(status(429, None)).unwrap();
    }

    #[test]
    fn failures_are_forgiven_after_progress_and_not_before() {
        let retries = Retries { attempts: 2, first_delay: Duration::ZERO, ..RETRIES };
        let mut attempts = attempts(retries, OnRetry::default());
        for _ in 0..10 {
            attempts.wait_after(status(503, None)).unwrap();
            attempts.progressed(FORGIVING_PROGRESS);
        }
        attempts.wait_after(status(503, None)).unwrap();
        attempts.progressed(FORGIVING_PROGRESS - 1);
        assert!(attempts.wait_after(status(503, None)).is_err());
    }

    #[test]
    fn attempts_end_when_their_time_is_used_up() {
        let longest_in_all = Duration::from_millis(20);
        let retries = Retries { attempts: u32::MAX, first_delay: Duration::from_millis(4), longest_in_all, ..RETRIES };
        let mut attempts = attempts(retries, OnRetry::default());
        let begun = Instant::now();
        let mut count = 0;
        while attempts.wait_after(status(503, None)).is_ok() {
            count += 1;
        }
        assert!((1..=7).contains(&count), "{count}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_wait_ends_when_other_work_has_failed() {
        let (begins, waits) = std::sync::mpsc::channel();
        let waits = Mutex::new(waits);
        let on_retry = OnRetry::call(move |_| begins.send(()).unwrap_or_default());
        let mut waiting = attempts(
            Retries {
                first_delay: Duration::from_secs(60),
                longest_wait: Duration::from_secs(60),
                longest_in_all: Duration::from_secs(300),
                ..RETRIES
            },
            on_retry,
        );
        let begun = Instant::now();
        let waiting = Mutex::new(&mut waiting);
        let outcome = crate::transfer::Workers::default().for_each(
            &[false, true],
            |_| 0,
            |is_to_fail, _| {
                if *is_to_fail {
                    waits.lock().unwrap().recv().unwrap();
                    return Err("for good");
                }
                let error = waiting.lock().unwrap().wait_after(status(503, None)).unwrap_err();
                assert!(matches!(error, HttpError::Status { status: 503, .. }), "what it waited for is told");
                Err("in vain")
            },
        );
        assert_eq!(outcome, Err("for good"));
        assert!(begun.elapsed() < Duration::from_secs(25));
    }

    #[test]
    fn each_wait_is_announced() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let lines = told.clone();
        let on_retry = OnRetry::call(move |retry: &Retry| lines.lock().unwrap().push(retry.clone()));
        let retries = Retries { attempts: 3, first_delay: Duration::ZERO, ..RETRIES };
        let mut attempts = attempts(retries, on_retry);
        let body = |kind: io::ErrorKind| HttpError::Body {
            url: "https://r.example:5000/".parse().unwrap(),
            source: kind.into(),
        };
        attempts.wait_after(status(503, Some(Duration::ZERO))).unwrap();
        attempts.wait_after(body(io::ErrorKind::UnexpectedEof)).unwrap();
        assert!(attempts.wait_after(body(io::ErrorKind::TimedOut)).is_err(), "and what is not waited for is not");
        let told = told.lock().unwrap();
        let told: Vec<_> =
            told.iter().map(|retry| (retry.host.as_str(), retry.reason.to_string(), retry.attempt)).collect();
        let host = "r.example:5000";
        assert_eq!(told, [(host, "answered 503".to_owned(), 2), (host, "broke the connection".to_owned(), 3)]);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let asked = |value: &str, date: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let date = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(asked("120", None), Some(120));
        assert_eq!(asked("Wed, 21 Oct 2026 07:29:30 GMT", date), Some(90));
        assert_eq!(asked("Wed, 21 Oct 2026 07:00:00 GMT", date), Some(0));
        assert_eq!(asked("Wed, 21 Oct 2026 07:29:30 GMT", None), None);
        assert_eq!(asked("soon", date), None);
    }
}
