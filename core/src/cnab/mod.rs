//! Cloud Native Application Bundles: what they say, how they are represented, how well they are signed.

pub mod level;

pub use level::{Assurance, Level, MinimumLevel};
