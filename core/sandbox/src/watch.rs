//! Watches a running inspection: its output, its memory, the clock. Ends it at a limit.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal, WaitOptions};

use super::protocol::{Bytes, Ending, InitReport, SandboxRefusal};
use super::{Facility, SandboxLimits};

/// How often memory and the clock are checked.
const INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// The longest report of init, in bytes.
const MAXIMUM_REPORT: usize = 64 * 1024;

/// The outcome of an inspection.
pub(super) struct WatchedInspection {
    pub(super) ending: Ending,
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
}

/// The reading end of a pipe, and what has been read from it.
struct Stream {
    pipe: Option<fs::File>,
    bytes: Vec<u8>,
}

impl Stream {
    fn new(pipe: OwnedFd) -> Self {
        Self { pipe: Some(fs::File::from(pipe)), bytes: Vec::new() }
    }

    /// Reads once; closes at the end.
    fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; 64 * 1024];
        match pipe.read(&mut buffer) {
            Ok(read) if read > 0 => self.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            _ => self.pipe = None,
        }
    }
}

/// Watches until init and everything in its namespace has ended, by itself or at a limit. Init begins when it is told
/// through `watching`.
pub(super) fn watch(
    init: Pid,
    watching: OwnedFd,
    pipes: [OwnedFd; 3],
    limits: &SandboxLimits,
) -> Result<WatchedInspection, SandboxRefusal> {
    let [stdout, stderr, report] = pipes;
    let mut streams = [Stream::new(stdout), Stream::new(stderr), Stream::new(report)];
    let reached = Memory::of(init).and_then(|memory| {
        fs::File::from(watching).write_all(&[1]).map_err(SandboxRefusal::of(Facility::CleanProcess))?;
        look_on(memory, &mut streams, limits)
    });
    // Once init is gone, so is everything in its namespace.
    let _ = rustix::process::kill_process(init, Signal::KILL);
    while matches!(rustix::process::waitpid(Some(init), WaitOptions::empty()), Err(rustix::io::Errno::INTR)) {}
    let reached = reached?;
    // Read what is still in the pipes, now that nobody writes.
    while reached.is_none() && streams.iter().any(|stream| stream.pipe.is_some()) {
        streams.iter_mut().for_each(Stream::read);
    }
    let over = reached.or_else(|| exceeds(&streams, limits).then_some(Ending::Output));
    let [stdout, stderr, report] = streams;
    let ending = match over {
        Some(ending) => ending,
        None => match serde_json::from_slice(&report.bytes) {
            Ok(InitReport::Refused(refusal)) => return Err(refusal),
            Ok(InitReport::Ended(ending)) => ending,
            // Something killed init: the kernel, when memory ran out.
            Err(_) => Ending::Signal(Signal::KILL.as_raw()),
        },
    };
    Ok(WatchedInspection { ending, stdout: Bytes(stdout.bytes), stderr: Bytes(stderr.bytes) })
}

fn exceeds([stdout, stderr, _]: &[Stream; 3], limits: &SandboxLimits) -> bool {
    (stdout.bytes.len() + stderr.bytes.len()) as u64 > limits.output
}

/// Returns the limit that was reached; `None` when init has ended.
fn look_on(
    mut memory: Memory,
    streams: &mut [Stream; 3],
    limits: &SandboxLimits,
) -> Result<Option<Ending>, SandboxRefusal> {
    let started = Instant::now();
    // Only init holds the report's other end.
    while streams[2].pipe.is_some() {
        for index in ready(streams) {
            if let Some(stream) = streams.get_mut(index) {
                stream.read();
            }
        }
        if exceeds(streams, limits) || streams[2].bytes.len() > MAXIMUM_REPORT {
            return Ok(Some(Ending::Output));
        }
        if started.elapsed() >= limits.wall_clock {
            return Ok(Some(Ending::WallClock));
        }
        if memory.is_due() && memory.used()? > limits.memory {
            return Ok(Some(Ending::Memory));
        }
    }
    Ok(None)
}

/// The streams that can be read without waiting; waits for one interval at most.
fn ready(streams: &[Stream; 3]) -> Vec<usize> {
    let open: Vec<_> =
        streams.iter().enumerate().filter_map(|(index, stream)| Some((index, stream.pipe.as_ref()?))).collect();
    let mut fds: Vec<_> = open.iter().map(|(_, pipe)| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)).collect();
    // An interrupted wait is a short one.
    let _ = rustix::event::poll(&mut fds, Some(&INTERVAL));
    open.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty()).map(|((index, _), _)| *index).collect()
}

/// The memory of all processes of a process namespace.
struct Memory {
    namespace: PathBuf,
    looked: Instant,
}

impl Memory {
    fn of(init: Pid) -> Result<Self, SandboxRefusal> {
        let namespace = fs::read_link(format!("/proc/{}/ns/pid", init.as_raw_nonzero()))
            .map_err(SandboxRefusal::of(Facility::ProcFileSystem))?;
        Ok(Self { namespace, looked: Instant::now() })
    }

    fn is_due(&self) -> bool {
        self.looked.elapsed() >= Duration::from_millis(50)
    }

    /// Resident and swapped memory, in bytes. What processes share is counted for each.
    fn used(&mut self) -> Result<u64, SandboxRefusal> {
        self.looked = Instant::now();
        let processes = fs::read_dir("/proc").map_err(SandboxRefusal::of(Facility::ProcFileSystem))?;
        let paths = processes.filter_map(|entry| Some(entry.ok()?.path()));
        // Processes come and go; one that has gone uses nothing.
        let inside = paths.filter(|path| fs::read_link(path.join("ns/pid")).is_ok_and(|link| link == self.namespace));
        Ok(inside.map(|path| used_by(&path).unwrap_or(0)).sum())
    }
}

fn used_by(process: &Path) -> Option<u64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let kibibytes = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    };
    Some((kibibytes("VmRSS:") + kibibytes("VmSwap:")).saturating_mul(1024))
}
