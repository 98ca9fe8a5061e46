//! Turns: if several threads would write the same thing, one writes it, and the others wait.
//!
//! Registries do not expect one client to write one blob, manifest or list twice at the same time: some then show a half
//! written one, and lists lose entries.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Condvar, Mutex, PoisonError};

use super::workers::lock;

/// The things that are being written.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    busy: Mutex<HashSet<K>>,
    freed: Condvar,
}

/// The right to write one thing. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'t, K: Eq + Hash> {
    turns: &'t Turns<K>,
    thing: K,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self { busy: Mutex::default(), freed: Condvar::new() }
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// Waits until nobody writes this thing. A thread that has its turn already must not ask for it again.
    pub(crate) fn wait_for(&self, thing: K) -> Turn<'_, K> {
        let busy = lock(&self.busy);
        let free = self.freed.wait_while(busy, |busy| busy.contains(&thing));
        free.unwrap_or_else(PoisonError::into_inner).insert(thing.clone());
        Turn { turns: self, thing }
    }
}

impl<K: Eq + Hash> Drop for Turn<'_, K> {
    fn drop(&mut self) {
        lock(&self.turns.busy).remove(&self.thing);
        self.turns.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn one_thread_at_a_time_has_the_turn_of_one_thing() {
        let turns = Turns::default();
        let (inside, done) = ([0, 1].map(AtomicUsize::new), AtomicUsize::new(0));
        inside.iter().for_each(|count| count.store(0, Ordering::SeqCst));
        thread::scope(|scope| {
            for thread in 0..16 {
                let (turns, inside, done) = (&turns, &inside, &done);
                scope.spawn(move || {
                    let _turn = turns.wait_for(thread % 2);
                    assert_eq!(inside[thread % 2].fetch_add(1, Ordering::SeqCst), 0, "somebody else is inside");
                    thread::yield_now();
                    inside[thread % 2].fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(done.into_inner(), 16);
    }
}
