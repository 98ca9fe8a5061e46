//! What happens when somebody interrupts a command (SIGINT, Ctrl-C) or ends it (SIGTERM).
//!
//! Everything that a command writes survives being killed at any moment, so nothing has to be tidied up: the command says in one
//! line what is left and how to go on, and ends at once.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
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
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            end(if signal == SIGTERM { ExitCode::Terminated } else { ExitCode::Interrupted });
        }
    })?;
    Ok(())
}

fn end(exit_code: ExitCode) -> ! {
    let remains = REMAINS.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|remains| remains());
    let remains = remains.unwrap_or_else(|| "nothing was written".to_owned());
    terminal::progress::take_away();
    terminal::tell(&format!("Interrupted: {remains}.").into());
    std::process::exit(exit_code.number().into())
}
