//! `history.jsonl`: what was delivered here and exported from here, one line each, in the order in which it happened.
//!
//! Promise: each line states the digest of the line before it, so a line that was changed, removed or put in between is found. Lines are
//! only added, and a delivery that is only repeated adds none.

use std::path::Path;

use jiff::Timestamp;
use sealift_archive_format::{Digest, strict_json};
use sealift_proof::level::Level;
use serde::{Deserialize, Serialize};

use super::disk;
use super::{ReceiverName, TrustStoreError};

/// The longest history, in bytes: some 30,000 lines.
const MAXIMUM_LENGTH: u64 = 16 << 20;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HistoryEvent {
    /// An archive was accepted and delivered.
    Import,
    /// An archive was written.
    Export,
}

/// The receipt that an export began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeenReceipt {
    /// The receiver, as this side calls it.
    pub receiver: ReceiverName,
    /// The fingerprint of its key.
    pub key: Digest,
    /// When the receipt was made, by the receiver's clock.
    pub made_at: Timestamp,
    /// The digest of its statement.
    pub statement: Digest,
}

/// A line that is about to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewHistoryLine {
    /// When it happened, by this side's clock.
    pub time: Timestamp,
    /// What happened.
    pub event: HistoryEvent,
    /// The statement digest of the archive.
    pub archive: Digest,
    /// When the archive was exported, as its seal says.
    pub exported_at: Timestamp,
    /// Who sealed it: names of pinned exporters, or fingerprints of keys.
    pub sealed_by: Vec<String>,
    /// How many items it has.
    pub items: usize,
    /// The lowest level that an item of it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Where it was delivered to; absent for an export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The receipt that it began with; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<SeenReceipt>,
}

/// A line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryLine {
    /// The SHA-256 of the line before it, without its line feed; of nothing, for the first one.
    pub previous: Digest,
    /// What happened.
    #[serde(flatten)]
    pub what: NewHistoryLine,
}

/// What happened, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustHistory {
    /// The lines.
    pub lines: Vec<HistoryLine>,
    /// The digest of the last line.
    head: Digest,
    bytes: Vec<u8>,
}

impl Default for TrustHistory {
    fn default() -> Self {
        Self { lines: Vec::new(), head: Digest::sha256(b""), bytes: Vec::new() }
    }
}

impl TrustHistory {
    /// Reads the file, if it exists.
    pub(super) fn read(path: &Path) -> Result<Self, TrustStoreError> {
        let bytes = disk::read(path, MAXIMUM_LENGTH)?.unwrap_or_default();
        Self::parse(bytes).map_err(|line| TrustStoreError::HistoryDamaged { path: path.to_owned(), line })
    }

    /// Reads the lines. The error is the number of the first that does not continue those before it.
    fn parse(bytes: Vec<u8>) -> Result<Self, usize> {
        let (mut lines, mut head) = (Vec::new(), Digest::sha256(b""));
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let written = text.split(|byte| *byte == b'\n').filter(|_| !text.is_empty());
        for (number, line) in (1..).zip(written) {
            let read: HistoryLine = strict_json::parse_into(line).map_err(|_| number)?;
            if read.previous != head {
                return Err(number);
            }
            head = Digest::sha256(line);
            lines.push(read);
        }
        match bytes.is_empty() || bytes.ends_with(b"\n") {
            true => Ok(Self { lines, head, bytes }),
            false => Err(lines.len()),
        }
    }

    /// The whole file with one more line; the same file where the last line says the same but for the time.
    pub(super) fn with(self, what: NewHistoryLine, path: &Path) -> Result<Vec<u8>, TrustStoreError> {
        let is_said = |last: &HistoryLine| NewHistoryLine { time: last.what.time, ..what.clone() } == last.what;
        if self.lines.last().is_some_and(is_said) {
            return Ok(self.bytes);
        }
        let line = HistoryLine { previous: self.head, what };
        let line = serde_json::to_vec(&line).map_err(|error| disk::failed("write", path)(error.into()))?;
        let mut bytes = self.bytes;
        bytes.extend_from_slice(&line);
        bytes.push(b'\n');
        match u64::try_from(bytes.len()).is_ok_and(|length| length <= MAXIMUM_LENGTH) {
            true => Ok(bytes),
            false => Err(TrustStoreError::TooLong { path: path.to_owned(), limit: MAXIMUM_LENGTH }),
        }
    }

