//! What init gives up before it starts the command: resources, capabilities, files, system calls.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
    Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::file_system::{DEVICES, PROGRAMS, WRITABLE};
use super::protocol::SandboxRefusal;
use super::{Facility, SandboxLimits, system_calls};

/// The newest rules that are requested; older kernels enforce those that they know, and at least the first version.
const NEWEST: ABI = ABI::V6;

/// Confines this process and its descendants, for good.
pub(super) fn confine(limits: &SandboxLimits, storage: u64) -> Result<(), SandboxRefusal> {
    limit_resources(limits, storage).map_err(SandboxRefusal::of(Facility::ResourceLimits))?;
    drop_capabilities().map_err(SandboxRefusal::of(Facility::Capabilities))?;
    restrict_files().map_err(SandboxRefusal::of(Facility::Landlock))?;
    system_calls::restrict().map_err(SandboxRefusal::of(Facility::Seccomp))
}

fn limit_resources(limits: &SandboxLimits, storage: u64) -> rustix::io::Result<()> {
    let seconds = limits.wall_clock.as_secs().saturating_add(1);
    for (resource, limit) in [
        (Resource::Core, 0),
        (Resource::Cpu, seconds),
        (Resource::As, limits.memory),
        (Resource::Fsize, storage),
        (Resource::Nofile, limits.open_files),
        // Counted in the new user namespace: the supervisor and init are the other two.
        (Resource::Nproc, limits.processes.saturating_add(2)),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Sigpending, 1024),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
    ] {
        // A stricter limit of the session is kept.
        let maximum = rustix::process::getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
        rustix::process::setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) })?;
    }
    Ok(())
}

fn drop_capabilities() -> rustix::io::Result<()> {
    for bit in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << bit);
        // The kernel returns an error for capabilities that it does not know.
        if rustix::thread::capability_is_in_bounding_set(capability) == Ok(true) {
            rustix::thread::remove_capability_from_bounding_set(capability)?;
        }
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    rustix::thread::set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    rustix::thread::set_no_new_privs(true)
}

/// Landlock: read and execute programs, write to the writable places and stateless devices, and no network.
fn restrict_files() -> Result<(), Box<dyn std::error::Error>> {
    let everything = AccessFs::from_all(NEWEST);
    let read = AccessFs::from_read(NEWEST);
    let devices = AccessFs::ReadFile | AccessFs::WriteFile;
    let in_writable =
        everything & !(AccessFs::MakeBlock | AccessFs::MakeChar | AccessFs::MakeSock | AccessFs::IoctlDev);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(everything)?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(PROGRAMS, read))?
        .add_rules(path_beneath_rules(DEVICES, devices))?
        .add_rules(path_beneath_rules(WRITABLE, in_writable))?
        .restrict_self()?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("the kernel does not enforce it".into()),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}
