//! What can go wrong at a registry.

use std::io::{self, Write};
use std::sync::Arc;

use super::protocol::{Answer, Received};

/// Something that goes wrong with requests of a kind, so many times.
#[derive(Clone)]
pub struct Fault {
    /// The method that it concerns.
    pub method: &'static str,
    /// A part of the path that it concerns.
    pub part_of_path: String,
    /// How many such requests pass before it happens.
    pub after: usize,
    /// How many times it happens.
    pub times: usize,
    /// What happens.
    pub action: Action,
}

/// What writes an answer of its own.
type Script = dyn Fn(&mut dyn Write) -> io::Result<()> + Send + Sync;

/// What happens instead of the right answer.
#[derive(Clone)]
pub enum Action {
    /// Another answer.
    Answer(Answer),
    /// The right answer, cut after so many bytes of its body; the connection is closed.
    CutAfter(usize),
    /// The connection is closed after so many bytes of the request's body; what an upload had received by then is kept.
    CutRequestAfter(u64),
    /// Whatever this writes; the connection is closed then.
    Write(Arc<Script>),
}

impl Fault {
    /// Something that goes wrong every time.
    pub fn always(method: &'static str, part_of_path: &str, action: Action) -> Self {
        Self { method, part_of_path: part_of_path.to_owned(), after: 0, times: usize::MAX, action }
    }

    /// Something that goes wrong once.
    pub fn once(method: &'static str, part_of_path: &str, action: Action) -> Self {
        Self { times: 1, ..Self::always(method, part_of_path, action) }
    }
}

impl Action {
    /// An answer of a status, with headers and without a body.
    pub fn status(status: u16, headers: &[(&str, &str)]) -> Self {
        Self::Answer(Answer::new(status, headers, Vec::new()))
    }

    /// Writes what the function writes, and closes the connection.
    pub fn write(write: impl Fn(&mut dyn Write) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::Write(Arc::new(write))
    }
}

/// The first fault that concerns a request and has not happened as often as it is to.
pub(super) fn take(faults: &mut [Fault], request: &Received) -> Option<Action> {
    let fault = faults.iter_mut().find_map(|fault| {
        if fault.times == 0 || !request.is(fault.method, &fault.part_of_path) {
            return None;
        }
        let passes = fault.after > 0;
        fault.after = fault.after.saturating_sub(1);
        (!passes).then_some(fault)
    })?;
    fault.times = fault.times.saturating_sub(1);
    Some(fault.action.clone())
}
