//! The supervisor: reads an order, makes the sandbox, watches, replies.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::pipe::PipeFlags;
use rustix::process::Signal;

use super::protocol::{MAXIMUM_ORDER, Order, Reply, SandboxRefusal};
use super::{Facility, SUBCOMMAND, artifact_record, file_system, init, isolation, watch};

/// Acts as a sandbox's supervisor, and ends the process, if it was started as one: by [`super::Sandbox::run`], with one
/// argument, `__inspect`.
///
/// Call it first in the `main` of a launcher program, before any thread is started.
pub fn main_if_invoked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|argument| argument == SUBCOMMAND) && arguments.next().is_none() {
        std::process::exit(serve());
    }
}

fn serve() -> i32 {
    let mut stdin = io::stdin().lock();
    let reply = match read_order(&mut stdin) {
        Ok(order) => supervise(&order, &mut stdin).unwrap_or_else(|reply| *reply),
        Err(_) => return 2,
    };
    let bytes = serde_json::to_vec(&reply).unwrap_or_default();
    i32::from(io::stdout().write_all(&bytes).is_err())
}

fn read_order(from: &mut impl Read) -> io::Result<Order> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > MAXIMUM_ORDER {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut json = Vec::new();
    from.take(length.into()).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

impl From<SandboxRefusal> for Box<Reply> {
    fn from(SandboxRefusal { facility, reason }: SandboxRefusal) -> Self {
        Self::new(Reply::Unavailable { facility, reason })
    }
}

/// The error is a reply too: it says why nothing was run or recorded.
fn supervise(order: &Order, product: &mut impl Read) -> Result<Reply, Box<Reply>> {
    isolation::come_alone()?;
    isolation::become_unprivileged()?;
    isolation::enter_namespaces()?;
    // After the changes of user, which would undo it: if the calling process dies, so does the inspection.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(SandboxRefusal::of(Facility::CleanProcess))?;
    file_system::lay_out(order)?;
    let work = Path::new(file_system::WORK);
    put_product(order, work, product).map_err(SandboxRefusal::of(Facility::Mounts))?;
    let unrecordable = |problem: artifact_record::Unrecordable| Box::new(Reply::from(problem));
    let materials = artifact_record::record(work).map_err(unrecordable)?;
    let watched = run(order)?;
    let watch::WatchedInspection { ending, stdout, stderr } = watched;
    let products = artifact_record::record(work).map_err(unrecordable)?;
    Ok(Reply::Ended { ending, stdout, stderr, materials, products })
}

/// Writes the files of the final product into the working directory.
fn put_product(order: &Order, work: &Path, content: &mut impl Read) -> io::Result<()> {
    for (name, length) in &order.product {
        let path = work.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create_new(path)?;
        if io::copy(&mut content.take(*length), &mut file)? != *length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Starts init, and watches it to its end.
fn run(order: &Order) -> Result<watch::WatchedInspection, SandboxRefusal> {
    let refused = SandboxRefusal::of(Facility::CleanProcess);
    let pipe = || rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(SandboxRefusal::of(Facility::CleanProcess));
    let ((stdout_reader, stdout), (stderr_reader, stderr), (report_reader, report)) = (pipe()?, pipe()?, pipe()?);
    let (watched, watching) = pipe()?;
    let readers = [stdout_reader, stderr_reader, report_reader];
    let inits = init::Pipes { watched, stdout, stderr, report };
    match isolation::fork().map_err(refused)? {
        None => {
            drop((readers, watching));
            init::run(order, inits)
        }
        Some(init) => {
            drop(inits);
            watch::watch(init, watching, readers, &order.limits)
        }
    }
}
