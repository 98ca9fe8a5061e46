//! One walk of this project's engine over a repository in a folder, timed. Started by `main.py`.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use sealift_core::tuf_repository::RepositoryFolder;
use sealift_proof::tuf::{Limits, TrustedState, update};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(target)) = (arguments.next().map(PathBuf::from), arguments.next()) else {
        return Err("usage: tuf-bench FOLDER TARGET [every-role]".into());
    };
    let every_role = arguments.next().is_some_and(|extent| extent == "every-role");
    let limits = Limits { visited_roles: 20_000, ..Limits::default() };
    let pinned = std::fs::read(folder.join("pinned.json"))?;
    let mut source = RepositoryFolder::new(folder.join("metadata"), folder.join("targets"));
    let (start, busy) = (Instant::now(), processor_seconds());
    let state = TrustedState::default();
    let mut repository = update(&pinned, &state, &mut source, jiff::Timestamp::now(), &limits)?;
    let found = repository.resolve(&mut source, &target)?.ok_or("the target is not there")?;
    if every_role {
        repository.load_every_role(&mut source)?;
    }
    let (seconds, processor) = (start.elapsed().as_secs_f64(), processor_seconds() - busy);
    if found.length() != 7 {
        return Err("the target is another".into());
    }
    println!("{{\"seconds\": {seconds}, \"processor\": {processor}, \"mebibytes\": {}}}", peak_mebibytes()?);
    Ok(())
}

/// The processor time of all threads of this process so far: what another process does meanwhile is not in it.
fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The peak resident memory of this process.
fn peak_mebibytes() -> Result<f64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("no figure")?.parse()?;
    Ok(kibibytes / 1024.0)
}
