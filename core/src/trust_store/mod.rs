//! What this side trusts.

pub mod name;
pub mod policy;
