//! Standard output and standard error: the one place that writes to them.
//!
//! Promise: what a person reads comes as [`Text`], in which only our own styles act on the terminal, or as JSON from
//! `text::json`; bytes go only to standard output, and are what was requested: an archive, a script for a shell.
//! `clippy.toml` denies every other way to print in this crate.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods)]

pub(crate) mod ground;
pub(crate) mod progress;
pub(crate) mod remedy;
pub(crate) mod report;
pub(crate) mod shell;
pub(crate) mod tags;
pub(crate) mod text;

use std::io::{self, IsTerminal as _, StdoutLock, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroizing;

use text::{Line, Text};

/// Whether the person asked not to be told what happens on the way.
static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, [`tell_on_the_way`] tells nothing.
pub(crate) fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether nothing is told on the way.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Tells what happens while work goes on; not with `--quiet`.
pub(crate) fn tell_on_the_way(text: &Text) {
    if !is_quiet() {
        tell(text);
    }
}

/// Writes lines to standard output, with colours where it is a terminal.
pub(crate) fn print(text: &Text) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    text.lines().try_for_each(|line| writeln!(out, "{}", line.as_str()))?;
    out.flush()
}

/// Writes lines to standard error, with colours where it is a terminal. A bar that is there makes room for them. If standard error is
/// closed, there is nobody to tell.
pub(crate) fn tell(text: &Text) {
    progress::aside(|| {
        let mut out = anstream::stderr().lock();
        let _ = text.lines().try_for_each(|line| writeln!(out, "{}", line.as_str()));
    });
}

/// Writes a question to standard error. The answer comes on standard input.
pub(crate) fn ask_on(question: &Line) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    write!(out, "{}", question.as_str())?;
    out.flush()
}

/// Standard output, for what is not text.
pub(crate) fn data() -> StdoutLock<'static> {
    io::stdout().lock()
}

/// Whether standard error is a terminal.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Whether standard output is a terminal.
pub(crate) fn is_shown() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output was closed when this program began. Rust opens `/dev/null` in its place then, to read and to write, while
/// whoever discards output on purpose opens it to write only.
pub(crate) fn is_closed() -> bool {
    let out = io::stdout();
    let is_null = || {
        let (there, null) = (rustix::fs::fstat(&out).ok()?, rustix::fs::stat("/dev/null").ok()?);
        Some(there.st_rdev == null.st_rdev)
    };
    let mode = rustix::fs::fcntl_getfl(&out).map(|flags| flags & rustix::fs::OFlags::RWMODE);
    mode == Ok(rustix::fs::OFlags::RDWR) && is_null() == Some(true)
}

/// Asks for something on the terminal, without showing it.
pub(crate) fn ask(question: &Line) -> io::Result<Zeroizing<String>> {
    rpassword::prompt_password(question.as_str()).map(Zeroizing::new)
}

/// Writes the help or the version as clap lays them out: nothing in them is from outside.
pub(crate) fn help(help: &clap::Error) -> io::Result<()> {
    help.print()
}
