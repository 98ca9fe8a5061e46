//! The end of a seal: sixteen slots for signatures, and what closes the envelope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SealFormatError;
use crate::digest::{Digest, DigestAlgorithm};

/// The most signatures that a seal has room for.
pub const MAXIMUM_SIGNATURES: usize = 16;
/// The length of a slot, in bytes. Slots lie at multiples of it in an archive, so none crosses a sector of a medium.
pub(crate) const SLOT_LENGTH: usize = 256;

/// The length of all slots, in bytes.
pub(crate) const LENGTH: usize = MAXIMUM_SIGNATURES * SLOT_LENGTH;
/// What closes the envelope, at the end of the last slot.
const CLOSING: &[u8; 2] = b"]}";

/// A signature of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSignature {
    /// The fingerprint of the key that claims to have signed: SHA-256 of its SPKI DER encoding.
    pub key: Digest,
    /// The ed25519 signature.
    pub bytes: [u8; 64],
}

/// What is in a slot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Free,
    Signed(SealSignature),
    Torn,
}

/// Checks that signatures can be in one seal.
pub(crate) fn check(signatures: &[SealSignature]) -> Result<(), SealFormatError> {
    match signatures.len() {
        0 => return Err(SealFormatError::NoSignature),
        1..=MAXIMUM_SIGNATURES => {}
        count => return Err(SealFormatError::TooManySignatures { count }),
    }
    for (index, signature) in signatures.iter().enumerate() {
        if signature.key.algorithm() != DigestAlgorithm::Sha256 {
            return Err(SealFormatError::Fingerprint { key: signature.key.clone() });
        }
        if signatures.iter().take(index).any(|earlier| earlier.key == signature.key) {
            return Err(SealFormatError::DuplicateKey { key: signature.key.clone() });
        }
    }
    Ok(())
}

/// All slots. More signatures than fit are the caller's mistake, which [`check`] finds.
pub(crate) fn encode(signatures: &[SealSignature]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..MAXIMUM_SIGNATURES).flat_map(|at| encode_slot(at, signatures.get(at))).collect();
    bytes.truncate(LENGTH - CLOSING.len());
    bytes.extend_from_slice(CLOSING);
    bytes
}

/// One slot, without what closes the envelope.
pub(crate) fn encode_slot(at: usize, signature: Option<&SealSignature>) -> [u8; SLOT_LENGTH] {
    let text = signature.map_or_else(String::new, |SealSignature { key, bytes }| {
        let comma = if at == 0 { "" } else { "," };
        format!(r#"{comma}{{"keyid":"{}","sig":"{}"}}"#, key.hex(), STANDARD.encode(bytes))
    });
    let mut slot = [b' '; SLOT_LENGTH];
    for (to, from) in slot.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    slot
}

/// The signatures of a whole seal.
pub(crate) fn parse(bytes: &[u8; LENGTH]) -> Result<Vec<SealSignature>, SealFormatError> {
    let mut signatures = Vec::new();
    for (at, slot) in read(bytes)?.into_iter().enumerate() {
        match slot {
            Slot::Signed(signature) if signatures.len() == at => signatures.push(signature),
            Slot::Free => {}
            Slot::Signed(_) | Slot::Torn => return Err(SealFormatError::Slot { slot: at }),
        }
    }
    check(&signatures)?;
    Ok(signatures)
}

/// Each slot, as it is.
pub(crate) fn read(bytes: &[u8; LENGTH]) -> Result<Vec<Slot>, SealFormatError> {
    let open = bytes.strip_suffix(CLOSING).ok_or(SealFormatError::Envelope)?;
    let mut padded = open.to_vec();
    padded.resize(LENGTH, b' ');
    Ok(padded.chunks(SLOT_LENGTH).enumerate().map(|(at, slot)| read_slot(at, slot)).collect())
}

fn read_slot(at: usize, slot: &[u8]) -> Slot {
    if slot.iter().all(|&byte| byte == b' ') {
        return Slot::Free;
    }
    match read_signature(slot) {
        // There is one way to write a thing: reading and writing again gives the same bytes.
        Some(signature) if encode_slot(at, Some(&signature)) == slot => Slot::Signed(signature),
        _ => Slot::Torn,
    }
}

fn read_signature(slot: &[u8]) -> Option<SealSignature> {
    let mut quoted = std::str::from_utf8(slot).ok()?.split('"');
    let (key, signature) = (quoted.nth(3)?, quoted.nth(3)?);
    Some(SealSignature {
        key: Digest::from_hex(DigestAlgorithm::Sha256, key).ok()?,
        bytes: STANDARD.decode(signature).ok()?.try_into().ok()?,
    })
}
