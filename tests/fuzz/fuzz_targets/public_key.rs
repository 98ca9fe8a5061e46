//! Any bytes are a public key or an error, a key survives its own encoding, and whatever the signature under it is, the answer is
//! yes or no: RSA keys say how long the numbers are that are reckoned with.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealift_proof::signature::{PublicKey, Scheme};

const SCHEMES: [&str; 9] = [
    "ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "rsassa-pss-sha256",
    "rsassa-pss-sha384",
    "rsassa-pss-sha512",
    "rsa-pkcs1v15-sha256",
    "rsa-pkcs1v15-sha384",
    "rsa-pkcs1v15-sha512",
];

// A scheme's number, the length of the signature in two bytes, the signature, and the key in DER or PEM.
fuzz_target!(|data: &[u8]| {
    let [scheme, high, low, rest @ ..] = data else { return };
    let scheme = SCHEMES.get(usize::from(*scheme)).and_then(|name| Scheme::from_name(name));
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let Some((signature, key)) = rest.split_at_checked(length) else { return };
    let parsed = match std::str::from_utf8(key) {
        Ok(pem) if pem.starts_with("-----") => PublicKey::from_pem(pem, scheme),
        _ => PublicKey::from_spki_der(key, scheme),
    };
    let Ok(parsed) = parsed else { return };
    let again = PublicKey::from_spki_der(&parsed.to_spki_der().expect("a key has an encoding"), Some(parsed.scheme()));
    assert_eq!(again.as_ref(), Ok(&parsed));
    let _ = parsed.verify(b"{\"_type\":\"root\",\"version\":1}", signature);
});
