//! Signatures of every kind, made by other implementations, each with the class of verdict it must get.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod openpgp;
mod openpgp_parts;
mod openpgp_revocations;
mod schemes;
