//! When to try again, and after how long. No randomness: the same failures give the same delays.

use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

use super::error::HttpError;
use super::settings::Retries;

impl Retries {
    /// How long to wait after `attempt` failed attempts, the last with `error`; `None` to give up.
    pub(super) fn delay(&self, attempt: u32, error: &HttpError) -> Option<Duration> {
        if attempt >= self.attempts || !error.may_pass() {
            return None;
        }
        if let HttpError::Status { retry_after: Some(asked), .. } = error {
            return (*asked <= self.longest_wait).then_some(*asked);
        }
        let doubled = 2u32.checked_pow(attempt - 1).and_then(|factor| self.first_delay.checked_mul(factor));
        Some(doubled.unwrap_or(self.longest_wait).min(self.longest_wait))
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
    use super::*;

    const RETRIES: Retries =
        Retries { attempts: 5, first_delay: Duration::from_millis(500), longest_wait: Duration::from_secs(3) };

    fn busy(retry_after: Option<Duration>) -> HttpError {
        HttpError::Status {
            url: "https://r.example/".parse().unwrap(),
            status: 503,
            retry_after,
            message: String::new(),
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_attempts_end() {
        let delays: Vec<_> =
            (1..=5).map(|attempt| RETRIES.delay(attempt, &busy(None)).map(|d| d.as_millis())).collect();
        assert_eq!(delays, [Some(500), Some(1000), Some(2000), Some(3000), None]);
    }

    #[test]
    fn the_server_decides_the_delay_unless_it_asks_for_too_much() {
        let asked = |seconds| RETRIES.delay(1, &busy(Some(Duration::from_secs(seconds))));
        assert_eq!(asked(0), Some(Duration::ZERO));
        assert_eq!(asked(3), Some(Duration::from_secs(3)));
        assert_eq!(asked(4), None);
    }

    #[test]
    fn what_does_not_pass_is_not_repeated() {
        let url = || "https://r.example/".parse().unwrap();
        let status = |status| HttpError::Status { url: url(), status, retry_after: None, message: String::new() };
        assert_eq!(RETRIES.delay(1, &status(403)), None);
        assert_eq!(RETRIES.delay(1, &HttpError::TooLarge { url: url(), limit: 1 }), None);
        assert!(RETRIES.delay(1, &status(429)).is_some());
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
