//! How many things are moved at once, and the threads that move them.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::stop::Stop;

/// From this many bytes on, a thing is large.
const LARGE: u64 = 1024 * 1024;
/// How many large things are moved at once, at most: three connections use the whole bandwidth.
const MAXIMUM_LARGE: usize = 3;
/// How many things are moved at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    all: NonZeroUsize,
    large: NonZeroUsize,
}

impl Default for Workers {
    fn default() -> Self {
        Self::connections(Self::USUAL_CONNECTIONS)
    }
}

/// The first failure, in time, of threads that work on one thing, and what tells the others.
#[derive(Debug)]
pub(crate) struct Failures<E> {
    first: Mutex<Option<E>>,
    stop: Stop,
}

impl<E> Failures<E> {
    /// None yet. Work ends when this is set, and it is set when work fails.
    pub(crate) fn with(stop: Stop) -> Self {
        Self { first: Mutex::new(None), stop }
    }

    /// What ends all other work.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Keeps this failure, if it is the first, and ends all other work.
    pub(crate) fn fail(&self, failure: E) {
        lock(&self.first).get_or_insert(failure);
        self.stop.set();
    }

    /// The first failure, if there was one.
    pub(crate) fn into_outcome(self) -> Result<(), E> {
        self.first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

impl<E> Default for Failures<E> {
    fn default() -> Self {
        Self::with(Stop::default())
    }
}

/// Hands jobs to threads that wait for them.
#[derive(Debug)]
pub(crate) struct Jobs<J>(SyncSender<J>);

impl<J> Jobs<J> {
    /// Hands over the next job; waits while as many wait for a thread as there may be threads. `false` when no thread is left.
    pub(crate) fn hand_over(&self, job: J) -> bool {
        self.0.send(job).is_ok()
    }
}

impl Workers {
    /// How many things are moved at once where nobody says it: small ones wait for answers most of the time.
    pub const USUAL_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(32).unwrap();

    /// For things that are moved over so many connections, of which at most three move something large.
    pub fn connections(all: NonZeroUsize) -> Self {
        Self { all, large: all.min(NonZeroUsize::new(MAXIMUM_LARGE).unwrap_or(NonZeroUsize::MIN)) }
    }

    /// For work that only computes: one thread for each core.
    pub fn cores() -> Self {
        let all = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { all, large: all }
    }

    /// These, but not more than so many.
    pub(crate) fn at_most(&self, most: NonZeroUsize) -> Self {
        Self { all: self.all.min(most), large: self.large.min(most) }
    }

    /// How many things are moved at once, at most.
    pub fn count(&self) -> usize {
        self.all.get()
    }

    /// Does `work` for every task, on as many threads as there may be. Tasks begin in their order, but small ones overtake large
    /// ones that must wait. After a failure no further task begins, and those that run are told to stop.
    ///
    /// # Errors
    /// The first failure, in time.
    pub fn for_each<'t, T: Sync, E: Send>(
        &self,
        tasks: &'t [T],
        size: impl Fn(&T) -> u64,
        work: impl Fn(&'t T, &Stop) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        self.for_each_until(&Stop::default(), tasks, size, work)
    }

    /// The same, until `stop` is set, also from outside.
    pub(crate) fn for_each_until<'t, T: Sync, E: Send>(
        &self,
        stop: &Stop,
        tasks: &'t [T],
        size: impl Fn(&T) -> u64,
        work: impl Fn(&'t T, &Stop) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let (large, small): (VecDeque<_>, VecDeque<_>) = tasks.iter().partition(|task| size(task) >= LARGE);
        let queue = Queue {
            left: Mutex::new(Left { large, small, large_running: 0 }),
            ended: Condvar::new(),
            large_at_once: self.large.get(),
            failures: Failures::with(stop.clone()),
        };
        thread::scope(|scope| {
            for _ in 1..self.all.get().min(tasks.len()) {
                // Where the system refuses further threads, those that there are do everything.
                if thread::Builder::new().spawn_scoped(scope, || queue.work_off(&work)).is_err() {
                    break;
                }
            }
            queue.work_off(&work);
        });
        queue.failures.into_outcome()
    }

    /// Does `work` for each job that `feed` hands over, on as many threads as there may be, until all is done, or until `stop` is set. Jobs
    /// begin in the order in which they come.
    ///
    /// # Errors
    /// The operating system's error when there cannot be a single thread; nothing was fed then.
    pub(crate) fn serve<J: Send>(
        &self,
        stop: &Stop,
        work: impl Fn(J) + Sync,
        feed: impl FnOnce(&Jobs<J>),
    ) -> io::Result<()> {
        let (jobs, waiting) = sync_channel(self.count());
        // Shared by the threads alone: if all of them have ended, nobody waits for them.
        let waiting = Arc::new(Mutex::new(waiting));
        thread::scope(|scope| {
            for number in 0..self.count() {
                let (waiting, work) = (Arc::clone(&waiting), &work);
                let next = move || lock(&waiting).recv().ok().filter(|_| !stop.is_set());
                let thread = move || stop.heard_by(|| std::iter::from_fn(next).for_each(work));
                match thread::Builder::new().spawn_scoped(scope, thread) {
                    Err(error) if number == 0 => return Err(error),
                    // Where the system refuses further threads, those that there are do everything.
                    Err(_) => break,
                    Ok(_) => {}
                }
            }
            drop(waiting);
            feed(&Jobs(jobs));
            Ok(())
        })
    }
}

/// The tasks that have not begun.
struct Left<'t, T> {
    large: VecDeque<&'t T>,
    small: VecDeque<&'t T>,
    large_running: usize,
}

struct Queue<'t, T, E> {
    left: Mutex<Left<'t, T>>,
    ended: Condvar,
    large_at_once: usize,
    failures: Failures<E>,
}

