//! The files that an inspection sees: the system's programs, read-only; a few devices; a working directory and `/tmp`.
//!
//! Everything is laid out below [`BASE`] in the supervisor's own mount namespace, and becomes the root in init's.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};

use super::Facility;
use super::protocol::{Order, SandboxRefusal};

/// A directory that every system has, over which the supervisor mounts its own.
const BASE: &str = "/tmp";
const ROOT: &str = "/tmp/root";
const STORAGE: &str = "/tmp/storage";
/// Where the product is, seen from the supervisor.
pub(super) const WORK: &str = "/tmp/storage/work";

/// What is needed to execute the system's programs. Links on the system are links inside too.
pub(super) const PROGRAMS: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache"];
/// Devices without state.
pub(super) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Where the inspection may write: the working directory, and scratch space.
pub(super) const WRITABLE: [&str; 2] = ["/work", "/tmp"];

/// Lays out the files. The working directory is left empty.
pub(super) fn lay_out(order: &Order) -> Result<(), SandboxRefusal> {
    let refused = SandboxRefusal::of(Facility::Mounts);
    build(order).map_err(&refused)?;
    close_programs().map_err(&refused)
}

fn build(order: &Order) -> io::Result<()> {
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount_tmpfs(BASE, 1024 * 1024, 64)?;
    for directory in [ROOT, STORAGE] {
        make_directory(directory)?;
    }
    let product: u64 = order.product.iter().map(|(_, length)| length.next_multiple_of(4096)).sum();
    let inodes = order.limits.files.saturating_add(order.product_inodes()).saturating_add(3);
    mount_tmpfs(STORAGE, order.limits.storage.saturating_add(product), inodes)?;
    rustix::mount::mount_bind_recursive(ROOT, ROOT)?;
    for program in PROGRAMS {
        show(Path::new(program))?;
    }
    for device in DEVICES {
        show(Path::new(device))?;
    }
    for writable in WRITABLE {
        let source = Path::new(STORAGE).join(writable.trim_start_matches('/'));
        let target = inside(Path::new(writable));
        make_directory(&source)?;
        make_directory(&target)?;
        rustix::mount::mount_bind(&source, &target)?;
    }
    Ok(())
}

/// A temporary file system with limits on its bytes and inodes.
fn mount_tmpfs(target: &str, bytes: u64, inodes: u64) -> io::Result<()> {
    let options = std::ffi::CString::new(format!("size={bytes},nr_inodes={inodes},mode=755"))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    Ok(rustix::mount::mount("tmpfs", target, "tmpfs", flags, options.as_c_str())?)
}

fn make_directory(path: impl AsRef<Path>) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(path)
}

fn inside(path: &Path) -> PathBuf {
    Path::new(ROOT).join(path.strip_prefix("/").unwrap_or(path))
}

/// Makes a path of the system visible under the same name, if the system has it.
fn show(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let target = inside(path);
    if let Some(parent) = target.parent() {
        make_directory(parent)?;
    }
    if metadata.is_symlink() {
        return symlink(fs::read_link(path)?, target);
    }
    if metadata.is_dir() {
        make_directory(&target)?;
    } else {
        File::create(&target)?;
    }
    Ok(rustix::mount::mount_bind_recursive(path, &target)?)
}

/// Makes every mount below the root read-only, except for the writable ones and the devices.
fn close_programs() -> io::Result<()> {
    let mut mounts = String::new();
    File::open("/proc/self/mountinfo")?.read_to_string(&mut mounts)?;
    let writable: Vec<_> = WRITABLE.iter().map(|path| inside(Path::new(path))).collect();
    let devices = inside(Path::new("/dev"));
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(target), Some(options)) = (fields.next(), fields.next()) else { continue };
        let target = PathBuf::from(unescape(target));
        if !target.starts_with(ROOT) || writable.contains(&target) || target.starts_with(&devices) {
            continue;
        }
        // Flags that a more privileged mount namespace has set must stay set.
        let kept = options.split(',').fold(MountFlags::empty(), |flags, option| flags | flag(option));
        let closed = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount_remount(&target, closed | kept, c"")?;
    }
    Ok(())
}

fn flag(option: &str) -> MountFlags {
    match option {
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    }
}

/// Undoes the octal escapes of space, tab, newline and backslash in `/proc/self/mountinfo`.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |field, (escape, character)| field.replace(escape, character))
}

/// Makes the prepared files the root of this process's own mount namespace, and leaves nothing else in it.
pub(super) fn enter() -> Result<(), SandboxRefusal> {
    let enter = || {
        super::isolation::unshare(rustix::thread::UnshareFlags::NEWNS)?;
        rustix::process::chdir(ROOT)?;
        // The old root ends up above the new one, and is unmounted from there.
        rustix::process::pivot_root(".", ".")?;
        rustix::mount::unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/work")
    };
    enter().map_err(SandboxRefusal::of(Facility::Mounts))
}
