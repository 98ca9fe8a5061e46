//! Work that is begun on other threads before its turn comes.
//!
//! Promise: it changes nothing but the time. Whoever goes on in order asks for each result when its turn comes, and does without it where
//! there is none.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How many threads there are at most, with the one that goes on in order.
const MAXIMUM_THREADS: usize = 16;
/// How far work goes ahead at once, for each thread.
const REACH: usize = 4;
/// How many results may wait for their turn, for each thread: what was begun at one place may wait until all that is below it is done.
const RESULTS: usize = 64;

/// How long a file may be that is read ahead, in bytes.
pub(super) const MAXIMUM_LENGTH: u64 = 256 * 1024;

type Job = Box<dyn FnOnce() + Send>;

/// Threads for work whose turn has not come. They are started when there is some, and end with this.
pub(super) struct Ahead {
    jobs: Option<Sender<Job>>,
    waiting: Arc<Mutex<Receiver<Job>>>,
    threads: Vec<JoinHandle<()>>,
    /// Shared by all results that have not been taken.
    places: Arc<()>,
    /// How many threads there may be, with the one that goes on in order.
    most: usize,
}

/// A result that may not be there yet.
pub(super) struct Promised<T> {
    result: Receiver<T>,
    _place: Arc<()>,
}

impl Default for Ahead {
    /// For as many threads as there are cores. None runs yet.
    fn default() -> Self {
        let most = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MAXIMUM_THREADS);
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        Self { jobs: Some(jobs), waiting, threads: Vec::new(), places: Arc::new(()), most }
    }
}

impl Ahead {
    /// How many of the next results may be on their way now.
    pub(super) fn reach(&self) -> usize {
        let waiting = Arc::strong_count(&self.places) - 1;
        match self.most {
            // Nobody would do it sooner.
            1 => 0,
            most if waiting >= most * RESULTS => 0,
            most => most * REACH,
        }
    }

    /// Begins some work.
    pub(super) fn begin<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Promised<T> {
        let (finish, result) = sync_channel(1);
        // Nobody may be waiting any more.
        let job = move || drop(finish.send(work()));
        // One end of the channel is here.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(Box::new(job)));
        while self.threads.len() + 1 < self.most {
            let waiting = Arc::clone(&self.waiting);
            let next = move || waiting.lock().ok()?.recv().ok();
            let thread = thread::Builder::new()
                .name("ahead".to_owned())
                .spawn(move || std::iter::from_fn(next).for_each(|job| job()));
            match thread {
                Ok(thread) => self.threads.push(thread),
                // Where the system refuses further threads, those that there are do everything.
                Err(_) => self.most = self.threads.len() + 1,
            }
        }
        Promised { result, _place: Arc::clone(&self.places) }
    }

    /// A result; until it is there, this thread does what nobody has begun. `None` where the work panicked.
    pub(super) fn take<T>(&self, promised: Promised<T>) -> Option<T> {
        loop {
            match promised.result.try_recv() {
                Ok(result) => return Some(result),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => match self.next() {
                    Some(job) => job(),
                    None => return promised.result.recv().ok(),
                },
            }
        }
    }

    /// Some work that nobody has begun. A thread that waits for work holds the lock: then there is none.
    fn next(&self) -> Option<Job> {
        self.waiting.try_lock().ok()?.try_recv().ok()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        while self.next().is_some() {}
        self.jobs = None;
        // Whose work panicked has no result.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_threads(most: usize) -> Ahead {
        let mut ahead = Ahead::default();
        ahead.most = most;
        ahead
    }

    #[test]
    fn every_result_is_had_in_any_order_with_any_number_of_threads() {
        for most in 1..5 {
            let mut ahead = with_threads(most);
            let promised = Vec::from_iter((0..100).map(|number| ahead.begin(move || number * 2)));
            let results = Vec::from_iter(promised.into_iter().rev().map(|promised| ahead.take(promised).unwrap()));
            assert_eq!(results, Vec::from_iter((0..100).rev().map(|number| number * 2)));
        }
    }

    #[test]
    fn there_is_room_for_so_many_results_until_they_are_taken_or_dropped() {
        let mut ahead = with_threads(2);
        assert_eq!(ahead.reach(), 8);
        let mut promised = Vec::from_iter((0..128).map(|number| ahead.begin(move || number)));
        assert_eq!(ahead.reach(), 0);
        ahead.take(promised.remove(0));
        assert_eq!(ahead.reach(), 8);
        promised.push(ahead.begin(|| 0));
        assert_eq!(ahead.reach(), 0);
        promised.pop();
        assert_eq!(ahead.reach(), 8);
        assert_eq!(with_threads(1).reach(), 0);
    }

    #[test]
    fn whose_work_panics_has_no_result_and_the_others_have_theirs() {
        let mut ahead = with_threads(3);
        let (started, has_started) = channel();
        let broken = Vec::from_iter((0..2).map(|_| {
            let started = started.clone();
            ahead.begin(move || {
                started.send(()).unwrap();
                panic!("as it should")
            })
        }));
        // Both run on other threads by now, not on this one.
        broken.iter().for_each(|_| has_started.recv().unwrap());
        let whole = Vec::from_iter((0..20).map(|number| ahead.begin(move || number)));
        assert!(broken.into_iter().all(|promised| ahead.take::<()>(promised).is_none()));
        for (number, promised) in whole.into_iter().enumerate() {
            assert_eq!(ahead.take(promised), Some(number), "this thread does it where no other is left");
        }
    }
}
