//! Any bytes are root metadata or an error; what is refused changes nothing, and what is accepted is the next version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::chain::RootChain;

mod tuf;

fuzz_target!(|data: &[u8]| {
    for document in tuf::documents(data) {
        let _ = RootChain::begin(&document);
        let mut chain = tuf::ROOTS.clone();
        if chain.accept(&document).is_err() {
            assert_eq!(chain.version(), 1, "a refused root changes nothing");
            continue;
        }
        assert_eq!(chain.version(), 2, "one version at a time");
        assert!(RootChain::begin(&document).is_ok(), "an accepted root is signed by its own keys");
        let Ok(root) = chain.finish(tuf::NOW.parse().unwrap()) else { continue };
        let _ = root.timestamp(&tuf::FILES["timestamp.json"], None);
    }
});
