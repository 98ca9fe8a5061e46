//! Progress of long work, on standard error: a bar on a terminal, plain lines elsewhere.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use sealift_core::progress::Progress;

use crate::terminal;
use crate::terminal::text::Line;

/// What a bar shows: bytes moved and to move, rate, time remaining, the item.
const BAR: &str = "{prefix:.bold} {bar:8.cyan} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left  {wide_msg:.dim}";
/// The same where the total is not known.
const SPINNER: &str = "{spinner:.cyan} {prefix:.bold}{moved}  {wide_msg:.dim}";
/// Time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// The bar that is being drawn.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Does something while no bar is drawn.
pub(crate) fn aside<T>(act: impl FnOnce() -> T) -> T {
    let drawn = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match drawn {
        Some(bar) => bar.suspend(act),
        None => act(),
    }
}

/// Takes away the bar that is drawn: the program ends.
pub(crate) fn take_away() {
    if let Some(bar) = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
}

/// Notes which bar is being drawn from now on.
fn drawn(bar: Option<ProgressBar>) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// A bar that redraws itself, for a terminal.
#[derive(Default)]
pub(crate) struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Bar {
    fn begin(&self, what: &str, bytes: Option<u64>) {
        let (bar, template) = match bytes {
            Some(bytes) => (ProgressBar::new(bytes), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key("moved", |state: &ProgressState, out: &mut dyn Write| {
                let _ = out.write_str(&moved(state.pos(), state.elapsed()));
            }));
        }
        bar.set_prefix(shown(what));
        bar.enable_steady_tick(Duration::from_millis(100));
        drawn(Some(bar.clone()));
        self.with(|slot| {
            if let Some(earlier) = slot.replace(bar) {
                earlier.finish_and_clear();
            }
        });
    }

    fn advance(&self, bytes: u64) {
        self.with(|slot| {
            if let Some(bar) = slot {
                bar.inc(bytes);
            }
        });
    }

    fn item(&self, name: &str) {
        self.with(|slot| {
            if let Some(bar) = slot {
                bar.set_message(shown(short(name)));
            }
        });
    }

    fn finish(&self) {
        drawn(None);
        self.with(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
        });
    }
}

/// The bytes moved and their rate, once there are any: work that only asks moves none.
fn moved(bytes: u64, elapsed: Duration) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!(" {}, {}/s", HumanBytes(bytes), HumanBytes(rate(bytes, elapsed))),
    }
}

/// In bytes a second.
fn rate(bytes: u64, elapsed: Duration) -> u64 {
    u64::try_from(u128::from(bytes) * 1000 / elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// The end of a reference, which says most in a short line.
fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// What a bar shows is drawn by the bar itself, so it is escaped before the bar gets it.
fn shown(text: &str) -> String {
    Line::from(text).as_str().to_owned()
}

/// Occasional lines, for a log.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Option<ReportedWork>>);

/// The piece of work that the lines report.
struct ReportedWork {
    what: String,
    total: Option<u64>,
    moved: u64,
    item: String,
    began: Instant,
    last_line: Instant,
}

impl ReportedWork {
    /// One line: what, bytes, rate, time remaining, item.
    fn line(&self, elapsed: Duration) -> String {
        let rate = rate(self.moved, elapsed);
        let mut line = match self.total {
            Some(total) => {
                format!("{}: {} of {}, {}/s", self.what, HumanBytes(self.moved), HumanBytes(total), HumanBytes(rate))
            }
            None if self.moved == 0 => self.what.clone(),
            None => format!("{}:{}", self.what, moved(self.moved, elapsed)),
        };
        if let Some(left) = self.total.map(|total| total.saturating_sub(self.moved)).filter(|left| *left > 0)
            && let Some(seconds) = left.checked_div(rate)
        {
            line.push_str(&format!(", {} left", HumanDuration(Duration::from_secs(seconds))));
        }
        if !self.item.is_empty() {
            line.push_str(&format!(" ({})", self.item));
        }
        line
    }
}

impl Lines {
    fn with(&self, act: impl FnOnce(&mut Option<ReportedWork>)) {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Lines {
    fn begin(&self, what: &str, bytes: Option<u64>) {
        let now = Instant::now();
        self.with(|slot| {
            *slot = Some(ReportedWork {
                what: what.to_owned(),
                total: bytes,
                moved: 0,
                item: String::new(),
                began: now,
                last_line: now,
            });
        });
    }

    fn advance(&self, bytes: u64) {
        self.with(|slot| {
            let Some(work) = slot else { return };
            work.moved = work.moved.saturating_add(bytes);
            if work.last_line.elapsed() >= LINE_INTERVAL {
                work.last_line = Instant::now();
                terminal::tell(&work.line(work.began.elapsed()).into());
            }
        });
    }

    fn item(&self, name: &str) {
        self.with(|slot| {
            if let Some(work) = slot {
                name.clone_into(&mut work.item);
            }
        });
    }

    fn finish(&self) {
        self.with(|slot| {
            if let Some(mut work) = slot.take().filter(|work| work.moved > 0) {
                work.item.clear();
                terminal::tell(&work.line(work.began.elapsed()).into());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(moved: u64, total: Option<u64>) -> ReportedWork {
        let now = Instant::now();
        ReportedWork {
            what: "exporting".to_owned(),
            total,
            moved,
            item: "layer 3".to_owned(),
            began: now,
            last_line: now,
        }
    }

    #[test]
    fn nothing_acts_in_what_a_bar_is_given() {
        let bar = Bar::default();
        bar.begin("a\u{1b}[2J", Some(1));
        bar.item("b\u{202e}\n");
        bar.with(|slot| {
            let shown = slot.as_ref().map(|bar| (bar.prefix(), bar.message()));
            assert_eq!(shown, Some(("a\\u{1b}[2J".to_owned(), "b\\u{202e}\\u{a}".to_owned())));
        });
    }

    #[test]
    fn work_that_moves_no_bytes_tells_of_none() {
        assert_eq!(work(0, None).line(Duration::from_secs(2)), "exporting (layer 3)");
        assert_eq!(work(10 << 20, None).line(Duration::from_secs(2)), "exporting: 10.00 MiB, 5.00 MiB/s (layer 3)");
        assert_eq!(moved(0, Duration::from_secs(2)), "");
        assert_eq!(moved(10 << 20, Duration::from_secs(2)), " 10.00 MiB, 5.00 MiB/s");
    }

    #[test]
    fn a_line_tells_bytes_rate_remaining_and_item() {
        let line = work(10 << 20, Some(40 << 20)).line(Duration::from_secs(2));
        assert_eq!(line, "exporting: 10.00 MiB of 40.00 MiB, 5.00 MiB/s, 6 seconds left (layer 3)");
    }
}
