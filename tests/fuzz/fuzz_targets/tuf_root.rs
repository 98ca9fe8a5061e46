//! Root metadata: as a pinned root, and as the next version, signed so that its fields are reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_core::tuf::chain::RootChain;
use sealift_core::tuf::{RoleName, TrustedState};

mod tuf;

fuzz_target!(|data: &[u8]| {
    let _ = RootChain::begin(data);
    for files in tuf::with_fuzzed(&RoleName::root(), Some(2), data) {
        let _ = tuf::walk(files, &TrustedState::default());
    }
});
