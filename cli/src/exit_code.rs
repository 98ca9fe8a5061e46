//! The exit codes: a contract with scripts. `docs/exit-codes.md` is the same table in prose, and is tested against it.

use std::process;

/// How a command ended. A number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Done as asked.
    Success,
    /// A local file, the terminal or the operating system failed.
    System,
    /// The command line is not valid.
    Usage,
    /// The archive is not in the archive format.
    ArchiveFormat,
    /// The seal is broken, or too few of the pinned exporters signed it.
    Seal,
    /// The TUF metadata does not prove the target.
    Tuf,
    /// The in-toto layout and its links do not prove the supply chain.
    InToto,
    /// Proven, but not good enough for the policy: level, freshness, time in transit, a tag that would move.
    Policy,
    /// A blob, or the graph of blobs, is not what the metadata says it is.
    Content,
    /// Something to be exported cannot be read.
    Source,
    /// Something to be imported cannot be written.
    Sink,
    /// The trust store is missing, damaged or locked, or does not have what was named.
    TrustStore,
    /// A key cannot be read, opened or written.
    Key,
    /// Older than what this side has already accepted.
    Rollback,
    /// A receipt is not one of a pinned receiver, or cannot be made.
    Receipt,
    /// The terminal is gone (SIGHUP).
    HungUp,
    /// Interrupted from the keyboard (SIGINT).
    Interrupted,
    /// Ended from outside (SIGTERM).
    Terminated,
}

impl ExitCode {
    /// The contract: the number that the process ends with, and the name that `--json` writes.
    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Success => (0, "success"),
            Self::System => (1, "system"),
            Self::Usage => (2, "usage"),
            Self::ArchiveFormat => (10, "archive-format"),
            Self::Seal => (11, "seal"),
            Self::Tuf => (12, "tuf"),
            Self::InToto => (13, "in-toto"),
            Self::Policy => (14, "policy"),
            Self::Content => (15, "content"),
            Self::Source => (16, "source"),
            Self::Sink => (17, "sink"),
            Self::TrustStore => (18, "trust-store"),
            Self::Key => (19, "key"),
            Self::Rollback => (20, "rollback"),
            Self::Receipt => (21, "receipt"),
            Self::HungUp => (129, "hung-up"),
            Self::Interrupted => (130, "interrupted"),
            Self::Terminated => (143, "terminated"),
        }
    }

    /// The number that the process ends with.
    pub(crate) const fn number(self) -> u8 {
        self.row().0
    }

    /// The name that `--json` writes.
    pub(crate) const fn name(self) -> &'static str {
        self.row().1
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(exit_code: ExitCode) -> Self {
        Self::from(exit_code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode::*;

    #[test]
    fn the_documentation_lists_every_exit_code_and_no_other() {
        let page = include_str!("../../docs/exit-codes.md");
        let is_code =
            |line: &&str| line.strip_prefix("| `").is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()));
        let documented: Vec<&str> = page.lines().filter(is_code).collect();
        let all = [
            Success,
            System,
            Usage,
            ArchiveFormat,
            Seal,
            Tuf,
            InToto,
            Policy,
            Content,
            Source,
            Sink,
            TrustStore,
            Key,
            Rollback,
            Receipt,
            HungUp,
            Interrupted,
            Terminated,
        ];
        assert_eq!(documented.len(), all.len());
        for (exit_code, line) in all.into_iter().zip(documented) {
            let expected = format!("| `{}` | `{}` |", exit_code.number(), exit_code.name());
            assert!(line.starts_with(&expected), "{line:?} should start with {expected:?}");
        }
    }
}
