//! Any bytes are a map of repositories (TAP 4) or an error, and no search through it finds what no repository has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::{RepositoryMap, TufError};

fuzz_target!(|data: &[u8]| {
    let Ok(map) = RepositoryMap::parse(data) else { return };
    for target in ["file", "a/b", "example.com/org/bundle:1.0"] {
        assert!(map.resolve(target, |_| Ok::<_, TufError>(None)).unwrap().is_none(), "nobody knows it");
    }
});
