//! Who is connected: so many at once, and those that are waited for make room.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::response::ResponseHead;

/// How long a new connection waits for one that was closed to make room for it.
const MAKING_ROOM: Duration = Duration::from_secs(1);

/// The connections that are open.
pub(super) struct Connections {
    slots: Mutex<Slots>,
    changed: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Slots {
    next: u64,
    open: HashMap<u64, ConnectionSlot>,
    is_ending: bool,
}

/// A connection.
struct ConnectionSlot {
    socket: Arc<TcpStream>,
    /// Since when a request is waited for; `None` while one is answered.
    waiting_since: Option<Instant>,
}

/// The place of a connection, which is free again once this is gone.
pub(super) struct Ticket<'c> {
    connections: &'c Connections,
    number: u64,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { slots: Mutex::default(), changed: Condvar::new(), limit }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection. Where all are taken, the connection that is waited for longest is closed; where all are being answered, the new
    /// one is, and told so.
    pub(super) fn admit(&self, socket: TcpStream) -> Option<(Ticket<'_>, Arc<TcpStream>)> {
        let mut slots = self.slots();
        if slots.open.len() >= self.limit {
            if let Some(longest) = slots.waiting().min_by_key(|(since, _)| *since) {
                let _ = longest.1.shutdown(Shutdown::Both);
            }
            let is_full = |slots: &mut Slots| slots.open.len() >= self.limit;
            let waited = self.changed.wait_timeout_while(slots, MAKING_ROOM, is_full);
            slots = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if slots.open.len() >= self.limit {
            drop(slots);
            refuse(&socket);
            return None;
        }
        let number = slots.next;
        slots.next = number.wrapping_add(1);
        let socket = Arc::new(socket);
        slots.open.insert(number, ConnectionSlot { socket: Arc::clone(&socket), waiting_since: Some(Instant::now()) });
        Some((Ticket { connections: self, number }, socket))
    }

    /// Closes what is waited for, gives the answers that have begun this long, and then cuts them.
    pub(super) fn end(&self, patience: Duration) {
        let mut slots = self.slots();
        slots.is_ending = true;
        slots.waiting().for_each(|(_, socket)| drop(socket.shutdown(Shutdown::Both)));
        let waited = self.changed.wait_timeout_while(slots, patience, |slots| !slots.open.is_empty());
        let (slots, _) = waited.unwrap_or_else(PoisonError::into_inner);
        slots.open.values().for_each(|slot| drop(slot.socket.shutdown(Shutdown::Both)));
    }
}

impl Slots {
    /// The connections on which a request is waited for, and since when.
    fn waiting(&self) -> impl Iterator<Item = (Instant, &TcpStream)> {
        self.open.values().filter_map(|slot| Some((slot.waiting_since?, &*slot.socket)))
    }
}

impl Ticket<'_> {
    /// Says that a request is answered from now on. False where the connection is to be closed instead.
    pub(super) fn works(&self) -> bool {
        self.set(None)
    }

    /// Says that a request is waited for from now on. False where the connection is to be closed instead.
    pub(super) fn waits(&self) -> bool {
        self.set(Some(Instant::now()))
    }

    /// Whether the server is about to end.
    pub(super) fn is_last(&self) -> bool {
        self.connections.slots().is_ending
    }

    fn set(&self, waiting_since: Option<Instant>) -> bool {
        let mut slots = self.connections.slots();
        let is_ending = slots.is_ending;
        if let Some(slot) = slots.open.get_mut(&self.number) {
            slot.waiting_since = waiting_since;
        }
        !is_ending
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.connections.slots().open.remove(&self.number);
        self.connections.changed.notify_all();
    }
}

/// Tells a client that there is no room for it. What can't be sent at once is not sent; with TLS it is no use to the client, and ends its handshake.
fn refuse(mut socket: &TcpStream) {
    let head = ResponseHead::new(503).with("Retry-After", "1").bytes(0, false);
    let _ = socket.set_nonblocking(true);
    let _ = std::io::Write::write(&mut socket, &head);
}
