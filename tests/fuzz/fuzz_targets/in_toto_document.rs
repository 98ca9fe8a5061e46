//! Any bytes are a signed document or an error, and no key that did not sign it is found to have.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::in_toto::Work;
use sealift_proof::in_toto::metadata::DocumentForm;
use sealift_proof::in_toto::{InTotoKey, SignedDocument};

/// RFC 8032 §7.1, the public key of test 1: its private key is known to all, but the fuzzer does not use it.
const KEY: &[u8] = b"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fuzz_target!(|data: &[u8]| {
    let Ok(document) = SignedDocument::parse(data) else { return };
    assert!(document.signatures().len() <= 64);
    assert_eq!(document.form() == DocumentForm::Dsse, document.signed_bytes().starts_with(b"DSSEv1 "));
    let key = InTotoKey::from_file(KEY).expect("a key");
    assert!(key.find_signature("", &document, jiff::Timestamp::UNIX_EPOCH, &mut Work::new(u64::MAX)).is_err());
});
