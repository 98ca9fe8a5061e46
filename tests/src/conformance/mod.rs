//! What every source and every sink promises, as one suite: a new kind passes it, or is not one.
//!
//! A [`Target`] is a place that can be written to as a sink and read as a source. [`source::check`] and [`sink::check`] try
//! every promise of [`Source`] and [`Sink`] on fresh targets, and panic with the promise that is broken.

pub mod sink;
pub mod source;

use std::io::Read as _;

use sealift_archive_format::Digest;
use sealift_core::oci::{Descriptor, Reference, Repository};
use sealift_core::transfer::{Sink, Source};

/// A place that is a sink and a source, empty at first.
pub trait Target: Sync {
    /// The place as a sink, with no memory of earlier ones.
    fn sink(&self) -> Box<dyn Sink + '_>;

    /// The place as a source, with no memory of earlier ones.
    fn source(&self) -> Box<dyn Source + '_>;

    /// A reference there: `app:1` becomes `registry.example/app:1`.
    fn reference(&self, text: &str) -> Reference;

    /// Whether a sink goes on after content that was wrong. One that writes a single stream cannot take back what was begun: it then
    /// refuses everything, and what it makes never appears.
    fn goes_on_after_wrong_content(&self) -> bool {
        true
    }

    /// Whether a manifest stays where it is when its last tag moves to another.
    fn keeps_untagged(&self) -> bool {
        true
    }

    /// Changes the stored bytes of a blob behind everyone's back, but not how many there are; whether that can be done.
    fn corrupt(&self, digest: &Digest) -> bool;
}

/// Contents at the lengths where readers and writers go wrong.
fn contents() -> Vec<Vec<u8>> {
    let bytes = |length: usize| (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
    [0, 1, 65_535, 65_536, 65_537, 300_000].map(bytes).into()
}

/// A digest that nothing has.
fn nothing() -> Digest {
    Digest::sha256(b"nothing has this digest")
}

/// All of a blob, or why not.
fn read(source: &dyn Source, repository: &Repository, blob: &Descriptor) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = source.blob(repository, blob).map_err(|error| error.to_string())?;
    reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
