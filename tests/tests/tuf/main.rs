//! The TUF engine, rule by rule (TUF 1.0.34 §5), against models and against other implementations.

// Test code outside of test functions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

/// Asserts that something was refused for the right reason.
macro_rules! assert_refused {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            Err(other) => panic!("refused for another reason: {other:?}"),
            Ok(accepted) => panic!("accepted: {accepted:?}"),
        }
    };
}

mod ahead;
mod carrying;
mod delegations;
mod differential;
mod documents;
mod graphs;
mod keys;
mod lengths;
mod map;
mod ngclient;
mod notary;
mod notary_lookup;
mod notary_mirror;
mod notary_roles;
mod oracles;
mod real_publishers;
mod root;
mod snapshot;
mod speakers;
mod targets;
mod timestamp;
