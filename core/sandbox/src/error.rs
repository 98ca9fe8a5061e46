//! Why an inspection did not run to its end.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What the sandbox needs from the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facility {
    /// Linux, on a processor whose system calls are known here.
    Platform,
    /// A process that has no other threads yet and can close the files that it inherited.
    CleanProcess,
    /// A way to change from root to an unprivileged user.
    UnprivilegedUser,
    /// User, mount, process, network, IPC, host name and control group namespaces.
    Namespaces,
    /// A user of the new user namespace that stands for the current one.
    UserMapping,
    /// Mounts in the new mount namespace.
    Mounts,
    /// `/proc`, to watch memory and to see mounts.
    ProcFileSystem,
    /// Limits on the use of resources.
    ResourceLimits,
    /// Giving up capabilities.
    Capabilities,
    /// The Landlock security module.
    Landlock,
    /// System call filters.
    Seccomp,
}

impl Facility {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "a supported platform",
            Self::CleanProcess => "a clean single-threaded process",
            Self::UnprivilegedUser => "an unprivileged user to become",
            Self::Namespaces => "unprivileged namespaces",
            Self::UserMapping => "a user mapping",
            Self::Mounts => "mounts in a user namespace",
            Self::ProcFileSystem => "/proc",
            Self::ResourceLimits => "resource limits",
            Self::Capabilities => "dropping capabilities",
            Self::Landlock => "Landlock",
            Self::Seccomp => "seccomp",
        }
    }

    /// What an administrator can do if it is missing.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Platform => "run inspections on Linux, on x86-64, 64-bit ARM or RISC-V",
            Self::CleanProcess => "use Linux 5.11 or newer",
            Self::UnprivilegedUser => "run as an ordinary user instead of as root, or allow changing to user 65534",
            Self::Namespaces | Self::UserMapping => {
                "allow unprivileged user namespaces: user.max_user_namespaces must not be 0, \
                 kernel.unprivileged_userns_clone must be 1 where it exists, and AppArmor must let this program create \
                 them (kernel.apparmor_restrict_unprivileged_userns); a container needs them allowed by its seccomp profile"
            }
            Self::Mounts => "allow mounting tmpfs in user namespaces, and have /tmp and /usr",
            Self::ProcFileSystem => "mount /proc",
            Self::ResourceLimits => "raise the hard limits of this session (ulimit -H -a)",
            Self::Capabilities => "use a kernel that lets a process drop its capabilities",
            Self::Landlock => "use Linux 5.13 or newer with Landlock among its security modules (boot option lsm=)",
            Self::Seccomp => "use a kernel with seccomp filters (CONFIG_SECCOMP_FILTER)",
        }
    }
}

/// A limit that an inspection reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It took longer than this.
    WallClock(Duration),
    /// It used more memory than this, in bytes.
    Memory(u64),
    /// It wrote more output than this, in bytes.
    Output(u64),
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WallClock(limit) => write!(f, "{} seconds of time", limit.as_secs_f64()),
            Self::Memory(limit) => write!(f, "{limit} bytes of memory"),
            Self::Output(limit) => write!(f, "{limit} bytes of output"),
        }
    }
}

/// Why an inspection did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The system does not provide what the sandbox needs, so nothing was run.
    #[error("there is no sandbox, so nothing was run: the system does not provide {} ({reason}); {}", .facility.name(), .facility.advice())]
    Unavailable {
        /// What is missing.
        facility: Facility,
        /// What the system said.
        reason: String,
    },
    /// The launcher cannot be started.
    #[error("the sandbox's launcher {launcher:?} cannot be started")]
    Launcher {
        /// The program.
        launcher: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The launcher ended without a reply: the program is not a launcher, or it was killed.
    #[error("the sandbox's launcher did not reply; its standard error begins with {said:?}")]
    NoReply {
        /// The beginning of what it wrote to its standard error.
        said: String,
    },
    /// There is no command, or it is longer than any system accepts.
    #[error("the inspection's command is empty or too long")]
    Command,
    /// A product file's name is not a plain relative path.
    #[error("{0:?} cannot be the name of a file in the working directory")]
    ProductName(String),
    /// A product file cannot be read.
    #[error("the product file {name:?} cannot be read")]
    Product {
        /// The file.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// A product file is not there when inspections run.
    #[error("the product file {name:?} comes only after the judgement, so no inspection can look at it")]
    ProductLater {
        /// The file.
        name: String,
    },
    /// A product file has changed since it was verified.
    #[error("the product file {name:?} has changed since it was verified")]
    ProductChanged {
        /// The file.
        name: String,
    },
    /// The command cannot be started inside.
    #[error("the inspection's command cannot be started in the sandbox: {0}")]
    NotStarted(String),
    /// A limit was reached, and the inspection was ended.
    #[error("the inspection was ended: it reached the limit of {0}")]
    Limit(Limit),
    /// A signal ended the command.
    #[error("the inspection was ended by signal {0}")]
    Signal(i32),
    /// The command ended, but something that it started was still running, and was ended.
    #[error("the inspection left processes running when it ended")]
    LeftRunning,
    /// Afterwards, the working directory holds something that cannot be recorded as an artifact.
    #[error("the inspection left {name:?}, which cannot be recorded: {problem}")]
    Unrecordable {
        /// Its path in the working directory.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}
