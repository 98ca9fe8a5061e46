//! A connection: plain or with TLS, where every wait has an end.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The most that is read and discarded of what a client sends after the answer that ends a connection, in bytes.
const MAXIMUM_DISCARDED: u64 = 64 << 10;
/// How long that is read, at most.
const DISCARDING: Duration = Duration::from_secs(1);

/// A socket with an instant at which every wait ends.
pub(crate) struct TimedSocket {
    socket: Arc<TcpStream>,
    deadline: Cell<Instant>,
}

impl TimedSocket {
    /// The time that is left, which is never nothing.
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.get().saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for TimedSocket {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        (&*self.socket).read(out)
    }
}

impl Write for TimedSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        (&*self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection to a client.
pub(crate) enum ClientStream {
    /// As it is.
    Plain(TimedSocket),
    /// With TLS.
    Tls(Box<StreamOwned<ServerConnection, TimedSocket>>),
}

impl ClientStream {
    /// Begins to talk to a client. Where there is TLS, the handshake is part of the first read.
    pub(crate) fn new(socket: Arc<TcpStream>, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let socket = TimedSocket { socket, deadline: Cell::new(Instant::now()) };
        let Some(config) = tls else { return Ok(Self::Plain(socket)) };
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }

    fn socket(&self) -> &TimedSocket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// From now on, every wait ends at this instant at the latest.
    pub(crate) fn wait_until(&self, deadline: Instant) {
        self.socket().deadline.set(deadline);
    }

    /// Ends the connection after an answer that is complete, so that the client gets all of it, even if it still sends.
    pub(crate) fn end(mut self) {
        self.wait_until(Instant::now() + DISCARDING);
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let socket = &self.socket().socket;
        if socket.shutdown(Shutdown::Write).is_ok() {
            let discarded = TimedSocket { socket: Arc::clone(socket), deadline: self.socket().deadline.clone() };
            let _ = io::copy(&mut discarded.take(MAXIMUM_DISCARDED), &mut io::sink());
        }
    }

    /// Ends the connection in the middle of an answer. With TLS, the client is not told that this is the end.
    pub(crate) fn cut(self) {
        let _ = self.socket().socket.shutdown(Shutdown::Both);
    }
}

impl Read for ClientStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(out),
            Self::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for ClientStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
