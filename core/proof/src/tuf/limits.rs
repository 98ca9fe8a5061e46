//! How much of a repository is read at most: the W, X, Y and Z of TUF 1.0.34 §5.
//!
//! No tree is made of a file, whoever signed it: what is held beside it is its canonical form while signatures are checked, and then what
//! it lists, in tables (`listed.rs`). Both are as long as it at most, but for short names and keys. So a limit here is one on memory too.

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
    /// How many roles one search for a target may visit; also, how many there may be where every role is visited, because snapshots
    /// state no versions.
    pub visited_roles: usize,
    /// How many steps all searches of a repository may take to compare names with what is delegated, some nanoseconds each.
    pub matching_steps: u64,
    /// How many delegations may lie between the top-level targets role and a target.
    pub delegation_depth: usize,
}

impl Default for Limits {
    /// Enough for repositories several times as large as those known: python-tuf stops at 512,000 bytes of root, 16,384
    /// of timestamp, 2,000,000 of snapshot and 5,000,000 of targets metadata.
    ///
    /// - Snapshot, 8 MiB: 16,384 bins with lengths and hashes, in python-tuf's indented form, come to 2.8 MB; 65,536
    ///   without them to 2.9 MB.
    /// - Steps, 2,000,000,000: 10,000 names, each looked for among 16,384 delegations that differ from it soon, take 300,000,000.
    /// - Targets, 32 MiB: 100,000 targets in one role come to 17 MB (`tests/benches/tuf`), 16,384 delegations to 4.5
    ///   MB. Larger repositories use bins.
    fn default() -> Self {
        Self {
            root_length: 512 * 1024,
            timestamp_length: 64 * 1024,
            snapshot_length: 8 * 1024 * 1024,
            targets_length: 32 * 1024 * 1024,
            root_versions: 1024,
            visited_roles: 256,
            matching_steps: 2_000_000_000,
            delegation_depth: 32,
        }
    }
}
