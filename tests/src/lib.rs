//! Simulators, vectors and the tests that run Sealift against the world.

// Nothing here meets a user: a simulator that is used wrongly should stop the test at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod archive_mutator;
pub mod cnab_to_oci;
pub mod conformance;
pub mod containerd;
pub mod crossing;
pub mod cutting_proxy;
pub mod folder_content;
pub mod generated_bundle;
pub mod generated_source;
pub mod go_reader;
pub mod hostile_source;
pub mod images;
pub mod link_folder;
pub mod malicious_exporter;
pub mod notary_repository;
pub mod outside_programs;
pub mod read_alike;
pub mod real_notary;
pub mod real_registry;
pub mod registry;
pub mod sealift_command;
pub mod served;
pub mod serving_command;
pub mod tuf_repository;
pub mod weekly_image;
