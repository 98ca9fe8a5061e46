//! Runs an inspection, which is an arbitrary command, where it can do no harm.
//!
//! Promise: the command runs without privileges, without network, and without sight of any file but the programs of the
//! system and the final product; it can use no more time, memory, processes, storage and output than its
//! [`SandboxLimits`]; nothing that it starts outlives it. If the system does not provide what this requires, nothing is
//! run.
//!
//! Three processes stand between this one and the command, because each can only be confined by one that is not itself
//! confined: the *supervisor* (the launcher program, started again; see [`main_if_invoked`]) gives up root, enters new
//! namespaces, lays out the command's files and watches the limits; its child, the *init* of the process namespace,
//! confines itself and starts the command. When init ends, the kernel ends everything in its namespace. Linux only.
//! `docs/adr/0005-inspection-sandbox.md` says what is confined by what, and what is not.
//!
//! All the `unsafe` of Sealift is here: three calls, each with the reason why it is sound.
//!
//! # A program that runs a command in the sandbox
//!
//! ```no_run
//! use sealift_proof::in_toto::{ProductContent, ProductFile};
//! use sealift_sandbox::{Sandbox, SandboxLimits, main_if_invoked};
//!
//! # fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // First of all: the sandbox starts this program again, as its supervisor.
//! main_if_invoked();
//!
//! let sandbox = Sandbox::new(std::env::current_exe()?, SandboxLimits::default());
//! let product = ProductFile {
//!     name: "bundle.json".to_owned(),
//!     digests: vec![sealift_archive_format::Digest::sha256(b"{}")],
//!     content: ProductContent::Bytes(b"{}"),
//! };
//! let command = ["grep", "-q", "schemaVersion", "bundle.json"].map(str::to_owned);
//! let outcome = sandbox.run(&command, &[product])?;
//! assert_eq!(outcome.exit_status, 1);
//! # Ok(())
//! # }
//! ```

mod artifact_record;
mod confinement;
mod error;
mod file_system;
mod init;
mod isolation;
mod limits;
mod protocol;
mod supervisor;
mod system_calls;
mod watch;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sealift_archive_format::digest::Hasher;
use sealift_proof::in_toto::{
    Artifacts, InspectionError, InspectionOutcome, InspectionRequest, InspectionRunner, ProductContent, ProductFile,
};

pub use error::{Facility, Limit, SandboxError};
pub use limits::SandboxLimits;
pub use supervisor::main_if_invoked;

use protocol::{Ending, Order, Reply};

/// The one argument with which the launcher is started.
const SUBCOMMAND: &str = "__inspect";
/// How long after the wall clock limit the supervisor may take to report before it is ended too.
const GRACE: Duration = Duration::from_secs(30);

/// A sandbox for inspections.
#[derive(Debug, Clone)]
pub struct Sandbox {
    launcher: PathBuf,
    limits: SandboxLimits,
}

/// What a command did, if it ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The command's exit status.
    pub exit_status: i32,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
    /// The files in the working directory before it ran, with their SHA-256.
    pub materials: Artifacts,
    /// The files in the working directory after it and all that it started had ended.
    pub products: Artifacts,
}

impl Sandbox {
    /// A sandbox that `launcher` hosts: a program that calls [`main_if_invoked`] first, usually this program itself.
    pub fn new(launcher: PathBuf, limits: SandboxLimits) -> Self {
        Self { launcher, limits }
    }

    /// Runs a command to its end, in a fresh working directory that holds `product`.
    ///
    /// # Errors
    /// [`SandboxError`] when the system does not provide what the sandbox needs, when the command cannot be started,
    /// when it is stopped at a limit or by a signal, and when what it leaves cannot be recorded. A non-zero exit status
    /// is an outcome.
    pub fn run(&self, command: &[String], product: &[ProductFile<'_>]) -> Result<Outcome, SandboxError> {
        let order = Order::new(command, product, &self.limits)?;
        let mut supervisor = Command::new(&self.launcher)
            .arg(SUBCOMMAND)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| SandboxError::Launcher { launcher: self.launcher.clone(), source })?;
        let reply = self.converse(&mut supervisor, &order, product);
        // It has nothing more to report. Everything that it started dies with it.
        let _ = supervisor.kill();
        let _ = supervisor.wait();
        self.outcome(reply?)
    }

