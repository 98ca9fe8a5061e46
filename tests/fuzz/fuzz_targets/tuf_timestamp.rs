//! Any bytes are timestamp metadata or an error, new or remembered, and nothing that is accepted is newer than itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::tuf::chain::Chosen;

mod tuf;

fuzz_target!(|data: &[u8]| {
    for document in tuf::documents(data) {
        let _ = tuf::ROOT.clone().timestamp(&tuf::FILES["timestamp.json"], Some(&document));
        let Ok((accepted, _)) = tuf::ROOT.clone().timestamp(&document, None) else { continue };
        let again = tuf::ROOT.clone().timestamp(&document, Some(&document));
        assert_eq!(again.map(|(_, chosen)| chosen).ok(), Some(Chosen::Remembered), "nothing is newer than itself");
        let _ = accepted.snapshot_file();
        let _ = accepted.snapshot(&tuf::FILES["1.snapshot.json"], None);
    }
});
