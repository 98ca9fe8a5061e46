//! Work that is begun on other threads before its turn comes.
//!
//! Promise: it changes nothing but the time. Whoever goes on in order asks for each result when its turn comes, and does without it where
//! there is none. All threads have ended when this is dropped.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// How many threads there are at most, with the one that goes on in order.
const MAXIMUM_THREADS: usize = 16;
/// How many of the next results are on their way at once, for each thread.
const REACH: usize = 4;
/// How many results may be unclaimed, for each thread: a role may have to wait until everything below the ones before it has been searched.
const UNCLAIMED: usize = 16;
/// How long a file may be that is read ahead, in bytes.
pub(super) const MAXIMUM_LENGTH: u64 = 256 * 1024;

static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZeroUsize::get));

type Job = Box<dyn FnOnce() + Send>;

/// Threads for work whose turn has not come. They are started when there is some.
#[derive(Default)]
pub(super) struct WorkAhead {
    queue: Arc<WorkQueue>,
    workers: Vec<JoinHandle<()>>,
    /// Shared by all results that have neither been taken nor dropped.
    unclaimed: Arc<()>,
    /// How many threads there may be, with the one that goes on in order; `None` as long as nobody has asked.
    threads: Option<usize>,
}

/// A result that may not be there yet. If this is dropped, the work is not begun any more.
pub(super) struct Promised<T> {
    place: Arc<ResultPlace<T>>,
    _unclaimed: Arc<()>,
}

/// Where a result will be.
struct ResultPlace<T> {
    result: Mutex<PromisedResult<T>>,
    changed: Condvar,
}

enum PromisedResult<T> {
    Awaited,
    /// `None` where the work panicked, and after it was taken.
    There(Option<T>),
}

impl<T> ResultPlace<T> {
    fn new() -> Self {
        Self { result: Mutex::new(PromisedResult::Awaited), changed: Condvar::new() }
    }

    fn result(&self) -> MutexGuard<'_, PromisedResult<T>> {
        self.result.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, result: Option<T>) {
        *self.result() = PromisedResult::There(result);
        self.changed.notify_one();
    }

    fn is_there(&self) -> bool {
        matches!(*self.result(), PromisedResult::There(_))
    }

    fn wait(&self) -> Option<T> {
        let is_awaited = |result: &mut PromisedResult<T>| matches!(result, PromisedResult::Awaited);
        let result = self.changed.wait_while(self.result(), is_awaited);
        match &mut *result.unwrap_or_else(PoisonError::into_inner) {
            PromisedResult::There(result) => result.take(),
            PromisedResult::Awaited => None,
        }
    }
}

/// The work that nobody has begun.
#[derive(Default)]
struct WorkQueue {
    state: Mutex<WorkQueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct WorkQueueState {
    jobs: VecDeque<Job>,
    has_ended: bool,
}

impl WorkQueue {
    fn state(&self) -> MutexGuard<'_, WorkQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; waits for one, unless there will be none.
    fn wait(&self) -> Option<Job> {
        let waiting = |state: &mut WorkQueueState| state.jobs.is_empty() && !state.has_ended;
        let state = self.changed.wait_while(self.state(), waiting);
        state.unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }
}

impl WorkAhead {
    /// How many of the next results may be on their way now, if no more than `most` will be claimed in all.
    pub(super) fn reach(&mut self, most: usize) -> usize {
        let unclaimed = Arc::strong_count(&self.unclaimed) - 1;
        match *self.threads.get_or_insert_with(|| (*CORES).min(MAXIMUM_THREADS)) {
            // Nobody would do it sooner.
            1 => 0,
            threads => (threads * REACH).min(most.min(threads * UNCLAIMED).saturating_sub(unclaimed)),
        }
    }

    /// Begins some work.
    pub(super) fn begin<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Promised<T> {
        let place = Arc::new(ResultPlace::new());
        let wanted = Arc::downgrade(&place);
        let job = move || {
            if let Some(place) = wanted.upgrade() {
                // Whoever gets no result does the work again, and panics in its turn.
                place.put(catch_unwind(AssertUnwindSafe(work)).map_err(std::mem::forget).ok());
            }
        };
        self.queue.state().jobs.push_back(Box::new(job));
        self.queue.changed.notify_one();
        while self.workers.len() + 1 < self.threads.unwrap_or(1) {
            let queue = Arc::clone(&self.queue);
            let work_off = move || std::iter::from_fn(|| queue.wait()).for_each(|job| job());
            match thread::Builder::new().name("ahead".to_owned()).spawn(work_off) {
                Ok(worker) => self.workers.push(worker),
                // Where the system refuses further threads, those that there are do everything.
                Err(_) => self.threads = Some(self.workers.len() + 1),
            }
        }
        Promised { place, _unclaimed: Arc::clone(&self.unclaimed) }
    }

