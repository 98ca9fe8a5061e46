//! Sealift's domain: everything that decides what is proven, and nothing that talks to a person.
//!
//! This crate never prints, never reads the environment or the clock, and knows no flag's name: time, credentials and
//! progress come in as arguments. Only `http` opens sockets; it and `registry` are there with the feature `network`.
//! `docs/architecture.md` is the map.
//!
//! # Verifying an archive
//!
//! ```no_run
//! use sealift_core::progress::Unwatched;
//! use sealift_core::trust_store::TrustStore;
//! use sealift_core::verify::{self, Discard};
//! use sealift_proof::in_toto::Inspections;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let trust = TrustStore::at("/etc/sealift").load()?;
//! let settings = verify::Settings {
//!     now: jiff::Timestamp::now(),
//!     asked: None, // The policy's own clock.
//!     inspections: Inspections::NotRun,
//! };
//! // The seal, the TUF metadata and the in-toto documents are judged before a layer is looked at.
//! let judged = verify::open(std::fs::File::open("shop.sealift")?, &trust, &settings)?;
//! let verified = judged.receive(&mut Discard, &Unwatched)?;
//! let report = verified.report();
//! println!("{} bundles and {} images are proven", report.bundles.len(), report.images.len());
//! # Ok(())
//! # }
//! ```

pub mod archive_layout;
pub mod cnab;
pub mod co_sign;
pub mod export;
#[cfg(feature = "network")]
pub mod http;
pub mod import;
pub mod inspect;
pub mod oci;
pub mod place;
pub mod progress;
#[cfg(feature = "network")]
pub mod registry;
pub mod report;
pub mod seal;
pub mod trust;
pub mod trust_store;
pub mod tuf_repository;
pub mod verify;

mod whole_file;
