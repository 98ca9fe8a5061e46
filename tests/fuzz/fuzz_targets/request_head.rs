//! Whatever arrives is a head within its limits, or the beginning of one, or refused; what is read of it does not depend on what follows; and its
//! target leads to one thing or to nothing, and never to a path that leads out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_serve::{MAXIMUM_HEAD, RequestHead, Route};

fuzz_target!(|data: &[u8]| {
    let Ok(Some((head, length))) = RequestHead::read(data) else { return };
    assert!(length <= MAXIMUM_HEAD && length <= data.len());
    let alone = RequestHead::read(data.get(..length).expect("it is within what arrived"));
    assert_eq!(alone, Ok(Some((head.clone(), length))));
    if let Route::Blob { repository, .. } | Route::Manifest { repository, .. } | Route::Tags { repository, .. } =
        Route::of(&head.target)
    {
        assert!(!repository.contains('\0'));
    }
});
