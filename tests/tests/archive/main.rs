//! The archive format, from outside: what is refused and why, what other tools read, and what the document says.

// Tests may: what they do not expect is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod compression;
mod foreign_tools;

mod refusals;
mod schema;
mod signing;
mod tampering;
mod worked_example;
