//! Simulators, vectors and the tests that run Sealift against the world.

pub mod archive_mutator;
