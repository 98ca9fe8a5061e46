//! Registries that others made, each on a free port, with its files in a temporary folder.
//!
//! A test of the client goes through all that this machine has, [`each`] or [`found`]; what differs among them is a row, a
//! [`Product`].

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use sealift_archive_format::Digest;
use serde_json::{Value, json};

use crate::outside_programs;

/// How long a registry may take to listen, in steps of 50 milliseconds.
const STEPS: usize = 200;

/// A registry that can be had, and what is its own way.
pub struct Product {
    /// What it is called.
    pub name: &'static str,
    /// Its program.
    program: &'static str,
    /// Whether its tests count as skipped where the program is missing.
    is_expected: bool,
    /// Its configuration, for a folder and a port.
    configuration: fn(&Path, u16) -> Value,
    /// Whether it refuses an index of which something is missing.
    pub asks_for_every_platform: bool,
    /// Whether it takes an index that lists layers: then it does not look for manifests that are called so.
    pub takes_indexes_of_layers: bool,
    /// Whether it takes one of Docker's manifests of which foreign layers are missing.
    pub takes_dockers_foreign_layers: bool,
    /// Whether it keeps a manifest when its last tag moves to another.
    pub keeps_untagged: bool,
    /// Whether it keeps what arrived of a piece of an upload that was cut.
    pub keeps_cut_pieces: bool,
    /// Where it keeps the uploads into a repository.
    uploads: fn(&str) -> String,
}

/// Distribution 2.8, as Debian packages it.
pub const DOCKER_REGISTRY: Product = Product {
    name: "docker-registry 2.8",
    program: "docker-registry",
    is_expected: true,
    configuration: for_distribution,
    asks_for_every_platform: true,
    takes_indexes_of_layers: true,
    takes_dockers_foreign_layers: true,
    keeps_untagged: true,
    keeps_cut_pieces: false,
    uploads: |repository| format!("docker/registry/v2/repositories/{repository}/_uploads"),
};

/// All of them.
const PRODUCTS: [Product; 3] = [
    DOCKER_REGISTRY,
    // `go install github.com/distribution/distribution/v3/cmd/registry@v3.1.2`
    Product {
        name: "distribution 3",
        program: "registry",
        takes_indexes_of_layers: false,
        keeps_cut_pieces: true,
        ..DOCKER_REGISTRY
    },
    // No registry of packages has it: whoever wants to try it builds it from a clone.
    Product {
        name: "zot",
        program: "zot",
        is_expected: false,
        configuration: for_zot,
        asks_for_every_platform: true,
        takes_indexes_of_layers: true,
        takes_dockers_foreign_layers: false,
        keeps_untagged: false,
        keeps_cut_pieces: false,
        uploads: |repository| format!("{repository}/.uploads"),
    },
];

fn for_distribution(folder: &Path, port: u16) -> Value {
    json!({
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": folder}, "delete": {"enabled": true}},
        "http": {"addr": format!("127.0.0.1:{port}")},
        // Foreign layers from there may be missing.
        "validation": {"manifests": {"urls": {"allow": ["^https://example\\.com/"]}}},
    })
}

fn for_zot(folder: &Path, port: u16) -> Value {
    json!({
        "distSpecVersion": "1.1.1",
        // Each repository has its own copy of a blob.
        "storage": {"rootDirectory": folder, "dedupe": false, "gc": false},
        "http": {"address": "127.0.0.1", "port": port.to_string(), "compat": ["docker2s2"]},
        "log": {"level": "error"},
    })
}

/// Those that this machine has. What is missing is said.
///
/// # Panics
/// When one is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
pub fn found() -> impl Iterator<Item = &'static Product> {
    const { &PRODUCTS }.iter().filter(|product| product.find().is_some())
}

/// One of each that this machine has. What is missing is said.
///
/// # Panics
/// When one does not start, or is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
pub fn each() -> impl Iterator<Item = RealRegistry> {
    found().map(Product::start)
}

impl Product {
    /// Where its program is; `None`, after saying so, when the machine does not have it.
    ///
    /// # Panics
    /// When it is missing and `SEALIFT_REQUIRE_TOOLS` is 1.
    pub fn find(&self) -> Option<PathBuf> {
        if self.is_expected { outside_programs::find(self.program) } else { outside_programs::look_for(self.program) }
    }

    /// Starts one.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&'static self) -> RealRegistry {
        // Shown where a test fails.
        eprintln!("with {}:", self.name);
        let program = self.find().unwrap_or_else(|| panic!("{} was found before", self.name));
        let started = (0..5).find_map(|_| self.start_on_free_port(&program));
        started.unwrap_or_else(|| panic!("{} does not start", self.name))
    }

    /// Starts one on a port that was free a moment ago; `None` when it ends instead.
    fn start_on_free_port(&'static self, program: &Path) -> Option<RealRegistry> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let configuration = (self.configuration)(&folder.path().join("storage"), port);
        let path = folder.path().join("configuration.json");
        fs::write(&path, configuration.to_string()).expect("its configuration");
        let log = fs::File::create(folder.path().join("log")).expect("its log");
        let mut command = Command::new(program);
        command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.env("OTEL_TRACES_EXPORTER", "none").spawn().expect("a registry runs");
        for _ in 0..STEPS {
            if child.try_wait().expect("its state").is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(RealRegistry { product: self, child, port, folder });
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }
}

/// A registry that runs until it is dropped.
pub struct RealRegistry {
    /// Which one it is.
    pub product: &'static Product,
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl RealRegistry {
    /// `127.0.0.1:port`.
    pub fn domain(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The files in which it keeps a blob.
    pub fn files_of(&self, blob: &Digest) -> Vec<PathBuf> {
        let files = walkdir::WalkDir::new(self.storage()).into_iter().filter_map(Result::ok);
        let files = files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path);
        let is_named = |path: &Path| path.file_name().is_some_and(|name| name == blob.hex());
        // Distribution has a folder for each blob, with this file in it.
        let is_its = |path: &PathBuf| is_named(path) || path.ends_with("data") && path.parent().is_some_and(is_named);
        files.filter(is_its).collect()
    }

    /// How many uploads into a repository are open, or were left open.
    pub fn open_uploads(&self, repository: &str) -> usize {
        fs::read_dir(self.storage().join((self.product.uploads)(repository))).map_or(0, Iterator::count)
    }

    fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }
}

impl Drop for RealRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
