//! A sample publisher: everything that the maker of a bundle does before Sealift comes in.
//!
//! It makes keys, two container images, a CNAB bundle in the form of CNAB Registries 201, an in-toto supply chain and a
//! TUF repository in the arrangement of CNAB-Sec 301, and writes them to a folder. `sealift demo` shows it to a
//! newcomer, and the tests start from it and then break it in one place. It publishes; it never verifies.

pub mod bundle;
pub mod image;
pub mod keys;
pub mod supply_chain;
pub mod tuf_repository;

mod sample;

pub use sample::{PublishError, Published, Sample};
