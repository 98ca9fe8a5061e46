//! The Update Framework (TUF 1.0.34): from a pinned root to a proven target, offline.

pub mod state;

pub use state::TrustedState;