    /// The archives that were accepted, the newest first.
    pub fn accepted(&self) -> impl Iterator<Item = &NewHistoryLine> {
        self.lines.iter().rev().map(|line| &line.what).filter(|line| line.event == HistoryEvent::Import)
    }

    /// The newest receipt that this side has used of a key.
    pub fn newest_receipt(&self, key: &Digest) -> Option<&SeenReceipt> {
        let receipts = self.lines.iter().filter_map(|line| line.what.receipt.as_ref());
        receipts.filter(|receipt| receipt.key == *key).max_by_key(|receipt| receipt.made_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust_store::TrustStore;

    fn line(time: &str) -> NewHistoryLine {
        NewHistoryLine {
            time: time.parse().unwrap(),
            event: HistoryEvent::Import,
            archive: Digest::sha256(time.as_bytes()),
            exported_at: time.parse().unwrap(),
            sealed_by: vec!["alice".to_owned()],
            items: 1,
            level: None,
            place: Some("r.inner".to_owned()),
            receipt: None,
        }
    }

    fn three() -> Vec<u8> {
        ["2026-01-01T00:00:00Z", "2026-01-08T00:00:00Z", "2026-01-15T00:00:00Z"]
            .iter()
            .fold(Vec::new(), |bytes, time| {
                TrustHistory::parse(bytes).unwrap().with(line(time), Path::new("history.jsonl")).unwrap()
            })
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let history = TrustHistory::parse(three()).unwrap();
        assert_eq!(history.lines.len(), 3);
        assert_eq!(history.lines[1].what, line("2026-01-08T00:00:00Z"));
        assert_eq!(history.accepted().next().unwrap().time, line("2026-01-15T00:00:00Z").time);
    }

    #[test]
    fn what_is_repeated_is_said_once() {
        let with = |history: TrustHistory, line| history.with(line, Path::new("history.jsonl")).unwrap();
        let once = with(TrustHistory::default(), line("2026-01-01T00:00:00Z"));
        let later = NewHistoryLine { time: "2026-01-02T00:00:00Z".parse().unwrap(), ..line("2026-01-01T00:00:00Z") };
        assert_eq!(with(TrustHistory::parse(once.clone()).unwrap(), later.clone()), once);
        let elsewhere = NewHistoryLine { place: None, ..later };
        assert_ne!(with(TrustHistory::parse(once.clone()).unwrap(), elsewhere), once);
    }

    #[test]
    fn a_damaged_history_is_an_error_until_it_is_put_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = TrustStore::at(folder.path().join("trust"));
        store.begin().unwrap().note(line("2026-01-01T00:00:00Z")).unwrap();
        let path = store.folder().join("history.jsonl");
        std::fs::write(&path, "{}\n").unwrap();
        let refused = store.update().unwrap().note(line("2026-01-08T00:00:00Z"));
        assert!(matches!(refused, Err(TrustStoreError::HistoryDamaged { line: 1, .. })));
        std::fs::remove_file(&path).unwrap();
        store.update().unwrap().note(line("2026-01-08T00:00:00Z")).unwrap();
        assert_eq!(store.history().unwrap().lines.len(), 1);
    }

    #[test]
    fn a_line_that_was_changed_removed_moved_or_cut_is_found() {
        let bytes = three();
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let changed = String::from_utf8(bytes.clone()).unwrap().replacen("alice", "mallo", 1).into_bytes();
        assert_eq!(TrustHistory::parse(changed), Err(2));
        assert_eq!(TrustHistory::parse([lines[0], lines[2]].concat()), Err(2));
        assert_eq!(TrustHistory::parse([lines[1], lines[0]].concat()), Err(1));
        assert_eq!(TrustHistory::parse(bytes[..bytes.len() - 1].to_vec()), Err(3));
        assert_eq!(TrustHistory::parse(bytes[..bytes.len() - 9].to_vec()), Err(3));
    }
}
