//! The in-toto engine against the world: vectors made by python in-toto, and what an adversary would try.

mod vectors;
