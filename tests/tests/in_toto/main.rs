//! The in-toto engine against the world: vectors made by python in-toto, and what an adversary would try.

// A test that cannot go on should stop.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod adversary;
mod dsse_protocol;
mod made_here;
mod patterns;
mod vectors;
