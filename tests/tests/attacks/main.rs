//! Attacks, each through a whole archive.
//!
//! Every archive here is sealed by an exporter that the far side trusts, and is right in every respect but one. A test
//! is named after its attack; it requires the very error that names the rule, that nothing was tagged, and that the
//! trusted state is byte for byte what it was. `docs/threat-model.md` lists the classes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod archive;
mod audits;
mod content;
mod control;
mod delivery;
mod exit_codes;
mod files;
mod in_toto;
mod late;
mod names;
mod policy;
mod promises;
mod referrers;
mod stray_files;
mod text;
mod thick_bundles;
mod tuf;
mod unsigned_documents;

use jiff::{SignedDuration, Timestamp};
use sealift_sample_publisher::Sample;
use sealift_tests::malicious_exporter::Consignment;

/// When the publisher released, and the exporter exported.
const RELEASED: &str = "2026-06-01T12:00:00Z";
/// The bundle of the sample, and its component image.
const BUNDLE: &str = "example.com/demo/shop:1.0.0";
const WEB: &str = "example.com/demo/web:1.0.0";

/// So many hours after the release.
fn hours(count: i64) -> Timestamp {
    RELEASED.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(count)
}

/// What the publisher released.
fn sample() -> Sample {
    Sample::new(hours(0)).unwrap()
}

/// What an honest exporter would have packed at once.
fn consignment(sample: &Sample) -> Consignment {
    Consignment::of(sample, hours(0))
}

/// Requires an error of one shape.
macro_rules! assert_error {
    ($error:expr, $pattern:pat $(if $guard:expr)? $(,)?) => {
        match $error {
            $pattern $(if $guard)? => {}
            other => panic!("expected {}, found {other:?}", stringify!($pattern $(if $guard)?)),
        }
    };
}
use assert_error;
