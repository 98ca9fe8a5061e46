//! Any bytes are snapshot metadata or an error, new or remembered, and nothing that is accepted is older than itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::RoleName;

mod tuf;

fuzz_target!(|data: &[u8]| {
    for document in tuf::documents(data) {
        let _ = tuf::TIMESTAMP.snapshot(&tuf::FILES["1.snapshot.json"], Some(&document));
        let Ok(accepted) = tuf::TIMESTAMP.snapshot(&document, None) else { continue };
        assert!(tuf::TIMESTAMP.snapshot(&document, Some(&document)).is_ok(), "nothing is older than itself");
        let _ = accepted.targets_file(&RoleName::targets());
    }
});
