//! How much work it may take to find out which roles may speak for a name.
//!
//! Promise: whoever writes delegations decides how many there are and how they are written, and what is looked for; here is counted what
//! comparing them takes, and it ends at a limit.

use super::error::TufError;

/// No steps are left of this many.
#[derive(Debug)]
pub(crate) struct OutOfSteps {
    limit: u64,
}

impl From<OutOfSteps> for TufError {
    fn from(OutOfSteps { limit }: OutOfSteps) -> Self {
        Self::TooMuchMatching { limit }
    }
}

/// The steps that are left, of some nanoseconds each: one for each character or prefix that is compared.
#[derive(Debug, Clone)]
pub(crate) struct MatchingSteps {
    limit: u64,
    left: u64,
}

impl MatchingSteps {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    /// Those that were taken so far.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> u64 {
        self.limit - self.left
    }

    /// Takes steps, if there are as many left.
    pub(crate) fn take(&mut self, steps: usize) -> Result<(), OutOfSteps> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(steps).ok_or(OutOfSteps { limit: self.limit })?;
        Ok(())
    }
}
