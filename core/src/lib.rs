//! Sealift's domain: everything that decides what is true, and nothing that talks to a person.
//!
//! This crate never prints, never reads the environment or the clock, and knows no flag's name: time, credentials and
//! progress come in as arguments. Only `http` opens sockets, and with `registry` it is there only with the feature `network`. `docs/architecture.md` is the map.

pub mod archive_layout;
pub mod cnab;
pub mod co_sign;
pub mod export;
#[cfg(feature = "network")]
pub mod http;
pub mod import;
pub mod inspect;
pub mod oci;
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
