//! Signatures: public keys in every form that the ecosystem writes, one way to verify, one way to count.
//!
//! Promise: a signature counts only if it verifies under the exact algorithm that its key declares, and keys are
//! distinguished by what they are, never by what they are called. TUF, in-toto, DSSE and the seal all come here.

mod ed25519;
pub mod openpgp;
pub(crate) mod public_key;
mod rsa_pss;
mod signing_key;
mod threshold;

pub use public_key::{KeyError, KeyIdentity, PublicKey, Scheme};
pub use signing_key::{SigningKey, SigningKeyError};
pub(crate) use threshold::require_threshold_of;
pub use threshold::{Candidate, Signer, ThresholdError, require_threshold};
