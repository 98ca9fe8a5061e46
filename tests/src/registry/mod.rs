//! A small OCI registry in this process, which does what it is told: also to lie, to break off, and to refuse.
//!
//! It keeps everything in memory, notes every request, and answers one connection a thread. It is for tests: what a real
//! registry makes of the client is tested with [`real_registry`](crate::real_registry).

mod api;
mod fault;
mod protocol;
mod tls;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use sealift_archive_format::Digest;
use sealift_core::oci::{Descriptor, Repository};

pub use api::Authentication;
pub use fault::{Action, Fault};
pub use protocol::{Answer, Received};

/// A registry that runs until it is dropped.
pub struct Registry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
}

/// What the registry has, was asked, and is told to do.
#[derive(Default)]
pub struct State {
    /// Blobs by repository and digest.
    pub blobs: BTreeMap<(String, String), Vec<u8>>,
    /// Media type and bytes of manifests, by repository and tag or digest.
    pub manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    /// The files of Notary's collections, by GUN and name, for a server that is one of Notary's too.
    pub trust_files: BTreeMap<(String, String), Vec<u8>>,
    /// Referrers by repository and subject; `None` when there is no such interface.
    pub referrers: Option<BTreeMap<(String, String), Vec<Descriptor>>>,
    /// A manifest's subject is confirmed, also where there is no interface for referrers.
    pub confirms_subjects: bool,
    /// The tag `sha256-HEX` is taken for the digest `sha256:HEX`.
    pub takes_tags_for_digests: bool,
    /// Open uploads: the repository of each, and what has arrived.
    pub uploads: BTreeMap<u64, (String, Vec<u8>)>,
    /// The number of the next upload.
    pub next_upload: u64,
    /// How many connections were opened.
    pub connections: usize,
    /// Every request, in order.
    pub received: Vec<Received>,
    /// What goes wrong, first match first.
    pub faults: Vec<Fault>,
    /// Who may do what.
    pub authentication: Option<Authentication>,
    /// What is stored is answered with this status, and without a digest.
    pub confirms_with: Option<u16>,
    /// Mounts are answered with an upload.
    pub refuses_mounts: bool,
    /// Ranges are answered with the whole.
    pub ignores_ranges: bool,
    /// Pieces of blobs are answered with this status.
    pub refuses_pieces: Option<u16>,
    /// How long a piece has to be, but for the last.
    pub shortest_piece: Option<u64>,
    /// An upload that was cut is forgotten.
    pub forgets_cut_uploads: bool,
    /// An upload is forgotten once it has so many bytes.
    pub forgets_uploads_at: Option<usize>,
    /// How many tags a page has.
    pub page_length: Option<usize>,
}

/// A connection, encrypted or not.
trait Connection: Read + Write {}
impl<S: Read + Write> Connection for S {}

impl Registry {
    /// Starts on a free port of the loopback interface, over plain HTTP.
    pub fn start() -> Self {
        Self::start_with(|stream| Some(Box::new(stream)))
    }

    /// Starts on a free port of the loopback interface, over TLS.
    pub fn start_with_tls(config: Arc<rustls::ServerConfig>) -> Self {
        Self::start_with(move |mut stream| {
            let mut session = rustls::ServerConnection::new(config.clone()).ok()?;
            if session.complete_io(&mut stream).is_err() {
                // The client reads why it is refused only if all that it sent is read.
                let _ = stream.shutdown(Shutdown::Write);
                let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
                return None;
            }
            Some(Box::new(rustls::StreamOwned::new(session, stream)))
        })
    }

    fn start_with(wrap: impl Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(Mutex::new(State::default()));
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, stop, wrap) = (state.clone(), stopped.clone(), Arc::new(wrap));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (state, wrap) = (shared.clone(), wrap.clone());
                state.lock().expect("no handler panics").connections += 1;
                thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    if let Some(connection) = wrap(stream) {
                        // A client that goes away is none of the registry's concern.
                        let _ = serve(connection, &state);
                    }
                });
            }
        });
        Self { address, state, stopped }
    }

    /// `127.0.0.1:port`.
    pub fn domain(&self) -> String {
        self.address.to_string()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A repository here.
    pub fn repository(&self, path: &str) -> Repository {
        Repository::new(&self.domain(), path).expect("a repository's name")
    }

    /// What the registry has, was asked, and is told.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no handler panics")
    }

    /// Lets something go wrong.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    /// Stores a blob.
    pub fn add_blob(&self, path: &str, content: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of("application/octet-stream", content);
        self.state().blobs.insert((path.to_owned(), descriptor.digest.to_string()), content.to_vec());
        descriptor
    }

    /// Stores a manifest under its digest and under a tag.
    pub fn add_manifest(&self, path: &str, tag: &str, media_type: &str, bytes: &[u8]) -> Descriptor {
        let digest = Digest::sha256(bytes).to_string();
        for name in [tag, &digest] {
            let manifest = (media_type.to_owned(), bytes.to_vec());
            self.state().manifests.insert((path.to_owned(), name.to_owned()), manifest);
        }
        Descriptor::of(media_type, bytes)
    }

    /// Stores a file of one of Notary's collections.
    pub fn add_trust_file(&self, gun: &str, name: &str, bytes: &[u8]) {
        self.state().trust_files.insert((gun.to_owned(), name.to_owned()), bytes.to_vec());
    }

    /// How many requests had this method and this text in their path.
    pub fn count(&self, method: &str, part_of_path: &str) -> usize {
        let state = self.state();
        state.received.iter().filter(|request| request.is(method, part_of_path)).count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener, so that it notices.
        let _ = TcpStream::connect(self.address);
    }
}

/// Answers requests until the client goes away or a fault breaks the connection.
fn serve(mut connection: Box<dyn Connection>, state: &Mutex<State>) -> std::io::Result<()> {
    while let Some((mut request, length)) = protocol::receive_header(&mut connection)? {
        let action = fault::take(&mut state.lock().expect("no handler panics").faults, &request);
        let read = match action {
            Some(Action::CutRequestAfter(read)) => read.min(length),
            _ => length,
        };
        if !protocol::receive_body(&mut connection, &mut request, read)? {
            return Ok(());
        }
        state.lock().expect("no handler panics").received.push(request.clone());
        let answer = |request: &Received| api::answer(&mut state.lock().expect("no handler panics"), request);
        match action {
            None => protocol::send(&mut connection, &request, &answer(&request), usize::MAX)?,
            Some(Action::Answer(answer)) => protocol::send(&mut connection, &request, &answer, usize::MAX)?,
            Some(Action::CutAfter(length)) => {
                return protocol::send(&mut connection, &request, &answer(&request), length);
            }
            Some(Action::CutRequestAfter(_)) => {
                api::interrupt(&mut state.lock().expect("no handler panics"), &request);
                return Ok(());
            }
            Some(Action::Write(write)) => return write(&mut connection),
        }
    }
    Ok(())
}
