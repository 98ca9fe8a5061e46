//! Ed25519 (RFC 8032), strictly.
//!
//! Promise: for a key that is not of small order, the same signatures are valid as by ed25519-dalek's `verify_strict`. That takes the point R
//! apart to see whether it is of small order. Here its bytes are compared with those of the eight points of small order, and then the equation
//! is checked as `verify` does: S is below the order of the group, and R is, byte by byte, the encoding of the point that was computed. So
//! an R that is valid has its one encoding, and is of small order exactly if it is one of the eight.

use ed25519_dalek::{Signature, Verifier, VerifyingKey};

/// The y of the eight points whose order divides eight, in the order of their bytes: 0, 1, the two of the four points of order 8, and -1. It is
/// a point's encoding but for the highest bit, which is the sign of x.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

/// Whether a key, which must not be of small order itself, made a signature over a message.
pub(super) fn is_valid(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
    Signature::from_slice(signature)
        .is_ok_and(|signature| !is_of_small_order(*signature.r_bytes()) && key.verify(message, &signature).is_ok())
}

/// Whether bytes are the encoding of a point whose order divides eight.
fn is_of_small_order(mut point: [u8; 32]) -> bool {
    let [.., last] = &mut point;
    *last &= 0x7f;
    SMALL_ORDER.contains(&point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_points_have_an_order_that_divides_eight() {
        let signs =
            |y: &[u8; 32]| [0, 0x80].map(|sign| std::array::from_fn(|at| y[at] | if at == 31 { sign } else { 0 }));
        let encodings: Vec<[u8; 32]> = SMALL_ORDER.iter().flat_map(signs).collect();
        let is_canonical = |bytes: &&[u8; 32]| {
            let key = VerifyingKey::from_bytes(bytes).unwrap();
            assert!(key.is_weak() && is_of_small_order(**bytes), "{bytes:02x?}");
            key.to_edwards().compress().to_bytes() == **bytes
        };
        // There are no more than eight such points.
        assert_eq!(encodings.iter().filter(is_canonical).count(), 8);
    }

    #[test]
    fn the_same_is_valid_as_by_the_strict_check_of_the_library() {
        let seed = |number: u8| ed25519_dalek::SigningKey::from_bytes(&[number; 32]);
        for number in 0..40 {
            let (key, message) = (seed(number).verifying_key(), [number; 50]);
            let signature = ed25519_dalek::Signer::sign(&seed(number), &message).to_bytes();
            assert!(is_valid(&key, &message, &signature));
            for at in 0..64 {
                for bit in [1, 0x10, 0x80] {
                    let mut changed = signature;
                    changed[at] ^= bit;
                    let strict = key.verify_strict(&message, &Signature::from_bytes(&changed)).is_ok();
                    assert_eq!(is_valid(&key, &message, &changed), strict);
                }
            }
        }
    }
}
