//! OpenPGP keys and signatures, as in-toto and securesystemslib use them to sign links.
//!
//! Promise: an OpenPGP key verifies a message only with a version 4 signature over a binary document, hashed with
//! SHA-256, made by the primary key or one of its subkeys, by RSA (PKCS #1 v1.5), DSA or EdDSA (RFC 4880 §5.2.4,
//! draft-ietf-openpgp-rfc4880bis §14.8), while the key had not expired. No web of trust: a key is trusted because a
//! layout or a policy names it.
//!
//! Two ways in, one type out. [`OpenPgpKey::from_json`] reads what securesystemslib writes into layouts (`"method":
//! "pgp+…"`, see [`OpenPgpKey::describes`]); [`OpenPgpKey::from_certificate`] reads what `gpg --export` writes, armored or
//! not. [`OpenPgpSignature::from_json`] reads a signature that has `other_headers`.
//!
//! To count signatures towards a threshold, take [`OpenPgpSigner::primary`] *and* [`OpenPgpSigner::made_by`] of each,
//! and count a signature only if neither has counted before: subkeys of one primary key are one signer, and so is one
//! subkey that two primary keys list. Identities agree with those of [`super::PublicKey`]: an RSA key is the same key in
//! PEM and in OpenPGP.

mod certificate;
mod error;
mod header;
mod key;
mod material;
mod packet;
mod revocation;

pub use error::OpenPgpError;
pub use key::{OpenPgpKey, OpenPgpSignature, OpenPgpSigner};
pub use packet::Fingerprint;
