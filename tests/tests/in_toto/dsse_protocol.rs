//! The example of the DSSE protocol's own implementation, read from a clone of it beside the project:
//! `SEALIFT_REFERENCES` names the folder of `secure-systems-lab+dsse`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift_archive_format::dsse::pae;
use sealift_proof::signature::{PublicKey, Scheme};

/// The value of `name=…` or `'name': '…'` in the example.
fn field<'a>(text: &'a str, before: &str, after: char) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("the example has no {before}"));
    rest.split(after).next().unwrap()
}

/// 32 bytes, big-endian, of a decimal number.
fn from_decimal(digits: &str) -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    for digit in digits.trim_end_matches(')').bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in bytes.iter_mut().rev() {
            let value = u32::from(*byte) * 10 + carry;
            *byte = value.to_le_bytes()[0];
            carry = value >> 8;
        }
    }
    bytes
}

/// A signature as two numbers of 32 bytes in ASN.1, as in-toto carries it.
fn to_asn1(numbers: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let sign = usize::from(number[0] >= 0x80);
        [vec![2, 32 + u8::try_from(sign).unwrap()], vec![0; sign], number.to_vec()].concat()
    };
    let body = [integer(&numbers[..32]), integer(&numbers[32..])].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

#[test]
#[ignore = "SEALIFT_REFERENCES names a folder of clones; see docs/conformance.md"]
fn the_protocols_example_verifies() {
    let references = PathBuf::from(std::env::var_os("SEALIFT_REFERENCES").unwrap());
    let example = references.join("secure-systems-lab+dsse/implementation/signing_spec.py");
    let text = std::fs::read_to_string(&example).unwrap();
    let point = [
        vec![4],
        from_decimal(field(&text, "point_x=", ',')).to_vec(),
        from_decimal(field(&text, "point_y=", '\n')).to_vec(),
    ];
    let key = PublicKey::ecdsa_point(Scheme::EcdsaP256Sha256, &point.concat()).unwrap();
    let payload = STANDARD.decode(field(&text, "'payload': '", '\'')).unwrap();
    let signature = to_asn1(&STANDARD.decode(field(&text, "'sig': '", '\'')).unwrap());
    let signed = pae(field(&text, "'payloadType': '", '\''), &payload);
    key.verify(&signed, &signature).unwrap();
    assert!(key.verify(&payload, &signature).is_err());
    assert_eq!(signed, field(&text, "PAE(payloadType, payload)\nb'", '\'').as_bytes());
}
