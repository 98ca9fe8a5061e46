//! Cloud Native Application Bundles: what `bundle.json` says, the levels of CNAB Security, and where images went.

pub mod bundle;
pub mod level;
pub mod registry_form;
pub mod relocation;

pub use bundle::{Bundle, BundleError, BundleImage};
pub use level::{Assurance, Level, MinimumLevel};
pub use relocation::RelocationMapping;
