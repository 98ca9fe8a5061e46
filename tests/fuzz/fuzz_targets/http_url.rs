//! Whatever a `Location` leads to is an `http` or `https` URL with a host, and reads back as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_core::http::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let base: Url = "https://registry.example:5000/v2/a/blobs/uploads/?x=1".parse().expect("a URL");
    for url in [text.parse::<Url>(), base.join(text)].into_iter().flatten() {
        assert!(!url.host().is_empty());
        let again: Url = url.to_text().parse().expect("a URL reads back");
        assert!(again.same_origin(&url));
        assert!(
            !url.to_text().contains('@') || !url.to_string().split('/').nth(2).is_some_and(|host| host.contains('@'))
        );
    }
});
