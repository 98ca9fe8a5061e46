//! OpenPGP keys made here, packet by packet, each unlike a good one in one place: what is bound to a key and what is not, for
//! how long, and how much of it is read. RFC 4880 §5.2, §5.5, §6.2, §11.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use sealift_archive_format::Digest;
use sealift_proof::signature::SigningKey;
use sealift_proof::signature::openpgp::{Fingerprint, OpenPgpError, OpenPgpKey, OpenPgpSignature};
use serde_json::json;

/// When all keys and signatures were made: 2026-01-01, in seconds since 1970.
const MADE: u32 = 1_767_225_600;
const DAY: u32 = 24 * 60 * 60;
const MAY_CERTIFY: u8 = 1;
const MAY_SIGN: u8 = 2;
const EDDSA: u8 = 22;
const SHA256: u8 = 8;

/// Types of signatures (RFC 4880 §5.2.1).
const OF_DATA: u8 = 0x00;
const OF_USER_ID: u8 = 0x13;
const OF_SUBKEY: u8 = 0x18;
const BY_SUBKEY: u8 = 0x19;
const OF_REVOCATION: u8 = 0x30;

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

/// A multiprecision integer.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    let bits = bytes.len() * 8 - bytes.first().map_or(0, |first| first.leading_zeros() as usize);
    [&u16::try_from(bits).unwrap().to_be_bytes()[..], bytes].concat()
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0xc0 | kind, 255][..], &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// The body of a packet with a public ed25519 key.
fn key_body(version: u8, key: &SigningKey) -> Vec<u8> {
    let curve = [9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
    let point = integer(&[&[0x40], &key.public_bytes()[..]].concat());
    [&[version][..], &MADE.to_be_bytes(), &[EDDSA], &curve, &point].concat()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&[0x99][..], &u16::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// The fingerprint of a key: what the refusal of a key without a self-signature names.
fn fingerprint(key: &SigningKey) -> Fingerprint {
    match OpenPgpKey::from_certificate(&packet(6, &key_body(4, key))) {
        Err(OpenPgpError::NoSelfSignature(fingerprint)) => fingerprint,
        other => panic!("{other:?}"),
    }
}

fn subpacket(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[255][..], &u32::try_from(body.len() + 1).unwrap().to_be_bytes(), &[kind], body].concat()
}

/// The hashed part of a signature, and its two numbers as 64 bytes.
fn sign(kind: u8, by: &SigningKey, content: &[u8], claims: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let issuer = subpacket(33, &[&[4][..], &hex::decode(fingerprint(by).to_string()).unwrap()].concat());
    let hashed = [&[subpacket(2, &MADE.to_be_bytes()), issuer], claims].concat().concat();
    let length = u16::try_from(hashed.len()).unwrap().to_be_bytes();
    let header = [&[4, kind, EDDSA, SHA256][..], &length, &hashed].concat();
    let trailer = [&[4, 0xff][..], &u32::try_from(header.len()).unwrap().to_be_bytes()].concat();
    let digest = Digest::sha256(&[content, &header, &trailer].concat());
    let signature = by.sign(&hex::decode(digest.hex()).unwrap());
    (header, signature.to_vec())
}

/// The body of a signature packet.
fn signature(kind: u8, by: &SigningKey, content: &[u8], claims: &[Vec<u8>]) -> Vec<u8> {
    let (header, value) = sign(kind, by, content, claims);
    [&header[..], &[0, 0, 0, 0], &integer(&value[..32]), &integer(&value[32..])].concat()
}

fn flags(flags: u8) -> Vec<u8> {
    subpacket(27, &[flags])
}

/// For how long the key is valid, and for how long the signature is.
fn validity(kind: u8, seconds: u32) -> Vec<u8> {
    subpacket(kind, &seconds.to_be_bytes())
}
const OF_SIGNATURE: u8 = 3;
const OF_KEY: u8 = 9;
/// The last 8 bytes of the issuer's fingerprint.
const OF_ISSUER: u8 = 16;

/// A key and its user id, with the key's statement about itself.
fn certificate(version: u8, claims: &[Vec<u8>]) -> Vec<u8> {
    let user_id = b"someone";
    [packet(6, &key_body(version, &key(1))), packet(13, user_id), packet(2, &self_signature(claims))].concat()
}

fn self_signature(claims: &[Vec<u8>]) -> Vec<u8> {
    let user_id = b"someone";
    let length = u32::try_from(user_id.len()).unwrap().to_be_bytes();
    let content = [&framed(&key_body(4, &key(1)))[..], &[0xb4], &length, user_id].concat();
    signature(OF_USER_ID, &key(1), &content, claims)
}

/// What both keys sign of a subkey.
fn binding(subkey: &SigningKey) -> Vec<u8> {
    [framed(&key_body(4, &key(1))), framed(&key_body(4, subkey))].concat()
}

/// The subkey's own signature over the binding.
fn back_signature(kind: u8, by: &SigningKey, subkey: &SigningKey) -> Vec<u8> {
    subpacket(32, &signature(kind, by, &binding(subkey), &[]))
}

/// A subkey, and what the key says of it.
fn subkey(subkey: &SigningKey, claims: &[Vec<u8>]) -> Vec<u8> {
    [packet(14, &key_body(4, subkey)), packet(2, &signature(OF_SUBKEY, &key(1), &binding(subkey), claims))].concat()
}

fn good_subkey(number: u8) -> Vec<u8> {
    let part = key(number);
    subkey(&part, &[flags(MAY_SIGN), back_signature(BY_SUBKEY, &part, &part)])
}

fn read(file: &[u8]) -> Result<OpenPgpKey, OpenPgpError> {
    OpenPgpKey::from_certificate(file)
}

/// Whether the key counts for data so many seconds after it was made.
fn counts(file: &[u8], by: &SigningKey, after: u32) -> Result<(), OpenPgpError> {
    claimed(file, by, after, &[])
}

/// Whether it counts with a signature that claims this as well.
fn claimed(file: &[u8], by: &SigningKey, after: u32, claims: &[Vec<u8>]) -> Result<(), OpenPgpError> {
    let message = b"a link";
    let (header, value) = sign(OF_DATA, by, message, claims);
    let signature = json!({
        "keyid": fingerprint(by).to_string(),
        "other_headers": hex::encode(header),
        "signature": hex::encode(value),
    });
    let at = Timestamp::from_second(MADE.into()).unwrap() + SignedDuration::from_secs(after.into());
    read(file)?.verify(message, &OpenPgpSignature::from_json(&signature)?, at).map(drop)
}

fn armored(lines: &[&str], bytes: &[u8], after: &str) -> Vec<u8> {
    let encoded = BASE64.encode(bytes);
    format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{encoded}\n{}{after}", lines.join("\n")).into_bytes()
}

#[test]
fn what_these_tests_begin_with_is_a_good_key() {
    let file = [certificate(4, &[flags(MAY_SIGN)]), good_subkey(2)].concat();
    for by in [key(1), key(2)] {
        assert_eq!(counts(&file, &by, DAY), Ok(()));
    }
}

#[test]
fn a_revocation_of_a_user_id_that_names_no_issuer_may_be_the_key_s_own() {
    let revocation = |claims: &[Vec<u8>]| {
        let hashed = [&[subpacket(2, &MADE.to_be_bytes())], claims].concat().concat();
        let header =
            [&[4, OF_REVOCATION, EDDSA, SHA256][..], &u16::try_from(hashed.len()).unwrap().to_be_bytes(), &hashed];
        packet(2, &[&header.concat()[..], &[0, 0, 0, 0], &integer(&[1; 32]), &integer(&[1; 32])].concat())
    };
    let issuer = |of: &SigningKey| subpacket(OF_ISSUER, &hex::decode(fingerprint(of).to_string()).unwrap()[12..]);
    let with = |revocation: &[u8]| read(&[&certificate(4, &[flags(MAY_SIGN)]), revocation].concat()).map(drop);
    assert_eq!(with(&revocation(&[issuer(&key(2))])), Ok(()), "somebody else's says nothing");
    for revocation in [revocation(&[]), revocation(&[issuer(&key(1))])] {
        let refused = with(&revocation);
        assert!(matches!(refused, Err(OpenPgpError::RevocationNotChecked { .. })), "{refused:?}");
    }
}

#[test]
fn a_subkey_counts_only_if_both_keys_say_so_for_signing() {
    let (part, other) = (key(2), key(3));
    let cases = [
        ("no flags", vec![back_signature(BY_SUBKEY, &part, &part)]),
        ("not for signing", vec![flags(MAY_CERTIFY), back_signature(BY_SUBKEY, &part, &part)]),
        ("no back signature", vec![flags(MAY_SIGN)]),
        ("a back signature of another type", vec![flags(MAY_SIGN), back_signature(OF_SUBKEY, &part, &part)]),
        ("a back signature by another key", vec![flags(MAY_SIGN), back_signature(BY_SUBKEY, &other, &part)]),
        ("a back signature over another key", vec![flags(MAY_SIGN), back_signature(BY_SUBKEY, &part, &other)]),
        ("a back signature cut short", vec![flags(MAY_SIGN), subpacket(32, &[4, BY_SUBKEY, EDDSA])]),
    ];
    for (name, claims) in cases {
        let file = [certificate(4, &[flags(MAY_SIGN)]), subkey(&part, &claims)].concat();
        let ids: Vec<_> = read(&file).unwrap().key_ids().collect();
        assert_eq!(ids, [fingerprint(&key(1))], "{name}");
        assert_eq!(counts(&file, &part, DAY), Err(OpenPgpError::NotThisKey(fingerprint(&part))), "{name}");
    }
}

#[test]
fn a_key_that_is_not_for_signing_signs_nothing() {
    let file = certificate(4, &[flags(MAY_CERTIFY)]);
    assert_eq!(counts(&file, &key(1), DAY), Err(OpenPgpError::NotForSigning(fingerprint(&key(1)))));
}

#[test]
fn a_key_is_valid_as_long_as_it_says_and_zero_is_without_end() {
    let years = 30 * 365 * DAY;
    for (claim, after, expired) in [
        (validity(OF_KEY, 0), years, false),
        (validity(OF_SIGNATURE, 0), years, false),
        (validity(OF_KEY, DAY), DAY - 1, false),
        (validity(OF_KEY, DAY), DAY + 1, true),
        (validity(OF_SIGNATURE, DAY), DAY - 1, false),
        (validity(OF_SIGNATURE, DAY), DAY + 1, true),
    ] {
        let primary = certificate(4, &[flags(MAY_SIGN), claim.clone()]);
        let part = key(2);
        let claims = [flags(MAY_SIGN), back_signature(BY_SUBKEY, &part, &part), claim];
        let of_subkey = [certificate(4, &[flags(MAY_SIGN)]), subkey(&part, &claims)].concat();
        for (file, by) in [(primary, key(1)), (of_subkey, part)] {
            let verdict = counts(&file, &by, after);
            assert_eq!(matches!(verdict, Err(OpenPgpError::KeyExpired { .. })), expired, "{after}: {verdict:?}");
            assert_eq!(verdict.is_ok(), !expired, "{after}: {verdict:?}");
        }
    }
}

#[test]
fn a_signature_that_states_the_issuer_twice_states_the_same_one() {
    let file = certificate(4, &[flags(MAY_SIGN)]);
    let own = hex::decode(fingerprint(&key(1)).to_string()).unwrap();
    assert_eq!(claimed(&file, &key(1), DAY, &[subpacket(OF_ISSUER, &own[12..])]), Ok(()));
    let refused = claimed(&file, &key(1), DAY, &[subpacket(OF_ISSUER, &own[..8])]);
    assert!(matches!(refused, Err(OpenPgpError::IssuerMismatch { .. })), "{refused:?}");
}

#[test]
fn a_key_of_another_version_is_not_read() {
    for version in [3, 5, 6] {
        assert_eq!(read(&certificate(version, &[flags(MAY_SIGN)])), Err(OpenPgpError::UnsupportedVersion(version)));
    }
}

#[test]
fn a_file_has_limits() {
    let begin = certificate(4, &[flags(MAY_SIGN)]);
    let subkeys = |count: u8| [begin.clone(), (0..count).flat_map(|number| good_subkey(2 + number)).collect()].concat();
    assert_eq!(read(&subkeys(32)).unwrap().key_ids().count(), 33);
    assert_eq!(read(&subkeys(33)), Err(OpenPgpError::TooMany { what: "subkeys", limit: 32 }));

    let own = |count: usize| [begin.clone(), packet(2, &self_signature(&[flags(MAY_SIGN)])).repeat(count)].concat();
    assert!(read(&own(63)).is_ok());
    assert_eq!(read(&own(64)), Err(OpenPgpError::TooMany { what: "self-signatures", limit: 64 }));

    // Trust packets are passed over.
    let packets = |count: usize| [begin.clone(), packet(12, b"").repeat(count)].concat();
    assert!(read(&packets(4096 - 3)).is_ok());
    assert_eq!(read(&packets(4096 - 2)), Err(OpenPgpError::TooMany { what: "packets", limit: 4096 }));

    let megabyte = 1024 * 1024;
    let filled = |length: usize| [begin.clone(), packet(12, &vec![0; length - begin.len() - 6])].concat();
    assert!(read(&filled(megabyte)).is_ok());
    assert_eq!(read(&filled(megabyte + 1)), Err(OpenPgpError::TooMany { what: "bytes", limit: megabyte }));
}

#[test]
fn an_armored_file_is_one_whole_block() {
    let bytes = certificate(4, &[flags(MAY_SIGN)]);
    let end = "-----END PGP PUBLIC KEY BLOCK-----";
    read(&armored(&[end], &bytes, "\n")).unwrap();
    let sum = "=aaaa";
    for (name, file) in [
        ("cut before its end", armored(&[], &bytes, "")),
        ("cut within its end", armored(&[&end[..20]], &bytes, "")),
        ("text behind its end", armored(&[end, "more"], &bytes, "\n")),
        ("a second end", armored(&[end, end], &bytes, "\n")),
        ("a wrong checksum", armored(&[sum, end], &bytes, "\n")),
        ("a second checksum", armored(&[sum, sum, end], &bytes, "\n")),
    ] {
        assert!(matches!(read(&file), Err(OpenPgpError::Armor(_))), "{name}");
    }
    // The checksum of nothing is known; whatever follows it is refused for that.
    let behind = format!("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=twTO\n{}\n{end}\n", BASE64.encode(&bytes));
    assert_eq!(read(behind.as_bytes()), Err(OpenPgpError::Armor("something follows its checksum")));
}

#[test]
fn a_key_of_another_kind_is_not_read() {
    let change = |at: usize, byte: u8| {
        let mut body = key_body(4, &key(1));
        body[at] = byte;
        read(&packet(6, &body))
    };
    // The algorithm, and the last byte of the curve's name.
    assert_eq!(change(5, 99), Err(OpenPgpError::UnsupportedAlgorithm(99)));
    assert_eq!(change(15, 2), Err(OpenPgpError::InvalidMaterial("EdDSA")));
}

#[test]
fn a_signature_says_when_it_was_made_and_not_before_its_key() {
    let file = certificate(4, &[flags(MAY_SIGN)]);
    let verify = |hashed: &[u8]| {
        let length = u16::try_from(hashed.len()).unwrap().to_be_bytes();
        let header = [&[4, OF_DATA, EDDSA, SHA256][..], &length, hashed].concat();
        let signature = json!({
            "keyid": fingerprint(&key(1)).to_string(),
            "other_headers": hex::encode(header),
            "signature": "00".repeat(64),
        });
        let at = Timestamp::from_second((MADE + DAY).into()).unwrap();
        read(&file).unwrap().verify(b"", &OpenPgpSignature::from_json(&signature).unwrap(), at).map(drop)
    };
    assert_eq!(verify(&[]), Err(OpenPgpError::NoSignatureTime));
    let before = verify(&subpacket(2, &(MADE - 1).to_be_bytes()));
    assert!(matches!(before, Err(OpenPgpError::SignedBeforeKey { .. })), "{before:?}");
}
