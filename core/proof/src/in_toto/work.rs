//! A budget for work that others cause: the author of an archive chooses how much there is to do.

/// How many steps one archive may take: some seconds, for rules, names and signatures beyond any real archive.
const ARCHIVE_LIMIT: u64 = 500_000_000;

/// A budget of steps of some ten nanoseconds each, shared by all the work that is spent on patterns, names and
/// signatures that others chose.
#[derive(Debug, Clone)]
pub struct Work {
    limit: u64,
    spent: u64,
}

/// The budget is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("verifying signatures and applying artifact rules takes more than {limit} steps")]
pub struct WorkExceeded {
    /// The budget, in steps.
    pub limit: u64,
}

impl Work {
    /// The budget for all supply chains of an archive together, or for all its attestations.
    pub fn of_an_archive() -> Self {
        Self::new(ARCHIVE_LIMIT)
    }

    /// A budget of that many steps.
    pub fn new(limit: u64) -> Self {
        Self { limit, spent: 0 }
    }

    /// The steps spent so far.
    pub fn spent(&self) -> u64 {
        self.spent
    }

    /// Spends steps.
    ///
    /// # Errors
    /// [`WorkExceeded`] when the budget does not cover them.
    pub fn spend(&mut self, steps: u64) -> Result<(), WorkExceeded> {
        self.spent = self.spent.saturating_add(steps);
        if self.spent > self.limit { Err(WorkExceeded { limit: self.limit }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_to_its_last_step_and_no_further() {
        let mut work = Work::new(3);
        assert_eq!(work.spend(3), Ok(()));
        assert_eq!(work.spend(0), Ok(()));
        assert_eq!(work.spend(1), Err(WorkExceeded { limit: 3 }));
        assert_eq!(work.spend(u64::MAX), Err(WorkExceeded { limit: 3 }));
        assert_eq!(work.spend(0), Err(WorkExceeded { limit: 3 }));
    }
}
