//! How much an inspection may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much an inspection may use. All of it bounds the command together with everything that it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLimits {
    /// Time from start to end.
    pub wall_clock: Duration,
    /// Bytes of memory: of address space for each process (the kernel refuses more), and of resident and swapped memory for
    /// all of them together (sampled; more ends the inspection).
    pub memory: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Bytes of storage beyond the product, in the working directory and `/tmp` together. Storage is memory too.
    pub storage: u64,
    /// Files and directories beyond the product.
    pub files: u64,
    /// Bytes of standard output and standard error together.
    pub output: u64,
    /// Files that one process may hold open at one time.
    pub open_files: u64,
}

impl Default for SandboxLimits {
    fn default() -> Self {
        const MEBIBYTE: u64 = 1024 * 1024;
        Self {
            wall_clock: Duration::from_secs(120),
            memory: 1024 * MEBIBYTE,
            processes: 64,
            storage: 256 * MEBIBYTE,
            files: 16_384,
            output: MEBIBYTE,
            open_files: 256,
        }
    }
}
