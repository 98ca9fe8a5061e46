//! How long work reports its progress.
//!
//! The pipelines report; what is shown, and where, is the caller's business.

/// Someone who watches long work. Called from several threads at once.
pub trait Progress: Sync {
    /// A piece of work begins: its name, and how many bytes it will move, if that is known.
    fn begin(&self, what: &str, bytes: Option<u64>);
    /// That many more bytes were moved.
    fn advance(&self, bytes: u64);
    /// The item now being worked on: a blob, a manifest, a role.
    fn item(&self, name: &str);
    /// The piece of work is done.
    fn finish(&self);
}

/// Reports progress to nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn item(&self, _: &str) {}
    fn finish(&self) {}
}
