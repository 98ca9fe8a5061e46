//! Any bytes are a link or an error; an artifact of a link has one name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_archive_format::strict_json;
use sealift_proof::in_toto::{Link, SignedDocument};

fuzz_target!(|data: &[u8]| {
    let enveloped = SignedDocument::parse(data).map(|document| document.payload().clone()).ok();
    for value in enveloped.into_iter().chain(strict_json::parse(data).ok()) {
        let Ok(link) = Link::parse(&value) else { continue };
        for list in [&link.materials, &link.products] {
            for (name, hashes) in list.iter() {
                assert!(list.hashes(&format!("./{name}")).is_none() || name.contains(':') || name.is_empty());
                assert!(hashes == &Default::default() || hashes.prove_equal(hashes));
            }
        }
    }
});
