//! Notary's own server and client, as Debian packages them. The server runs on a free port, keeps everything in memory, and signs what
//! clients leave to it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::outside_programs;

/// How long the server may take to listen, in steps of 50 milliseconds.
const STEPS: usize = 200;

/// A server of Notary that runs until it is dropped, and a client that publishes there.
pub struct RealNotary {
    server: Child,
    port: u16,
    client: PathBuf,
    folder: tempfile::TempDir,
}

impl RealNotary {
    /// Starts a server; `None`, after saying so, when this machine does not have Notary.
    ///
    /// # Panics
    /// When it does not start, or is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
    pub fn start() -> Option<Self> {
        let (client, server) = (outside_programs::find("notary")?, outside_programs::find("notary-server")?);
        let started = (0..5).find_map(|_| Self::start_on_free_port(&server, &client));
        Some(started.unwrap_or_else(|| panic!("notary-server does not start")))
    }

    /// Starts one on a port that was free a moment ago; `None` when it ends instead.
    fn start_on_free_port(program: &Path, client: &Path) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let configuration = json!({
            "server": {"http_addr": format!("127.0.0.1:{port}")},
            "trust_service": {"type": "local"},
            "storage": {"backend": "memory"},
            "logging": {"level": "error"},
        });
        let path = folder.path().join("server.json");
        fs::write(&path, configuration.to_string()).expect("its configuration");
        let log = fs::File::create(folder.path().join("log")).expect("its log");
        let mut command = Command::new(program);
        command.arg("-config").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut server = command.spawn().expect("a server runs");
        for _ in 0..STEPS {
            if server.try_wait().expect("its state").is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Self { server, port, client: client.to_owned(), folder });
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = server.kill();
        let _ = server.wait();
        None
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A folder for files that the client is given.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the client as a publisher does.
    ///
    /// # Panics
    /// When it fails.
    pub fn publish(&self, arguments: &[&str]) {
        let output = self.run("publisher", &self.url(), arguments);
        assert!(output.status.success(), "notary {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs the client as a reader who has seen nothing before, against any server.
    pub fn read(&self, server: &str, arguments: &[&str]) -> Output {
        let reader = tempfile::tempdir_in(self.folder()).expect("a folder for the reader");
        self.run(reader.path().to_str().expect("a path in Unicode"), server, arguments)
    }

    fn run(&self, trust: &str, server: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.client);
        command.args(["--server", server, "--trustDir"]).arg(self.folder().join(trust)).args(arguments);
        for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
            command.env(format!("NOTARY_{role}_PASSPHRASE"), "not-secret");
        }
        command.stdin(Stdio::null()).output().expect("notary runs")
    }
}

impl Drop for RealNotary {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
