//! The server: threads with limits, one a connection.
//!
//! Promise: whatever clients do, there are at most [`ServerLimits::connections`] of them, each wait has an end, and what one may hold in
//! memory is the head of a request and one piece of a blob. Clients that are waited for make room for others; those that are being answered do not.

mod connection;
mod connections;
mod listen_error;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustls::ServerConfig;

use crate::access::AccessLog;
use crate::catalogue::Catalogue;
use connection::Connection;
use connections::{Connections, Ticket};
pub use listen_error::ListenError;
pub use tls::TlsIdentity;

/// The stack of a thread that answers, in bytes.
const STACK: usize = 512 << 10;
/// How long nothing is accepted after the system had no room for another connection.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How much clients may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// How many are connected at once, at most.
    pub connections: usize,
    /// How long a connection is kept on which nothing is asked for.
    pub idle: Duration,
    /// How long the head of a request, or a TLS handshake, may take.
    pub head: Duration,
    /// How long a client may take to receive 256 KiB.
    pub piece: Duration,
    /// How long answers may go on after the server was stopped.
    pub end: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        let [idle, head, piece, end] = [60, 10, 60, 10].map(Duration::from_secs);
        Self { connections: 256, idle, head, piece, end }
    }
}

/// A server that is bound to an address.
pub struct ArchiveServer {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    limits: ServerLimits,
    /// Readable as soon as the server is to stop.
    stopped: UnixStream,
    stopper: UnixStream,
}

/// Stops a server, from any thread.
#[derive(Debug)]
pub struct Stopper(UnixStream);

impl Stopper {
    /// Stops the server: it accepts nothing more, and ends once the answers that it has begun are sent.
    pub fn stop(&self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

impl ArchiveServer {
    /// Binds a server to an address, with TLS if it has an identity. From then on the system accepts connections, which wait for [`ArchiveServer::run`].
    ///
    /// # Errors
    /// [`ListenError`].
    pub fn bind(address: SocketAddr, tls: Option<TlsIdentity>, limits: ServerLimits) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Address { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (stopped, stopper) = UnixStream::pair().map_err(failed)?;
        Ok(Self { listener, address, tls: tls.map(TlsIdentity::into_config), limits, stopped, stopper })
    }

    /// The address that it is bound to, with the port that the system chose if it was asked to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it uses TLS.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What stops it.
    ///
    /// # Errors
    /// The system's error.
    pub fn stopper(&self) -> io::Result<Stopper> {
        self.stopper.try_clone().map(Stopper)
    }

    /// Serves a catalogue until it is stopped.
    ///
    /// # Errors
    /// The system's error where it cannot wait for connections any more.
    pub fn run(&self, catalogue: &Catalogue<'_>, log: &dyn AccessLog) -> io::Result<()> {
        let connections = Connections::new(self.limits.connections);
        thread::scope(|scope| {
            let serve = |socket: TcpStream, peer| {
                let Some((ticket, socket)) = connections.admit(socket) else { return };
                let answer = move |ticket: Ticket<'_>| {
                    let connection = Connection { catalogue, log, limits: &self.limits, peer, ticket: &ticket };
                    connection.serve(socket, self.tls.as_ref());
                };
                // Where there is no thread for it, the connection is closed.
                let _ = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || answer(ticket));
            };
            let served = self.accept(serve);
            connections.end(self.limits.end);
            served
        })
    }

    /// Accepts connections until the server is stopped.
    fn accept(&self, serve: impl Fn(TcpStream, SocketAddr)) -> io::Result<()> {
        loop {
            let mut waiting = [PollFd::new(&self.listener, PollFlags::IN), PollFd::new(&self.stopped, PollFlags::IN)];
            match poll(&mut waiting, None) {
                Err(rustix::io::Errno::INTR) => continue,
                outcome => outcome?,
            };
            let [_, stopped] = &waiting;
            if !stopped.revents().is_empty() {
                return Ok(());
            }
            match self.listener.accept() {
                Ok((socket, peer)) => serve(socket, peer),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted) => {}
                Err(_) => thread::sleep(EXHAUSTED),
            }
        }
    }
}