    /// A result; until it is there, this thread does what nobody has begun. `None` where the work panicked.
    pub(super) fn take<T>(&self, promised: Promised<T>) -> Option<T> {
        while !promised.place.is_there() {
            let next = self.queue.state().jobs.pop_front();
            match next {
                Some(job) => job(),
                // Another thread is about to finish it.
                None => break,
            }
        }
        promised.place.wait()
    }
}

impl Drop for WorkAhead {
    fn drop(&mut self) {
        let ended = WorkQueueState { jobs: VecDeque::new(), has_ended: true };
        let not_begun = std::mem::replace(&mut *self.queue.state(), ended);
        self.queue.changed.notify_all();
        // No worker panics.
        self.workers.drain(..).for_each(|worker| drop(worker.join()));
        drop(not_begun);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    fn with_threads(threads: usize) -> WorkAhead {
        let mut ahead = WorkAhead::default();
        ahead.threads = Some(threads);
        ahead
    }

    #[test]
    fn every_result_is_had_in_any_order_with_any_number_of_threads() {
        for threads in 1..5 {
            let mut ahead = with_threads(threads);
            let promised = Vec::from_iter((0..100).map(|number| ahead.begin(move || number * 2)));
            let results = Vec::from_iter(promised.into_iter().rev().map(|promised| ahead.take(promised).unwrap()));
            assert_eq!(results, Vec::from_iter((0..100).rev().map(|number| number * 2)));
        }
    }

    #[test]
    fn so_many_results_may_be_unclaimed_until_they_are_taken_or_dropped() {
        let mut ahead = with_threads(2);
        assert_eq!(ahead.reach(usize::MAX), 8);
        let mut promised = Vec::from_iter((0..29).map(|number| ahead.begin(move || number)));
        assert_eq!((ahead.reach(usize::MAX), ahead.reach(30), ahead.reach(20)), (3, 1, 0));
        promised.extend((0..3).map(|number| ahead.begin(move || number)));
        assert_eq!(ahead.reach(usize::MAX), 0);
        ahead.take(promised.remove(0));
        assert_eq!(ahead.reach(usize::MAX), 1);
        promised.truncate(20);
        assert_eq!(ahead.reach(usize::MAX), 8);
        assert_eq!(with_threads(1).reach(usize::MAX), 0);
    }

    #[test]
    fn work_that_panics_has_no_result_and_stops_nothing() {
        for threads in 1..4 {
            for _ in 0..50 {
                let mut ahead = with_threads(threads);
                let broken = ahead.begin(|| panic!("as it should"));
                let whole = ahead.begin(|| 5);
                let broken_too = ahead.begin(|| panic!("as it should"));
                assert_eq!(ahead.take(whole), Some(5));
                assert!(ahead.take::<()>(broken).is_none() && ahead.take::<()>(broken_too).is_none());
            }
        }
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_begun() {
        let mut ahead = with_threads(2);
        let (go_on, wait) = channel::<()>();
        let (has_begun, begun) = channel();
        let first = ahead.begin(move || {
            has_begun.send(()).unwrap();
            let _ = wait.recv();
        });
        // The only other thread is busy from now on.
        begun.recv().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let mut count = || {
            let done = Arc::clone(&done);
            ahead.begin(move || done.fetch_add(1, Ordering::Relaxed))
        };
        let (wanted, _, unwanted) = (count(), drop(count()), count());
        drop(go_on);
        ahead.take(wanted);
        ahead.take(first);
        drop(unwanted);
        assert!(done.load(Ordering::Relaxed) <= 2, "the one that was dropped at once is not done");

        let (go_on, wait) = channel::<()>();
        let (has_begun, begun) = channel();
        let _running = ahead.begin(move || {
            has_begun.send(()).unwrap();
            let _ = wait.recv();
        });
        begun.recv().unwrap();
        done.store(0, Ordering::Relaxed);
        let promised = Vec::from_iter((0..20).map(|_| {
            let done = Arc::clone(&done);
            ahead.begin(move || done.fetch_add(1, Ordering::Relaxed))
        }));
        let queue = Arc::clone(&ahead.queue);
        let ending = thread::spawn(move || drop(ahead));
        while !queue.state().has_ended {
            thread::yield_now();
        }
        drop(go_on);
        ending.join().unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 0, "what had not begun when all ended is not done");
        drop(promised);
    }
}
