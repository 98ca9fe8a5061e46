//! in-toto 1.0: the verification workflow over layouts, links and the final product.
//!
//! Promise: what comes out verified went through every check of §5.2, and no link ever counts that was signed by a key
//! its step does not name. The engine reads bytes that it is given; it opens no files, and runs nothing itself.

pub mod artifact;
pub mod glob;
pub mod inspection;

pub use artifact::{Artifacts, Hashes};
pub use inspection::{
    InspectionError, InspectionOutcome, InspectionRequest, InspectionRunner, Inspections, ProductContent, ProductFile,
};
