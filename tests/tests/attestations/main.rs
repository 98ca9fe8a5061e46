//! What refers to an image crosses the gap with it: referrers and attestations, through whole archives.

// Functions that several tests share are part of the tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod carrying;
mod checks;
mod crossing;
mod kinds;
mod registries;
mod schema;
mod statements;
