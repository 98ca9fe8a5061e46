//! How much of a repository is read at most: the W, X, Y and Z of TUF 1.0.34 §5.

/// Bounds on what a repository may make this side read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest root metadata file, in bytes.
    pub root_length: u64,
    /// The longest timestamp metadata file, in bytes.
    pub timestamp_length: u64,
    /// The longest snapshot metadata file, in bytes, whatever length timestamp metadata states.
    pub snapshot_length: u64,
    /// The longest targets metadata file, in bytes, whatever length snapshot metadata states.
    pub targets_length: u64,
    /// How many root versions are walked in one update.
    pub root_versions: u64,
    /// How many roles one search for a target may visit.
    pub visited_roles: usize,
    /// How many delegations may lie between the top-level targets role and a target.
    pub delegation_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root_length: 512 * 1024,
            timestamp_length: 64 * 1024,
            snapshot_length: 16 * 1024 * 1024,
            targets_length: 64 * 1024 * 1024,
            root_versions: 1024,
            visited_roles: 256,
            delegation_depth: 32,
        }
    }
}
