//! Cloud Native Application Bundles: what `bundle.json` says, the index that a registry keeps of it, and where images went.

pub mod bundle;
pub mod registry_form;
pub mod relocation;

pub use bundle::{Bundle, BundleError, BundleImage};
pub use relocation::RelocationMapping;