    fn converse(
        &self,
        supervisor: &mut Child,
        order: &Order,
        product: &[ProductFile<'_>],
    ) -> Result<Reply, SandboxError> {
        let replies = listen(supervisor, order.largest_reply());
        if let Some(stdin) = supervisor.stdin.take() {
            send(stdin, order, product)?;
        }
        match replies.recv_timeout(self.limits.wall_clock.saturating_add(GRACE)) {
            Ok(bytes) => Reply::from_bytes(&bytes).map_err(|_| SandboxError::NoReply { said: last_words(supervisor) }),
            Err(_) => Err(SandboxError::Limit(Limit::WallClock(self.limits.wall_clock))),
        }
    }

    fn outcome(&self, reply: Reply) -> Result<Outcome, SandboxError> {
        let limit = |limit| Err(SandboxError::Limit(limit));
        match reply {
            Reply::Unavailable { facility, reason } => Err(SandboxError::Unavailable { facility, reason }),
            Reply::Unrecordable { name, problem } => Err(SandboxError::Unrecordable { name, problem }),
            Reply::Ended { ending, stdout, stderr, materials, products } => match ending {
                Ending::Exited(exit_status) => Ok(Outcome {
                    exit_status,
                    stdout: stdout.0,
                    stderr: stderr.0,
                    materials: protocol::artifacts(materials),
                    products: protocol::artifacts(products),
                }),
                Ending::Signal(signal) => Err(SandboxError::Signal(signal)),
                Ending::LeftRunning => Err(SandboxError::LeftRunning),
                Ending::NotStarted(reason) => Err(SandboxError::NotStarted(reason)),
                Ending::WallClock => limit(Limit::WallClock(self.limits.wall_clock)),
                Ending::Memory => limit(Limit::Memory(self.limits.memory)),
                Ending::Output => limit(Limit::Output(self.limits.output)),
            },
        }
    }
}

impl InspectionRunner for Sandbox {
    fn run(&self, request: &InspectionRequest<'_>) -> Result<InspectionOutcome, InspectionError> {
        let outcome = Self::run(self, request.command, request.product).map_err(InspectionError::new)?;
        let Outcome { exit_status, materials, products, .. } = outcome;
        Ok(InspectionOutcome { exit_status, materials, products })
    }
}

/// Reads the supervisor's reply on a thread of its own, up to `limit` bytes.
fn listen(supervisor: &mut Child, limit: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = supervisor.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // A reply that is cut off does not parse.
            let _ = stdout.take(limit).read_to_end(&mut bytes);
            let _ = sender.send(bytes);
        });
    }
    receiver
}

/// Sends the order, and then the bytes of the product as they were verified.
fn send(mut to: impl Write, order: &Order, product: &[ProductFile<'_>]) -> Result<(), SandboxError> {
    // A supervisor that stops reading has a reason, and reports it.
    if to.write_all(&order.to_bytes()).is_err() {
        return Ok(());
    }
    for (file, (name, length)) in product.iter().zip(&order.product) {
        let unreadable = |source| SandboxError::Product { name: name.clone(), source };
        let changed = || SandboxError::ProductChanged { name: name.clone() };
        let mut content: Box<dyn Read + '_> = match file.content {
            ProductContent::Bytes(bytes) => Box::new(bytes),
            ProductContent::File(path) => Box::new(std::fs::File::open(path).map_err(unreadable)?),
            ProductContent::Later => return Err(SandboxError::ProductLater { name: name.clone() }),
        };
        let mut hashers: Vec<_> = file.digests.iter().map(|digest| Hasher::new(digest.algorithm())).collect();
        let mut left = *length;
        let mut buffer = [0; 64 * 1024];
        while left > 0 {
            let read = content.read(&mut buffer).map_err(unreadable)?;
            let bytes = buffer.get(..read).filter(|bytes| !bytes.is_empty()).ok_or_else(changed)?;
            left = left.checked_sub(bytes.len() as u64).ok_or_else(changed)?;
            hashers.iter_mut().for_each(|hasher| hasher.update(bytes));
            if to.write_all(bytes).is_err() {
                return Ok(());
            }
        }
        if hashers.into_iter().map(Hasher::finish).ne(file.digests.iter().cloned()) {
            return Err(changed());
        }
    }
    Ok(())
}

/// What a supervisor that gave no reply wrote to its standard error: the beginning of it.
fn last_words(supervisor: &mut Child) -> String {
    let mut said = Vec::new();
    let _ = supervisor.kill();
    if let Some(stderr) = supervisor.stderr.take() {
        let _ = stderr.take(500).read_to_end(&mut said);
    }
    String::from_utf8_lossy(&said).trim().to_owned()
}
