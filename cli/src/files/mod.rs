//! The files that a person names: archives, keys, and small files in; what a command makes, out.

pub(crate) mod archive;
pub(crate) mod checksum;
pub(crate) mod drive;
pub(crate) mod input;
pub(crate) mod key;
pub(crate) mod output;
pub(crate) mod results;