/// Locks, even if another thread panicked while it held the lock: what is locked here is always consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'t, T, E> Queue<'t, T, E> {
    fn work_off(&self, work: &impl Fn(&'t T, &Stop) -> Result<(), E>) {
        let stop = self.failures.stop();
        stop.heard_by(|| {
            while let Some((task, is_large)) = self.next() {
                let _running = Running { queue: self, is_large };
                if let Err(failure) = work(task, stop) {
                    self.failures.fail(failure);
                }
            }
        });
    }

    /// The next task, and whether it is large. `None` when nothing is left to begin.
    fn next(&self) -> Option<(&'t T, bool)> {
        let mut left = lock(&self.left);
        loop {
            if self.failures.stop().is_set() {
                return None;
            }
            if left.large_running < self.large_at_once
                && let Some(task) = left.large.pop_front()
            {
                left.large_running += 1;
                return Some((task, true));
            }
            if let Some(task) = left.small.pop_front() {
                return Some((task, false));
            }
            if left.large.is_empty() {
                return None;
            }
            left = self.ended.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A task that runs. Its end is noted also when it panics, so that nobody waits for it.
struct Running<'q, 't, T, E> {
    queue: &'q Queue<'t, T, E>,
    is_large: bool,
}

impl<T, E> Drop for Running<'_, '_, T, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.queue.failures.stop().set();
        }
        if self.is_large {
            lock(&self.queue.left).large_running -= 1;
        }
        self.queue.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn connections(count: usize) -> Workers {
        Workers::connections(NonZeroUsize::new(count).unwrap())
    }

    #[test]
    fn every_task_is_done_once_and_few_large_ones_at_a_time() {
        for count in [1, 2, 8, 32] {
            let tasks: Vec<u64> = (0..200).map(|number| if number % 3 == 0 { LARGE } else { number }).collect();
            let (done, large, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let outcome: Result<(), ()> = connections(count).for_each(
                &tasks,
                |size| *size,
                |size, _| {
                    if *size == LARGE {
                        most.fetch_max(large.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        large.fetch_sub(1, Ordering::SeqCst);
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                },
            );
            assert_eq!((outcome, done.into_inner()), (Ok(()), 200));
            assert!(most.into_inner() <= count.min(MAXIMUM_LARGE));
        }
    }

    #[test]
    fn a_failure_ends_the_work_and_is_told() {
        let tasks: Vec<u64> = (0..1000).collect();
        let done = AtomicUsize::new(0);
        let outcome = connections(4).for_each(
            &tasks,
            |_| 0,
            |task, stop| {
                if *task == 10 {
                    return Err("ten");
                }
                done.fetch_add(1, Ordering::SeqCst);
                while *task == 9 && !stop.is_set() {
                    thread::yield_now();
                }
                Ok(())
            },
        );
        assert_eq!(outcome, Err("ten"));
        assert!(done.into_inner() < 1000);
    }

    #[test]
    fn one_connection_keeps_the_order() {
        let tasks: Vec<u64> = (0..50).collect();
        let order = Mutex::new(Vec::new());
        let outcome: Result<(), ()> = connections(1).for_each(
            &tasks,
            |_| 0,
            |task, _| {
                order.lock().unwrap().push(*task);
                Ok(())
            },
        );
        assert_eq!((outcome, order.into_inner().unwrap()), (Ok(()), tasks));
    }
}
