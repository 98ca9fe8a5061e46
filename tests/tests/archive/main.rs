//! The archive format, from outside: what is refused and why, what other tools read, and what the document says.

mod compression;

mod refusals;
mod tampering;
