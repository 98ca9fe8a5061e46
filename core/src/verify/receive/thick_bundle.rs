//! A thick bundle as it passes: one thread reads and hashes it, another one unpacks it behind.

use std::thread;

use sealift_archive_format::content::{BlobContent, Copied, PieceBudget, relay};
use sealift_archive_format::inventory::EntryRecord;

use super::stream::no_thread;
use super::{ReceiveError, Receiver, whole};
use crate::thick_bundle::ThickContent;

/// How many pieces of 128 KiB are between the two threads, at most.
const PIECES_BETWEEN: usize = 16;

/// Passes a thick bundle to a receiver, and what is only in it too. Its end is unpacked only after its digest was found right.
pub(super) fn pass<S: Receiver>(
    record: &EntryRecord,
    content: &mut dyn BlobContent,
    receiver: &S,
    expected: &ThickContent<'_>,
) -> Result<(), ReceiveError<S::Error>> {
    let (sender, copy) = relay(&PieceBudget::new(PIECES_BETWEEN));
    thread::scope(|scope| {
        let unpack = move || {
            let receive = |record: &EntryRecord, content: &mut dyn BlobContent| {
                receiver.blob(record, content).map_err(ReceiveError::Receiver)
            };
            expected.check(copy, record.size, receive)
        };
        let unpacking = thread::Builder::new()
            .spawn_scoped(scope, unpack)
            .map_err(|error| ReceiveError::Archive(no_thread(error)))?;
        let mut copied = Copied::new(content, sender);
        let passed = whole(record, &mut copied, receiver);
        let has_stopped = copied.is_unread();
        drop(copied);
        let unpacked = unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if has_stopped { unpacked } else { passed.and(unpacked) }
    })
}
