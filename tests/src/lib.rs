//! Simulators, vectors and the tests that run Sealift against the world.
