//! Any bytes are targets metadata or an error, and every search through its delegations comes to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::TrustedState;

mod tuf;

fuzz_target!(|data: &[u8]| {
    for document in tuf::documents(data) {
        let mut files = tuf::FILES.clone();
        files.insert("1.targets.json".to_owned(), document);
        let Ok((mut repository, mut carried)) = tuf::walk(files, &TrustedState::default()) else { continue };
        for target in ["file", "a/b", "example.com/org/bundle:1.0"] {
            let _ = repository.resolve(&mut carried, target);
        }
        let _ = repository.load_every_role(&mut carried);
    }
});
