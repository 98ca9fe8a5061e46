//! A proxy before a registry that cuts connections, whatever is being said on them.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy that runs until it is dropped.
pub struct CuttingProxy {
    address: SocketAddr,
    passed: Arc<Mutex<Passed>>,
    stopped: Arc<AtomicBool>,
}

/// What came from clients.
struct Passed {
    /// How many bytes, on all connections together.
    bytes: u64,
    /// After how many of them a connection is cut, the lowest first.
    cuts: VecDeque<u64>,
}

impl CuttingProxy {
    /// Stands before the registry at `domain`, and cuts the connection on which one of these numbers of bytes is reached; they count
    /// what clients send, headers too, on all connections together, and are in order.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn before(domain: &str, cuts: &[u64]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let passed = Arc::new(Mutex::new(Passed { bytes: 0, cuts: cuts.iter().copied().collect() }));
        let stopped = Arc::new(AtomicBool::new(false));
        let (domain, shared, stop) = (domain.to_owned(), passed.clone(), stopped.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(registry) = TcpStream::connect(&domain) {
                    join(client, registry, shared.clone());
                }
            }
        });
        Self { address, passed, stopped }
    }

    /// `127.0.0.1:port`.
    pub fn domain(&self) -> String {
        self.address.to_string()
    }

    /// How many bytes came from clients until now.
    ///
    /// # Panics
    /// When a connection's thread has panicked.
    pub fn passed(&self) -> u64 {
        self.passed.lock().expect("no connection panics").bytes
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it notices.
        drop(TcpStream::connect(self.address));
    }
}

/// Passes on what both sides say, until one ends or the connection is cut.
fn join(client: TcpStream, registry: TcpStream, passed: Arc<Mutex<Passed>>) {
    let (Ok(from_registry), Ok(to_client)) = (registry.try_clone(), client.try_clone()) else { return };
    thread::spawn(move || {
        pass_on(from_registry, to_client, |length| (length, false));
    });
    thread::spawn(move || {
        pass_on(client, registry, |length| {
            let mut passed = passed.lock().expect("no connection panics");
            let left = passed.cuts.front().map_or(u64::MAX, |cut| cut.saturating_sub(passed.bytes));
            let is_cut = left <= length as u64;
            let allowed = usize::try_from(left).unwrap_or(usize::MAX).min(length);
            passed.bytes += allowed as u64;
            if is_cut {
                passed.cuts.pop_front();
            }
            (allowed, is_cut)
        });
    });
}

/// Passes on what is read. `allow` says how much of so many bytes passes, and whether the connection is cut after them.
fn pass_on(mut from: TcpStream, mut to: TcpStream, allow: impl Fn(usize) -> (usize, bool)) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let (allowed, is_cut) = allow(length);
        if to.write_all(&buffer[..allowed]).is_err() || is_cut {
            break;
        }
    }
    for side in [&from, &to] {
        let _ = side.shutdown(Shutdown::Both);
    }
}
