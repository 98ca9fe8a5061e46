//! What refers to an image crosses the gap with it: referrers and attestations, through whole archives.

// Functions that several tests share are part of the tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod carrying;
mod checks;
mod kinds;
mod registries;
mod schema;
mod statements;

use sealift_archive_format::Digest;
use sealift_core::oci::Reference;
use sealift_core::transfer::Source;

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

/// What a source finds to refer to a manifest, by digest.
fn referrers(source: &dyn Source, name: &str, subject: &Digest) -> Vec<Digest> {
    let found = source.referrers(reference(name).repository(), subject).unwrap();
    let mut found: Vec<Digest> = found.into_iter().map(|referrer| referrer.digest).collect();
    found.sort();
    found
}
