//! The lines of the log: written by one thread, so that no answer waits for whoever reads them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use sealift_serve::{AccessEntry, AccessLog, CutReason};
use serde_json::json;

use crate::context::Context;
use crate::terminal;
use crate::terminal::text::{Line, json_line};

/// How many lines may wait for being written.
const MAXIMUM_WAITING: usize = 4_096;
/// The longest part of a line that a client chose, in characters.
const MAXIMUM_SHOWN: usize = 512;

/// Where lines go.
pub(super) struct AccessLines {
    lines: Option<SyncSender<Line>>,
    writer: Option<JoinHandle<()>>,
    is_json: bool,
    lost: AtomicU64,
}

impl AccessLines {
    /// Begins to write lines to standard output; with `--quiet`, only the lines that tell of a change of the archive, to standard error.
    pub(super) fn begin(context: &Context) -> io::Result<Self> {
        let lost = AtomicU64::new(0);
        if context.is_quiet() {
            return Ok(Self { lines: None, writer: None, is_json: context.is_json(), lost });
        }
        let (sender, lines) = sync_channel(MAXIMUM_WAITING);
        let writer = thread::Builder::new().name("log".to_owned()).spawn(move || write(&lines))?;
        Ok(Self { lines: Some(sender), writer: Some(writer), is_json: context.is_json(), lost })
    }

    /// Writes what is waiting, and ends.
    pub(super) fn end(mut self) {
        drop(self.lines.take());
        let _ = self.writer.take().map(JoinHandle::join);
        match self.lost.load(Ordering::Relaxed) {
            0 => {}
            lost => terminal::tell_on_the_way(&format!("{lost} lines of the log were lost: nobody read them").into()),
        }
    }
}

/// Writes lines as they come. Where nobody reads them any more, they are lost, and the server goes on.
fn write(lines: &Receiver<Line>) {
    for line in lines {
        let _ = terminal::print(&line.into());
    }
}

impl AccessLog for AccessLines {
    fn answered(&self, entry: &AccessEntry<'_>) {
        if let Some(damage @ (CutReason::Changed | CutReason::Unreadable)) = entry.cut {
            let target = shown(entry.target);
            terminal::tell(&format!("warning: {target} was cut for {}: {}", entry.peer, reason(damage)).into());
        }
        let Some(lines) = &self.lines else { return };
        let line = if self.is_json { as_json(entry) } else { as_text(entry) };
        if lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(MAXIMUM_SHOWN).collect()
}

/// The word for why an answer was cut.
fn word(cut: CutReason) -> &'static str {
    match cut {
        CutReason::Changed => "changed",
        CutReason::Unreadable => "unreadable",
        CutReason::Client => "client",
    }
}

fn reason(cut: CutReason) -> &'static str {
    match cut {
        CutReason::Changed => "the file of the archive has changed since it was verified",
        CutReason::Unreadable => "the file of the archive cannot be read any more",
        CutReason::Client => "the client went away or was too slow",
    }
}

fn as_text(entry: &AccessEntry<'_>) -> Line {
    let AccessEntry { peer, method, target, status, sent, elapsed, cut, .. } = entry;
    let (time, seconds) = (Context::time_of_line(), elapsed.as_secs_f64());
    let cut = cut.map(|cut| format!(" cut: {}", reason(cut))).unwrap_or_default();
    let (method, target) = (shown(method), shown(target));
    Line::default().then(format_args!("{time:.3} {peer} {method} {target} {status} {sent} {seconds:.3}s{cut}"))
}

fn as_json(entry: &AccessEntry<'_>) -> Line {
    let AccessEntry { peer, method, target, status, sent, elapsed, cut, .. } = entry;
    let mut line = json!({
        "event": "request", "time": Context::time_of_line().to_string(), "peer": peer.to_string(), "method": shown(method),
        "target": shown(target), "status": status, "bytes": sent, "seconds": elapsed.as_secs_f64(),
    });
    if let (Some(cut), Some(fields)) = (cut, line.as_object_mut()) {
        fields.insert("cut".to_owned(), json!(word(*cut)));
    }
    json_line(&line).into()
}
