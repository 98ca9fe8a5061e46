//! How a process gives up what it had: its files, its root privileges, its namespaces.
//!
//! The only unsafe code of the crate is here, three calls that no safe interface offers.

use std::fs;

use rustix::process::{DumpableBehavior, Pid};
use rustix::thread::{Gid, Uid, UnshareFlags};

use super::Facility;
use super::protocol::SandboxRefusal;

/// The user that root becomes, and that everyone is inside: by convention, the user who owns nothing.
const NOBODY: u32 = 65_534;

/// Requires that this process has one thread, and keeps all of its files except the standard ones from being inherited.
pub(super) fn come_alone() -> Result<(), SandboxRefusal> {
    let refused = SandboxRefusal::of(Facility::CleanProcess);
    let threads = fs::read_dir("/proc/self/task").map_err(SandboxRefusal::of(Facility::ProcFileSystem))?.count();
    if threads != 1 {
        return Err(refused(std::io::Error::other(format!("{threads} threads"))));
    }
    // SAFETY: it only sets a flag on descriptors, and touches no memory.
    #[allow(unsafe_code)]
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(refused(std::io::Error::last_os_error())) }
}

/// Gives up root, if this is root.
pub(super) fn become_unprivileged() -> Result<(), SandboxRefusal> {
    if !rustix::process::geteuid().is_root() && !rustix::process::getuid().is_root() {
        return Ok(());
    }
    let become_nobody = || {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        rustix::thread::set_thread_groups(&[])?;
        // There is one thread, so the thread's identity is the process's.
        rustix::thread::set_thread_res_gid(group, group, group)?;
        rustix::thread::set_thread_res_uid(user, user, user)?;
        // Otherwise root would own its files in /proc, and it could not map its user.
        rustix::process::set_dumpable_behavior(DumpableBehavior::Dumpable)
    };
    become_nobody().map_err(SandboxRefusal::of(Facility::UnprivilegedUser))
}

/// Enters new namespaces, as the user who owns nothing. Children are in a new process namespace; this process is not.
pub(super) fn enter_namespaces() -> Result<(), SandboxRefusal> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let all = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    unshare(all).map_err(SandboxRefusal::of(Facility::Namespaces))?;
    let map = || {
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{NOBODY} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{NOBODY} {group} 1"))
    };
    map().map_err(SandboxRefusal::of(Facility::UserMapping))?;
    rustix::system::sethostname(b"inspection").map_err(SandboxRefusal::of(Facility::Namespaces))
}

/// Leaves shared namespaces for new ones.
pub(super) fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: only `UnshareFlags::FILES` can harm other threads, and it is never passed.
    #[allow(unsafe_code)]
    unsafe {
        rustix::thread::unshare_unsafe(flags)
    }
}

/// Forks. `None` in the child. Call it only in a process with a single thread ([`come_alone`]).
pub(super) fn fork() -> std::io::Result<Option<Pid>> {
    // SAFETY: with one thread, nothing holds a lock that the child would miss, and the child may do anything.
    #[allow(unsafe_code)]
    let pid = unsafe { libc::fork() };
    if pid < 0 { Err(std::io::Error::last_os_error()) } else { Ok(Pid::from_raw(pid)) }
}
