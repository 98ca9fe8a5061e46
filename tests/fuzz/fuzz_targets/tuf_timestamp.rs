//! Timestamp metadata, new and remembered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_core::tuf::{RoleName, TrustedState};

mod tuf;

fuzz_target!(|data: &[u8]| {
    for files in tuf::with_fuzzed(&RoleName::timestamp(), None, data) {
        let remembered = TrustedState { metadata: [("timestamp".to_owned(), data.to_vec())].into(), last_export: None };
        let _ = tuf::walk(files.clone(), &remembered);
        let _ = tuf::walk(files, &TrustedState::default());
    }
});
