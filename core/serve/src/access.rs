//! What was asked for, and what came of it.

use std::net::SocketAddr;
use std::time::Duration;

/// Hears of every answer. Called from several threads at once; an answer waits for it, so it must not block.
pub trait AccessLog: Sync {
    /// Hears that a request was answered, or that its answer was cut.
    fn answered(&self, entry: &AccessEntry<'_>);
}

/// A request, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessEntry<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// The method, as it was sent; `-` where there was no request that can be read.
    pub method: &'a str,
    /// What was asked for, as it was sent.
    pub target: &'a str,
    /// The status of the answer (RFC 9110 §15).
    pub status: u16,
    /// How many bytes of content were sent.
    pub sent: u64,
    /// How long it took, from the end of the request's head.
    pub elapsed: Duration,
    /// Why the connection was cut before the end of the answer.
    pub cut: Option<CutReason>,
}

/// Why an answer did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutReason {
    /// The file of the archive is no longer what was verified.
    Changed,
    /// The file of the archive cannot be read.
    Unreadable,
    /// The client went away, or took too little in the time that it has.
    Client,
}
