//! The first process of the new process namespace: confines itself, starts the command, waits, reports, ends.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions};

use super::protocol::{Ending, InitReport, Order, SandboxRefusal};
use super::{Facility, confinement, file_system};

/// The command's whole environment.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/tmp"),
    ("TMPDIR", "/tmp"),
    ("LANG", "C.UTF-8"),
];

/// How long processes that the command started may outlive it.
const MOMENT: Duration = Duration::from_secs(1);

/// The pipes of init: where it learns that it is watched, and where it sends the command's output and its own report.
pub(super) struct Pipes {
    pub(super) watched: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    pub(super) report: OwnedFd,
}

/// Runs the command to its end, reports, and exits; everything in its namespace ends with it.
pub(super) fn run(order: &Order, pipes: Pipes) -> ! {
    let Pipes { watched, stdout, stderr, report } = pipes;
    let said = match await_watcher(watched).and_then(|()| confine(order)) {
        Err(refusal) => InitReport::Refused(refusal),
        Ok(()) => InitReport::Ended(match start(order, stdout, stderr) {
            Ok(command) => wait_for(command),
            Err(ending) => ending,
        }),
    };
    let written = fs::File::from(report).write_all(&serde_json::to_vec(&said).unwrap_or_default());
    std::process::exit(i32::from(written.is_err()));
}

/// Ties this process's life to the supervisor's, and makes sure that the supervisor is not already dead.
fn await_watcher(watched: OwnedFd) -> Result<(), SandboxRefusal> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(SandboxRefusal::of(Facility::CleanProcess))?;
    fs::File::from(watched).read_exact(&mut [0]).map_err(SandboxRefusal::of(Facility::CleanProcess))
}

fn confine(order: &Order) -> Result<(), SandboxRefusal> {
    rustix::process::setsid().map_err(SandboxRefusal::of(Facility::CleanProcess))?;
    // If the system runs out of memory, this process should be killed first.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    file_system::enter()?;
    let product: u64 = order.product.iter().map(|(_, length)| length).sum();
    confinement::confine(&order.limits, order.limits.storage.saturating_add(product))
}

fn start(order: &Order, stdout: OwnedFd, stderr: OwnedFd) -> Result<Pid, Ending> {
    let not_started = |reason: String| Ending::NotStarted(reason);
    let (program, arguments) = order.command.split_first().ok_or_else(|| not_started("there is none".to_owned()))?;
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(ENVIRONMENT)
        .stdin(Stdio::null())
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .spawn()
        .map_err(|error| not_started(format!("{program}: {error}")))?;
    Ok(Pid::from_child(&child))
}

/// Waits for the command, and reaps every orphan that ends before it. Processes left running get a moment to end.
fn wait_for(command: Pid) -> Ending {
    let ending = loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == command => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => break Ending::Exited(code),
                (None, Some(signal)) => return Ending::Signal(signal),
                (None, None) => {}
            },
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Ending::NotStarted(format!("it cannot be waited for: {error}")),
        }
    };
    let ended = Instant::now();
    while ended.elapsed() < MOMENT {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return ending,
            Ok(None) => std::thread::sleep(MOMENT / 100),
            _ => {}
        }
    }
    Ending::LeftRunning
}
