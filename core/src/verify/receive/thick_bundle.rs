//! Thick bundles as they pass: one thread reads and hashes, another one unpacks behind it.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sealift_archive_format::Digest;
use sealift_archive_format::content::{BlobContent, Copied, Observed, PieceBudget, relay};
use sealift_archive_format::inventory::{EntryRecord, ItemRecord};

use super::stream::no_thread;
use super::{ReceiveError, Receiver, whole};
use crate::transfer::Hearing;
use crate::verify::documents::Closed;

/// How many pieces of 128 KiB are between the two threads, at most.
const PIECES_BETWEEN: usize = 16;

/// The thick bundles of an archive. They are unpacked one after the other: what each must have is known only while it passes.
pub(super) struct ThickBundles<'a> {
    closed: &'a Closed,
    items: &'a [ItemRecord],
    files: HashSet<&'a Digest>,
    packed: HashSet<&'a Digest>,
    unpacking: Mutex<()>,
}

impl<'a> ThickBundles<'a> {
    pub(super) fn of(closed: &'a Closed, items: &'a [ItemRecord]) -> Self {
        let (files, packed) = (closed.thick_bundles(), closed.packed());
        Self { closed, items, files, packed, unpacking: Mutex::default() }
    }

    pub(super) fn contains(&self, file: &Digest) -> bool {
        self.files.contains(file)
    }

    /// Passes a thick bundle to a receiver, and what must be in it too. Its end is unpacked only after its digest was found right. If what
    /// is in it is wrong, it is hashed to its end all the same: it may have been damaged on the way.
    pub(super) fn pass<S: Receiver>(
        &self,
        record: &EntryRecord,
        content: &mut dyn BlobContent,
        receiver: &S,
    ) -> Result<(), ReceiveError<S::Error>> {
        let _one_at_a_time = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(expected) = self.closed.thick_content(&record.digest, self.items, &self.packed) else {
            return whole(record, content, receiver);
        };
        let (sender, copy) = relay(&PieceBudget::new(PIECES_BETWEEN));
        let has_failed = AtomicBool::new(false);
        thread::scope(|scope| {
            let hearing = Hearing::of_this_thread();
            let unpack = || {
                let receive = |record: &EntryRecord, content: &mut dyn BlobContent| {
                    let received = receiver.blob(record, content);
                    received.inspect_err(|_| has_failed.store(true, Ordering::Relaxed)).map_err(ReceiveError::Receiver)
                };
                hearing.during(|| expected.check(copy, record.size, receive))
            };
            let unpacking = thread::Builder::new()
                .spawn_scoped(scope, unpack)
                .map_err(|error| ReceiveError::Archive(no_thread(error)))?;
            let go_on = |_| match has_failed.load(Ordering::Relaxed) {
                true => Err(io::Error::other("other work has failed")),
                false => Ok(()),
            };
            let passed = whole(record, &mut Copied::new(Observed::new(content, go_on), sender), receiver);
            let unpacked = unpacking.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            if has_failed.load(Ordering::Relaxed) { unpacked } else { passed.and(unpacked) }
        })
    }
}
