//! What one plan may cost. A source that invents content on demand must not keep an export busy for ever.

use std::time::{Duration, Instant};

use super::PlanError;

/// The most requests that one plan makes.
pub const MAXIMUM_REQUESTS: u32 = 262_144;
/// How long a plan may take, not counting requests.
const ANY_TIME: Duration = Duration::from_secs(600);
/// How much more time each request allows.
const TIME_A_REQUEST: Duration = Duration::from_secs(1);

/// What has been spent.
#[derive(Debug)]
pub(super) struct PlanBudget {
    began: Instant,
    requests: u32,
}

impl PlanBudget {
    /// Starts counting now.
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), requests: 0 }
    }

    /// Charges one request, before it is made.
    pub(super) fn request(&mut self) -> Result<(), PlanError> {
        self.requests = self.requests.saturating_add(1);
        if self.requests > MAXIMUM_REQUESTS {
            return Err(PlanError::TooManyRequests);
        }
        let allowed = TIME_A_REQUEST.saturating_mul(self.requests).saturating_add(ANY_TIME);
        if self.began.elapsed() > allowed { Err(PlanError::TooSlow { requests: self.requests }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_time_have_limits() {
        let mut budget = PlanBudget { began: Instant::now(), requests: MAXIMUM_REQUESTS - 1 };
        budget.request().unwrap();
        assert!(matches!(budget.request(), Err(PlanError::TooManyRequests)));
        let began = Instant::now().checked_sub(ANY_TIME + TIME_A_REQUEST * 5).unwrap();
        let mut slow = PlanBudget { began, requests: 0 };
        assert!(matches!(slow.request(), Err(PlanError::TooSlow { requests: 1 })));
        let mut busy = PlanBudget { began, requests: 10 };
        busy.request().unwrap();
    }
}
