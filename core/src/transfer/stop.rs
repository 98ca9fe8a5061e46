//! What tells threads that their work is in vain, also while they wait.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
#[cfg(any(test, feature = "network"))]
use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

/// Says whether work is still wanted. Clones say the same.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Told whenever any work has become vain. Those who wait then look whether it is theirs.
static CHANGED: Condvar = Condvar::new();
static CHANGING: Mutex<()> = Mutex::new(());

thread_local! {
    /// What ends the work that this thread does: that of the innermost crew that it is in, and of those around it.
    static HEARD: RefCell<Vec<Stop>> = const { RefCell::new(Vec::new()) };
}

impl Stop {
    /// Whether something has failed, so that all other work is in vain.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
        // Whoever has looked already waits by now, because it held this until it did.
        drop(CHANGING.lock());
        CHANGED.notify_all();
    }

    /// Does some work on this thread, whose pauses end when this is set.
    pub(super) fn heard_by<R>(&self, work: impl FnOnce() -> R) -> R {
        let mut hearing = Hearing::of_this_thread();
        hearing.0.push(self.clone());
        hearing.during(work)
    }
}

/// What ends the work of a thread, for one that helps it.
pub(crate) struct Hearing(Vec<Stop>);

impl Hearing {
    /// What ends the work that this thread does now.
    pub(crate) fn of_this_thread() -> Self {
        Self(HEARD.with_borrow(Clone::clone))
    }

    /// Does some work on this thread, whose pauses end with those of the other.
    pub(crate) fn during<R>(self, work: impl FnOnce() -> R) -> R {
        /// Ends the hearing, also when the work panics.
        struct Before(Vec<Stop>);
        impl Drop for Before {
            fn drop(&mut self) {
                HEARD.set(std::mem::take(&mut self.0));
            }
        }
        let _before = Before(HEARD.replace(self.0));
        work()
    }
}

/// Waits so long, as whoever tries again over the network does; `false`, and at once, when the work that this thread does has become vain.
#[cfg(any(test, feature = "network"))]
pub(crate) fn pause(time: Duration) -> bool {
    let Hearing(heard) = Hearing::of_this_thread();
    let is_vain = || heard.iter().any(Stop::is_set);
    let begun = Instant::now();
    let mut changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    while !is_vain() {
        let left = time.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return true;
        }
        changing = CHANGED.wait_timeout(changing, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_pause_ends_when_the_work_around_it_is_in_vain() {
        let [outer, inner, other] = [(); 3].map(|()| Stop::default());
        let in_a_helper = || {
            let hearing = Hearing::of_this_thread();
            let help = move || hearing.during(|| pause(Duration::from_secs(60)));
            thread::scope(|scope| scope.spawn(help).join().unwrap())
        };
        for vain in [&outer, &inner] {
            let begun = Instant::now();
            thread::scope(|scope| {
                let waiting = scope.spawn(|| outer.heard_by(|| inner.heard_by(in_a_helper)));
                other.set();
                thread::sleep(Duration::from_millis(20));
                assert!(!waiting.is_finished(), "it hears only what it is part of");
                vain.set();
                assert!(!waiting.join().unwrap());
            });
            assert!(begun.elapsed() < Duration::from_secs(30));
            vain.0.store(false, Ordering::SeqCst);
        }
        assert!(pause(Duration::from_millis(1)), "nothing is heard outside");
    }
}
