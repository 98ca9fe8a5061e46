//! Cloud Native Application Bundles: what `bundle.json` says, its form in a registry, and where its images went.

pub mod bundle;
pub mod relocation;

pub use bundle::{Bundle, BundleError, BundleImage};
pub use relocation::RelocationMapping;
