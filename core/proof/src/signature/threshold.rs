//! The one threshold counter: how many *different keys* signed a message?
//!
//! TUF roles, in-toto layouts and steps, and the seal all count here. Two key ids for one key are one signer; a
//! signature that does not verify is skipped, as TUF §5.3.4 requires, because others may still meet the threshold.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::{KeyIdentity, PublicKey};

/// A signature and the key that claims to have made it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The document's name for the key. Only a label, for reports.
    pub key_id: &'a str,
    /// The key.
    pub key: &'a PublicKey,
    /// The signature bytes.
    pub signature: &'a [u8],
}

/// A key that did sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The first key id under which it was found.
    pub key_id: String,
    /// What the key is.
    pub identity: KeyIdentity,
}

/// Fewer keys signed than required.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of the {required} required signatures are valid", .valid.len())]
pub struct ThresholdError {
    /// How many different keys must sign.
    pub required: NonZeroU32,
    /// The key ids of those that did.
    pub valid: Vec<String>,
}

/// Requires that at least `threshold` different keys among the candidates signed `message`, and names all that did.
///
/// # Errors
/// [`ThresholdError`] when fewer did.
pub fn require_threshold<'a>(
    threshold: NonZeroU32,
    message: &[u8],
    candidates: impl IntoIterator<Item = Candidate<'a>>,
) -> Result<Vec<Signer>, ThresholdError> {
    let checked = candidates.into_iter().map(|Candidate { key_id, key, signature }| {
        let is_valid = move || key.verify(message, signature).is_ok();
        (key_id, key, is_valid)
    });
    require_threshold_of(threshold, checked)
}

/// The same of candidates that know how their signatures are checked: each is asked at most once, and only if its key has not counted yet.
///
/// # Errors
/// [`ThresholdError`] when fewer did.
pub(crate) fn require_threshold_of<'a, C: FnOnce() -> bool>(
    threshold: NonZeroU32,
    candidates: impl IntoIterator<Item = (&'a str, &'a PublicKey, C)>,
) -> Result<Vec<Signer>, ThresholdError> {
    let mut signers: BTreeMap<KeyIdentity, Signer> = BTreeMap::new();
    for (key_id, key, is_valid) in candidates {
        let identity = key.identity();
        if signers.contains_key(&identity) || !is_valid() {
            continue;
        }
        signers.insert(identity.clone(), Signer { key_id: key_id.to_owned(), identity });
    }
    let signers: Vec<Signer> = signers.into_values().collect();
    let met = u32::try_from(signers.len()).is_ok_and(|count| count >= threshold.get());
    if met {
        Ok(signers)
    } else {
        let valid = signers.into_iter().map(|signer| signer.key_id).collect();
        Err(ThresholdError { required: threshold, valid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::SigningKey;

    #[test]
    fn one_key_under_two_key_ids_counts_once() {
        let key = SigningKey::from_seed(&[1; 32]);
        let public = key.public_key().unwrap();
        let signature = key.sign(b"m");
        let twice = ["a", "b"].map(|key_id| Candidate { key_id, key: &public, signature: &signature });
        let two = NonZeroU32::new(2).unwrap();
        assert_eq!(require_threshold(two, b"m", twice).unwrap_err().valid, ["a"]);
        assert_eq!(require_threshold(NonZeroU32::MIN, b"m", twice).unwrap().len(), 1);
    }

    #[test]
    fn a_bad_signature_does_not_spoil_the_good_ones() {
        let (one, two) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let (public_one, public_two) = (one.public_key().unwrap(), two.public_key().unwrap());
        let (bad, good) = (two.sign(b"m"), one.sign(b"m"));
        let candidates = [
            Candidate { key_id: "one", key: &public_one, signature: &bad },
            Candidate { key_id: "one", key: &public_one, signature: &good },
            Candidate { key_id: "two", key: &public_two, signature: &bad },
        ];
        assert_eq!(require_threshold(NonZeroU32::new(2).unwrap(), b"m", candidates).unwrap().len(), 2);
        assert!(require_threshold(NonZeroU32::new(3).unwrap(), b"m", candidates).is_err());
    }
}
