//! Debian's `docker-registry`, a real one, on a free port, with its files in a temporary folder.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::outside_programs;

/// How long the registry may take to listen, in steps of 50 milliseconds.
const STEPS: usize = 200;

/// A registry that runs until it is dropped.
pub struct DockerRegistry {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl DockerRegistry {
    /// Starts one; `None`, after saying so, when the machine does not have the program.
    ///
    /// # Panics
    /// When the program does not start, or is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
    pub fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts one whose configuration has these lines too.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(lines: &str) -> Option<Self> {
        let program = outside_programs::find("docker-registry")?;
        let started = (0..5).find_map(|_| Self::start_on_free_port(&program, lines));
        started.or_else(|| panic!("docker-registry does not start"))
    }

    /// Starts one on a port that was free a moment ago; `None` when it ends instead.
    fn start_on_free_port(program: &PathBuf, lines: &str) -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: '127.0.0.1:{port}'}}\n{lines}",
            folder.path().join("storage").display()
        );
        let path = folder.path().join("config.yml");
        fs::write(&path, configuration).expect("its configuration");
        let log = fs::File::create(folder.path().join("log")).expect("its log");
        let mut command = Command::new(program);
        command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.env("OTEL_TRACES_EXPORTER", "none").spawn().expect("docker-registry runs");
        for _ in 0..STEPS {
            if child.try_wait().expect("its state").is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(Self { child, port, folder });
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    /// `127.0.0.1:port`.
    pub fn domain(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The folder under which it keeps its files.
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
