//! What happens when somebody interrupts a command (SIGINT, Ctrl-C), ends it (SIGTERM), or closes its terminal (SIGHUP).
//!
//! Everything that a command writes survives being killed at any moment, so nothing has to be tidied up: the command says in one
//! line what is left and how to go on, and ends at once. A server is stopped instead, and ends by itself.

use std::ffi::c_int;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::exit_code::ExitCode;
use crate::terminal;

/// The signals that end a command, and how it ends.
const SIGNALS: [(c_int, ExitCode); 3] =
    [(SIGHUP, ExitCode::HungUp), (SIGINT, ExitCode::Interrupted), (SIGTERM, ExitCode::Terminated)];

/// Says what an interrupted command leaves.
type RemainsText = Box<dyn Fn() -> String + Send>;

/// What the running command leaves if it is interrupted now.
static REMAINS: Mutex<Option<RemainsText>> = Mutex::new(None);

/// From now on, an interruption tells this.
pub(crate) fn leaves(remains: impl Fn() -> String + Send + 'static) {
    *REMAINS.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(remains));
}

/// What ends the command cleanly, in the place of ending it here.
static STOP: Mutex<Option<StopAction>> = Mutex::new(None);

/// Ends the running command cleanly.
type StopAction = Box<dyn Fn() + Send>;

/// From now on, the first signal only does this, and the command ends by itself.
#[cfg(feature = "network")]
pub(crate) fn stops(stop: impl Fn() + Send + 'static) {
    *STOP.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
}

/// Watches for signals, on a thread of its own, as long as the program runs.
///
/// # Errors
/// The operating system's error.
pub(crate) fn watch() -> io::Result<()> {
    // A second signal ends the program wherever it is.
    let is_ending = Arc::new(AtomicBool::new(false));
    // What nohup ignores stays ignored.
    let hears_hang_ups = !is_ignored(SIGHUP);
    let heard = SIGNALS.into_iter().filter(|(signal, _)| *signal != SIGHUP || hears_hang_ups);
    for (signal, exit_code) in heard.clone() {
        flag::register_conditional_shutdown(signal, exit_code.number().into(), Arc::clone(&is_ending))?;
    }
    let mut signals = Signals::new(heard.map(|(signal, _)| signal))?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let first = signals.forever().next();
        if let Some((_, exit_code)) = SIGNALS.into_iter().find(|(signal, _)| first == Some(*signal)) {
            is_ending.store(true, Ordering::SeqCst);
            match &*STOP.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(stop) => stop(),
                None => end(exit_code),
            }
        }
    })?;
    Ok(())
}

/// Whether this process was started with a signal ignored, as `nohup` does it; where the system does not say, it was not.
fn is_ignored(signal: c_int) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let bit = u32::try_from(signal).ok().and_then(|signal| signal.checked_sub(1));
    mask.zip(bit).is_some_and(|(mask, bit)| mask.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
}

fn end(exit_code: ExitCode) -> ! {
    let remains = REMAINS.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|remains| remains());
    terminal::progress::take_away();
    match remains {
        Some(remains) => terminal::tell(&format!("Interrupted: {remains}.").into()),
        None => terminal::tell(&"Interrupted.".into()),
    }
    std::process::exit(exit_code.number().into())
}
