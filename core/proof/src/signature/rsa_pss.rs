//! RSASSA-PSS verification with a salt of any length (RFC 8017 §8.1.2, §9.1.2).
//!
//! TUF and in-toto specify no salt length. Some signers make the salt as long as the hash, others as long as possible,
//! and the signature does not state the length: the salt is whatever stands between the padding and the end.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use ring::digest::{Algorithm, Context, Digest, digest};

/// The longest exponent that is accepted, in bits: real ones have 17 or fewer.
const MAXIMUM_EXPONENT_BITS: u32 = 33;

/// Whether `signature` is one of `message`, by the owner of the key. Modulus and exponent are big-endian, without leading
/// zeros.
pub(super) fn verify(
    hash: &'static Algorithm,
    modulus: &[u8],
    exponent: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    public_operation(modulus, exponent, signature)
        .is_some_and(|encoded| is_encoding_of(digest(hash, message), bits(modulus) - 1, &encoded))
}

/// RSAVP1 (RFC 8017 §5.2.2): `signature` to the power of `exponent`, as long as the modulus.
fn public_operation(modulus: &[u8], exponent: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let precision = u32::try_from(modulus.len()).ok()?.checked_mul(8)?;
    let number = |bytes| BoxedUint::from_be_slice(bytes, precision).ok();
    let is_odd = exponent.last().is_some_and(|last| last % 2 == 1);
    let (modulus_number, exponent) = (number(modulus)?, number(exponent)?);
    let exponent_bits = exponent.bits_vartime();
    if !is_odd || !(2..=MAXIMUM_EXPONENT_BITS).contains(&exponent_bits) || signature.len() != modulus.len() {
        return None;
    }
    let representative = number(signature).filter(|number| *number < modulus_number)?;
    let parameters = BoxedMontyParams::new_vartime(Odd::new(modulus_number).into_option()?);
    let power = BoxedMontyForm::new(representative, &parameters).pow_bounded_exp(&exponent, exponent_bits).retrieve();
    // A whole number of limbs, which may be longer than the modulus.
    let bytes = power.to_be_bytes();
    bytes.get(bytes.len().checked_sub(modulus.len())?..).map(<[u8]>::to_vec)
}

/// EMSA-PSS-VERIFY (RFC 8017 §9.1.2) for `bits` bits, with the salt length recovered.
fn is_encoding_of(message_hash: Digest, bits: usize, encoded: &[u8]) -> bool {
    let (algorithm, length) = (message_hash.algorithm(), bits.div_ceil(8));
    // Where the modulus has one bit more than whole bytes, the encoding is a byte shorter.
    let (before, encoded) = encoded.split_at(encoded.len().saturating_sub(length));
    if before.iter().any(|byte| *byte != 0) {
        return false;
    }
    let Some((0xbc, rest)) = encoded.split_last() else { return false };
    let Some(database_length) = rest.len().checked_sub(algorithm.output_len()) else { return false };
    let (masked, hash) = rest.split_at(database_length);
    let used_bits = 0xff_u8 >> (8 * length - bits);
    if masked.first().is_none_or(|first| first & !used_bits != 0) {
        return false;
    }
    let mut database: Vec<u8> = masked.iter().zip(mask(algorithm, hash)).map(|(byte, mask)| byte ^ mask).collect();
    if let Some(first) = database.first_mut() {
        *first &= used_bits;
    }
    let Some(padding) = database.iter().position(|byte| *byte != 0) else { return false };
    let Some((1, salt)) = database.get(padding..).and_then(<[u8]>::split_first) else { return false };
    let mut context = Context::new(algorithm);
    for part in [&[0; 8], message_hash.as_ref(), salt] {
        context.update(part);
    }
    context.finish().as_ref() == hash
}

/// MGF1 (RFC 8017 §B.2.1), as an endless sequence.
fn mask(algorithm: &'static Algorithm, seed: &[u8]) -> impl Iterator<Item = u8> {
    (0_u32..).flat_map(move |counter| {
        let mut context = Context::new(algorithm);
        context.update(seed);
        context.update(&counter.to_be_bytes());
        context.finish().as_ref().to_vec()
    })
}

fn bits(modulus: &[u8]) -> usize {
    modulus.len() * 8 - modulus.first().map_or(0, |first| first.leading_zeros() as usize)
}
