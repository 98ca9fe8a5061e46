//! Cloud Native Application Bundles: what `bundle.json` says, the index that a registry keeps of it, and where images went.

pub mod bundle;
pub(crate) mod registry_form;
mod relocation;

pub use bundle::{
    Bundle, BundleError, BundleImage, CarriedBundle, DependenciesError, Dependency, Deviation, OtherImage,
};
pub use registry_form::RegistryFormError;
pub use relocation::RelocationMapping;
