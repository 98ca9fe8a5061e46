//! What happens when somebody interrupts a command (SIGINT, Ctrl-C) or ends it (SIGTERM).
//!
//! Everything that a command writes survives being killed at any moment, so nothing has to be tidied up: the command says in one
//! line what is left and how to go on, and ends at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::exit_code::ExitCode;
use crate::terminal;

/// Says what an interrupted command leaves.
type RemainsText = Box<dyn Fn() -> String + Send>;

/// What the running command leaves if it is interrupted now.
static REMAINS: Mutex<Option<RemainsText>> = Mutex::new(None);

/// From now on, an interruption tells this.
pub(crate) fn leaves(remains: impl Fn() -> String + Send + 'static) {
    *REMAINS.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(remains));
}

/// Watches for signals, on a thread of its own, as long as the program runs.
///
/// # Errors
/// The operating system's error.
pub(crate) fn watch() -> io::Result<()> {
    // A second signal ends the program wherever it is.
    let is_ending = Arc::new(AtomicBool::new(false));
    for (signal, exit_code) in [(SIGINT, ExitCode::Interrupted), (SIGTERM, ExitCode::Terminated)] {
        flag::register_conditional_shutdown(signal, exit_code.number().into(), Arc::clone(&is_ending))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            is_ending.store(true, Ordering::SeqCst);
            end(if signal == SIGTERM { ExitCode::Terminated } else { ExitCode::Interrupted });
        }
    })?;
    Ok(())
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
