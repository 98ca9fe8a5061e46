//! Archives that are served on this machine, and clients that ask byte by byte.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sealift_core::import::Naming;
use sealift_core::progress::Unwatched;
use sealift_core::verify::Transport;
use sealift_proof::tuf::Limits;
use sealift_serve::{
    AccessEntry, AccessLog, ArchiveServer, CutReason, Gathering, ServeError, ServerLimits, ServingTerms, Stopper,
    TlsIdentity,
};

use crate::crossing::FarSide;

/// A server that runs until it is dropped.
pub struct ServedArchives {
    /// Where it listens.
    pub address: SocketAddr,
    log: Arc<Log>,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

/// What the server has told of.
#[derive(Default)]
struct Log(Mutex<Vec<LoggedRequest>>);

/// A request that the server has told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// The method and the target.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// How many bytes of content were sent.
    pub sent: u64,
    /// Why it was cut.
    pub cut: Option<CutReason>,
}

impl AccessLog for Log {
    fn answered(&self, entry: &AccessEntry<'_>) {
        let asked = format!("{} {}", entry.method, entry.target);
        let logged = LoggedRequest { asked, status: entry.status, sent: entry.sent, cut: entry.cut };
        self.0.lock().unwrap().push(logged);
    }
}

/// No archives yet, to be served at this place.
pub fn gathering<'f>(domain: &str) -> Gathering<'f> {
    Gathering::new(ServingTerms { domain: domain.to_owned(), naming: Naming::default(), limits: Limits::default() })
}

/// Adds an archive to others.
///
/// # Errors
/// [`ServeError`].
pub fn add<'f>(gathering: &mut Gathering<'f>, far: &FarSide, file: &'f File) -> Result<(), ServeError> {
    let judged = far.judge(file.try_clone().unwrap()).unwrap();
    gathering.add(judged, ("the archive", file), far.selection.clone(), &Transport::default()).map(drop)
}

impl ServedArchives {
    /// Serves archives that are accepted, or what the side selects of them.
    ///
    /// # Panics
    /// When one is refused, or there is no server.
    pub fn start(far: &FarSide, archives: &[&Path], limits: ServerLimits, tls: Option<TlsIdentity>) -> Self {
        let server = ArchiveServer::bind("127.0.0.1:0".parse().unwrap(), tls, limits).unwrap();
        let (address, stopper) = (server.address(), server.stopper().unwrap());
        let files: Vec<File> = archives.iter().map(|path| File::open(path).unwrap()).collect();
        let judged: Vec<_> = files.iter().map(|file| far.judge(file.try_clone().unwrap()).unwrap()).collect();
        let selections = far.selection.shared_out(&judged).unwrap();
        let log = Arc::new(Log::default());
        let (logging, (sender, added)) = (Arc::clone(&log), channel());
        let serve = move || {
            let mut gathering = gathering(&address.to_string());
            for ((file, judged), selection) in files.iter().zip(judged).zip(selections) {
                gathering.add(judged, ("the archive", file), selection, &Transport::default()).unwrap();
            }
            let catalogue = gathering.complete(&Unwatched).unwrap();
            sender.send(()).unwrap();
            server.run(&catalogue, &*logging).unwrap();
        };
        let thread = Some(thread::spawn(serve));
        added.recv().unwrap();
        Self { address, log, stopper, thread }
    }

    /// A connection that waits for ten seconds at most.
    ///
    /// # Panics
    /// When there is no server.
    pub fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    /// Sends these bytes, and reads what comes until the server ends the connection.
    ///
    /// # Panics
    /// When the server does not end it.
    pub fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let mut socket = self.connect();
        // The server may have ended it before everything was sent.
        let _ = socket.write_all(bytes);
        let _ = socket.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        match socket.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the server does not end the connection: {error}"),
        }
        answer
    }

    /// Asks for something by one request with these fields.
    pub fn ask(&self, method: &str, target: &str, fields: &str) -> Answered {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: r\r\nConnection: close\r\n{fields}\r\n");
        Answered::read(&self.send(request.as_bytes()))
    }

    /// Gets something.
    pub fn get(&self, target: &str) -> Answered {
        self.ask("GET", target, "")
    }

    /// What the server has told of.
    ///
    /// # Panics
    /// Never.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.log.0.lock().unwrap().clone()
    }

    /// Stops the server, and waits for its end.
    ///
    /// # Panics
    /// When it ended before, or by a panic.
    pub fn stop(&mut self) {
        self.stopper.stop();
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for ServedArchives {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// An answer as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status; 0 where nothing arrived.
    pub status: u16,
    /// The fields, with their names in lower case.
    pub fields: Vec<(String, String)>,
    /// What follows the head.
    pub content: Vec<u8>,
}

impl Answered {
    /// Reads an answer.
    pub fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        let fields = lines.filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Self { status, fields, content: bytes.get(end + 4..).unwrap_or_default().to_vec() }
    }

    /// The field with this name; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// The content as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.content).unwrap()
    }

    /// Whether the content has the length that the head states.
    pub fn is_complete(&self) -> bool {
        self.field("content-length").parse() == Ok(self.content.len())
    }
}
